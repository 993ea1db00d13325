"""Looking back: what former forecasts say of those to come. Expected values are done by hand, or by other programs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from statistics import NormalDist

import numpy as np
import pytest
from scipy import optimize, stats

from skillcore.insight.predictions import hindsight
from skillcore.insight.predictions.completion import NONE, Correction, distribution, shares
from skillcore.insight.predictions.hindsight import LEAST_LOOKS, Look, correction, held, looks
from skillcore.insight.predictions.pace import LONGEST_HISTORY

MONDAY = date(2026, 3, 2)
NORMAL = NormalDist()


def around(deviates: np.ndarray, width: float = 0.01) -> list[Look]:
    """Return looks at days that came, each with deviates from one to another."""
    return [Look(NORMAL.cdf(one - width), NORMAL.cdf(one + width), done=True) for one in deviates.tolist()]


def test_days_that_came_as_forecast_teach_nothing() -> None:
    even = np.array([NORMAL.inv_cdf((place + 0.5) / 2000) for place in range(2000)])
    taught = correction(around(even))
    assert taught.shift == pytest.approx(0, abs=1e-6)
    assert taught.scale == pytest.approx(1, abs=0.01)
    assert correction([]) == NONE


def test_days_that_came_later_and_farther_apart_teach_it() -> None:
    even = np.array([NORMAL.inv_cdf((place + 0.5) / 2000) for place in range(2000)])
    taught = correction(around(0.4 + 1.3 * even))
    # 2000 looks count half each, beside 25 that were right: the mean is 0.4 · 1000/1025.
    assert taught.shift == pytest.approx(0.4 * 1000 / 1025, abs=0.002)
    # The variance: (1000·1.3² + 25·1)/1025, and the means apart: 1000·25/1025² · 0.4².
    assert taught.scale == pytest.approx(((1000 * 1.69 + 25) / 1025 + 1000 * 25 / 1025**2 * 0.16) ** 0.5, abs=0.01)


def test_few_teach_little() -> None:
    ten = correction(around(np.full(10, 1.0)))
    # 10 looks count for 5, beside 25.
    assert ten.shift == pytest.approx(1.0 * 5 / 30, abs=0.002)
    # Of the same ten counted in two measures, each weighs a quarter.
    assert correction(around(np.full(20, 1.0)), measures=2).shift == pytest.approx(5 / 30, abs=0.002)
    # Five lie 5/6 from the mean; the others have a variance of 1, and their mean lies 1/6 from it.
    assert ten.scale == pytest.approx(((5 * (5 / 6) ** 2 + 25 * (1 + (1 / 6) ** 2)) / 30) ** 0.5, abs=0.002)


def test_what_is_known_to_lie_between_is_weighed_as_another_program_does() -> None:
    chance = np.random.default_rng(5)
    deviates = chance.normal(0.25, 0.8, 4000)
    low, high = np.floor(deviates * 1.5) / 1.5, np.floor(deviates * 1.5) / 1.5 + 1 / 1.5
    late = deviates > 0.9
    found = [
        Look(NORMAL.cdf(0.9), 1.0, done=False) if after else Look(NORMAL.cdf(begin), NORMAL.cdf(end), done=True)
        for begin, end, after in zip(low.tolist(), np.minimum(high, 0.9).tolist(), late.tolist(), strict=True)
    ]

    def loss(at: np.ndarray) -> float:
        ends = np.where(late, np.inf, np.minimum(high, 0.9))
        begins = np.where(late, 0.9, low)
        between = stats.norm.cdf(ends, at[0], at[1]) - stats.norm.cdf(begins, at[0], at[1])
        mean, spread = at
        # Each look counts half, and 25 more are of mean 0 and variance 1.
        return float(-0.5 * np.log(between).sum() + 25 * (np.log(spread) + (1 + mean**2) / (2 * spread**2)))

    best = optimize.minimize(loss, [0.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-9}).x
    taught = correction(found)
    assert (taught.shift, taught.scale) == pytest.approx(tuple(best), abs=1e-3)
    assert taught.shift == pytest.approx(0.25, abs=0.05)


def test_a_correction_moves_shares_as_the_table_of_the_normal_distribution_says() -> None:
    # z(0.06) = -1.5548, z(0.86) = 1.0803; Φ(0.2 - 1.1·1.5548) = Φ(-1.5103) = 0.0655, Φ(0.2 + 1.1·1.0803) = Φ(1.3883) = 0.9175
    by = Correction(0.2, 1.1)
    assert [by.of(share) for share in shares(0.8)] == pytest.approx([0.0655, 0.5793, 0.9175], abs=1e-4)
    assert [NONE.of(share) for share in shares(0.8)] == list(shares(0.8))


def test_forecasts_of_the_past_know_nothing_of_what_followed() -> None:
    history = [float(1 + day % 3) for day in range(100)]
    (early, late) = looks(history, MONDAY, 7)
    # Two of them, for 100 days; the days known before are 14 + 1/4·72 and 14 + 3/4·72.
    for look, seen in ((early, 32), (late, 68)):
        today = MONDAY - timedelta(days=100 - seen)
        done = np.cumsum(history[seen:])
        assert look.done
        assert any(
            (look.before, look.by) == (probability(day - 1) if day > 1 else 0.0, probability(day))
            for wanted in range(1, 400)
            if (probability := distribution(history[:seen], float(wanted), today)) is not None
            if (day := int(np.searchsorted(done, wanted)) + 1) <= 100 - seen
        )
    idle = [*history[:68], *[0.0] * 32]
    (_, late_idle) = looks(idle, MONDAY, 7)
    # The same was wanted, and did not come: all that is known is that it lies beyond the 32 days.
    assert not late_idle.done
    assert late_idle.by == 1.0
    assert late_idle.before > late.by


@pytest.mark.parametrize(("days", "count"), [(27, 0), (28, 1), (79, 1), (80, 2), (160, 4), (400, 4)])
def test_longer_histories_are_looked_back_on_more_often(days: int, count: int) -> None:
    assert len(list(looks([1.0, 0.0, 2.0, 1.0] * 100, MONDAY, 0))[:4]) == 4
    assert len(list(looks(([1.0, 0.0, 2.0, 1.0] * 100)[:days], MONDAY, 0))) == count


def test_who_did_nothing_yet_is_not_looked_back_on() -> None:
    assert list(looks([0.0] * 30, MONDAY, 0)) == []
    assert LEAST_LOOKS == 100


def test_what_was_held_is_counted_where_it_is_known() -> None:
    found = [
        Look(0.0, 0.1, done=True),  # 0.05 lies before 0.06
        Look(0.0, 0.14, done=True),
        Look(0.8, 0.9, done=True),
        Look(0.84, 0.9, done=True),  # 0.87 lies after 0.86
        Look(0.9, 1.0, done=False),  # the interval was over
        Look(0.5, 1.0, done=False),  # and here it was not
    ]
    assert held(found, 0.8, NONE) == (5, 2)
    # Φ(0.3 + z(0.86)) = Φ(1.3803) = 0.9163 and Φ(0.3 - 1.5548) = 0.1048: now 0.05 and 0.07 lie before it, and 0.87 within.
    assert held(found, 0.8, Correction(0.3, 1.0)) == (4, 2)


@pytest.mark.parametrize(("days", "earlier"), [(LONGEST_HISTORY - 1, False), (LONGEST_HISTORY, True)])
def test_of_a_history_that_is_cut_all_days_count(days: int, earlier: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def noted(history: Sequence[float], remaining: float, today: date, *, went_before: bool) -> None:
        asked.append(went_before)

    monkeypatch.setattr(hindsight, "distribution", noted)
    assert list(looks([1.0] * days, MONDAY, 0)) == []
    assert asked == [earlier] * 4
