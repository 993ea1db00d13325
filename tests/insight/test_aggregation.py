"""Sums by day, week and month of small records; the expected ones are done by hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from skillcore.insight.aggregation import Aggregation, Measures, SkillCount, growth, pace
from skillcore.insight.calendars import Calendar
from skillcore.insight.doings import Doing, Session, merged, sessions, stretches

MAY = datetime(2026, 5, 4, 10, tzinfo=UTC)  # a Monday


def trained(minute: float, session: str = "s", **more: Any) -> Doing:
    return Doing(at=MAY + timedelta(minutes=minute), kind="session.activity", session=session, **more)


def spent(minute: float, minutes: float) -> Doing:
    return Doing(at=MAY + timedelta(minutes=minute), kind="progress.time", minutes=minutes)


def aggregated(
    doings: list[Doing], calendar: Calendar, groups: Sequence[Sequence[int]], today: int, cuts: Iterable[int] = ()
) -> tuple[list[Measures], Measures]:
    made, ordered = Aggregation(calendar, groups), sorted(doings, key=lambda doing: doing.at)
    for begin, end in pairwise([0, *sorted(cuts), len(ordered)]):
        made.add(ordered[begin:end])
    return made.measures(today)


def summed(doings: list[Doing], zone: str = "UTC", days: int = 7) -> tuple[list[Measures], Measures]:
    first = MAY.date()
    calendar = Calendar(ZoneInfo(zone), first, first + timedelta(days=days - 1))
    return aggregated(doings, calendar, [[place] for place in range(days)], days)


def test_a_session_left_for_more_than_two_hours_is_two() -> None:
    doings = [trained(minute) for minute in (0, 30, 150, 271)]
    assert [(found.begin - MAY, found.end - MAY) for found in sessions(doings)] == [
        (timedelta(0), timedelta(minutes=150)),
        (timedelta(minutes=271), timedelta(minutes=271)),
    ]


def test_an_end_begins_no_session() -> None:
    def ended(minute: float, session: str = "s") -> Doing:
        return Doing(at=MAY + timedelta(minutes=minute), kind="session.ended", session=session, done=False)

    doings = [trained(0), trained(10), ended(660), ended(0, "another"), trained(20, "another"), ended(140, "another")]
    assert [(found.begin - MAY, found.end - MAY) for found in sessions(doings)] == [
        (timedelta(0), timedelta(minutes=10)),
        (timedelta(minutes=20), timedelta(minutes=140)),
    ]


def test_sessions_of_other_names_do_not_mix() -> None:
    doings = [trained(0, "a"), trained(60, "b"), trained(100, "a")]
    assert [session.end - session.begin for session in sessions(doings)] == [timedelta(minutes=100), timedelta(0)]


def test_time_told_of_twice_counts_once() -> None:
    # sessions from 0 to 60 and from 30 to 90; twenty minutes stated at 100, of which ten lie in them; five apart at 200
    doings = [trained(0, "a"), trained(60, "a"), trained(30, "b"), trained(90, "b"), spent(100, 20), spent(200, 5)]
    assert sum(((end - begin) / timedelta(minutes=1) for begin, end in stretches(doings)), 0.0) == 105.0
    assert summed(doings)[1].minutes == 105.0


def test_a_day_told_of_at_its_end_holds_what_was_told_of_before() -> None:
    doings = [spent(60, 60), trained(300), trained(360), spent(1440, 1440)]
    calendar = Calendar(ZoneInfo("UTC"), MAY.date(), MAY.date() + timedelta(days=1))
    for cuts in ([], [1, 2, 3]):
        assert aggregated(doings, calendar, [range(2)], 2, cuts)[1].minutes == 1440.0


def test_stretches_within_a_gap_are_one() -> None:
    found = [(MAY + timedelta(minutes=a), MAY + timedelta(minutes=b)) for a, b in ((50, 60), (0, 10), (2, 3), (20, 20))]
    assert [((b - MAY).seconds // 60, (e - MAY).seconds // 60) for b, e in merged(found, timedelta(minutes=10))] == [
        (0, 20),
        (50, 60),
    ]


def test_a_day_is_summed_up() -> None:
    doings = [
        Doing(at=MAY, kind="session.started", session="s", module="loops"),
        trained(10, score=40.0, skills=("python", "sql")),
        trained(25, score=80.0, skills=("python",), module="loops"),
        trained(30, module="graphs"),
        Doing(at=MAY + timedelta(minutes=45), kind="session.ended", session="s", done=False),
        Doing(at=MAY + timedelta(hours=3), kind="evidence.accepted", skills=("rust", "python")),
        Doing(at=MAY + timedelta(hours=3), kind="task.completed", done=False),
        Doing(at=MAY + timedelta(days=2), kind="evidence.accepted", skills=("rust",)),
        Doing(at=MAY + timedelta(days=3), kind="task.completed", done=False),
    ]
    days, whole = summed(doings)
    assert days[0] == Measures(
        sessions=1,
        minutes=45.0,
        activities=5,
        works=1,
        tasks=1,
        scored=2,
        average_score=60.0,
        modules=2,
        top_skills=(SkillCount("python", 3), SkillCount("rust", 1), SkillCount("sql", 1)),
        active_days=1,
        days=1,
        consistency=1.0,
    )
    assert (days[1].activities, days[1].average_score, days[1].consistency) == (0, None, 0.0)
    assert (days[3].active_days, days[3].tasks) == (0, 1)  # being told that a task is done is nothing done
    assert (whole.activities, whole.works, whole.tasks, whole.active_days, whole.days) == (6, 2, 2, 2, 7)
    assert whole.consistency == pytest.approx(2 / 7, abs=1e-6)


def test_a_score_of_nothing_is_a_score() -> None:
    whole = summed([trained(0, score=0.0), trained(10, score=80.0), trained(20)])[1]
    assert (whole.scored, whole.average_score) == (2, 40.0)


def test_five_skills_are_named_of_what_was_done() -> None:
    ended = Doing(at=MAY + timedelta(minutes=50), kind="session.ended", session="s", skills=("apl",), done=False)
    times = {"ada": 2, "basic": 1, "c": 3, "d": 1, "elm": 2, "f": 1}
    done = [trained(minute, skills=(skill,)) for skill, number in times.items() for minute in range(number)]
    assert [(one.skill, one.activities) for one in summed([*done, ended])[1].top_skills] == [
        ("c", 3),
        ("ada", 2),
        ("elm", 2),
        ("basic", 1),
        ("d", 1),
    ]


def test_a_session_across_midnight_is_on_both_days_and_began_on_the_first() -> None:
    doings = [trained(14 * 60 - 20), trained(14 * 60 + 40)]  # 23:40 to 00:40
    days, whole = summed(doings)
    assert [(day.sessions, day.minutes, day.activities) for day in days[:3]] == [(1, 20.0, 1), (0, 40.0, 1), (0, 0.0, 0)]
    assert (whole.sessions, whole.minutes) == (1, 60.0)
    kathmandu, _ = summed([trained(14 * 60 + 15 - 20), trained(14 * 60 + 15 + 40)], "Asia/Kathmandu")
    assert [day.minutes for day in kathmandu[:2]] == [0.0, 60.0]  # there midnight was at 18:15 UTC


def test_the_zone_asked_for_decides_for_who_travels() -> None:
    at_home = Doing(at=datetime(2026, 5, 4, 21, 30, tzinfo=UTC), kind="evidence.accepted")  # 23:30 in Berlin
    abroad = Doing(at=datetime(2026, 5, 5, 3, 30, tzinfo=UTC), kind="evidence.accepted")  # 23:30 on the 4th in New York
    assert [day.activities for day in summed([at_home, abroad], "Europe/Berlin", 2)[0]] == [1, 1]
    assert [day.activities for day in summed([at_home, abroad], "America/New_York", 2)[0]] == [2, 0]


def test_days_to_come_do_not_count() -> None:
    calendar = Calendar(ZoneInfo("UTC"), MAY.date(), MAY.date() + timedelta(days=6))
    (week,), _ = aggregated([trained(0)], calendar, [range(7)], 4)
    assert (week.days, week.consistency) == (4, 0.25)
    assert aggregated([], calendar, [range(7)], 0)[1].consistency is None


def test_growth_is_by_share() -> None:
    nothing = summed([])[1]
    four, six = (replace(nothing, activities=count) for count in (4, 6))
    assert growth(six, four) == 0.5
    assert growth(nothing, four) == -1.0
    assert growth(four, nothing) is None
    assert growth(four, None) is None


def test_the_pace_is_the_median_slope_over_the_mean() -> None:
    nothing = summed([])[1]
    # slopes 2, 2, 2 of 2, 4, 6 over their mean 4; of 1, 1, 7: 0, 3 and 6, so 3 over 3
    assert pace(replace(nothing, activities=count) for count in (2, 4, 6)) == 0.5
    assert pace(replace(nothing, activities=count) for count in (1, 1, 7)) == 1.0
    assert pace(replace(nothing, activities=count) for count in (1, 2)) is None
    assert pace([nothing] * 5) is None


DOINGS = st.lists(
    st.builds(
        Doing,
        at=st.floats(0, 61).map(lambda days: datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=days)),
        kind=st.sampled_from(["session.activity", "session.ended", "evidence.accepted", "progress.time", "task.completed"]),
        session=st.sampled_from(["", "a", "b"]),
        minutes=st.floats(0, 1440),
        done=st.booleans(),
    ),
    max_size=40,
)


@given(doings=DOINGS, zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]))
def test_days_weeks_and_the_whole_have_the_same_sums(doings: list[Doing], zone: str) -> None:
    first = date(2026, 2, 23)  # a Monday, as is the day after the last
    calendar = Calendar(ZoneInfo(zone), first, first + timedelta(days=69))
    by_week = [list(places) for _, places in groupby(range(70), key=lambda place: place // 7)]
    days, whole = aggregated(doings, calendar, [[place] for place in range(70)], 70)
    weeks, again = aggregated(doings, calendar, by_week, 70)
    assert again == whole
    for name in ("sessions", "activities", "works", "tasks", "active_days", "days"):
        assert sum(getattr(day, name) for day in days) == sum(getattr(week, name) for week in weeks) == getattr(whole, name)
    assert sum(day.minutes for day in days) == pytest.approx(whole.minutes, abs=1e-3)
    assert sum(week.minutes for week in weeks) == pytest.approx(whole.minutes, abs=1e-3)
    assert whole.sessions == len(sessions(doings))


@given(doings=DOINGS, cuts=st.lists(st.integers(0, 40)))
def test_piece_by_piece_is_what_all_at_once_is(doings: list[Doing], cuts: list[int]) -> None:
    calendar = Calendar(ZoneInfo("Europe/Berlin"), date(2026, 3, 25), date(2026, 4, 2))
    groups = [range(4), range(4, 9)]
    found = aggregated(doings, calendar, groups, 9)
    assert aggregated(doings, calendar, groups, 9, [cut for cut in cuts if cut <= len(doings)]) == found
    begun = [calendar.place(session.begin) for session in sessions(doings)]
    assert found[1].sessions == len(begun) - begun.count(None)
    assert found[1].minutes == pytest.approx(sum(calendar.minutes(stretches(doings))), abs=1e-5)


@given(doings=DOINGS)
def test_no_day_has_more_minutes_than_it_has(doings: list[Doing]) -> None:
    calendar = Calendar(ZoneInfo("Europe/Berlin"), date(2026, 3, 25), date(2026, 4, 2))
    days, _ = aggregated(doings, calendar, [[place] for place in range(9)], 9)
    assert all(day.minutes <= calendar.hours(place) * 60 + 1e-6 for place, day in enumerate(days))


def test_one_record_is_a_session_of_no_time() -> None:
    assert sessions([trained(0)]) == [Session(MAY, MAY)]
    assert summed([trained(0)])[1].minutes == 0.0
