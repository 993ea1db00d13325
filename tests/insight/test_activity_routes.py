"""Aggregates and streaks over HTTP, of what was put into the ledger; the sums are done by hand. Ada lives in Berlin."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from threading import get_ident
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from skillcore.accounts.access import Actor
from skillcore.defaults.kinds import AccountLinked, EvidenceWithdrawn, TaskCompleted, WorkDone
from skillcore.insight import records
from skillcore.insight.aggregation import Aggregation
from skillcore.insight.doings import Doing
from skillcore.ledger.skills import NewSkill, create
from skillcore.runtime.events import of_platform
from tests.insight.classes import Learner, enrolled
from tests.visitors import Door
from tests.world import World

BERLIN = ZoneInfo("Europe/Berlin")
PATHS = ("/api/analytics/aggregates", "/api/analytics/streaks")
LINKED = AccountLinked(account="gym:ada", handle="ada", method="challenge")
GONE = EvidenceWithdrawn(account="gym:ada", reason="wrong")


@pytest.fixture
async def ada(door: Door) -> Learner:
    async with door.engine.transaction() as tx:
        for name in ("Loops", "Graphs"):
            await create(tx, NewSkill(name=name))
    return await enrolled(door)


def at(day: int, hour: int = 12, minute: int = 0, month: int = 3) -> datetime:
    """Return a moment of 2026 by Berlin's clocks."""
    return datetime(2026, month, day, hour, minute, tzinfo=BERLIN).astimezone(UTC)


async def test_nothing_done_is_nothing(ada: Learner) -> None:
    found = await ada.get("/api/analytics/aggregates")
    assert (len(found["periods"]), found["every"], found["time_zone"], found["week_starts"]) == (
        30,
        "day",
        "Europe/Berlin",
        "monday",
    )
    assert (found["pace"], found["whole"]["activities"], found["whole"]["average_score"]) == (None, 0, None)
    assert (found["whole"]["days"], found["whole"]["consistency"]) == (30, 0.0)
    assert [len((await ada.get("/api/analytics/aggregates", every=every))["periods"]) for every in ("week", "month")] == [
        12,
        12,
    ]
    streaks = await ada.get("/api/analytics/streaks")
    assert (streaks["current"], streaks["longest"], streaks["active_days"], streaks["rest"]) == (None, None, 0, 0)


async def test_a_week_is_summed_up(ada: Learner) -> None:
    await ada.record(
        [
            ada.trained("s", at(2, 23, 40), "loops", score=40.0, module="first"),
            ada.trained("s", at(3, 0, 10), "loops", "graphs", score=80.0),
            ada.trained("s", at(3, 0, 20), score=100.0, via="page"),  # which nobody vouches for
            ada.ended("s", at(3, 0, 30)),
            ada.spent(45, at(4, 10)),
            ada.work("a", at(4, 11), "loops"),
            ada.event("task.completed", TaskCompleted(works=(WorkDone(subject="gym:ada:a"),)), "t", at(4, 11)),
            ada.work("b", at(9), "graphs"),
        ]
    )
    asked = {"since": "2026-03-02", "until": "2026-03-09"}
    days = (await ada.get("/api/analytics/aggregates", **asked))["periods"]
    assert [day["start"] for day in days] == [f"2026-03-0{number}" for number in range(2, 10)]
    assert [(day["measures"]["activities"], day["measures"]["minutes"], day["growth"]) for day in days[:4]] == [
        (1, 20.0, None),
        (2, 30.0, 1.0),
        (2, 45.0, 0.0),
        (0, 0.0, -1.0),
    ]
    weeks = await ada.get("/api/analytics/aggregates", every="week", **asked)
    first, second = (period["measures"] for period in weeks["periods"])
    assert first == {
        "sessions": 1,
        "minutes": 95.0,
        "activities": 5,
        "works": 1,
        "tasks": 1,
        "scored": 2,
        "average_score": 60.0,
        "modules": 1,
        "top_skills": [{"skill": "loops", "activities": 3}, {"skill": "graphs", "activities": 1}],
        "active_days": 3,
        "days": 7,
        "consistency": 0.428571,
    }
    assert (second["activities"], second["works"]) == (1, 1)
    assert [period["growth"] for period in weeks["periods"]] == [None, -0.8]
    assert (weeks["whole"]["activities"], weeks["whole"]["active_days"], weeks["pace"]) == (6, 4, None)


