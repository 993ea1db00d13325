"""When somebody practises: patterns that are there by construction, with probabilities worked out by hand."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from skillcore.insight.doings import Doing
from skillcore.insight.patterns.timing import engagement, peak_hours, peak_weekdays, rhythm, session_length
from tests.insight.patterns.made import at, history, work


def named(finding: object, name: str) -> float:
    return next(figure.value for figure in finding.figures if figure.name == name)  # type: ignore[attr-defined]


def test_hours_in_which_half_of_the_bouts_begin_are_a_peak() -> None:
    # of 24 bouts, one every second day, twelve begin from 19:00 to 22:00 and the others at every second hour
    hours = [19.2, 20.5, 21.8] * 4 + [hour * 1.5 for hour in range(12)]
    found = peak_hours(history([work(2 * day, hour) for day, hour in enumerate(hours)], 60))
    p = sum(math.comb(24, k) * Fraction(1, 8) ** k * Fraction(7, 8) ** (24 - k) for k in range(12, 25))
    assert found.p == pytest.approx(float(48 * p))
    assert (found.n, found.effect, named(found, "from_hour"), named(found, "until_hour")) == (24, 0.5, 19, 22)
    assert found.words == "You practise most from 19:00 to 22:00: 50% of it, where 12.5% would be chance."


def test_hours_go_round_midnight_by_the_local_clock() -> None:
    hours = [21.5, 22.5, 23.2] * 8  # in Berlin from 22:30 to 00:12
    found = peak_hours(history([work(day, hour) for day, hour in enumerate(hours)], 30, "Europe/Berlin"))
    assert (found.effect, named(found, "from_hour"), named(found, "until_hour")) == (1.0, 22, 1)


def test_hours_as_the_clock_gives_them_are_no_peak() -> None:
    found = peak_hours(history([work(day, day % 24 + 0.5) for day in range(48)], 50))
    assert found.p == 1.0


def test_a_day_of_the_week_is_told_by_turning_weeks() -> None:
    # each Saturday, and one other day of each week, in turn
    days = [7 * week + day for week in range(11) for day in {5, week % 5}]
    found = peak_weekdays(history([work(day) for day in days], 77))
    # ten weeks count, each with two days: Saturday in all of them with (2/7)¹⁰; nine sets were tried
    assert found.n == 10
    assert found.p == pytest.approx(9 * float(Fraction(2, 7) ** 10))
    assert (found.effect, named(found, "saturday"), named(found, "sunday")) == (0.5, 0.5, 0.0)
    assert found.words == "You practise most on Saturday: 50% of your days, where 14% would be chance."


def test_weekends_off_are_told() -> None:
    found = peak_weekdays(history([work(7 * week + day) for week in range(13) for day in range(5)], 91))
    # five in a row of seven lie on Monday to Friday in one turn of seven
    assert found.p == pytest.approx(9 * float(Fraction(1, 7) ** 12))
    assert "Monday to Friday: 100%" in found.words


def test_every_day_is_no_peak() -> None:
    assert peak_weekdays(history([work(day) for day in range(91)], 91)).p == 1.0


def test_weeks_alike_are_a_rhythm() -> None:
    # three days each week, always others
    days = [7 * week + (week + offset) % 7 for week in range(14) for offset in (0, 2, 4)]
    found = rhythm(history([work(day) for day in days], 98))
    assert found.effect == 0.0
    assert found.p == pytest.approx(0.0, abs=1e-12)
    assert found.words.startswith("You keep a steady rhythm of 3.0 days a week")


def test_a_rhythm_is_the_variance_by_chance() -> None:
    # 1 and 5 days in turn over fourteen weeks, of which the first is left out: 7 of 5 and 6 of 1, so 41 in 13 weeks
    days = [7 * week + day for week in range(14) for day in range(5 if week % 2 else 1)]
    found = rhythm(history([work(day) for day in days], 98))
    mean = 41 / 13
    by_chance = mean * (1 - mean / 7) * 91 / 90
    assert found.effect == pytest.approx((7 * (5 - mean) ** 2 + 6 * (1 - mean) ** 2) / 12 / by_chance)
    assert found.p is not None
    assert found.p > 0.9


def test_who_is_active_daily_could_not_be_steadier() -> None:
    assert rhythm(history([work(day) for day in range(91)], 91)).p == 1.0


def test_who_is_active_on_nearly_all_days_could_hardly_be_steadier() -> None:
    # One day of thirteen weeks is off: 7/13 of a day would be chance's variance on one week in seven, and here it is 12/169.
    assert rhythm(history([work(day) for day in range(98) if day != 50], 98)).p == 1.0


def test_sessions_that_get_longer_are_told() -> None:
    spent = [Doing(at=at(2 * day), kind="progress.time", minutes=20.0 + day) for day in range(30)]
    found = session_length(history(spent, 70))
    assert (found.effect, named(found, "first"), named(found, "last")) == (1.0, 24.5, 44.5)
    # all 435 pairs rise; variance 30·29·65/18
    assert found.p == pytest.approx(math.erfc(434 / math.sqrt(30 * 29 * 65 / 18) / math.sqrt(2)), rel=1e-6)
    assert found.words == "Your sessions get longer: about 24 minutes at first, 44 of late."
    assert (
        "shorter"
        in session_length(
            history([Doing(at=one.at, kind=one.kind, minutes=50 - (one.at - at(0)).days / 2) for one in spent], 70)
        ).words
    )


def test_more_and_more_days_are_told() -> None:
    days = [7 * week + day for week in range(22) for day in range(1 + week // 4)]
    found = engagement(history([work(day) for day in days], 154))
    assert found.n == 21
    assert found.p is not None
    assert found.p < 1e-6
    assert found.words == "You practise more and more: on about 2 days a week at first, 5 of late."
    assert "less and less" in engagement(history([work(153 - day) for day in [*days, 153]], 154)).words


@pytest.mark.parametrize(
    ("test", "unit", "needed"),
    [
        (peak_hours, "bouts", 20),
        (peak_weekdays, "active weeks", 10),
        (rhythm, "weeks", 10),
        (session_length, "days with time spent", 20),
        (engagement, "weeks", 10),
    ],
)
@pytest.mark.parametrize("doings", [[], [work(0)]])
def test_too_little_is_not_tested(test: object, unit: str, needed: int, doings: list[Doing]) -> None:
    found = test(history(doings, 14))  # type: ignore[operator]
    assert (found.p, found.unit, found.needed) == (None, unit, needed)
    assert found.n < needed
