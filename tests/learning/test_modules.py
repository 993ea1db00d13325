"""Modules: whose a name means for a person, what progress is judged by, and over all of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from skillcore.defaults.definitions import Module
from skillcore.learning import modules
from skillcore.ledger import record, scores
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine
from tests.learning.trainings import activity, at, say, started
from tests.visitors import Door, Platform, Visitor

SCOPES = ("users:read", "users:write", "events:read", "scores:read", "paths:read", "paths:write")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
async def school(door: Door) -> Platform:
    return await door.platform(*SCOPES)


@pytest.fixture
async def ada(door: Door) -> tuple[Visitor, str]:
    return await door.learner()


def tasks(*names: str, **more: Any) -> dict[str, Any]:
    return {"tasks": [{"name": name} for name in names], **more}


async def joined(engine: Engine, platform: Platform, user: str, name: str = "ada") -> None:
    async with engine.transaction() as tx:
        query = text("insert into memberships (platform_id, external_id, user_id) values (:platform, :name, :user)")
        await tx.session.execute(query, {"platform": platform.id, "name": name, "user": user})


async def defined(who: Visitor, name: str, module: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = await who.post("/api/modules", {"name": name, "module": module} | more)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def score(who: Visitor, user: str, formula: str = "module", **params: Any) -> float | None:
    answer = await who.get(f"/api/scores/{formula}", params={"user": user} | params)
    assert answer.status_code == 200, answer.text
    found: float | None = answer.json()["value"]
    return found


async def test_a_module_is_defined_read_changed_and_retired(door: Door, school: Platform) -> None:
    key = school.key
    module = await defined(key, "web", tasks("a", "b", title="Web", required_score=70, expected_minutes=90))
    assert (module["name"], module["version"], module["platform_id"], module["owner_id"]) == ("web", 1, school.id, None)
    assert module["body"]["tasks"][1] == {"name": "b", "expected_minutes": None, "required_score": None}
    assert (await key.get("/api/modules/web")).json() == module
    assert (await key.get("/api/modules")).json()["items"] == [module]
    put = await key.send("PUT", "/api/modules/web", json={"module": tasks("a", "b", "c"), "version": 1})
    assert (put.status_code, put.json()["version"]) == (200, 2)
    late = await key.send("PUT", "/api/modules/web", json={"module": tasks("a"), "version": 1})
    assert late.status_code == 409
    versions = (await key.get(f"/api/modules/{module['id']}/versions", params={"limit": 1})).json()
    assert [one["version"] for one in versions["items"]] == [2]
    more = await key.get(f"/api/modules/{module['id']}/versions", params={"cursor": versions["next_cursor"]})
    assert [one["body"] for one in more.json()["items"]] == [module["body"]]
    assert (await key.get("/api/modules/web", params={"version": 1})).json()["body"] == module["body"]
    assert (await key.send("DELETE", "/api/modules/web")).status_code == 204
    assert (await key.get("/api/modules")).json()["items"] == []
    assert (await key.get("/api/modules/web")).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "web", "module": {"tasks": []}}, "module.tasks"),
        ({"name": "web", "module": tasks("a", "a")}, "module"),
        ({"name": "a/b", "module": tasks("a")}, "name"),
        ({"name": "web", "module": tasks("a", skills=["nobody knows"])}, "module.skills[0]"),
        ({"name": "web", "module": tasks("a", required_score=101)}, "module.required_score"),
    ],
)
async def test_problems_name_the_field(school: Platform, body: dict[str, Any], field: str) -> None:
    answer = await school.key.post("/api/modules", body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_whose_module_a_name_means(door: Door, school: Platform, ada: tuple[Visitor, str]) -> None:
    """The task `a` is done. Each module that stands nearer to Ada has one task more, so its completion tells which it is."""
    visitor, user = ada
    admin = await door.admin()
    club = await door.platform(*SCOPES)
    await joined(door.engine, school, user)
    await joined(door.engine, club, user)
    async with door.engine.transaction() as tx:
        await record(tx, [activity(UUID(user), 0, 100, "a", module="web", platform=UUID(school.id))])
    web = {"subject": "module:web"}
    assert await score(visitor, user, **web) is None
    await defined(admin, "web", tasks("a"))
    assert await score(visitor, user, **web) == 100
    await defined(school.key, "web", tasks("a", "2"))
    await defined(club.key, "web", tasks("a", "2", "3"))
    assert await score(visitor, user, **web) == 50  # the school's is older
    await defined(club.key, "web", tasks("a", "2", "3", "4"), user=user)
    assert await score(visitor, user, **web) == 25
    own = await defined(visitor, "web", tasks("a", "2", "3", "4", "5"))
    assert await score(visitor, user, **web) == 20
    assert await score(admin, user, **web) == 20
    # Each platform means its own, and learns nothing of the others'.
    assert await score(school.key, user, **web) == 50
    assert await score(club.key, user, **web) == 25
    parts = (await school.key.get("/api/explain/module", params={"user": user} | web)).json()["components"]
    assert {part["name"] for part in parts} == {"a", "2", "average score", "minutes spent"}
    stranger = await door.platform(*SCOPES)
    await joined(door.engine, stranger, user)
    assert await score(stranger.key, user, **web) == 100
    # What is retired is meant no more; as of former days it still is.
    assert (await visitor.send("DELETE", f"/api/modules/{own['id']}")).status_code == 204
    assert await score(visitor, user, **web) == 25
    yesterday = (now() - timedelta(days=1)).date().isoformat()
    assert await score(visitor, user, as_of=yesterday, **web) == 20


async def test_each_moment_is_judged_by_what_stood_then(door: Door, ada: tuple[Visitor, str]) -> None:
    visitor, user = ada
    module = await defined(visitor, "web", tasks("a", "b"))
    await say(door.engine, activity(UUID(user), 0, 90, "a", module="web", via="engine"))
    await say(door.engine, activity(UUID(user), 60 * 24 * 3, 90, "b", module="web", via="engine"))
    await visitor.send("PUT", f"/api/modules/{module['id']}", json={"module": tasks("a", "b", "c", "d")})
    async with door.engine.transaction() as tx:  # as if it had been changed on the tenth of June
        for version, moment in ((1, LONG_AGO), (2, at(60 * 24 * 9))):
            query = text("update definition_versions set created_at = :moment where version = :version")
            await tx.session.execute(query, {"moment": moment, "version": version})
        await tx.session.execute(text("update definitions set created_at = :moment"), {"moment": LONG_AGO})
    asked = {"user": user, "subject": "module:web", "since": "2026-05-31", "until": "2026-06-11", "bucket": "day"}
    series = (await visitor.get("/api/scores/module/series", params=asked)).json()["points"]
    assert [point["value"] for point in series] == [0, 50, 50, 50, 100, 100, 100, 100, 100, 100, 50, 50]
    overall = (await visitor.get("/api/scores/overall/series", params=asked | {"subject": ""})).json()["points"]
    assert [point["value"] for point in overall] == [point["value"] for point in series]
    for day, completion, done in (("2026-06-09", 100, ["a", "b"]), ("2026-06-11", 50, ["a", "b"]), ("2026-06-02", 50, ["a"])):
        progress = (await visitor.get("/api/modules/web/progress", params={"as_of": day})).json()
        assert (progress["completion"], progress["as_of"]) == (completion, day)
        assert [task["name"] for task in progress["tasks"] if task["completed"]] == done


async def test_progress_in_a_module_by_hand(door: Door, school: Platform, ada: tuple[Visitor, str]) -> None:
    _, user = ada
    await joined(door.engine, school, user)
    module = {
        "title": "Web",
        "tasks": [{"name": "a", "required_score": 80}, {"name": "b"}, {"name": "c"}, {"name": "d"}],
        "required_score": 50,
        "expected_minutes": 120,
    }
    made = await defined(school.key, "web", module)
    platform, person = UUID(school.id), UUID(user)
    empty = (await school.key.get("/api/modules/web/progress", params={"user": user})).json()
    assert (empty["completion"], empty["average_score"], empty["minutes"], empty["efficiency"], empty["readiness"]) == (
        0,
        None,
        0,
        None,
        None,
    )
    await say(
        door.engine,
        started(person, 0, "web", platform=platform),
        activity(person, 20, 79, "a", module="web", platform=platform),
        activity(person, 40, 90, "b", module="web", platform=platform),
        activity(person, 50, 70, "c", module="web", platform=platform),
        activity(person, 55, 100, "d", module="web"),  # what Ada says herself: it takes time, and completes nothing
        activity(person, 60, 81, "a", module="web", platform=platform),
    )
    progress = (await school.key.get("/api/modules/web/progress", params={"user": "ext:ada"})).json()
    assert progress == {
        "user_id": user,
        "module": made["id"],
        "name": "web",
        "title": "Web",
        "completion": 75.0,
        "tasks": [
            {"name": "a", "completed": True, "required": 80.0},
            {"name": "b", "completed": True, "required": 50.0},
            {"name": "c", "completed": True, "required": 50.0},
            {"name": "d", "completed": False, "required": 50.0},
        ],
        "average_score": 80.0,  # (79 + 90 + 70 + 81) / 4
        "minutes": 60.0,
        "expected_minutes": 120.0,
        "efficiency": 1.5,  # 0.75 · 120 / 60
        "readiness": "proficient",  # the mean is 80, the deviation √50.5 = 7.1
        "as_of": None,
    }
    why = (await school.key.get("/api/explain/module", params={"user": user, "subject": "module:web"})).json()
    assert [(gain["component"], gain["points"]) for gain in why["gains"]] == [("d", 25.0)]
    figures = ["average score", "efficiency", "minutes spent"]  # which weigh nothing, and are moved all the same
    assert [(fact["components"], fact["change"]) for fact in why["events"]["items"]] == [
        ([], 0),
        (["average score", "minutes spent"], 0),
        (["b", *figures], 25),
        (["c", *figures], 25),
        (["efficiency", "minutes spent"], 0),
        (["a", *figures], 25),
    ]


async def test_overall_weighs_modules_by_their_tasks(door: Door, school: Platform, ada: tuple[Visitor, str]) -> None:
    visitor, user = ada
    await joined(door.engine, school, user)
    assert await score(visitor, user, "overall") is None
    await defined(await door.admin(), "sql", tasks("x"))
    await defined(school.key, "web", tasks("a", "b", "c", "d"))
    assert await score(visitor, user, "overall") == 0
    platform, person = UUID(school.id), UUID(user)
    for item, module in (("a", "web"), ("b", "web"), ("x", "sql")):
        await say(door.engine, activity(person, 0, 60, item, module=module, platform=platform))
    assert await score(visitor, user, "overall") == 60  # (4 · 50 + 1 · 100) / 5
    explained = (await visitor.get("/api/explain/overall")).json()
    assert [(part["name"], part["formula"], part["subject"], part["weight"]) for part in explained["components"]] == [
        ("sql", "module", "module:sql", 0.2),
        ("web", "module", "module:web", 0.8),
    ]
    assert explained["gains"] == [{"component": "web", "formula": "module", "subject": "module:web", "points": 40.0}]
    assert explained["events"]["items"] == []


async def test_all_modules_of_a_moment_are_ranked_in_one_pass(
    ada: tuple[Visitor, str], door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor, user = ada
    for name in "abcd":
        await defined(visitor, name, tasks("x"))
    await say(door.engine, activity(UUID(user), 0, 60, "x", module="a", via="engine"))
    read, ranked = modules.Had.at, []

    def noted(had: modules.Had, moment: datetime) -> Module:
        ranked.append((had.name, moment))
        return read(had, moment)

    monkeypatch.setattr(modules.Had, "at", noted)
    moments = [at(60 * 24 * day) for day in range(5)]
    async with door.engine.transaction() as tx:
        found = await scores.series(tx, UUID(user), "overall", moments)
    assert [value.score.value for value in found] == [25.0] * 5
    # once as the curriculum and once as its modules: of four modules on five days
    assert len(ranked) == 2 * 4 * 5
    async with door.engine.transaction() as tx:  # what is kept is of one person, of one platform that asks, of one moment
        meant = [
            set(await modules.meant(tx, of, moments[0], platform=asking))
            for of, asking in ((UUID(user), None), (UUID(user), uuid4()), (uuid4(), None), (UUID(user), None))
        ]
    assert meant == [set("abcd"), set(), set(), set("abcd")]


async def test_to_a_platform_all_modules_are_those_of_which_it_may_know(
    door: Door, school: Platform, ada: tuple[Visitor, str]
) -> None:
    visitor, user = ada
    club = await door.platform(*SCOPES)
    for platform in (school, club):
        await joined(door.engine, platform, user)
    await defined(school.key, "web", tasks("a", "b"))
    await defined(club.key, "chess", tasks("a", "b", "c"))
    await defined(visitor, "diary", tasks("a", "b", "c", "d", "e"))
    await say(door.engine, activity(UUID(user), 0, 60, "a", module="web", platform=UUID(school.id)))
    assert [await score(who, user, "overall") for who in (visitor, school.key, club.key)] == [10, 50, 0]
    async with door.engine.transaction() as tx:
        meant = [await modules.meant(tx, UUID(user), now(), platform=of) for of in (None, UUID(school.id), UUID(club.id))]
    assert [list(names) for names in meant] == [["chess", "diary", "web"], ["web"], ["chess"]]


async def test_modules_of_a_platform_are_those_of_its_members_alone(
    door: Door, school: Platform, ada: tuple[Visitor, str]
) -> None:
    visitor, user = ada
    bob, bobs = await door.learner("bob@example.org")
    await joined(door.engine, school, bobs, "bob")
    await defined(school.key, "web", tasks("a", "b"))
    await say(door.engine, *(activity(UUID(of), 0, 60, "a", module="web", via="engine") for of in (user, bobs)))
    web = {"subject": "module:web"}
    assert [await score(bob, bobs, **web), await score(bob, bobs, "overall")] == [50, 50]
    assert [await score(visitor, user, **web), await score(visitor, user, "overall")] == [None, None]
    await joined(door.engine, school, user)
    assert [await score(visitor, user, **web), await score(visitor, user, "overall")] == [50, 50]


async def test_progress_of_others_is_not_there(door: Door, school: Platform, ada: tuple[Visitor, str]) -> None:
    visitor, user = ada
    bob, bobs = await door.learner("bob@example.org")
    module = await defined(school.key, "web", tasks("a"))
    where = f"/api/modules/{module['id']}/progress"
    assert (await visitor.get(where)).status_code == 404  # the school's, to which she does not belong
    assert (await school.key.get(where, params={"user": user})).status_code == 404
    await joined(door.engine, school, user)
    assert (await visitor.get(where)).status_code == 200
    assert (await bob.get(where, params={"user": user})).status_code == 404
    assert (await (await door.admin()).get(where, params={"user": bobs})).status_code == 404
    assert (await bob.get(f"/api/modules/{module['id']}")).status_code == 404
    assert (await visitor.send("PUT", f"/api/modules/{module['id']}", json={"module": tasks("b")})).status_code == 403
    assert (await visitor.send("DELETE", f"/api/modules/{module['id']}")).status_code == 403