async def test_much_is_read_some_at_a_time_and_summed_up_beside_the_loop(ada: Learner, monkeypatch: pytest.MonkeyPatch) -> None:
    await ada.record(
        [
            ada.trained("s", at(2, 22, 10), "loops", score=40.0, module="first"),
            ada.trained("s", at(2, 23, 40), "loops", score=70.0, module="first"),
            ada.spent(90, at(3, 0, 20)),
            ada.trained("s", at(3, 1, 0), "graphs", score=80.0, module="second"),
            ada.trained("s", at(3, 1, 0), score=90.0),
            ada.trained("s", at(3, 4, 0), "loops"),  # which is another session
            ada.work("a", at(4, 11), "loops"),
            ada.spent(24 * 60, at(7, 12)),
        ]
    )
    sizes: list[int] = []
    threads = set()
    add = Aggregation.add

    def noted(self: Aggregation, doings: Sequence[Doing]) -> None:
        sizes.append(len(doings))
        threads.add(get_ident())
        add(self, doings)

    monkeypatch.setattr(Aggregation, "add", noted)
    asked = {"since": "2026-03-02", "until": "2026-03-09"}
    found = await ada.get("/api/analytics/aggregates", **asked)
    # from 22:10 to 1:00, of which the ninety minutes are a part
    assert [day["measures"]["minutes"] for day in found["periods"]] == [110.0, 60.0, 0.0, 0.0, 720.0, 720.0, 0.0, 0.0]
    assert (found["whole"]["sessions"], found["whole"]["average_score"], found["whole"]["modules"]) == (2, 70.0, 2)
    for piece in (1, 2, 3):
        sizes.clear()
        monkeypatch.setattr(records, "PIECE", piece)
        assert await ada.get("/api/analytics/aggregates", **asked) == found
        assert (max(sizes), sum(sizes)) == (piece, 8)
    assert get_ident() not in threads


async def test_the_zone_and_the_weekday_asked_for_decide(ada: Learner) -> None:
    await ada.record([ada.work("a", at(1, 0, 30)), ada.work("b", at(1, 12))])  # a Sunday
    asked = {"every": "week", "since": "2026-03-01", "until": "2026-03-01"}

    async def held(**more: str) -> list[tuple[str, int]]:
        found = await ada.get("/api/analytics/aggregates", **(asked | more))
        return [(period["start"], period["measures"]["activities"]) for period in found["periods"]]

    assert await held() == [("2026-02-23", 2)]
    assert await held(week_starts="sunday") == [("2026-03-01", 2)]
    assert await held(week_starts="sunday", zone="America/New_York") == [("2026-03-01", 1)]  # there one was on Saturday
    assert await held(every="month", zone="America/New_York", since="2026-02-28") == [("2026-02-01", 1), ("2026-03-01", 1)]


async def test_periods_to_come_are_told_apart(ada: Learner) -> None:
    today = datetime.now(BERLIN).date()
    await ada.record([ada.work("a", datetime.now(UTC) - timedelta(days=40)), ada.work("b", datetime.now(UTC))])
    asked = {"since": (today - timedelta(days=1)).isoformat(), "until": (today + timedelta(days=1)).isoformat()}
    found = await ada.get("/api/analytics/aggregates", **asked)
    assert [period["complete"] for period in found["periods"]] == [True, False, False]
    assert [period["measures"]["days"] for period in found["periods"]] == [1, 1, 0]
    assert [period["growth"] for period in found["periods"]] == [None, None, None]
    assert found["whole"]["days"] == 2


async def test_streaks_are_of_the_persons_days(ada: Learner) -> None:
    # Half past midnight by Berlin's clocks on the 28th, 29th, 30th and 31st, around the night in which clocks changed.
    await ada.record([*(ada.work(f"w{day}", at(day, 0, 30)) for day in range(28, 32)), ada.work("x", at(3, 12, month=4))])
    asked = {"as_of": "2026-03-31"}
    four = {"days": 4, "first": "2026-03-28", "last": "2026-03-31"}
    found = await ada.get("/api/analytics/streaks", **asked)
    assert (found["current"], found["longest"], found["active_days"], found["as_of"]) == (four, four, 4, "2026-03-31")
    later = await ada.get("/api/analytics/streaks", as_of="2026-04-03")
    assert (later["current"], later["longest"]) == ({"days": 1, "first": "2026-04-03", "last": "2026-04-03"}, four)
    rested = await ada.get("/api/analytics/streaks", as_of="2026-04-04", rest=3)
    assert rested["current"] == {"days": 5, "first": "2026-03-28", "last": "2026-04-03"}
    assert (await ada.get("/api/analytics/streaks"))["current"] is None
    utc = await ada.get("/api/analytics/streaks", as_of="2026-03-31", zone="UTC")
    assert utc["longest"] == {"days": 4, "first": "2026-03-27", "last": "2026-03-30"}


