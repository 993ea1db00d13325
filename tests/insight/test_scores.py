"""Levels, explanations and analytics over HTTP, of works put into the ledger; the sums are done by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from skillcore.accounts.access import Actor
from skillcore.defaults.kinds import (
    AccountLinked,
    EvidenceAccepted,
    EvidenceWithdrawn,
    ProjectJoined,
    SessionActivity,
    TaskCompleted,
    WorkDone,
)
from skillcore.insight.levels import SUBSCRIPTION
from skillcore.ledger import record
from skillcore.ledger.feed import Feed
from skillcore.ledger.skills import NewSkill, create
from skillcore.runtime.clock import new_id
from skillcore.runtime.events import NewEvent, of_platform
from skillcore.runtime.pages import cursor_of
from tests.stepping import step
from tests.visitors import Door, Platform, Visitor
from tests.world import World

MARCH = datetime(2026, 3, 1, 12, tzinfo=UTC)


class School:
    """A platform with one member, whose ledger the tests write."""

    def __init__(self, door: Door, platform: Platform, ada: UUID) -> None:
        self.door, self.platform, self.ada = door, platform, ada
        self.key: Visitor = platform.key

    async def record(self, *events: NewEvent) -> None:
        async with self.door.engine.transaction() as tx:
            await record(tx, events)

    def work(self, name: str, difficulty: float | None, *skills: str, account: str = "gym:ada", **more: Any) -> NewEvent:
        """Return a work's evidence."""
        source = account.partition(":")[0]
        strength = more.pop("strength", "judged")
        data = EvidenceAccepted(source=source, account=account, work=name, strength=strength, difficulty=difficulty)
        return self.event("evidence.accepted", data, f"{account}:{name}", skills, **{"occurred_at": MARCH, **more})

    def event(self, kind: str, data: Any, subject: str = "", skills: Sequence[str] = (), **more: Any) -> NewEvent:
        return NewEvent(user_id=self.ada, kind=kind, subject_id=subject, skills=tuple(skills), data=data, **more)

    async def get(self, path: str, **asked: Any) -> Any:
        answer = await self.key.get(path, params={"user": "ext:ada", **asked} if "users" not in path else asked)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def level(self, **asked: Any) -> Any:
        return (await self.get("/api/users/ext:ada/level", **asked))["value"]


@pytest.fixture
async def school(door: Door) -> School:
    platform = await door.platform("users:write", "scores:read", "events:read", "events:write", "skills:write")
    ada = (await platform.key.post("/api/users", {"external_id": "ada"})).json()["id"]
    async with door.engine.transaction() as tx:
        for name in ("Loops", "Graphs"):
            await create(tx, NewSkill(name=name))
    return School(door, platform, UUID(ada))


async def test_a_level_is_the_sum_of_difficulties(school: School) -> None:
    assert await school.level() == 0
    await school.record(school.work("a", 4.0, "loops"), school.work("b", 6.5, "loops", "graphs"), school.work("c", None))
    # (4 + 6.5 + 1) / 10 overall; c names no skill
    assert await school.level() == 1.15
    assert await school.level(skill="LOOPS") == 1.05
    assert await school.level(skill="graphs") == 0.65
    assert (await school.key.get("/api/users/ext:ada/level?skill=juggling")).status_code == 404
    assert (await school.key.get("/api/users/ext:bob/level")).status_code == 404


async def test_an_explanation_opens_down_to_the_facts(school: School) -> None:
    done = TaskCompleted(works=(WorkDone(subject="gym:ada:c"),), difficulty=7.0, declared_by="mentor")
    idle = TaskCompleted(works=(WorkDone(subject="gym:ada:a", difficulty=4.0),), difficulty=9.0, declared_by="mentor")
    await school.record(
        school.work("a", 4.0, "loops"),
        school.work("c", None, strength="asserted", occurred_at=MARCH.replace(day=2)),
        school.event("task.completed", done, "task-1", occurred_at=MARCH.replace(day=3)),
        school.event("task.completed", idle, "task-2", occurred_at=MARCH.replace(day=4)),
        school.event("project.joined", ProjectJoined(name="Maze"), "p"),
    )
    why = await school.get("/api/explain/level")
    # 4·1/10, then an asserted work of unknown difficulty 1·0.5/10, which a mentor then declares to be 7·0.5/10
    assert why["value"] == 0.75
    assert [(part["name"], part["contribution"]) for part in why["components"]] == [
        ("difficulty stated by sources", 0.4),
        ("difficulty declared or unknown", 0.35),
    ]
    assert why["parameters"]["normalisation"] == 10.0
    assert [(fact["subject"], fact["change"], fact["score"]) for fact in why["events"]["items"]] == [
        ("gym:ada:a", 0.4, 0.4),
        ("gym:ada:c", 0.05, 0.45),
        ("task-1", 0.3, 0.75),
    ]
    assert why["events"]["items"][0]["components"] == ["difficulty stated by sources"]
    assert (await school.get("/api/explain/level", skill="loops"))["value"] == 0.4
    assert (await school.key.get("/api/explain/mystery?user=ext:ada")).status_code == 404


