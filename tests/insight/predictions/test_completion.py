"""When work will be done: of regular people the day is known beforehand; of anybody the answer keeps its promises."""

from __future__ import annotations

import math
from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skillcore.insight.predictions.completion import HORIZON, Correction, Forecast, completion, distribution, shares
from skillcore.insight.predictions.factors import Factor

MONDAY = date(2026, 3, 2)
AMOUNTS = st.lists(st.one_of(st.just(0.0), st.integers(0, 9).map(float), st.floats(0, 500)), max_size=60)
ANYTHING = st.lists(st.floats(), max_size=40)
REMAINING = st.floats(0, 1e6)


def test_a_regular_person_is_done_when_the_sum_says() -> None:
    found = completion([2.0] * 120, 20.0, MONDAY)
    # 20 at 2 a day are ten days, today being the first
    assert found.status == "dated"
    assert found.day is not None
    assert abs((found.day - (MONDAY + timedelta(days=9))).days) <= 2
    assert found.earliest is not None
    assert found.latest is not None
    assert MONDAY + timedelta(days=5) <= found.earliest <= found.day <= found.latest <= MONDAY + timedelta(days=30)


def test_minutes_are_forecast_as_works_are() -> None:
    works = [3.0, 0.0, 2.0, 4.0, 0.0, 0.0, 5.0] * 8
    minutes = [one * 45.5 for one in works]
    assert completion(minutes, 45.5 * 60.25, MONDAY).day == completion(works, 60.25, MONDAY).day


def test_who_works_on_saturdays_is_done_on_a_saturday() -> None:
    saturdays = ([0.0] * 5 + [6.0, 0.0]) * 20
    found = completion(saturdays, 6.0, MONDAY)
    assert found.day is not None
    assert found.day.weekday() == 5
    assert [factor.words for factor in found.factors if factor.name == "weekdays"]
    assert "Saturdays" in next(factor.words for factor in found.factors if factor.name == "weekdays")


def test_a_pause_that_is_on_puts_the_day_off() -> None:
    busy = [2.0, 0.0, 3.0, 1.0, 2.0, 0.0, 0.0] * 8
    away = [*busy, *[0.0] * 14]
    on = completion(busy, 10.0, MONDAY)
    off = completion(away, 10.0, MONDAY)
    assert on.day is not None
    assert off.day is not None
    assert off.day > on.day
    # The week before ended with two idle days
    (pauses,) = [factor for factor in off.factors if factor.name == "pauses"]
    assert pauses.words.startswith("16 of the last 70 days")
    assert pauses.words.endswith("one seems to be on")


def factor(found: Forecast, name: str) -> Factor:
    (one,) = [one for one in found.factors if one.name == name]
    return one


def test_pauses_take_the_part_of_the_days_to_come_that_they_had_before() -> None:
    # A week of work and two of none, six times: two days of three
    found = completion(([30.0] * 7 + [0.0] * 14) * 6, 600.0, MONDAY)
    assert found.day is not None
    ahead = (found.day - MONDAY).days + 1
    assert factor(found, "pauses").days == pytest.approx(ahead * 2 / 3, abs=0.051)


def test_nothing_puts_a_day_off_by_more_than_the_days_before_it() -> None:
    away = completion([60.0, 30.0, 60.0, *[0.0] * 300, 60.0, 0.0, 45.0], 600.0, MONDAY)
    slow = completion([60.0] * 60 + [6.0] * 20, 600.0, MONDAY)
    for found, name in ((away, "pauses"), (slow, "pace")):
        assert found.day is not None
        # 300 of 306 days, and at a tenth of the pace ten times as long: more than there are
        assert factor(found, name).days == (found.day - MONDAY).days


def test_of_a_day_beyond_all_that_is_looked_at_nothing_is_said() -> None:
    found = completion([60.0] * 60 + [6.0] * 20 + [0.0] * 8, 1e6, MONDAY)
    assert found.status == "beyond"
    assert [factor(found, name).days for name in ("pace", "pauses")] == [None, None]


def test_factors_compare_the_last_four_weeks_with_those_before() -> None:
    found = completion([1.0] * 28 + [2.0] * 28, 50.0, MONDAY)
    (trend,) = [factor for factor in found.factors if factor.name == "trend"]
    assert trend.words == "100% more was done in the last four weeks than in the four before"
    (pace,) = [factor for factor in found.factors if factor.name == "pace"]
    assert pace.days is not None
    assert pace.days < 0
    assert "above the usual pace" in pace.words


def test_nothing_remaining_is_done() -> None:
    assert completion([], 0.0, MONDAY).status == "done"
    assert completion([1.0] * 30, -1.0, MONDAY).status == "done"


@pytest.mark.parametrize("history", [[], [5.0] * 6, [0.0] * 100, [0.0] * 50 + [4.0, 4.0]])
def test_too_little_history_is_said_to_be(history: list[float]) -> None:
    found = completion(history, 5.0, MONDAY)
    assert (found.status, found.day, found.earliest, found.latest, found.factors) == ("unknown", None, None, None, ())


def test_what_lies_beyond_the_horizon_has_no_day() -> None:
    found = completion([1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0] * 10, 100_000.0, MONDAY)
    assert (found.status, found.day, found.latest) == ("beyond", None, None)
    assert found.horizon == MONDAY + timedelta(days=HORIZON - 1)


@pytest.mark.parametrize(("remaining", "level"), [(math.nan, 0.8), (1.0, 0.0), (1.0, 1.0), (1.0, math.nan)])
def test_what_is_no_question_is_refused(remaining: float, level: float) -> None:
    with pytest.raises(ValueError, match="a level lies between"):
        completion([1.0] * 30, remaining, MONDAY, level)


