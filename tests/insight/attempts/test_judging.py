"""Figures of judgements against sums by hand."""

import math

import numpy as np
import pytest

from skillcore.insight.attempts.judging import auc, judged, rmse, tenths


@pytest.mark.parametrize(
    ("outcomes", "predictions", "expected"),
    [
        ([0, 1], [0.2, 0.8], 1.0),
        ([1, 0], [0.2, 0.8], 0.0),
        ([0, 1], [0.5, 0.5], 0.5),
        # Of four pairs the right answer is ahead in (0.4, 0.1), (0.8, 0.1), (0.8, 0.35) and behind in none but (0.4, 0.5).
        ([0, 0, 1, 1], [0.1, 0.5, 0.4, 0.8], 0.75),
        # Pairs: (0.5, 0.5) tied, (0.5, 0.2) ahead, (0.9, 0.5) and (0.9, 0.2) ahead: 3.5 of 4.
        ([1, 0, 1, 0], [0.5, 0.5, 0.9, 0.2], 0.875),
        ([1, 1], [0.3, 0.4], None),
    ],
)
def test_auc_counts_pairs(outcomes, predictions, expected):
    assert auc(np.array(outcomes), np.array(predictions)) == expected


def test_rmse_by_hand():
    # Errors 0.5, 0.2 and -0.3: (0.25 + 0.04 + 0.09) / 3.
    assert rmse(np.array([1, 0, 1]), np.array([0.5, 0.2, 1.3])) == pytest.approx(math.sqrt(0.38 / 3))


def test_a_tenth_may_miss_by_two_points_or_three_errors():
    few, many = np.full(10, 0.5), np.full(100_000, 0.5)
    (one, *_) = tenths(np.ones(10), few)
    assert one.allowed == pytest.approx(1.5)  # 3 · sqrt(0.25 / 1)
    tenth = tenths(np.tile([1, 0], 50_000), many)[0]
    assert tenth.allowed == 0.02  # 3 · sqrt(0.25 / 10,000) = 0.015
    assert tenth.holds


@pytest.mark.parametrize(("share", "holds"), [(0.51, True), (0.53, False)])
def test_calibration_fails_with_one_tenth(share, holds):
    predictions = np.concatenate([np.full(10_000, 0.1 * place + 0.05) for place in range(10)])
    outcomes = np.concatenate([np.arange(10_000) < 10_000 * (0.1 * place + 0.05) for place in range(10)]).astype(float)
    outcomes[50_000:60_000] = np.arange(10_000) < 10_000 * (share + 0.04)
    assert judged(outcomes, predictions).calibrated is holds
