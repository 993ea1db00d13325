"""Curves through points that lie on a known one, and Akaike's criterion by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from skillcore.insight.patterns.curves import aicc, fitted, residuals

X = np.arange(1.0, 61.0)
WOBBLE = 0.5 * np.sin(37.0 * X)  # a remainder that no curve follows


@pytest.mark.parametrize(
    ("shape", "scores", "a", "b", "c"),
    [
        ("linear", 40 + 0.5 * X, 40.0, 0.5, 0.0),
        ("power", 90 - 50 * X**-0.6, 90.0, 50.0, 0.6),
        ("exponential", 80 - 45 * np.exp(-0.06 * X), 80.0, 45.0, 0.06),
        ("exponential", 30 + 45 * np.exp(-0.06 * X), 30.0, -45.0, 0.06),  # who gets worse
    ],
)
def test_the_curve_that_made_the_scores_is_found(shape: str, scores: np.ndarray, a: float, b: float, c: float) -> None:
    best = fitted(X, scores + WOBBLE)[0]
    assert best.shape == shape
    assert (best.a, best.b, best.c) == (pytest.approx(a, rel=0.03), pytest.approx(b, rel=0.03), pytest.approx(c, rel=0.08))


def test_nothing_but_noise_is_constant() -> None:
    curves = fitted(X, 60 + WOBBLE)
    assert curves[0].shape == "constant"
    assert curves[0].a == pytest.approx(60, abs=0.1)
    assert {curve.shape for curve in curves} == {"constant", "linear", "power", "exponential"}
    assert sum(curve.weight for curve in curves) == pytest.approx(1.0)
    assert [curve.aicc for curve in curves] == sorted(curve.aicc for curve in curves)
    second = math.exp(-(curves[1].aicc - curves[0].aicc) / 2)
    assert curves[1].weight / curves[0].weight == pytest.approx(second)


def test_equal_scores_are_constant() -> None:
    assert fitted(X, np.full(60, 70.0))[0].shape == "constant"


def test_akaikes_criterion_is_by_its_formula() -> None:
    # n = 10, variance 4, k = 3: 10·ln 4 + 6 + 24/6
    assert aicc(np.array([2.0, -2.0] * 5), 3) == pytest.approx(10 * math.log(4) + 10)


def test_least_squares_leave_what_columns_do_not_explain() -> None:
    assert residuals(3 + 2 * X, X) == pytest.approx(np.zeros(60), abs=1e-9)
    left = residuals(np.array([0.0, 0.0, 3.0, 0.0, 0.0]), np.arange(5.0))
    assert left == pytest.approx([-0.6, -0.6, 2.4, -0.6, -0.6])  # a slope of zero, a mean of 0.6