@settings(max_examples=20, deadline=None)
@given(ANYTHING, st.floats(allow_nan=False), st.dates(date(1970, 1, 1), date(9000, 1, 1)), st.floats(0.01, 0.99))
def test_any_history_has_an_answer_in_order(history: list[float], remaining: float, today: date, level: float) -> None:
    found = completion(history, remaining, today, level)
    days = [day or date.max for day in (found.earliest, found.day, found.latest)]
    assert days == sorted(days)
    assert msgspec.json.encode(found) == msgspec.json.encode(completion(history, remaining, today, level))
    assert (found.status == "dated") == (found.latest is not None)
    if found.status in {"dated", "open"}:
        assert found.earliest is not None
        assert today <= found.earliest


@settings(max_examples=20, deadline=None)
@given(AMOUNTS, REMAINING, REMAINING)
def test_more_to_do_is_never_done_earlier(history: list[float], one: float, other: float) -> None:
    little, much = (completion(history, math.ceil(amount), MONDAY) for amount in sorted((one, other)))
    if "done" in {little.status, much.status}:
        return
    for earlier, later in ((little.earliest, much.earliest), (little.day, much.day), (little.latest, much.latest)):
        assert (earlier or date.max) <= (later or date.max)


@settings(max_examples=20, deadline=None)
@given(AMOUNTS, st.integers(1, 300))
def test_a_surer_interval_holds_the_less_sure_one(history: list[float], remaining: int) -> None:
    wide, narrow = (completion(history, float(remaining), MONDAY, level) for level in (0.9, 0.5))
    assert wide.day == narrow.day
    assert (wide.earliest or date.max) <= (narrow.earliest or date.max)
    assert (narrow.latest or date.max) <= (wide.latest or date.max)


def test_what_an_interval_misses_lies_more_after_it_than_before() -> None:
    # 0.2 · (0.5 - 0.8/4) = 0.06 before, so that 0.14 is left after 0.06 + 0.8
    assert shares(0.8) == pytest.approx((0.06, 0.5, 0.86))
    # 0.5 · (0.5 - 0.5/4) = 0.1875
    assert shares(0.5) == pytest.approx((0.1875, 0.5, 0.6875))


@pytest.mark.parametrize("remaining", range(1, 40, 2))
def test_the_ends_are_the_days_that_come_nearest_to_what_is_asked(remaining: int) -> None:
    history = [2.0, 0.0, 3.0, 1.0, 2.0, 0.0, 0.0] * 8
    found, probability = completion(history, float(remaining), MONDAY), distribution(history, float(remaining), MONDAY)
    assert probability
    by = [0.0, *(probability(day) for day in range(1, HORIZON + 1))]
    first, middle, last = ((day - MONDAY).days + 1 for day in (found.earliest, found.day, found.latest) if day)
    assert by[middle - 1] < 0.5 <= by[middle]
    assert abs(by[first - 1] - 0.06) == pytest.approx(min(abs(one - 0.06) for one in by[:middle]))
    assert abs(by[last] - 0.86) == pytest.approx(min(abs(one - 0.86) for one in by[middle:]))


def test_what_looking_back_taught_moves_all_three_days() -> None:
    history = [2.0, 0.0, 3.0, 1.0, 2.0, 0.0, 0.0] * 8
    plain = completion(history, 60.0, MONDAY)
    later = completion(history, 60.0, MONDAY, 0.8, Correction(0.5, 1.0))
    wider = completion(history, 60.0, MONDAY, 0.8, Correction(0.0, 1.5))
    assert plain.correction == Correction(0.0, 1.0)
    assert later.correction == Correction(0.5, 1.0)
    assert plain.earliest and plain.day and plain.latest and later.earliest and later.day and later.latest  # noqa: PT018
    assert plain.earliest < later.earliest
    assert plain.day < later.day
    assert plain.latest < later.latest
    assert wider.earliest and wider.latest  # noqa: PT018
    assert wider.earliest < plain.earliest <= plain.latest < wider.latest
    assert wider.day == plain.day


def test_the_day_on_which_somebody_began_says_nothing_of_others() -> None:
    after = [0.0, 3.0, 1.0, 0.0, 2.0, 0.0, 0.0, 1.0, 4.0, 0.0, 0.0, 2.0]
    begun = [(found.earliest, found.day, found.latest) for found in (completion([1.0, *after], 9.0, MONDAY),)]
    for first in ([50.0], [0.0] * 30 + [2.0]):
        found = completion([*first, *after], 9.0, MONDAY)
        assert [(found.earliest, found.day, found.latest)] == begun
    # Who began longer ago than is looked at may have been idle on the first of those days, so that it counts.
    busy, idle = ([first, *([2.0, 0.0] * 200)[:399]] for first in (9.0, 0.0))
    asked = [probability(40) for history in (busy, idle) if (probability := distribution(history, 30.0, MONDAY))]
    assert asked[0] != asked[1]


def test_seven_days_after_the_first_are_enough() -> None:
    assert completion([4.0, *[1.0] * 6], 5.0, MONDAY).status == "unknown"
    assert completion([4.0, *[1.0] * 7], 5.0, MONDAY).status == "dated"


def test_of_somebody_who_went_before_all_days_count() -> None:
    """Four weeks off and four weeks on: who began with the latter knows no weeks off."""
    history = [0.0] * 28 + [10.0] * 28
    newcomer = completion(history, 300, MONDAY)
    returned = completion(history, 300, MONDAY, went_before=True)
    assert newcomer.latest is not None
    assert returned.latest is None or returned.latest > newcomer.latest
