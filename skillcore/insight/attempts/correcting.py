"""Correcting a fit by what it says of learners it has not seen: few learners make any fit too sure of itself.

Learners are parted into groups, and each group is foretold by a fit to the others. Held against what happened, that shows by
how much to draw predictions together, to move them, and to bend them: a curve where the lowest, say, turn out lower still.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from skillcore.insight.attempts.fitting import Design, Fit, refitted

__all__ = ["REACH", "Correction", "corrected", "held_out"]

Numbers = NDArray[np.float64]

CERTAINTY = np.array([5.0, 5.0, 100.0])
"""How strongly shift, scale and bend are drawn to none: one over the variance that they are taken to have."""

STEPS = 25
SETTLED = 1e-9
LEAST_SCALE = 0.02
REACH = 6.0
"""Logits from the middle where a bend ends."""


class Correction(Struct, frozen=True):
    """What to make of a logit x: shift + scale * x + bend * min(abs(x), REACH)**2.

    It never falls where x rises.
    """

    shift: float = 0.0
    scale: float = 1.0
    bend: float = 0.0

    def of(self, logits: Numbers) -> Numbers:
        """Return what comes of logits."""
        return self.shift + self.scale * logits + self.bend * np.minimum(np.abs(logits), REACH) ** 2


def held_out(design: Design, correct: Numbers, groups: NDArray[np.int64], fit: Fit) -> Numbers:
    """Return the logit of each answer by a fit to the answers of the other groups.

    Args:
        design: of all answers.
        correct: 0 or 1.
        groups: each answer's; there are two at least.
        fit: to all answers, for the variances.
    """
    logits = np.empty(len(correct))
    for group in np.unique(groups).tolist():
        inside, others = np.flatnonzero(groups == group), np.flatnonzero(groups != group)
        logits[inside] = refitted(design.of(others), correct[others], fit).logits(design.of(inside))
    return logits


def corrected(logits: Numbers, correct: Numbers) -> Correction:
    """Return the correction that brings logits nearest to what happened."""
    shift, scale, bend = _fitted(
        np.stack([np.ones(len(logits)), logits, np.minimum(np.abs(logits), REACH) ** 2], axis=1), correct
    )
    # Within the reach the slope is scale + 2 * bend * x, which is to be above 0 on both sides.
    if abs(bend) > scale / (2 * REACH):
        shift, scale = _fitted(np.stack([np.ones(len(logits)), logits], axis=1), correct)
        bend = 0.0
    return Correction(float(shift), max(float(scale), LEAST_SCALE), float(bend))


def _fitted(columns: Numbers, correct: Numbers) -> Numbers:
    """Return the weights of columns by Newton's method, drawn to those of no correction: 1 for the logit, 0 for the others."""
    none = np.zeros(columns.shape[1])
    none[1] = 1.0
    certainty = CERTAINTY[: len(none)]

    def loss(weights: Numbers) -> float:
        said = columns @ weights
        return float(np.logaddexp(0, said).sum() - correct @ said + 0.5 * certainty @ (weights - none) ** 2)

    weights, value = none, loss(none)
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-columns @ weights))
        curvature = (columns * (chance * (1 - chance))[:, None]).T @ columns + np.diag(certainty)
        step = np.linalg.solve(curvature, columns.T @ (correct - chance) - certainty * (weights - none))
        while loss(weights + step) > value and float(np.max(np.abs(step))) > SETTLED:
            step = step / 2
        if float(np.max(np.abs(step))) <= SETTLED:
            break
        weights = weights + step
        value = loss(weights)
    return weights
