"""How good probabilities are, held against what happened: AUC, RMSE, and calibration by tenths."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

__all__ = ["Judgement", "Tenth", "auc", "judged", "rmse", "tenths"]

Numbers = NDArray[np.float64]

TOLERANCE = 0.02
"""By how much the mean of a tenth may miss what happened, however many answers it has."""

ERRORS = 3.0
"""By how many standard errors it may, where that is more."""


class Tenth(Struct, frozen=True, kw_only=True):
    """A tenth of the predictions, from the lowest to the highest.

    Attributes:
        predicted: their mean.
        happened: the share of right answers among them.
        allowed: how far apart the two may lie: 0.02 or three standard errors, whichever is more.
    """

    answers: int
    predicted: float
    happened: float
    allowed: float

    @property
    def holds(self) -> bool:
        """Whether they lie no farther apart."""
        return abs(self.predicted - self.happened) <= self.allowed


class Judgement(Struct, frozen=True, kw_only=True):
    """Predictions held against what happened.

    Attributes:
        auc: the probability that a right answer had a higher prediction than a wrong one; None where there are not both.
        rmse: root of the mean squared difference between prediction and outcome.
        calibrated: every tenth holds.
    """

    answers: int
    auc: float | None
    rmse: float
    calibrated: bool
    calibration: tuple[Tenth, ...]


def judged(outcomes: NDArray[Any], predictions: Numbers) -> Judgement:
    """Judge predictions of outcomes, which are 0 or 1; there is at least one."""
    calibration = tenths(outcomes, predictions)
    return Judgement(
        answers=len(outcomes),
        auc=auc(outcomes, predictions),
        rmse=rmse(outcomes, predictions),
        calibrated=all(tenth.holds for tenth in calibration),
        calibration=calibration,
    )


def auc(outcomes: NDArray[Any], predictions: Numbers) -> float | None:
    """Return the area under the curve by the ranks of the right answers (Mann and Whitney), ties sharing their ranks."""
    right = int(outcomes.sum())
    wrong = len(outcomes) - right
    if not right or not wrong:
        return None
    _, group, size = np.unique(predictions, return_inverse=True, return_counts=True)
    last = np.cumsum(size)
    ranks = (last - (size - 1) / 2)[group]
    return float((ranks[outcomes == 1].sum() - right * (right + 1) / 2) / (right * wrong))


def rmse(outcomes: NDArray[Any], predictions: Numbers) -> float:
    """Return the root of the mean squared error."""
    return float(np.sqrt(np.mean((outcomes - predictions) ** 2)))


def tenths(outcomes: NDArray[Any], predictions: Numbers) -> tuple[Tenth, ...]:
    """Return the tenths of the predictions in their order; fewer where there are fewer than ten answers."""
    order = np.argsort(predictions, kind="stable")
    return tuple(_tenth(outcomes[part], predictions[part]) for part in np.array_split(order, min(10, len(order))))


def _tenth(outcomes: NDArray[Any], predictions: Numbers) -> Tenth:
    error = float(np.sqrt(np.mean(predictions * (1 - predictions)) / len(outcomes)))
    return Tenth(
        answers=len(outcomes),
        predicted=float(predictions.mean()),
        happened=float(outcomes.mean()),
        allowed=max(TOLERANCE, ERRORS * error),
    )