async def test_a_streak_waits_for_today(ada: Learner) -> None:
    today = datetime.now(BERLIN).date()
    noons = [datetime(day.year, day.month, day.day, 12, tzinfo=BERLIN) for day in (today - timedelta(days=n) for n in (1, 2))]
    await ada.record([ada.work(f"w{n}", noon.astimezone(UTC)) for n, noon in enumerate(noons)])
    found = await ada.get("/api/analytics/streaks")
    assert found["current"]["days"] == 2
    assert found["current"]["last"] == (today - timedelta(days=1)).isoformat()


async def test_a_day_of_a_streak_goes_from_midnight_to_midnight(ada: Learner) -> None:
    await ada.record([ada.work("a", at(5, 0, 0)), ada.work("b", at(8, 0, 0) - timedelta(microseconds=1))])
    found = await ada.get("/api/analytics/streaks", as_of="2026-03-20")
    assert (found["longest"], found["active_days"]) == ({"days": 1, "first": "2026-03-05", "last": "2026-03-05"}, 2)
    rested = await ada.get("/api/analytics/streaks", as_of="2026-03-20", rest=1)
    assert rested["longest"] == {"days": 2, "first": "2026-03-05", "last": "2026-03-07"}


async def test_a_day_that_is_over_ends_a_streak_and_one_to_come_is_not_asked_for(ada: Learner) -> None:
    await ada.record([ada.work(f"w{day}", at(day)) for day in (28, 29, 30, 31)])
    assert (await ada.get("/api/analytics/streaks", as_of="2026-04-01"))["current"] is None
    assert (await ada.get("/api/analytics/streaks", as_of="2026-03-31"))["current"]["days"] == 4
    assert (await ada.get("/api/analytics/streaks", as_of="1970-01-01"))["longest"] is None
    today = datetime.now(BERLIN).date()
    yesterday = datetime(today.year, today.month, today.day, tzinfo=BERLIN) - timedelta(hours=12)
    await ada.record([ada.work("y", yesterday.astimezone(UTC))])
    found = await ada.get("/api/analytics/streaks", as_of=(today + timedelta(days=3)).isoformat())
    assert (found["as_of"], found["current"]["days"]) == (today.isoformat(), 1)


async def test_what_is_not_over_has_no_growth_and_no_part_in_the_pace(ada: Learner) -> None:
    today = datetime.now(BERLIN).date()
    midnight = datetime(today.year, today.month, today.day, tzinfo=BERLIN)
    for ago, number in ((3, 2), (2, 4), (1, 6), (0, 9)):
        moment = (midnight - timedelta(days=ago)).astimezone(UTC)
        await ada.record([ada.work(f"{ago}-{n}", moment) for n in range(number)])
    found = await ada.get("/api/analytics/aggregates", since=(today - timedelta(days=3)).isoformat())
    assert [period["measures"]["activities"] for period in found["periods"]] == [2, 4, 6, 9]
    assert [period["growth"] for period in found["periods"]] == [None, 1.0, 0.5, None]
    assert found["pace"] == 0.5  # of 2, 4 and 6: two a day, of four


async def test_several_weeks_begin_on_the_weekday_asked_for(ada: Learner) -> None:
    asked = {"every": "week", "week_starts": "thursday"}
    found = await ada.get("/api/analytics/aggregates", **asked, since="2026-03-01", until="2026-03-12")
    assert [period["start"] for period in found["periods"]] == ["2026-02-26", "2026-03-05", "2026-03-12"]
    latest = [period["start"] for period in (await ada.get("/api/analytics/aggregates", **asked))["periods"]]
    assert len(latest) == 12
    assert {datetime.fromisoformat(start).weekday() for start in latest} == {3}