async def test_an_explanation_comes_a_page_at_a_time(school: School) -> None:
    await school.record(*(school.work(f"w{number}", 1.0, occurred_at=MARCH) for number in range(5)))
    changes, cursor = [], {}
    while True:
        why = await school.get("/api/explain/level", limit=2, **cursor)
        changes += [fact["change"] for fact in why["events"]["items"]]
        if why["events"]["next_cursor"] is None:
            break
        cursor = {"cursor": why["events"]["next_cursor"]}
    assert changes == [0.1] * 5
    assert why["value"] == 0.5
    foreign = cursor_of(("2026-03-01T00:00:00", str(new_id())))  # of no time zone
    refused = await school.key.get("/api/explain/level", params={"user": "ext:ada", "cursor": foreign})
    assert (refused.status_code, refused.json()["field"]) == (400, "cursor")


def trained(school: School, score: float, day: int, *skills: str, via: str = "platform") -> NewEvent:
    data = SessionActivity(type="quiz", score=score)
    return school.event("session.activity", data, "session-1", skills, occurred_at=MARCH.replace(day=day), via=via)


async def test_a_score_as_of_a_former_day_and_along_many(school: School) -> None:
    days = (1, 3, 3, 5)
    await school.record(*(school.work(f"w{n}", 2.0, occurred_at=MARCH.replace(day=day)) for n, day in enumerate(days)))
    assert [await school.level(as_of=f"2026-03-{day:02}") for day in (1, 2, 3, 5)] == [0.2, 0.2, 0.6, 0.8]
    assert await school.level(as_of="2026-02-28") == 0
    assert await school.level(as_of="2999-01-01") == 0.8
    assert (await school.get("/api/scores/level", as_of="2026-03-03"))["value"] == 0.6
    along = await school.get("/api/scores/level/series", since="2026-02-28", until="2026-03-04")
    assert [(point["start"], point["value"]) for point in along["points"]] == [
        ("2026-02-28", 0.0),
        ("2026-03-01", 0.2),
        ("2026-03-02", 0.2),
        ("2026-03-03", 0.6),
        ("2026-03-04", 0.6),
    ]
    weeks = await school.get("/api/scores/level/series", since="2026-03-01", until="2026-03-08", bucket="week")
    assert [(point["start"], point["value"]) for point in weeks["points"]] == [("2026-02-23", 0.2), ("2026-03-02", 0.8)]
    why = await school.get("/api/explain/level", as_of="2026-03-03")
    assert (why["value"], {fact["subject"] for fact in why["events"]["items"]}) == (0.6, {f"gym:ada:w{n}" for n in range(3)})


async def test_progress_is_what_a_dashboard_begins_with_along_many_days(school: School) -> None:
    await school.record(
        *(school.work(f"w{n}", 2.0, occurred_at=datetime(2026, 3, day, 12, tzinfo=UTC)) for n, day in enumerate((1, 3))),
        school.work("w2", 8.0, occurred_at=datetime(2026, 3, 3, 13, tzinfo=UTC)),
    )
    found = await school.get("/api/analytics/progress", since="2026-02-28", until="2026-03-03")
    assert (found["bucket"], found["time_zone"]) == ("day", "UTC")
    # 2 / 10, then (2 + 2 + 8) / 10; the median of 2, 2 and 8
    assert found["points"] == [
        {"start": f"2026-{day}", "level": level, "overall": None, "improvement": None, "difficulty": difficulty}
        for day, level, difficulty in (("02-28", 0.0, None), ("03-01", 0.2, 2.0), ("03-02", 0.2, 2.0), ("03-03", 1.2, 2.0))
    ]
    weeks = await school.get("/api/analytics/progress", bucket="week", since="2026-03-01", until="2026-03-08")
    assert [(point["start"], point["level"]) for point in weeks["points"]] == [("2026-02-23", 0.2), ("2026-03-02", 1.2)]
    await school.record(trained(school, 60.0, 4, "loops"), trained(school, 80.0, 11, "loops"))
    for name in ("level", "overall", "improvement", "working_difficulty"):
        along = await school.get(f"/api/scores/{name}/series", bucket="week")
        told = await school.get("/api/analytics/progress", bucket="week")
        key = "difficulty" if name == "working_difficulty" else name
        assert [point[key] for point in told["points"]] == [point["value"] for point in along["points"]]


