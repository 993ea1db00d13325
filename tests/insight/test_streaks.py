"""Streaks over rows of days, counted by hand: `#` is a day with something done, `.` one without."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillcore.insight.streaks import Run, current, longest


def days(row: str) -> list[bool]:
    return [day == "#" for day in row]


@pytest.mark.parametrize(
    ("row", "rest", "run"),
    [
        ("", 0, None),
        ("....", 3, None),
        ("#", 0, Run(0, 0, 1)),
        ("##.###.", 0, Run(3, 5, 3)),
        ("##.##", 0, Run(0, 1, 2)),  # the first of equals
        ("##.##", 1, Run(0, 4, 4)),
        ("##..##", 1, Run(0, 1, 2)),
        ("#####..#####..#", 2, Run(0, 14, 11)),  # weekends off
        ("#####..#####..#", 1, Run(0, 4, 5)),
        ("#.####.#", 1, Run(0, 5, 5)),  # the seven days from the second on hold two days off
        ("#.#####.#", 1, Run(0, 6, 6)),
        ("#.######.#", 1, Run(0, 9, 8)),  # eight days apart: no seven days hold both days off
        ("#......#", 6, Run(0, 7, 2)),
        ("#.......#", 6, Run(0, 0, 1)),  # seven days without anything end every streak
    ],
)
def test_the_longest(row: str, rest: int, run: Run | None) -> None:
    assert longest(days(row), rest) == run


@pytest.mark.parametrize(
    ("row", "rest", "over", "run"),
    [
        ("", 0, False, None),
        (".", 0, False, None),
        ("##", 0, True, Run(0, 1, 2)),
        ("##.", 0, False, Run(0, 1, 2)),  # today may still be
        ("##.", 0, True, None),
        ("##..", 0, False, None),
        ("##..", 1, False, Run(0, 1, 2)),
        ("##..", 1, True, None),
        ("#.###.", 1, True, Run(2, 4, 3)),  # of the first day off not enough is left: it goes on without that
        ("#.####.", 1, False, Run(0, 5, 5)),
        ("##.##.#", 1, True, Run(3, 6, 3)),
        ("##.#####.", 1, True, Run(3, 7, 5)),  # the last seven days hold two days off, the last six hold one
        ("##.######.", 1, True, Run(0, 8, 8)),
    ],
)
def test_the_present_one(row: str, rest: int, over: bool, run: Run | None) -> None:
    assert current(days(row), rest, over=over) == run


def allowed(active: list[bool], rest: int) -> bool:
    """Say by the definition whether a row of days is one streak, by looking at all its windows."""
    windows = [active[begin : begin + 7] for begin in range(max(len(active) - 6, 1))]
    return active[0] and active[-1] and all(window.count(False) <= rest for window in windows)


@given(active=st.lists(st.booleans(), max_size=40), rest=st.integers(0, 6))
def test_the_longest_is_that_of_all_rows(active: list[bool], rest: int) -> None:
    rows = [active[i : j + 1] for i in range(len(active)) for j in range(i, len(active))]
    best = max((sum(row) for row in rows if allowed(row, rest)), default=0)
    run = longest(active, rest)
    assert (run.active if run else 0) == best
    if run:
        assert run.active == sum(active[run.first : run.last + 1])
        assert allowed(active[run.first : run.last + 1], rest)


@given(active=st.lists(st.booleans(), max_size=40), rest=st.integers(0, 5), over=st.booleans())
def test_the_present_one_is_within_the_longest(active: list[bool], rest: int, over: bool) -> None:
    run, most = current(active, rest, over=over), longest(active, rest)
    assert (run.active if run else 0) <= (most.active if most else 0) <= sum(active)
    more = current(active, rest + 1, over=over)
    assert (run.active if run else 0) <= (more.active if more else 0)
    if active and active[-1]:
        assert run is not None
        assert run.last == len(active) - 1
