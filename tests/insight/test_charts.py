"""Charts over HTTP, of works put into the ledger: the sums are done by hand, and a picture says what its data says."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import httpx
import pytest
from msgspec.structs import replace
from sqlalchemy import text

from skillcore.accounts.access import Actor
from skillcore.defaults.kinds import (
    AccountLinked,
    EvidenceAccepted,
    EvidenceWithdrawn,
    MilestoneReached,
    ProjectJoined,
    SessionActivity,
    SessionEnded,
    SessionStarted,
    TaskCompleted,
    TimeSpent,
    Volunteered,
    WorkDone,
)
from skillcore.insight import aims
from skillcore.insight.charts import end_of
from skillcore.ledger import record
from skillcore.ledger.skills import NewSkill, create
from skillcore.plugin import Component, Score
from skillcore.runtime.events import NewEvent, of_platform
from tests.visitors import Door, Platform
from tests.world import World

MARCH = datetime(2026, 3, 1, 12, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"
PATHS = ("/api/charts/progress", "/api/charts/radar", "/api/charts/heatmap", "/api/charts/weeks")


class Class:
    """A platform with one member, whose ledger the tests write."""

    def __init__(self, door: Door, platform: Platform, ada: UUID) -> None:
        self.door, self.platform, self.ada = door, platform, ada

    async def record(self, *events: NewEvent) -> None:
        async with self.door.engine.transaction() as tx:
            await record(tx, events)

    def event(self, kind: str, data: Any, subject: str, *skills: str, at: datetime = MARCH, **more: Any) -> NewEvent:
        return NewEvent(user_id=self.ada, kind=kind, subject_id=subject, skills=skills, data=data, occurred_at=at, **more)

    def work(self, name: str, difficulty: float, *skills: str, at: datetime = MARCH, account: str = "gym:ada") -> NewEvent:
        data = EvidenceAccepted(source="gym", account=account, work=name, strength="judged", difficulty=difficulty)
        return self.event("evidence.accepted", data, f"{account}:{name}", *skills, at=at)

    def trained(self, score: float, *skills: str, day: int = 1, **more: Any) -> NewEvent:
        data = SessionActivity(type="quiz", score=score)
        return self.event("session.activity", data, "session", *skills, at=MARCH.replace(day=day), via="platform", **more)

    async def answer(self, path: str, **asked: Any) -> httpx.Response:
        answer = await self.platform.key.get(path, params={"user": "ext:ada", **asked})
        assert answer.status_code == 200, answer.text
        return answer

    async def get(self, path: str, **asked: Any) -> Any:
        return (await self.answer(path, **asked)).json()

    async def draw(self, path: str, **asked: Any) -> str:
        answer = await self.answer(f"{path}.svg", **asked)
        assert answer.headers["content-type"] == "image/svg+xml"
        return said(answer.text)


def said(svg: str) -> str:
    """Return a picture's description."""
    found = ElementTree.fromstring(svg).find(f"{SVG}desc")
    assert found is not None
    assert found.text
    return re.sub("[\u2066-\u2069]", "", found.text)


@pytest.fixture
async def learner(door: Door) -> Class:
    platform = await door.platform(
        "users:write", "scores:read", "events:read", "events:write", "skills:write", "projects:write"
    )
    ada = (await platform.key.post("/api/users", {"external_id": "ada"})).json()["id"]
    async with door.engine.transaction() as tx:
        for name in ("Loops", "Graphs", "Sorting"):
            await create(tx, NewSkill(name=name))
    return Class(door, platform, UUID(ada))


def today(zone: Any = UTC) -> date:
    return datetime.now(zone).date()