async def test_a_day_ends_where_the_person_lives(school: School) -> None:
    async with school.door.engine.transaction() as tx:
        await tx.session.execute(text("update users set time_zone = 'Pacific/Auckland'"))  # 13 hours ahead of UTC in March
    await school.record(school.work("late", 2.0, occurred_at=datetime(2026, 3, 1, 11, 30, tzinfo=UTC)))
    assert await school.level(as_of="2026-03-01") == 0
    assert await school.level(as_of="2026-03-02") == 0.2


@pytest.mark.parametrize(
    ("path", "asked", "field"),
    [
        ("/api/scores/level", {"skill": "loops", "subject": "x"}, "subject"),
        ("/api/scores/level", {"as_of": "1969-12-31"}, "as_of"),
        ("/api/scores/level/series", {"since": "2026-03-02", "until": "2026-03-01"}, "since"),
    ],
)
async def test_what_cannot_be_asked_for_is_refused(school: School, path: str, asked: dict[str, str], field: str) -> None:
    answer = await school.key.get(path, params={"user": "ext:ada"} | asked)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_mastery_says_what_would_raise_it(school: School) -> None:
    assert (await school.get("/api/scores/mastery", skill="loops"))["value"] is None
    await school.record(*(trained(school, 60.0, day, "loops") for day in range(1, 11)))
    assert (await school.get("/api/scores/mastery", skill="loops"))["value"] == 30.0  # 60 · 1 · 10/20
    why = await school.get("/api/explain/mastery", skill="loops")
    assert [(part["name"], part["contribution"], part["most"]) for part in why["components"]] == [
        ("recent attempts", 60.0, 1.0),
        ("consistency", 1.0, 1.0),
        ("number of attempts", 0.5, 1.0),
    ]
    assert [(gain["component"], gain["points"]) for gain in why["gains"]] == [
        ("number of attempts", 30.0),
        ("recent attempts", 20.0),
    ]
    assert why["events"]["items"][0]["change"] is None  # before the first attempt there was nothing
    assert [fact["change"] for fact in why["events"]["items"]][1:] == [3.0] * 9


async def test_what_a_learner_says_of_themselves_moves_no_score(school: School) -> None:
    await school.record(trained(school, 60.0, 1, "loops"), trained(school, 100.0, 2, "loops", via="page"))
    assert (await school.get("/api/scores/mastery", skill="loops"))["value"] == 3.0
    assert (await school.get("/api/scores/readiness"))["value"] == 60.0
    assert (await school.get("/api/scores/readiness"))["label"] == "developing"
    assert (await school.get("/api/scores/improvement"))["value"] is None


async def test_withdrawn_evidence_counts_nowhere(school: School) -> None:
    linked = school.event("account.linked", AccountLinked(account="gym:ada", handle="ada", method="challenge"), "gym:ada")
    gone = school.event("evidence.withdrawn", EvidenceWithdrawn(account="gym:ada", reason="wrong"), "gym:ada")
    await school.record(linked, school.work("a", 4.0, "loops"), school.work("b", 3.0, "graphs", account="gym:adah"))
    assert await school.level() == 0.7
    await school.record(gone)
    assert await school.level() == 0.3
    assert [fact["subject"] for fact in (await school.get("/api/explain/level"))["events"]["items"]] == ["gym:adah:b"]
    assert [share["skill"] for share in (await school.get("/api/analytics/distribution"))["skills"]] == ["graphs"]
    assert [signal["skill"] for signal in (await school.get("/api/analytics/activity"))["items"]] == ["graphs"]
    await school.record(linked)
    assert await school.level() == 0.7
    assert (await school.get("/api/analytics/distribution"))["total"] == 2


async def test_signals_by_skill_and_by_time(school: School) -> None:
    joined = ProjectJoined(name="Maze")
    await school.record(
        school.work("a", 4.0, "loops", occurred_at=datetime(2026, 2, 28, 22, 59, 59, tzinfo=UTC)),
        school.work("b", 4.0, "loops", "graphs", occurred_at=datetime(2026, 2, 28, 23, 0, tzinfo=UTC)),
        school.event("project.joined", joined, "p", ["loops"], occurred_at=datetime(2026, 3, 2, 9, tzinfo=UTC)),
    )
    spread = await school.get("/api/analytics/distribution")
    assert spread["total"] == 4
    assert [
        (s["skill"], s["name"], s["joined"], s["update"], s["completed"], s["total"], s["share"]) for s in spread["skills"]
    ] == [
        ("loops", "Loops", 1, 0, 2, 3, 0.75),
        ("graphs", "Graphs", 0, 0, 1, 1, 0.25),
    ]
    async with school.door.engine.transaction() as tx:
        await (await tx.psycopg()).execute("update users set time_zone = 'Europe/Vienna' where id = %s", (school.ada,))
    days = await school.get("/api/analytics/momentum", bucket="day", since="2026-02-28", until="2026-03-02")
    assert [(b["start"], b["joined"], b["completed"], b["total"]) for b in days["buckets"]] == [
        ("2026-02-28", 0, 1, 1),
        ("2026-03-01", 0, 2, 2),  # 23:00 in UTC is midnight in Vienna
        ("2026-03-02", 1, 0, 1),
    ]
    weeks = await school.get("/api/analytics/momentum", bucket="week", since="2026-02-28", until="2026-03-02", skill="loops")
    assert [(b["start"], b["total"]) for b in weeks["buckets"]] == [("2026-02-23", 2), ("2026-03-02", 1)]
    months = await school.get("/api/analytics/momentum", bucket="month", since="2026-01-31", until="2026-03-31")
    assert [(b["start"], b["total"]) for b in months["buckets"]] == [("2026-01-01", 0), ("2026-02-01", 1), ("2026-03-01", 3)]
    assert len((await school.get("/api/analytics/momentum", bucket="day"))["buckets"]) == 30


