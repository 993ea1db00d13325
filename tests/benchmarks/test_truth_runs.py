"""The checks of intervals, replay and growth run at sizes at which their figures mean nothing. No time is asserted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np
import pytest

from benchmarks.ground import Ground, ground
from benchmarks.truth import growth, intervals, learners, replay
from benchmarks.truth.__main__ import CHECKS
from benchmarks.truth.intervals import NEVER, Interval
from benchmarks.truth.reports import table
from tests.conftest import FAST


@pytest.fixture(scope="module")
def place() -> Iterator[Ground]:
    with ground(FAST) as found:
        yield found


def test_a_few_intervals_are_judged() -> None:
    report = intervals.run(3, count=12)
    (answered,) = [check for check in report.checks if check.name == "answered"]
    assert answered.of == 12
    for groups in (learners.PHASES, intervals.LENGTHS):
        held = [check for check in report.checks if check.name in {f"held, {group}" for group in groups}]
        assert sum(check.of for check in held) == round(answered.share * 12)
    assert [check.bar for check in report.checks if check.bar is not None] == [0.75, 0.85, *[1.0] * 6]
    assert report.met == all(check.met for check in report.checks)
    assert report == intervals.run(3, count=12)
    assert table(report).startswith("intervals, seed 3\n")
    assert CHECKS["intervals"] is intervals.run


def test_a_seed_draws_the_same_learners() -> None:
    assert learners.cases(5, 6) == learners.cases(5, 6) != learners.cases(6, 6)
    assert [case.phase for case in learners.cases(5, 4)] == ["early", "middle", "late", "early"]


def test_the_naive_interval_goes_on_with_the_days_so_far() -> None:
    every = learners.Case(phase="early", today=date(2026, 3, 2), history=(2,) * 14, remaining=20, days=10)
    # 20 at 2 a day are ten days, whichever days are drawn
    assert intervals.naive(every, np.random.default_rng(1)) == Interval(10, 10, 10)
    # Done on every other day: the fifth active day is the tenth in the middle, and the fifth at the earliest
    half = learners.Case(phase="early", today=date(2026, 3, 2), history=(0, 4) * 7, remaining=20, days=10)
    found = intervals.naive(half, np.random.default_rng(1))
    # Five active days among fair coins: quantiles .1, .5 and .9 of a negative binomial are 6, 9 or 10, and 14
    assert abs(found.low - 6) <= 1
    assert found.middle in {9, 10}
    assert abs(found.high - 14) <= 1


def test_naive_weeks_redraw_the_pace_and_keep_neighbours_together() -> None:
    every = learners.Case(phase="early", today=date(2026, 3, 2), history=(2,) * 14, remaining=20, days=10)
    assert intervals.weekly(every, np.random.default_rng(1)) == Interval(10, 10, 10)
    # Any seven days in a row hold one active one: with 4 done in each week, 8 are done on the 8th to the 14th day
    weeks = learners.Case(phase="early", today=date(2026, 3, 2), history=(0, 0, 4, 0, 0, 0, 0) * 8, remaining=8, days=10)
    found = intervals.weekly(weeks, np.random.default_rng(1))
    assert 8 <= found.low < found.middle < found.high <= 14
    # One week of two was idle: weeks drawn of it may have been nearly all busy or nearly all idle, and the pace is uncertain
    halves = learners.Case(phase="early", today=date(2026, 3, 2), history=(0,) * 7 + (4,) * 7, remaining=40, days=10)
    drawn = intervals.naive(halves, np.random.default_rng(1))
    redrawn = intervals.weekly(halves, np.random.default_rng(1))
    assert redrawn.low < drawn.low < drawn.high < redrawn.high


def test_the_length_is_what_remains_at_the_mean_pace() -> None:
    def found(remaining: int) -> str:
        # One a day on average: 14 and 60 days are where lengths begin
        return intervals.length(
            learners.Case(phase="early", today=date(2026, 3, 2), history=(2, 0) * 7, remaining=remaining, days=1)
        )

    assert [found(days) for days in (1, 13, 14, 59, 60, 900)] == ["short", "short", "medium", "medium", "long", "long"]


def test_naive_intervals_are_stretched_until_they_hold_as_many() -> None:
    given = [Interval(8, 10, 12)] * 4
    came = [10, 13, 16, 40]
    for covered in (0.25, 0.5, 0.75, 1.0):
        found = intervals.stretched(given, came, covered)
        assert sum(one.holds(day) for one, day in zip(found, came, strict=True)) == 4 * covered
        assert all(one.middle == 10 for one in found)


def test_an_interval_is_fined_for_each_day_it_misses_by() -> None:
    # 80%: ten days a day
    scores = [intervals.score(Interval(3, 5, 9), day) for day in (3, 9, 2, 11, NEVER)]
    assert scores == pytest.approx([6, 6, 16, 26, 6 + 10 * (NEVER - 9)])


@pytest.mark.timeout(300)
async def test_few_numbers_are_the_same_after_a_replay(place: Ground) -> None:
    report = await replay.compared(4, place.place("straight"), place.place("shuffled"), 1, 6)
    assert [check.share for check in report.checks] == [1.0, 1.0, 1.0]
    assert all(check.of > 20 for check in report.checks)
    assert report.met
    assert CHECKS["replay"] is replay.run


@pytest.mark.timeout(300)
async def test_short_histories_are_read(place: Ground) -> None:
    report = await growth.measured(place, 4, 10, 20, 1)
    assert len(report.checks) == len(growth.READS)
    assert all(check.share > 0 and check.of == 1 for check in report.checks)
    assert [check.bar for check in report.checks] == [growth.MOST, *[None] * (len(growth.READS) - 1)]
    assert CHECKS["growth"] is growth.run
