"""Round numbers and dates on axes, and how both are written. Expected values are by hand."""

import datetime
import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillcore.charts.scales import brief, date_ticks, long_date, settle, shown, spread, ticks

NUMBERS = st.floats(-1e15, 1e15, allow_nan=False)
DATES = st.dates(datetime.date(2, 1, 1), datetime.date(9998, 12, 31))


@pytest.mark.parametrize(
    ("values", "bounds", "labels"),
    [
        ([0, 100], None, ["0", "20", "40", "60", "80", "100"]),
        ([12, 61], (0, 100), ["0", "20", "40", "60", "80", "100"]),
        ([], None, ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ([0], None, ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ([7], None, ["0", "2", "4", "6", "8"]),
        ([-7], None, ["-8", "-6", "-4", "-2", "0"]),
        ([-3, 21], None, ["-10", "0", "10", "20", "30"]),
        ([80, 91], None, ["80", "85", "90", "95"]),
        ([0, 0.03], None, ["0", "0.01", "0.02", "0.03"]),
        ([0, 45_000], None, ["0", "10k", "20k", "30k", "40k", "50k"]),
        ([0, 1_250_000], None, ["0", "0.25M", "0.50M", "0.75M", "1.00M", "1.25M"]),
        ([-1e15, 1e15], None, ["-1,000T", "-500T", "0", "500T", "1,000T"]),
        ([1e12, 1e12 + 1], None, ["0", "0.2T", "0.4T", "0.6T", "0.8T", "1.0T"]),
        ([0, 9000], None, ["0", "2k", "4k", "6k", "8k", "10k"]),
        ([5e-324], None, ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
    ],
)
def test_ticks_are_round(values, bounds, labels):
    scale = ticks(values, 0, 1, bounds=bounds)
    assert [name for _, name in scale.marks] == labels


@given(
    st.lists(NUMBERS, min_size=1, max_size=5), st.none() | st.tuples(NUMBERS, NUMBERS).filter(lambda ends: ends[0] < ends[1])
)
def test_ticks_hold_every_value_at_even_steps(values, bounds):
    scale = ticks(values, 200, 0, bounds=bounds)
    assert 2 <= len(scale.marks) <= 6
    steps = [value for value, _ in scale.marks]
    assert steps == sorted(set(steps))
    assert len({name for _, name in scale.marks}) == len(steps)
    slack = max(abs(scale.low), abs(scale.high), 1e-9) * 1e-9
    assert all(scale.low - slack <= value <= scale.high + slack for value in [*values, *(bounds or ())])
    widths = [other - one for one, other in pairwise(steps)]
    assert max(widths) - min(widths) <= max(widths) * 1e-6 + slack
    assert all(0 <= scale.at(value) <= 200 for value in values)
    assert scale.at(scale.low) == 200
    assert scale.at(scale.high) == 0


@pytest.mark.parametrize(
    ("value", "full", "short"),
    [
        (0.0, "0", "0"),
        (-0.0, "0", "0"),
        (-0.001, "-0.001", "-0.001"),
        (1.5, "1.5", "1.5"),
        (1 / 3, "0.33", "0.33"),
        (99_999.99, "99,999.99", "99,999.99"),
        (123_456.7, "123,456.7", "123.46k"),
        (-123_456_789.125, "-123,456,789.12", "-123.46M"),
        (1e15, "1,000,000,000,000,000", "1,000T"),
        (1.25e-7, "1.25e-7", "1.25e-7"),
        (3, "3", "3"),
    ],
)
def test_numbers_are_written_the_same_everywhere(value, full, short):
    assert shown(value) == full
    assert brief(value) == short


@given(NUMBERS)
def test_short_numbers_are_short(value):
    assert len(brief(value)) <= 10


D = datetime.date


@pytest.mark.parametrize(
    ("first", "last", "labels"),
    [
        (D(2026, 3, 4), D(2026, 3, 4), ["4 Mar"]),
        (D(2026, 12, 30), D(2027, 1, 2), ["30 Dec", "31 Dec", "1 Jan 2027", "2 Jan"]),
        (D(2026, 3, 1), D(2026, 3, 11), ["1 Mar", "3 Mar", "5 Mar", "7 Mar", "9 Mar", "11 Mar"]),
        (D(2026, 3, 2), D(2026, 5, 25), ["2 Mar", "16 Mar", "30 Mar", "13 Apr", "27 Apr", "11 May", "25 May"]),
        (D(2026, 3, 2), D(2026, 7, 6), ["Apr", "May", "Jun", "Jul"]),
        (D(2026, 6, 1), D(2027, 6, 1), ["Jul", "Sep", "Nov", "Jan 2027", "Mar", "May"]),
        (D(2020, 2, 1), D(2026, 2, 1), ["2021", "2022", "2023", "2024", "2025", "2026"]),
        (D(1990, 1, 1), D(2026, 1, 1), ["1990", "1995", "2000", "2005", "2010", "2015", "2020", "2025"]),
    ],
)
def test_dates_stand_at_even_distances(first, last, labels):
    assert [name for _, name in date_ticks(first, last, 8)] == labels


@given(DATES, DATES)
def test_dates_stay_between_their_ends(one, other):
    first, last = sorted((one, other))
    found = [day for day, _ in date_ticks(first, last, 8)]
    assert 1 <= len(found) <= 8
    assert found == sorted(set(found))
    assert first <= found[0] <= found[-1] <= last


def test_a_day_in_full_names_its_year():
    assert long_date(D(2026, 3, 4)) == "4 Mar 2026"


@pytest.mark.parametrize(
    ("places", "spread_out"),
    [
        ([], []),
        ([50], [50]),
        ([50, 50], [45, 55]),
        ([55, 50], [57.5, 47.5]),
        ([0, 0], [0, 10]),
        ([100, 99, 98], [100, 90, 80]),
        ([10, 50, 90], [10, 50, 90]),
    ],
)
def test_labels_move_apart_as_little_as_needed(places, spread_out):
    assert spread(places, 10, 0, 100) == pytest.approx(spread_out)


@given(st.lists(st.floats(0, 100), max_size=9))
def test_labels_never_touch_nor_leave(places):
    moved = sorted(spread(places, 10, 0, 100))
    assert all(-1e-6 <= place <= 100 + 1e-6 for place in moved)
    assert all(other - one >= 10 - 1e-6 for one, other in pairwise(moved))


@given(st.lists(st.tuples(st.floats(-100, 100), st.floats(0, 20)), min_size=1, max_size=8))
def test_settling_is_the_nearest_that_keeps_the_gaps(pairs):
    wanted, gaps = [place for place, _ in pairs], [gap for _, gap in pairs[1:]]
    settled = settle(wanted, gaps)
    assert all(other - one >= gap - 1e-6 for one, other, gap in zip(settled, settled[1:], gaps, strict=False))
    cost = math.fsum((one - other) ** 2 for one, other in zip(settled, wanted, strict=True))
    # Every arrangement on a line towards another allowed one costs as much or more: the problem is convex.
    start = max(wanted)
    other_way = [start + math.fsum(gaps[:index]) for index in range(len(wanted))]
    for part in (0.01, 0.1, 1.0):
        moved = [one + part * (two - one) for one, two in zip(settled, other_way, strict=True)]
        assert cost <= math.fsum((one - other) ** 2 for one, other in zip(moved, wanted, strict=True)) + 1e-6