async def test_progress_is_the_level_at_the_end_of_each_day(learner: Class) -> None:
    days = (1, 3, 3)
    await learner.record(*(learner.work(f"w{n}", 2.0, "loops", at=MARCH.replace(day=day)) for n, day in enumerate(days)))
    asked = {"since": "2026-02-28", "until": "2026-03-04"}
    chart = await learner.get("/api/charts/progress", **asked)
    # 2 / 10 from the first on, and twice as much more on the third
    assert chart["labels"] == ["2026-02-28", "2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04"]
    assert [(one["label"], one["data"]) for one in chart["datasets"]] == [("Level", [0.0, 0.2, 0.2, 0.6, 0.6])]
    assert await learner.draw("/api/charts/progress", **asked) == (
        "Level: from 0 to 0.6, between 0 and 0.6. 28 Feb 2026: 0. 1 Mar 2026: 0.2. 2 Mar 2026: 0.2. 3 Mar 2026: 0.6. "
        "4 Mar 2026: 0.6."
    )
    weeks = await learner.get("/api/charts/progress", since="2026-03-01", until="2026-03-08", bucket="week", skill="LOOPS")
    assert (weeks["labels"], weeks["datasets"][0]["data"]) == (["2026-02-23", "2026-03-02"], [0.2, 0.6])
    assert len((await learner.get("/api/charts/progress"))["labels"]) == 30
    assert len((await learner.get("/api/charts/progress", bucket="month"))["labels"]) == 12


async def test_progress_is_of_any_formula_and_skill(learner: Class) -> None:
    await learner.record(*(learner.trained(60.0, "loops", day=day) for day in range(1, 11)))
    asked = {"formula": "mastery", "skill": "loops", "since": "2026-02-28", "until": "2026-03-02"}
    chart = await learner.get("/api/charts/progress", **asked)
    assert chart["datasets"][0]["data"] == [None, 3.0, 6.0]  # 60 · 1 · n/20, and nothing before the first attempt
    svg = (await learner.answer("/api/charts/progress.svg", **asked)).text
    assert "<title id=" in svg
    assert "Mastery · Loops</title>" in svg
    assert said(svg).endswith("28 Feb 2026: nothing. 1 Mar 2026: 3. 2 Mar 2026: 6.")


async def test_progress_goes_on_with_the_band_in_which_it_is_expected(learner: Class) -> None:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=1, microsecond=0)
    await learner.record(*(learner.work(f"w{n}", 2.0, "loops", at=today - timedelta(days=n)) for n in range(60)))
    goal = {"name": "whole", "user": "ext:ada", "milestones": ["half"], "target_date": "2030-01-01"}
    made = (await learner.platform.key.post("/api/goals", goal)).json()
    asked = {"since": (today - timedelta(days=2)).date().isoformat(), "ahead": 3}
    chart = await learner.get("/api/charts/progress", **asked)
    assert chart["labels"] == [(today + timedelta(days=ahead)).date().isoformat() for ahead in range(-2, 4)]
    level, value, low, high = chart["datasets"]
    assert (level["label"], level["data"]) == ("Level", [11.6, 11.8, 12.0, None, None, None])
    assert [one["label"] for one in (value, low, high)] == ["Forecast", "Forecast, low", "Forecast, high"]
    assert value["data"][:3] == [None] * 3
    # one work of 2 / 10 a day without exception: so it goes on
    assert value["data"][3:] == pytest.approx([12.2, 12.4, 12.6], abs=0.05)
    assert all(a <= b <= c for a, b, c in zip(low["data"][3:], value["data"][3:], high["data"][3:], strict=True))
    assert "Forecast" in (await learner.answer("/api/charts/progress.svg", **asked)).text
    of_goal = await learner.get("/api/charts/progress", **asked, formula="goal", subject=made["id"])
    assert {len(one["data"]) for one in of_goal["datasets"]} == {len(of_goal["labels"])}
    for also in ({"bucket": "week"}, {"until": "2026-03-01"}):
        refused = await learner.platform.key.get("/api/charts/progress", params={"user": "ext:ada", "ahead": 3, **also})
        assert (refused.status_code, refused.json()["field"]) == (422, "ahead")


async def test_too_short_a_history_is_drawn_without_a_forecast(learner: Class) -> None:
    await learner.record(learner.work("w", 2.0, "loops", at=datetime.now(UTC) - timedelta(minutes=1)))
    assert [one["label"] for one in (await learner.get("/api/charts/progress", ahead=30))["datasets"]] == ["Level"]


