"""Spaces and goals over HTTP: whose they are, what reports move, former days and versions; sums by hand."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import text

from skillcore.runtime.clock import now
from skillcore.runtime.pages import cursor_of
from skillcore.work import spaces
from tests.visitors import Door, Platform, Visitor

GARDEN = {"name": "garden", "expected_minutes": 120, "milestones": ["dug", "sown", "watered", "reaped"]}
SCOPES = ("users:read", "users:write", "projects:read", "projects:write", "events:write", "events:read", "scores:read")


@pytest.fixture
async def ada(door: Door) -> Visitor:
    return (await door.learner("ada@example.org"))[0]


@pytest.fixture
async def school(door: Door) -> Platform:
    platform = await door.platform(*SCOPES)
    await made(platform.key, "/api/users", {"external_id": "ada"})
    return platform


async def made(who: Visitor, path: str, body: Any, status: int = 201) -> Any:
    answer = await who.post(path, body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def got(who: Visitor, path: str, **asked: Any) -> Any:
    answer = await who.get(path, params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def parts(thing: Any) -> dict[str, float]:
    return {part["subject"] or part["name"]: part["value"] for part in thing["progress"]["parts"]}


async def test_a_space_rises_with_what_its_person_reports(ada: Visitor) -> None:
    space = await made(ada, "/api/spaces", GARDEN)
    where = f"/api/spaces/{space['id']}/progress"
    assert (space["version"], space["milestones"], space["progress"]) == (1, GARDEN["milestones"], None)
    assert (await got(ada, "/api/spaces/garden"))["progress"]["value"] == 0
    await made(ada, where, {"task": "beds"})
    await made(ada, where, {"task": "fence", "value": 60})
    await made(ada, where, {"minutes": 90, "quality": 65, "note": "asked about worms"})
    told = await made(ada, where, {"milestone": "sown"})
    # 0.4·50 + 0.2·75 + 0.3·25 + 0.1·65
    assert told["progress"]["value"] == 49
    assert parts(told) == {"tasks": 50, "time": 75, "milestones": 25, "interactions": 65}
    reached = {one["name"]: one["reached_at"] is not None for one in told["progress"]["milestones"]}
    assert reached == {"dug": False, "sown": True, "watered": False, "reaped": False}
    assert told["progress"]["next_milestone"] == "dug"
    assert (await got(ada, "/api/spaces/garden"))["progress"] == told["progress"]
    why = await got(ada, "/api/explain/space", subject=space["id"])
    assert why["value"] == 49
    assert {fact["via"] for fact in why["events"]["items"]} == {"page"}  # her own word, and the explanation says so
    assert [fact["components"] for fact in why["events"]["items"]][:2] == [["tasks"], ["tasks"]]
    assert {gain["component"]: gain["points"] for gain in why["gains"]} == {
        "milestones": 22.5,
        "tasks": 20,
        "time": 5,
        "interactions": 3.5,
    }


async def test_raw_events_move_spaces_and_those_of_unknown_ones_nothing(ada: Visitor) -> None:
    space = await made(ada, "/api/spaces", GARDEN)
    for subject in (space["id"], str(uuid4()), "nonsense", space["id"].upper()):
        await made(ada, "/api/events", {"kind": "progress.milestone", "subject": subject, "data": {"milestone": "dug"}})
        await made(ada, "/api/events", {"kind": "progress.milestone", "subject": subject, "data": {"milestone": "eaten"}})
    assert (await got(ada, "/api/spaces/garden"))["progress"]["value"] == 7.5
    assert (await got(ada, "/api/scores/space", subject="nonsense"))["value"] is None
    assert (await got(ada, "/api/scores/space", subject=space["id"].upper()))["value"] is None
    assert (await got(ada, "/api/scores/space"))["value"] is None


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"milestone": "eaten"}, "milestone"),
        ({}, "task"),
        ({"note": "hm"}, "task"),
        ({"minutes": 1441}, "minutes"),
        ({"task": "a", "value": 101}, "value"),
        ({"quality": -1}, "quality"),
    ],
)
async def test_what_cannot_be_reported_is_refused(ada: Visitor, said: dict[str, Any], field: str) -> None:
    space = await made(ada, "/api/spaces", GARDEN)
    answer = await ada.post(f"/api/spaces/{space['id']}/progress", said)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert (await got(ada, "/api/spaces/garden"))["progress"]["value"] == 0


async def test_former_days_stay_judged_by_the_version_of_then(door: Door, ada: Visitor) -> None:
    space = await made(ada, "/api/spaces", GARDEN)
    async with door.engine.transaction() as tx:
        await tx.session.execute(text("update definitions set created_at = '2026-03-01', edited_at = '2026-03-01'"))
        await tx.session.execute(text("update definition_versions set created_at = '2026-03-01'"))
    sown = {"kind": "progress.milestone", "subject": space["id"], "data": {"milestone": "sown"}}
    await made(ada, "/api/events", sown | {"occurred_at": "2026-03-02T10:00:00Z"})
    edited = await ada.send("PATCH", "/api/spaces/garden", json={"milestones": ["sown", "reaped"], "version": 1})
    assert (edited.status_code, edited.json()["version"], edited.json()["expected_minutes"]) == (200, 2, 120)
    asked = {"subject": space["id"]}
    assert (await got(ada, "/api/scores/space", **asked))["value"] == 15
    assert (await got(ada, "/api/scores/space", as_of="2026-03-05", **asked))["value"] == 7.5
    assert (await got(ada, "/api/scores/space", as_of="2026-03-01", **asked))["value"] == 0
    series = await got(ada, "/api/scores/space/series", since="2026-03-01", until="2026-03-03", **asked)
    assert [point["value"] for point in series["points"]] == [0, 7.5, 7.5]
    listed = await got(ada, "/api/spaces/garden/versions")
    assert ([one["version"] for one in listed["items"]], listed["next_cursor"]) == ([2, 1], None)
    first = await got(ada, "/api/spaces/garden/versions", limit=1)
    second = await got(ada, "/api/spaces/garden/versions", limit=1, cursor=first["next_cursor"])
    assert [*first["items"], *second["items"]] == listed["items"]
    for beyond, count in ((10**11, 2), (2**31, 2), (-(10**11), 0)):
        assert len((await got(ada, "/api/spaces/garden/versions", cursor=cursor_of(beyond)))["items"]) == count
    late = await ada.send("PATCH", "/api/spaces/garden", json={"milestones": [], "version": 1})
    assert (late.status_code, late.json()["field"]) == (409, "version")


async def test_a_retired_space_takes_nothing_more_and_keeps_its_score(ada: Visitor) -> None:
    space = await made(ada, "/api/spaces", GARDEN)
    await made(ada, "/api/spaces/garden/progress", {"milestone": "dug"})
    assert (await ada.send("DELETE", "/api/spaces/garden")).status_code == 204
    assert (await got(ada, "/api/spaces"))["items"] == []
    assert (await ada.get("/api/spaces/garden")).status_code == 404
    kept = await got(ada, f"/api/spaces/{space['id']}")
    assert (kept["progress"]["value"], kept["retired_at"] is not None) == (7.5, True)
    assert (await ada.post(f"/api/spaces/{space['id']}/progress", {"milestone": "sown"})).status_code == 409
    await made(ada, "/api/spaces", GARDEN)  # its name is free


@pytest.mark.parametrize("field", ["milestones", "tasks"])
async def test_names_that_stand_twice_are_refused(ada: Visitor, field: str) -> None:
    answer = await ada.post("/api/spaces", GARDEN | {field: ["a", "b", "a"]})
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    await made(ada, "/api/spaces", GARDEN)
    answer = await ada.send("PATCH", "/api/spaces/garden", json={field: ["a", "a"]})
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert (await got(ada, "/api/spaces/garden"))["version"] == 1


async def test_a_listed_task_is_known_without_white_space_around_its_name(ada: Visitor) -> None:
    space = await made(ada, "/api/spaces", {"name": "garden", "tasks": [" beds ", "fence"]})
    assert space["tasks"] == [" beds ", "fence"]
    told = await made(ada, "/api/spaces/garden/progress", {"task": "beds"})
    assert parts(told)["tasks"] == 50
    told = await made(ada, "/api/spaces/garden/progress", {"task": "fence "})
    assert parts(told)["tasks"] == 100


@pytest.mark.parametrize("tasks", [["a", " \t\u3000"], ["a", " a"]])
async def test_tasks_that_nobody_could_tell_are_refused(door: Door, ada: Visitor, tasks: list[str]) -> None:
    answer = await ada.post("/api/spaces", GARDEN | {"tasks": tasks})
    assert (answer.status_code, answer.json()["field"]) == (422, "tasks"), answer.text
    await made(ada, "/api/spaces", GARDEN | {"tasks": ["a"]})
    answer = await ada.send("PATCH", "/api/spaces/garden", json={"tasks": tasks})
    assert (answer.status_code, answer.json()["field"]) == (422, "tasks"), answer.text
    # What stands from before such names were refused is still read, and changed.
    async with door.engine.transaction() as tx:
        said = text("update definition_versions set body = jsonb_set(body::jsonb, '{tasks}', cast(:tasks as jsonb))")
        await tx.session.execute(said, {"tasks": json.dumps(tasks)})
    assert (await got(ada, "/api/spaces/garden"))["tasks"] == tasks
    edited = await ada.send("PATCH", "/api/spaces/garden", json={"expected_minutes": 60})
    assert (edited.status_code, edited.json()["tasks"]) == (200, tasks)


async def test_a_goal_is_made_of_spaces_milestones_and_what_is_done_beside(ada: Visitor) -> None:
    one = await made(ada, "/api/spaces", GARDEN)
    other = await made(ada, "/api/spaces", {"name": "kitchen", "milestones": ["cooked"]})
    goal = {"name": "feast", "spaces": [one["id"], other["id"]], "milestones": ["half", "whole"], "target_date": "2026-12-24"}
    made_ = await made(ada, "/api/goals", goal)
    await made(ada, "/api/spaces/garden/progress", {"milestone": "dug"})  # 7.5
    # the kitchen expects no time: (0.3·100) / 0.8
    assert (await made(ada, "/api/spaces/kitchen/progress", {"milestone": "cooked"}))["progress"]["value"] == 37.5
    where = f"/api/goals/{made_['id']}/progress"
    for talk in ("bread", "soup", "bread"):
        await made(ada, where, {"activity": f"a talk on {talk}"})
    for kind, reference, name in (("goals", made_["id"], "activity"), ("spaces", "garden", "task")):
        blank = await ada.post(f"/api/{kind}/{reference}/progress", {name: " \t"})
        assert (blank.status_code, blank.json()["field"]) == (422, name)
    told = await made(ada, where, {"milestone": "half"})
    # 0.6·(7.5 + 37.5)/2 + 0.3·50 + 0.1·20
    assert told["progress"]["value"] == 30.5
    assert parts(told) == {one["id"]: 7.5, other["id"]: 37.5, "milestones": 50, "extra activities": 20}
    assert (told["target_date"], told["progress"]["next_milestone"]) == ("2026-12-24", "whole")
    why = await got(ada, "/api/explain/goal", subject=made_["id"])
    opening = [(part["formula"], part["subject"]) for part in why["components"]]
    assert opening[:2] == [("space", one["id"]), ("space", other["id"])]
    for said, field in (({"milestone": "third"}, "milestone"), ({}, "milestone")):
        answer = await ada.post(where, said)
        assert (answer.status_code, answer.json()["field"]) == (422, field)
    # the goal's own events are no progress of a space, nor the other way round
    assert (await got(ada, "/api/scores/space", subject=made_["id"]))["value"] is None
    assert (await got(ada, "/api/scores/goal", subject=one["id"]))["value"] is None


async def test_a_goal_takes_only_spaces_of_whoever_has_it(door: Door, ada: Visitor, school: Platform) -> None:
    bob = (await door.learner("bob@example.org"))[0]
    foreign = await made(bob, "/api/spaces", GARDEN)
    for id_ in (foreign["id"], str(uuid4())):
        answer = await ada.post("/api/goals", {"name": "g", "spaces": [id_]})
        assert (answer.status_code, answer.json()["field"]) == (422, "spaces[0]")
        assert "no such space, or not for whom the goal is" in answer.json()["detail"]
    assert (await got(ada, "/api/goals"))["items"] == []
    theirs = await made(school.key, "/api/spaces", GARDEN | {"user": "ext:ada"})
    everybodys = await made(school.key, "/api/spaces", GARDEN)
    answer = await school.key.post("/api/goals", {"name": "all", "spaces": [everybodys["id"], theirs["id"]]})
    assert (answer.status_code, answer.json()["field"]) == (422, "spaces[1]")
    goal = await made(school.key, "/api/goals", {"name": "one", "user": "ext:ada", "spaces": [everybodys["id"], theirs["id"]]})
    twice = await school.key.send("PATCH", f"/api/goals/{goal['id']}", json={"spaces": [theirs["id"]] * 2})
    assert (twice.status_code, twice.json()["field"]) == (422, "spaces")
    edited = await school.key.send("PATCH", f"/api/goals/{goal['id']}", json={"spaces": [foreign["id"]]})
    assert (edited.status_code, edited.json()["field"]) == (422, "spaces[0]")
    assert (await got(school.key, f"/api/goals/{goal['id']}/versions"))["items"][0]["version"] == 1


async def test_what_is_everybodys_is_made_of_what_everybody_has(door: Door, school: Platform, ada: Visitor) -> None:
    admin = await door.admin()
    hall = await made(school.key, "/api/spaces", {"name": "hall"})
    garden = await made(ada, "/api/spaces", GARDEN)
    bob_id = (await door.learner("bob@example.org"))[1]
    yard = await made(admin, "/api/spaces", {"name": "yard"})
    for space, more in ((hall, {}), (garden, {}), (hall, {"user": bob_id}), (garden, {"user": bob_id})):
        answer = await admin.post("/api/goals", {"name": "feast", "spaces": [space["id"]]} | more)
        assert (answer.status_code, answer.json()["field"]) == (422, "spaces[0]"), answer.text
    assert (await made(admin, "/api/goals", {"name": "feast", "spaces": [yard["id"]]}))["user_id"] is None
    await made(school.key, "/api/goals", {"name": "feast", "spaces": [yard["id"], hall["id"]]})


async def test_a_platform_sets_spaces_for_one_member_or_for_all(door: Door, school: Platform) -> None:
    await made(school.key, "/api/users", {"external_id": "bob"})
    hers = await made(school.key, "/api/spaces", GARDEN | {"user": "ext:ada"})
    everybodys = await made(school.key, "/api/spaces", {"name": "hall", "milestones": ["in"]})
    assert everybodys["user_id"] is None
    for who, value in (("ada", 37.5), ("bob", None)):
        if value:
            told = await made(school.key, "/api/spaces/hall/progress", {"user": f"ext:{who}", "milestone": "in"})
            assert told["progress"]["value"] == value
    assert (await got(school.key, "/api/spaces/hall"))["progress"] is None
    assert (await got(school.key, "/api/spaces/hall", user="ext:bob"))["progress"]["value"] == 0
    assert (await got(school.key, "/api/spaces/garden"))["progress"]["user_id"] == hers["user_id"]
    assert (await school.key.get("/api/spaces/garden?user=ext:bob")).status_code == 404
    assert (await school.key.post("/api/spaces/garden/progress", {"user": "ext:bob", "minutes": 1})).status_code == 404
    assert [one["name"] for one in (await got(school.key, "/api/spaces", user="ext:bob"))["items"]] == ["hall"]
    club = await door.platform(*SCOPES)
    for path in (f"/api/spaces/{hers['id']}", f"/api/spaces/{everybodys['id']}", "/api/spaces/hall"):
        assert (await club.key.get(path)).status_code == 404
        assert (await club.key.send("PATCH", path, json={"milestones": []})).status_code == 404
        assert (await club.key.send("DELETE", path)).status_code == 404


async def test_others_neither_see_nor_move_a_space(door: Door, ada: Visitor) -> None:
    space = await made(ada, "/api/spaces", GARDEN)
    bob = (await door.learner("bob@example.org"))[0]
    me = (await got(ada, "/api/auth/profile"))["id"]
    for id_ in (space["id"], str(uuid4())):
        assert (await bob.get(f"/api/spaces/{id_}")).status_code == 404
        assert (await bob.post(f"/api/spaces/{id_}/progress", {"user": me, "minutes": 1})).status_code == 404
        assert (await bob.post(f"/api/spaces/{id_}/progress", {"minutes": 1})).status_code == 404
    admin = await door.admin()
    assert (await got(admin, f"/api/spaces/{space['id']}"))["progress"]["user_id"] == me
    assert (await admin.post(f"/api/spaces/{space['id']}/progress", {"user": me, "minutes": 1})).status_code == 404
    assert (await got(ada, "/api/spaces/garden"))["progress"]["value"] == 0


async def test_what_is_reported_of_a_platforms_space_other_platforms_do_not_see(door: Door, school: Platform) -> None:
    everybodys = await made(school.key, "/api/spaces", {"name": "hall", "milestones": ["in"]})
    club = await door.platform(*SCOPES)
    ada = (await school.key.get("/api/users/ext:ada")).json()["id"]
    async with door.engine.transaction() as tx:
        member = {"platform": club.id, "user": ada}
        query = text("insert into memberships (platform_id, external_id, user_id) values (:platform, 'a', :user)")
        await tx.session.execute(query, member)
    await made(school.key, "/api/spaces/hall/progress", {"user": "ext:ada", "milestone": "in"})
    assert [one["subject"] for one in (await got(school.key, "/api/users/ext:ada/events"))["items"]] == [everybodys["id"]]
    assert (await got(club.key, "/api/users/ext:a/events"))["items"] == []


async def in_both(door: Door, school: Platform, club: Platform) -> tuple[Visitor, str]:
    """Return somebody who is a member of two platforms, under the name of grace."""
    grace, grace_id = await door.learner("grace@example.org")
    async with door.engine.transaction() as tx:
        query = text("insert into memberships (platform_id, external_id, user_id) values (:p, 'grace', :u)")
        for platform in (school, club):
            await tx.session.execute(query, {"p": platform.id, "u": grace_id})
    return grace, grace_id


async def test_a_platform_reads_no_score_of_what_is_not_for_it_to_see(door: Door, school: Platform) -> None:
    club = await door.platform(*SCOPES)
    grace, grace_id = await in_both(door, school, club)
    own = await made(grace, "/api/spaces", GARDEN)
    theirs = await made(school.key, "/api/spaces", GARDEN | {"user": "ext:grace"})
    hall = await made(school.key, "/api/spaces", GARDEN | {"name": "hall"})
    clubs = await made(club.key, "/api/spaces", GARDEN | {"user": "ext:grace"})
    yard = await made(await door.admin(), "/api/spaces", GARDEN | {"name": "yard"})
    for space in (own, theirs, hall, clubs, yard):
        data = {"kind": "progress.milestone", "subject": space["id"], "data": {"milestone": "dug"}}
        await made(grace, "/api/events", data | {"occurred_at": (now() - timedelta(days=9)).isoformat()})
    for space, seen in ((own, False), (theirs, False), (hall, False), (clubs, True), (yard, True)):
        asked = {"user": "ext:grace", "subject": space["id"]}
        value, name = (7.5 if seen else None), space["name"]
        assert (await got(grace, "/api/scores/space", subject=space["id"]))["value"] == 7.5
        assert (await got(club.key, "/api/scores/space", **asked))["value"] == value, name
        why = await got(club.key, "/api/explain/space", **asked)
        assert (why["value"], bool(why["components"])) == (value, seen), name
        series = await got(club.key, "/api/scores/space/series", **asked)
        assert {point["value"] for point in series["points"]} == ({0, 7.5} if seen else {None}), name
        drawn = await got(club.key, "/api/charts/progress", formula="space", **asked)
        assert {one for one in drawn["datasets"][0]["data"] if one is not None} == ({0, 7.5} if seen else set()), name
        told = await got(club.key, "/api/predictions/score", formula="space", **asked)
        assert told["value"] == value, name
    async with door.engine.transaction() as tx:  # in which what was read for one is not kept for another
        found = []
        for asking in (None, UUID(club.id), UUID(school.id)):
            tx.platform_id = asking
            found.append(await spaces.definition_of(tx, UUID(grace_id), hall["id"], now()) is not None)
    assert found == [True, False, True]


async def test_a_platform_reads_of_a_goal_no_space_that_is_not_for_it_to_see(door: Door, school: Platform) -> None:
    club = await door.platform(*SCOPES)
    grace, grace_id = await in_both(door, school, club)
    own = await made(grace, "/api/spaces", GARDEN)
    await made(grace, "/api/spaces/garden/progress", {"milestone": "dug"})
    hers = await made(grace, "/api/goals", {"name": "feast", "spaces": [own["id"]]})
    why = await got(club.key, "/api/explain/goal", user="ext:grace", subject=hers["id"])
    assert (why["value"], why["components"]) == (None, [])
    assert (await got(grace, "/api/explain/goal", subject=hers["id"]))["components"][0]["value"] == 7.5
    # An administrator has the club's goal lead over a space of her own: the club sees the goal, and nothing of the space.
    theirs = await made(club.key, "/api/goals", {"name": "feast", "user": grace_id})
    edited = await (await door.admin()).send("PATCH", f"/api/goals/{theirs['id']}", json={"spaces": [own["id"]]})
    assert edited.status_code == 200
    for asked in ({}, {"user": "ext:grace"}):
        seen = await got(club.key, f"/api/goals/{theirs['id']}", **asked)
        assert parts(seen)[own["id"]] == 0
    assert parts(await got(grace, f"/api/goals/{theirs['id']}"))[own["id"]] == 7.5


async def test_a_platform_does_not_see_when_another_reported_a_milestone(door: Door, school: Platform) -> None:
    club = await door.platform(*SCOPES)
    grace, _ = await in_both(door, school, club)
    yard = await made(await door.admin(), "/api/spaces", {"name": "yard", "milestones": ["in", "out"]})
    where = f"/api/spaces/{yard['id']}"
    await made(school.key, f"{where}/progress", {"user": "ext:grace", "milestone": "in"})
    await made(grace, f"{where}/progress", {"milestone": "out"})
    ours, own = await got(school.key, where, user="ext:grace"), await got(grace, where)
    theirs = await got(club.key, where, user="ext:grace")
    assert ours["progress"]["milestones"] == own["progress"]["milestones"]
    at = {one["name"]: one["reached_at"] for one in own["progress"]["milestones"]}
    assert None not in at.values()
    assert theirs["progress"]["milestones"] == [
        {"name": "in", "reached": True, "reached_at": None},
        {"name": "out", "reached": True, "reached_at": at["out"]},
    ]
    assert theirs["progress"]["next_milestone"] is None
    assert theirs["progress"]["value"] == ours["progress"]["value"] == 37.5  # 0.3·100 / 0.8
    # Its own word of it has a moment that it sees, though it was not the first.
    told = await made(club.key, f"{where}/progress", {"user": "ext:grace", "milestone": "in"})
    assert told["progress"]["milestones"][0]["reached_at"] > at["in"]
    assert (await got(grace, where))["progress"]["milestones"][0]["reached_at"] == at["in"]


async def test_whose_a_space_is_need_not_be_named_for_another_platform_to_stay_hidden(door: Door, school: Platform) -> None:
    club = await door.platform(*SCOPES)
    await in_both(door, school, club)
    space = await made(school.key, "/api/spaces", GARDEN | {"user": "ext:grace"})
    said = {"user": "ext:grace", "kind": "progress.milestone", "subject": space["id"], "data": {"milestone": "dug"}}
    await made(club.key, "/api/events", said)
    for asked in ({}, {"user": "ext:grace"}):
        first = (await got(school.key, "/api/spaces/garden", **asked))["progress"]["milestones"][0]
        assert first == {"name": "dug", "reached": True, "reached_at": None}


async def test_of_a_platforms_space_each_member_reports_for_themselves_and_for_the_platform_alone(
    door: Door, school: Platform
) -> None:
    hall = await made(school.key, "/api/spaces", {"name": "hall", "milestones": ["in", "out"]})
    club = await door.platform(*SCOPES)
    grace, _ = await in_both(door, school, club)
    await made(school.key, "/api/spaces/hall/progress", {"user": "ext:ada", "milestone": "out"})
    first = await made(grace, f"/api/spaces/{hall['id']}/progress", {"milestone": "in"})
    again = await made(grace, f"/api/spaces/{hall['id']}/progress", {"milestone": "in"})
    # the first time counts, and what Ada reached is not hers
    assert first["progress"]["milestones"][0]["reached_at"] is not None
    assert again["progress"]["milestones"] == first["progress"]["milestones"]
    assert again["progress"]["next_milestone"] == "out"
    for who, number in ((school, 2), (club, 0)):
        assert len((await got(who.key, "/api/users/ext:grace/events"))["items"]) == number


async def test_a_long_series_reads_definitions_once(ada: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    space = await made(ada, "/api/spaces", GARDEN)
    goal = await made(ada, "/api/goals", {"name": "feast", "spaces": [space["id"]]})
    await made(ada, "/api/spaces/garden/progress", {"milestone": "dug"})
    asked: list[str] = []
    execute = psycopg.AsyncCursor.execute

    async def noted(self: Any, query: Any, *given: Any, **more: Any) -> Any:
        asked.append(str(query))
        return await execute(self, query, *given, **more)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", noted)
    counts = []
    for since in ("2026-03-01", "2026-03-01", "2026-01-01"):
        asked.clear()
        await got(ada, "/api/scores/goal/series", subject=goal["id"], since=since, until="2026-03-02")
        counts.append(len(asked))
    assert counts[1] == counts[2]


async def test_of_two_changes_of_a_goal_the_later_one_is_told_of_the_earlier(ada: Visitor) -> None:
    goal = await made(ada, "/api/goals", {"name": "feast", "milestones": ["invited"]})
    where = f"/api/goals/{goal['id']}"
    kept = await ada.send("PATCH", where, json={"milestones": ["invited", "cooked"], "version": 1})
    assert (kept.status_code, kept.json()["version"]) == (200, 2)
    late = await ada.send("PATCH", where, json={"milestones": ["invited", "eaten"], "version": 1})
    assert (late.status_code, late.json()["field"]) == (409, "version")
    assert (await got(ada, where))["milestones"] == ["invited", "cooked"]
    renamed = await ada.send("PATCH", where, json={"name": "party", "version": 1})
    assert renamed.status_code == 409
    assert (await ada.send("PATCH", where, json={"name": "party", "version": 2})).status_code == 200