@pytest.mark.parametrize(
    "asked", [{"since": "2026-03-02", "until": "2026-03-01"}, {"bucket": "day", "since": "2020-01-01"}, {"since": "0001-01-01"}]
)
async def test_a_time_that_cannot_be_shown_is_refused(school: School, asked: dict[str, str]) -> None:
    answer = await school.key.get("/api/analytics/momentum", params={"user": "ext:ada", **asked})
    assert (answer.status_code, answer.json()["field"]) == (422, "since")


async def test_activity_is_newest_first(school: School) -> None:
    await school.record(*(school.work(f"w{n}", 1.0, "loops", "graphs", occurred_at=MARCH.replace(day=n)) for n in (3, 1, 2)))
    seen, cursor = [], {}
    while True:
        shown = await school.get("/api/analytics/activity", limit=4, **cursor)
        seen += [(signal["source_id"], signal["rule"]) for signal in shown["items"]]
        if shown["next_cursor"] is None:
            break
        cursor = {"cursor": shown["next_cursor"]}
    assert seen == [(f"gym:ada:w{n}", "completed") for n in (3, 3, 2, 2, 1, 1)]
    assert len((await school.get("/api/analytics/activity", skill="loops"))["items"]) == 3


async def test_a_platform_sees_no_signal_of_anothers_business(school: School, door: Door) -> None:
    other = await door.platform("scores:read")
    await World(door.engine).join(Actor(kind="key", platform_id=UUID(other.id)), Actor(kind="user", user_id=school.ada), "a-7")
    mine = of_platform(UUID(school.platform.id))
    await school.record(
        school.event("project.joined", ProjectJoined(name="Maze"), "p", ["loops"], origin=mine),
        school.work("a", 4.0, "graphs"),
    )
    for path in ("/api/analytics/activity", "/api/analytics/distribution"):
        theirs = (await other.key.get(path, params={"user": "ext:a-7"})).json()
        ours = await school.get(path)
        key = "items" if "activity" in path else "skills"
        assert [one["skill"] for one in theirs[key]] == ["graphs"]
        assert sorted(one["skill"] for one in ours[key]) == ["graphs", "loops"]


async def test_a_change_of_the_whole_level_is_told(school: School) -> None:
    feed = Feed(school.door.engine, [SUBSCRIPTION])
    (subscription,) = feed.subscriptions
    assert subscription.kinds >= {"evidence.accepted", "task.completed", "evidence.withdrawn", "account.linked"}

    async def told() -> list[tuple[int, int]]:
        while await step(feed, subscription):
            pass
        listed = await school.get("/api/users/ext:ada/events", kind="level.changed")
        return [(event["data"]["old"], event["data"]["new"]) for event in listed["items"]]

    async with school.door.engine.transaction() as tx:
        await (await tx.psycopg()).execute("insert into subscriptions (name) values ('insight.level')")
    await school.record(school.work("a", 9.0))
    assert await told() == []
    await school.record(school.work("b", 9.0))
    assert await told() == [(0, 1)]
    await school.record(*(school.work(f"c{n}", 10.0) for n in range(3)))
    assert await told() == [(0, 1), (1, 4)]
    await school.record(school.event("evidence.withdrawn", EvidenceWithdrawn(account="gym:ada", reason="wrong"), "gym:ada"))
    assert await told() == [(0, 1), (1, 4), (4, 0)]


async def test_scores_are_for_those_whom_they_concern(door: Door, school: School) -> None:
    bob, _ = await door.learner("bob@example.org")
    for path in ("/api/explain/level", "/api/analytics/distribution", "/api/analytics/momentum", "/api/analytics/activity"):
        assert (await bob.get(path)).status_code == 200
        assert (await bob.get(path, params={"user": str(school.ada)})).status_code == 404
        assert (await door.anyone.get(path)).status_code == 401
    poor = await door.platform("users:read")
    assert (await poor.key.get(f"/api/users/{school.ada}/level")).status_code == 403