async def test_a_goals_progress_is_drawn_with_the_way_to_its_day(learner: Class) -> None:
    key = learner.platform.key
    goal = {"name": "whole", "user": "ext:ada", "milestones": ["half", "whole"], "target_date": "2026-03-12"}
    made = (await key.post("/api/goals", goal)).json()
    async with learner.door.engine.transaction() as tx:
        await (await tx.psycopg()).execute("update definitions set created_at = '2026-03-02 12:00:00Z'")
    half = MilestoneReached(milestone="half")
    await learner.record(learner.event("progress.milestone", half, made["id"], at=MARCH.replace(day=4)))
    asked = {"formula": "goal", "subject": made["id"], "since": "2026-03-01", "until": "2026-03-14"}
    drawn = await learner.get("/api/charts/progress", **asked)
    line, target = drawn["datasets"][:2]
    assert line["data"] == [0, 0, 0, *[37.5] * 11]  # of a goal without spaces: 0.3 · 50 / 0.4
    assert target["label"] == "Target"
    assert target["data"] == [0, 0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 100, 100]
    weeks = await learner.get("/api/charts/progress", **asked, bucket="week")
    assert weeks["datasets"][1]["data"] == [0, 60, 100]  # at the end of the Sundays 1, 8 and 15 March
    assert "Target" in (await learner.answer("/api/charts/progress.svg", **asked)).text
    assert (await key.send("PATCH", f"/api/goals/{made['id']}", json={"target_date": None})).status_code == 200
    assert len((await learner.get("/api/charts/progress", **asked))["datasets"]) == 1


@pytest.mark.parametrize(
    ("begin", "end", "day", "share"),
    [
        (2, 12, 2, 0.0),
        (2, 12, 3, 10.0),
        (2, 12, 11, 90.0),
        (2, 12, 12, 100.0),
        (2, 12, 13, 100.0),
        (2, 5, 3, 33.333333),
        (2, 2, 1, 0.0),
        (2, 2, 2, 100.0),
        (5, 2, 1, 0.0),
        (5, 2, 2, 100.0),
    ],
)
def test_the_way_to_a_day_is_even(begin: int, end: int, day: int, share: float) -> None:
    """What is due on the day on which it was set, or was due before, is due at once."""
    assert aims.along(*(date(2026, 3, number) for number in (begin, end, day))) == share


async def test_the_way_to_a_goal_begins_on_the_day_it_was_where_the_person_lives(learner: Class) -> None:
    goal = {"name": "whole", "user": "ext:ada", "milestones": ["half"], "target_date": "2026-03-13"}
    made = (await learner.platform.key.post("/api/goals", goal)).json()
    async with learner.door.engine.transaction() as tx:
        connection = await tx.psycopg()
        await connection.execute("update definitions set created_at = '2026-03-02 12:00:00Z'")  # at one at night of the third
        await connection.execute("update users set time_zone = 'Pacific/Auckland' where id = %s", (learner.ada,))
    asked = {"formula": "goal", "subject": made["id"], "since": "2026-03-02", "until": "2026-03-05"}
    assert (await learner.get("/api/charts/progress", **asked))["datasets"][1]["data"] == [0, 0, 10, 20]


async def test_progress_of_a_goal_that_nobody_has_is_drawn_without_a_way(learner: Class) -> None:
    for subject in (str(learner.ada), "nonsense"):
        asked = {"formula": "goal", "subject": subject, "since": "2026-03-01", "until": "2026-03-02"}
        drawn = await learner.get("/api/charts/progress", **asked)
        assert [(one["label"], one["data"]) for one in drawn["datasets"]] == [("Goal", [None, None])]