async def test_withdrawn_evidence_counts_nowhere(ada: Learner) -> None:
    task = TaskCompleted(works=(WorkDone(subject="gym:ada:a"),))
    both = TaskCompleted(works=(WorkDone(subject="gym:ada:a"), WorkDone(subject="gym:adah:b")))
    await ada.record(
        [
            ada.event("account.linked", LINKED, "gym:ada", at(1)),
            ada.work("a", at(2)),
            ada.work("b", at(3), account="gym:adah"),
            ada.event("task.completed", task, "t", at(2)),
            ada.event("task.completed", both, "u", at(3)),
        ]
    )
    asked = {"since": "2026-03-01", "until": "2026-03-03"}

    async def held() -> tuple[int, int, int]:
        whole = (await ada.get("/api/analytics/aggregates", **asked))["whole"]
        return whole["works"], whole["tasks"], (await ada.get("/api/analytics/streaks"))["active_days"]

    assert await held() == (2, 2, 2)
    await ada.record([ada.event("evidence.withdrawn", GONE, "gym:ada", at(4))])
    assert await held() == (1, 1, 1)


async def test_a_platform_learns_nothing_of_another(ada: Learner, door: Door) -> None:
    other = await door.platform("scores:read")
    await World(door.engine).join(Actor(kind="key", platform_id=UUID(other.id)), Actor(kind="user", user_id=ada.id), "a-7")
    mine = of_platform(UUID(ada.platform.id))
    await ada.record([ada.trained("s", at(2), score=50.0, origin=mine), ada.work("a", at(3))])
    asked = {"user": "ext:a-7", "since": "2026-03-01", "until": "2026-03-03"}
    theirs = (await other.key.get("/api/analytics/aggregates", params=asked)).json()["whole"]
    ours = (await ada.get("/api/analytics/aggregates", since="2026-03-01", until="2026-03-03"))["whole"]
    assert [(whole["sessions"], whole["scored"], whole["activities"]) for whole in (ours, theirs)] == [(1, 1, 2), (0, 0, 1)]
    assert (await other.key.get("/api/analytics/streaks", params={"user": "ext:a-7"})).json()["active_days"] == 1
    assert (await ada.get("/api/analytics/streaks"))["active_days"] == 2


async def test_one_session_name_of_two_platforms_is_two_sessions(ada: Learner) -> None:
    origins = (of_platform(UUID(ada.platform.id)), None)
    await ada.record([ada.trained("s", at(2, 12, 30 * number), origin=origin) for number, origin in enumerate(origins)])
    whole = (await ada.get("/api/analytics/aggregates", since="2026-03-02", until="2026-03-02"))["whole"]
    assert (whole["sessions"], whole["minutes"]) == (2, 0.0)


async def test_they_are_for_those_whom_they_concern(ada: Learner, door: Door) -> None:
    bob, _ = await door.learner("bob@example.org")
    poor = await door.platform("users:read")
    for path in PATHS:
        assert (await bob.get(path)).status_code == 200
        assert (await bob.get(path, params={"user": str(ada.id)})).status_code == 404
        assert (await door.anyone.get(path)).status_code == 401
        assert (await poor.key.get(path)).status_code == 403


@pytest.mark.parametrize(
    ("path", "asked", "field"),
    [
        ("aggregates", {"zone": "Europe/Nowhere"}, "zone"),
        ("streaks", {"zone": "../etc/passwd"}, "zone"),
        ("aggregates", {"since": "2026-03-02", "until": "2026-03-01"}, "since"),
        ("aggregates", {"since": "2020-01-01", "until": "2026-03-01"}, "since"),
        ("streaks", {"as_of": "1969-12-31"}, "as_of"),
    ],
)
async def test_what_cannot_be_asked_is_refused(path: str, asked: dict[str, str], field: str, ada: Learner) -> None:
    answer = await ada.answer(f"/api/analytics/{path}", **asked)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


@pytest.mark.parametrize(("path", "asked"), [("aggregates", {"every": "year"}), ("streaks", {"rest": 7})])
async def test_what_is_no_choice_is_refused(path: str, asked: dict[str, str], ada: Learner) -> None:
    assert (await ada.answer(f"/api/analytics/{path}", **asked)).status_code == 400


async def test_kinds_of_plugins_may_hold_anything(ada: Learner) -> None:
    """What other kinds call their score or minutes is not looked at."""
    await ada.record([ada.event("x.note", {"score": "high", "minutes": []}, "n", at(2)), ada.work("a", at(2))])
    assert (await ada.get("/api/analytics/aggregates", since="2026-03-02", until="2026-03-02"))["whole"]["activities"] == 1
