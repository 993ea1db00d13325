"""Where a score is going; the sums are done by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skillcore.insight.predictions.curve import curve

VALUES = st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), max_size=120)


def test_what_rises_evenly_goes_on() -> None:
    bands = curve([float(day) for day in range(29)], 30)
    assert bands is not None
    assert [(band.low, band.value, band.high) for band in bands[:2]] == [(29, 29, 29), (30, 30, 30)]
    assert bands[-1].value == pytest.approx(58)


def test_zeros_before_the_beginning_are_no_history() -> None:
    bands = curve([0.0] * 60 + [float(day) for day in range(1, 29)], 1)
    assert bands is not None
    assert bands[0].value == pytest.approx(29)
    assert curve([0.0] * 60 + [float(day) for day in range(1, 20)], 1) is None


def test_a_band_has_the_variance_of_weeks_and_of_their_mean() -> None:
    # Weekly changes, the newest first: 2, -1, 2. Weights 1 : 2^(-1/6) : 2^(-1/3) = 1 : 0.8909 : 0.7937, whose sum is 2.6846,
    # so shares 0.3725, 0.3319, 0.2956. Mean 2·0.3725 - 0.3319 + 2·0.2956 = 1.0044. Their squares sum to 0.3363: n = 2.9736.
    # Variance (0.3725·0.9914 + 0.3319·4.0176 + 0.2956·0.9914)·2.9736/1.9736 = 1.9957·1.5067 = 3.0069.
    history = [1.0] * 7 + [3.0] * 7 + [2.0] * 7 + [4.0]
    bands = curve(history, 7)
    assert bands is not None
    week = bands[-1]
    # After a week: 4 + 1.0044, and t with 1.9736 degrees of freedom at 0.9 is about 1.894
    half = 1.894 * math.sqrt(3.0069 * (1 + 1 / 2.9736))
    assert week.value == pytest.approx(5.0044, abs=0.001)
    assert week.high - week.value == pytest.approx(half, rel=0.005)
    assert week.value - week.low == pytest.approx(half, rel=0.005)


def test_what_never_fell_is_not_forecast_to() -> None:
    steps = [0, 3, 0, 1, 9, 0, 2, 0, 0, 4, 1, 0] * 4
    history = [float(sum(steps[: day + 1])) for day in range(len(steps))]
    bands = curve(history, 30)
    assert bands is not None
    assert all(history[-1] <= band.low <= band.value <= band.high for band in bands)


@pytest.mark.parametrize(
    "history", [[], [None] * 90, [1.0, 2.0, 3.0] * 7, [5.0] * 60, [*[float(day) for day in range(60)], None, 60.0]]
)
def test_too_little_says_nothing(history: list[float | None]) -> None:
    assert curve(history, 30) is None


@settings(max_examples=60, deadline=None)
@given(VALUES, st.integers(1, 40), st.floats(0.05, 0.95))
def test_bands_are_in_order_and_within_bounds(history: list[float | None], days: int, level: float) -> None:
    bounded = [None if value is None else min(max(value, 0.0), 100.0) for value in history]
    bands = curve(bounded, days, level, least=0.0, most=100.0)
    assert bands == curve(bounded, days, level, least=0.0, most=100.0)
    for band in bands or ():
        assert 0 <= band.low <= band.value <= band.high <= 100
    assert bands is None or len(bands) == days