async def test_the_band_of_a_line_holds_four_of_five_outcomes(learner: Class) -> None:
    """It is the one that is forecast for this probability."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=1, microsecond=0)
    days = (n for n in range(60) if n * n % 7 < 3)
    await learner.record(*(learner.work(f"w{n}", 1.0 + n % 5, "loops", at=today - timedelta(days=n)) for n in days))
    _, value, low, high = (await learner.get("/api/charts/progress", ahead=5))["datasets"]
    expected = {
        level: {day["day"]: day for day in (await learner.get("/api/predictions/score", days=5, level=level))["days"]}
        for level in (0.8, 0.5)
    }
    coming = [(today + timedelta(days=ahead)).date().isoformat() for ahead in range(1, 6)]
    for name, drawn in (("value", value), ("low", low), ("high", high)):
        assert drawn["data"][-5:] == pytest.approx([expected[0.8][day][name] for day in coming], abs=1e-5)
    assert low["data"][-1] < expected[0.5][coming[-1]]["low"]


async def test_a_radar_has_the_skills_by_name(learner: Class) -> None:
    assert (await learner.get("/api/charts/radar"))["labels"] == []
    attempts = [("sorting", 80.0)] * 5 + [("loops", 60.0)] * 10
    await learner.record(*(learner.trained(score, skill, day=day) for day, (skill, score) in enumerate(attempts, 1)))
    chart = await learner.get("/api/charts/radar")
    # 80 · 5/20 and 60 · 10/20; nobody has tried graphs
    assert (chart["labels"], chart["datasets"][0]["data"]) == (["Loops", "Sorting"], [30.0, 20.0])
    assert await learner.draw("/api/charts/radar") == (
        "Mastery: most Loops with 30, least Sorting with 20. Loops: 30. Sorting: 20."
    )
    former = await learner.get("/api/charts/radar", as_of="2026-03-06")
    assert (former["labels"], former["datasets"][0]["data"]) == (["Loops", "Sorting"], [3.0, 20.0])


async def test_a_radar_keeps_to_the_twelve_highest(learner: Class) -> None:
    async with learner.door.engine.transaction() as tx:
        for number in range(15):
            await create(tx, NewSkill(name=f"Skill {number:02}"))
    await learner.record(*(learner.work(f"w{n}", 1.0 + n / 2, f"skill-{n:02}") for n in range(15)))
    chart = await learner.get("/api/charts/radar", formula="level")
    assert chart["labels"] == [f"Skill {number:02}" for number in range(3, 15)]
    assert chart["datasets"][0]["data"][0] == 0.25  # (1 + 3/2) / 10
    assert chart["datasets"][0]["data"][-1] == 0.8


async def test_a_radar_is_read_round_by_name_in_whichever_letters(learner: Class) -> None:
    names = ("beta", "Alpha", "Gamma", "delta")
    async with learner.door.engine.transaction() as tx:
        for name in names:
            await create(tx, NewSkill(name=name))
    await learner.record(*(learner.work(name, 2.0, name.lower()) for name in names))
    assert (await learner.get("/api/charts/radar", formula="level"))["labels"] == ["Alpha", "beta", "delta", "Gamma"]


async def test_of_equal_skills_a_radar_takes_the_first_in_its_own_order(learner: Class) -> None:
    names = [f"{letter}{number}" for letter in "aB" for number in range(7)]  # with capitals first, a5 and a6 would be missing
    async with learner.door.engine.transaction() as tx:
        for name in names:
            await create(tx, NewSkill(name=name))
    await learner.record(*(learner.work(name, 2.0, name.lower()) for name in names))
    shown = (await learner.get("/api/charts/radar", formula="level"))["labels"]
    assert shown == [*(f"a{number}" for number in range(7)), *(f"B{number}" for number in range(5))]


def scored(value: float | None, *parts: tuple[float, float, float | None], combine: Any = "sum") -> Score:
    return Score(value, tuple(Component("c", v, w, most=most) for v, w, most in parts), combine=combine)


@pytest.mark.parametrize(
    ("found", "end"),
    [
        ([], 1.0),
        ([scored(30.0, (0.6, 100.0, 1.0), (0.5, 1.0, 1.0), combine="product")], 100.0),
        ([scored(3.0, (1.0, 1.0, 2.0), (1.0, 2.0, 4.0)), scored(1.0, (1.0, 1.0, 30.0))], 30.0),
        ([scored(3.7, (3.7, 1.0, None))], 4.0),
        ([scored(5.0, (5.0, 1.0, 6.0)), scored(3.7, (3.7, 1.0, None))], 5.0),
        ([scored(-2.0, (-2.0, 1.0, None))], 1.0),
        ([scored(0.0, (0.0, 0.0, None), (0.0, 0.0, 1.0), combine="product")], 1.0),
    ],
)
def test_axes_end_where_scores_do(found: list[Score], end: float) -> None:
    assert end_of(found) == end


async def test_a_heatmap_counts_what_was_done_by_day(learner: Class) -> None:
    last = today()
    monday = last - timedelta(days=last.weekday())
    midnight = datetime(last.year, last.month, last.day, tzinfo=UTC)

    def at(days: int) -> datetime:
        return midnight - timedelta(days=days)

    counted = [
        learner.work("a", 1.0, at=at(10)),
        *(learner.work(f"b{n}", 1.0, at=at(9)) for n in range(2)),
        *(learner.work(f"c{n}", 1.0, at=at(8)) for n in range(3)),
        *(learner.work(f"d{n}", 1.0, at=at(7)) for n in range(4)),
        learner.event("session.started", SessionStarted(), "s", at=at(7), via="page"),
    ]
    not_counted = [
        learner.event("session.ended", SessionEnded(), "s", at=at(7), via="page"),
        learner.event("project.joined", ProjectJoined(name="Maze"), "p", at=at(7)),
        learner.event("task.completed", TaskCompleted(works=(WorkDone(subject="gym:ada:a"),)), "t", at=at(7)),
        learner.work(
            "old", 1.0, at=datetime(monday.year, monday.month, monday.day, tzinfo=UTC) - timedelta(weeks=12, minutes=1)
        ),
    ]
    await learner.record(*counted, *not_counted)
    chart = await learner.get("/api/charts/heatmap")
    first = monday - timedelta(weeks=12)
    assert chart["data"][0]["date"] == first.isoformat()
    assert chart["data"][-1]["date"] == last.isoformat()
    assert len(chart["data"]) == (last - first).days + 1
    held = {day["date"]: (day["value"], day["level"]) for day in chart["data"] if day["value"]}
    assert held == {
        (last - timedelta(days=days)).isoformat(): expected
        for days, expected in {10: (1, "low"), 9: (2, "medium"), 8: (3, "high"), 7: (5, "peak")}.items()
    }
    assert set(chart["colors"]) == {"empty", "low", "medium", "high", "peak"}
    told = await learner.draw("/api/charts/heatmap")
    assert f": 4 of {len(chart['data'])} days with 11 done, most on " in told
    assert told.endswith("5 done, peak.")


async def test_a_year_and_a_week_can_be_seen(learner: Class) -> None:
    assert len((await learner.get("/api/charts/heatmap", weeks=53))["data"]) == 52 * 7 + today().weekday() + 1
    assert len((await learner.get("/api/charts/heatmap", weeks=1))["data"]) == today().weekday() + 1
    for weeks in (0, 54):
        refused = await learner.platform.key.get("/api/charts/heatmap", params={"user": "ext:ada", "weeks": weeks})
        assert refused.status_code == 400


async def test_days_are_those_of_the_persons_time_zone(learner: Class) -> None:
    async with learner.door.engine.transaction() as tx:
        await (await tx.psycopg()).execute("update users set time_zone = 'Pacific/Auckland' where id = %s", (learner.ada,))
    # noon in UTC is the next day there, in winter and in summer
    await learner.record(learner.work("late", 1.0, at=datetime.combine(today() - timedelta(days=9), MARCH.timetz())))
    chart = await learner.get("/api/charts/heatmap")
    assert [day["date"] for day in chart["data"] if day["value"]] == [(today() - timedelta(days=8)).isoformat()]


async def test_a_heatmap_begins_and_ends_at_the_persons_midnights(learner: Class) -> None:
    zone = ZoneInfo("Pacific/Auckland")
    async with learner.door.engine.transaction() as tx:
        await (await tx.psycopg()).execute("update users set time_zone = %s where id = %s", (zone.key, learner.ada))
    last = today(zone)
    first = last - timedelta(days=last.weekday(), weeks=12)
    midnights = [datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, first + timedelta(days=8), last)]
    moments = [midnights[0] - timedelta(microseconds=1), *midnights, midnights[1] - timedelta(microseconds=1)]
    await learner.record(*(learner.work(f"w{n}", 1.0, at=at) for n, at in enumerate(moments)))
    chart = await learner.get("/api/charts/heatmap")
    assert (chart["data"][0]["date"], chart["data"][-1]["date"]) == (first.isoformat(), last.isoformat())
    held = {day["date"]: day["value"] for day in chart["data"] if day["value"]}
    assert held == dict.fromkeys((day.isoformat() for day in (first, *(first + timedelta(days=n) for n in (7, 8)), last)), 1)


async def test_today_is_where_the_person_lives(learner: Class) -> None:
    # At any hour it is another day in one of them than in UTC.
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        async with learner.door.engine.transaction() as tx:
            await (await tx.psycopg()).execute("update users set time_zone = %s where id = %s", (zone, learner.ada))
        before = today(ZoneInfo(zone))
        shown = date.fromisoformat((await learner.get("/api/charts/heatmap"))["data"][-1]["date"])
        assert before <= shown <= today(ZoneInfo(zone))


async def test_weeks_are_drawn_beside_the_goal_that_stood_at_their_end(learner: Class) -> None:
    monday = today() - timedelta(days=today().weekday())
    noon = datetime.combine(monday, time(), UTC)
    spent = [(noon - timedelta(days=14), 40.0), (noon - timedelta(seconds=1), 25.0), (noon, 30.0)]
    await learner.record(
        *(learner.event("progress.time", TimeSpent(minutes=minutes), "space", at=at) for at, minutes in spent),
        learner.work("a", 2.0, at=noon - timedelta(days=1)),
    )
    named = [str(monday - timedelta(weeks=back)) for back in (2, 1, 0)]
    chart = await learner.get("/api/charts/weeks", weeks=3)
    assert chart["labels"] == named
    assert [(one["label"], one["data"]) for one in chart["datasets"]] == [("Minutes", [40.0, 25.0, 30.0])]
    wish = {"user": "ext:ada", "minutes": 90}
    assert (await learner.platform.key.send("PUT", "/api/weekly-goal", json=wish)).status_code == 200
    chart = await learner.get("/api/charts/weeks", weeks=3)
    assert [(one["label"], one["data"]) for one in chart["datasets"]] == [
        ("Minutes", [40.0, 25.0, 30.0]),
        ("Weekly goal", [None, None, 90.0]),
    ]
    assert chart["datasets"][1]["borderDash"] == [5, 5]
    works = await learner.get("/api/charts/weeks", weeks=3, measure="works")
    assert [(one["label"], one["data"]) for one in works["datasets"]] == [("Works", [0.0, 1.0, 0.0])]
    words = await learner.draw("/api/charts/weeks", weeks=3)
    assert "Minutes: from 40 to 30 minutes, between 25 and 40; Weekly goal: 90 minutes" in words
    again = await learner.answer("/api/charts/weeks.svg", weeks=3)
    assert again.text == (await learner.answer("/api/charts/weeks.svg", weeks=3)).text


async def test_a_goal_that_a_platform_set_is_on_no_chart_of_another(learner: Class, door: Door) -> None:
    other = await door.platform("scores:read", "users:write")
    query = text("insert into memberships (platform_id, external_id, user_id) values (:p, 'a-7', :u)")
    async with door.engine.transaction() as tx:
        await tx.session.execute(query, {"p": other.id, "u": learner.ada})
    wish = {"user": "ext:ada", "minutes": 90}
    assert (await learner.platform.key.send("PUT", "/api/weekly-goal", json=wish)).status_code == 200
    assert len((await learner.get("/api/charts/weeks"))["datasets"]) == 2
    seen = await other.key.get("/api/charts/weeks", params={"user": "ext:a-7"})
    assert len(seen.json()["datasets"]) == 1


async def test_withdrawn_evidence_is_on_no_chart(learner: Class) -> None:
    at = datetime.now(UTC) - timedelta(days=9)
    linked = learner.event("account.linked", AccountLinked(account="gym:ada", handle="ada", method="challenge"), "gym:ada")
    gone = learner.event("evidence.withdrawn", EvidenceWithdrawn(account="gym:ada", reason="wrong"), "gym:ada")
    await learner.record(linked, learner.work("a", 4.0, "loops", at=at), learner.work("b", 3.0, at=at, account="gym:adah"))

    async def held() -> list[float]:
        return [day["value"] for day in (await learner.get("/api/charts/heatmap"))["data"] if day["value"]]

    assert await held() == [2]
    await learner.record(gone)
    assert await held() == [1]


@pytest.mark.parametrize("path", PATHS)
async def test_a_picture_is_told_apart_by_what_it_shows(path: str, learner: Class) -> None:
    first = await learner.answer(f"{path}.svg")
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    key = learner.platform.key
    for sent in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await key.get(f"{path}.svg", params={"user": "ext:ada"}, headers={"If-None-Match": sent})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag), sent
        assert "content-type" not in again.headers
    for sent in ('"other"', tag.strip('"')):
        assert (await key.get(f"{path}.svg", params={"user": "ext:ada"}, headers={"If-None-Match": sent})).status_code == 200
    at = datetime.now(UTC) - timedelta(days=1)
    await learner.record(
        learner.work("a", 4.0, "loops", at=at),
        learner.event("session.activity", SessionActivity(type="quiz", score=50.0), "s", "loops", at=at, via="platform"),
        learner.event("progress.time", TimeSpent(minutes=20.0), "space", at=at),
    )
    changed = await key.get(f"{path}.svg", params={"user": "ext:ada"}, headers={"If-None-Match": tag})
    assert (changed.status_code, changed.headers["etag"] != tag) == (200, True)


@pytest.mark.parametrize("path", PATHS)
async def test_a_picture_may_have_its_own_style_and_nothing_else(path: str, learner: Class) -> None:
    answer = await learner.answer(f"{path}.svg")
    (style,) = (one.text or "" for one in ElementTree.fromstring(answer.text).iter(f"{SVG}style"))
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = answer.headers["content-security-policy"]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; ")
    assert "style=" not in answer.text
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


async def test_a_platform_learns_nothing_of_another_from_charts(learner: Class, door: Door) -> None:
    other = await door.platform("scores:read")
    await World(door.engine).join(Actor(kind="key", platform_id=UUID(other.id)), Actor(kind="user", user_id=learner.ada), "a-7")
    await learner.record(
        *(learner.trained(60.0, "loops", day=day, origin=of_platform(UUID(learner.platform.id))) for day in range(1, 11)),
        learner.trained(80.0, "sorting", day=11),
    )
    theirs = (await other.key.get("/api/charts/radar", params={"user": "ext:a-7"})).json()
    ours = await learner.get("/api/charts/radar")
    # 60 · 10/20 of loops, 80 · 1/20 of sorting
    assert (ours["labels"], ours["datasets"][0]["data"]) == (["Loops", "Sorting"], [30.0, 4.0])
    assert (theirs["labels"], theirs["datasets"][0]["data"]) == (["Sorting"], [4.0])


async def test_a_platform_learns_of_skills_by_this_persons_events_that_the_score_is_of(learner: Class, door: Door) -> None:
    other = await door.platform("users:write", "scores:read")
    of_other, of_school = (of_platform(UUID(one.id)) for one in (other, learner.platform))
    await World(door.engine).join(Actor(kind="key", platform_id=UUID(other.id)), Actor(kind="user", user_id=learner.ada), "a-7")
    bob = UUID((await other.key.post("/api/users", {"external_id": "bob"})).json()["id"])
    await learner.record(
        *(learner.trained(60.0, skill, origin=of_school) for skill in ("loops", "graphs")),
        learner.trained(80.0, "sorting", day=2),
        replace(learner.trained(70.0, "loops", origin=of_other), user_id=bob),
        learner.event("platform.volunteered", Volunteered(title="t"), "o", "graphs", via="platform", origin=of_other),
    )
    assert (await learner.get("/api/charts/radar"))["labels"] == ["Graphs", "Loops", "Sorting"]
    theirs = await other.key.get("/api/charts/radar", params={"user": "ext:a-7"})
    assert theirs.json()["labels"] == ["Sorting"]


async def test_a_platform_does_not_see_on_which_days_another_reported(learner: Class, door: Door) -> None:
    other = await door.platform("scores:read")
    await World(door.engine).join(Actor(kind="key", platform_id=UUID(other.id)), Actor(kind="user", user_id=learner.ada), "a-7")
    data, at = SessionActivity(type="quiz", score=50.0), datetime.now(UTC) - timedelta(days=9)
    mine = of_platform(UUID(learner.platform.id))
    await learner.record(
        learner.event("session.activity", data, "s", at=at, origin=mine), learner.work("a", 1.0, at=at - timedelta(days=1))
    )
    ours = await learner.get("/api/charts/heatmap")
    theirs = (await other.key.get("/api/charts/heatmap", params={"user": "ext:a-7"})).json()
    assert [day["date"] for day in ours["data"] if day["value"]] == [
        (at - timedelta(days=1)).date().isoformat(),
        at.date().isoformat(),
    ]
    assert [day["date"] for day in theirs["data"] if day["value"]] == [(at - timedelta(days=1)).date().isoformat()]
    # What it does not see changes nothing for it, not even the tag.
    before = (await other.key.get("/api/charts/heatmap.svg", params={"user": "ext:a-7"})).headers["etag"]
    await learner.record(learner.event("session.activity", data, "s", at=at, origin=mine))
    assert (await other.key.get("/api/charts/heatmap.svg", params={"user": "ext:a-7"})).headers["etag"] == before


async def test_charts_are_for_those_whom_they_concern(learner: Class, door: Door) -> None:
    bob, _ = await door.learner("bob@example.org")
    poor = await door.platform("users:read")
    for path in (*PATHS, *(f"{path}.svg" for path in PATHS)):
        assert (await bob.get(path)).status_code == 200
        assert (await bob.get(path, params={"user": str(learner.ada)})).status_code == 404
        assert (await door.anyone.get(path)).status_code == 401
        assert (await poor.key.get(path)).status_code == 403


async def test_reading_somebodys_charts_is_noted(door: Door) -> None:
    admin = await door.admin()
    ada, ada_id = await door.learner()
    for path in (*PATHS, *(f"{path}.svg" for path in PATHS)):
        assert (await admin.get(path, params={"user": ada_id})).status_code == 200
    seen = (await ada.get("/api/auth/activity")).json()["items"]
    assert len([one for one in seen if one["act"] == "person.read"]) == len(PATHS) * 2


@pytest.mark.parametrize(
    ("path", "asked", "status"),
    [
        ("progress", {"formula": "mystery"}, 404),
        ("radar", {"formula": "mystery"}, 404),
        ("progress", {"skill": "juggling"}, 404),
        ("progress", {"skill": "loops", "subject": "x"}, 422),
        ("progress", {"since": "2026-03-02", "until": "2026-03-01"}, 422),
        ("radar", {"as_of": "1969-12-31"}, 422),
        ("weeks", {"measure": "pages"}, 400),
        ("weeks", {"weeks": "54"}, 400),
    ],
)
async def test_what_cannot_be_charted_is_refused(path: str, asked: dict[str, str], status: int, learner: Class) -> None:
    for kind in ("", ".svg"):
        answer = await learner.platform.key.get(f"/api/charts/{path}{kind}", params={"user": "ext:ada", **asked})
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_what_is_beyond_all_scales_is_said_to_be(learner: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learner.door.engine.plugins.formulas["level"], "normalisation", 1e-15)
    await learner.record(learner.work("a", 4.0, "loops"))
    for path in ("progress", "progress.svg", "radar", "radar.svg"):
        asked = {"user": "ext:ada", "formula": "level"}
        answer = await learner.platform.key.get(f"/api/charts/{path}", params=asked)
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:skillcore:problem:unprocessable")
        assert "10¹⁵" in answer.json()["detail"]
