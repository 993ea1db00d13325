"""Logistic regression on many sparse effects and some dense features, by Newton's method.

Items are by far the most, and each answer has one, so their block of the Hessian is diagonal: it is eliminated (the Schur
complement), and what is left to solve is as large as there are skills and features. How strongly effects are drawn to zero
comes from the data: the variances of items and of skills are those that explain the fit best, found by a few steps of EM.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy import sparse

__all__ = ["Design", "Fit", "fitted"]

Numbers = NDArray[np.float64]

NEWTON_STEPS = 30
VARIANCE_STEPS = 5
SETTLED = 1e-6
"""A step that improves the objective by less than this share of it is the last one."""

SHORTEST = 1e-3
"""Of a full step, before it is given up."""

STEADY = 0.05
"""Variances that change by less than this share are found."""

FIRST_VARIANCES = (0.5, 0.5)

FEATURE_PENALTY = 30.0
"""On features of unit variance: for a thousand answers or more it is hardly felt."""

INTERCEPT_PENALTY = 1.0

LEAST_VARIANCE, MOST_VARIANCE = 1e-3, 9.0
"""Of effects on the logit scale: whatever the data, items differ a little, and no group is left without a prior."""


class Design(Struct, frozen=True):
    """What an answer's probability is made of.

    Attributes:
        items: each answer's item, as a number from 0 on.
        skills: a column a skill: 1 for those of the answer.
        features: dense, each of about unit variance.
    """

    items: NDArray[np.int64]
    item_count: int
    skills: Any
    features: Numbers


class Fit(Struct, frozen=True):
    """Effects on the logit scale.

    Attributes:
        item_variance: that the items' effects were taken to have; likewise for skills.
    """

    intercept: float
    items: Numbers
    skills: Numbers
    features: Numbers
    item_variance: float
    skill_variance: float

    def logits(self, design: Design) -> Numbers:
        """Return what the effects add up to for each answer."""
        known: Numbers = self.items[design.items] + design.skills @ self.skills + design.features @ self.features
        return known + self.intercept


class _Answered(Struct, frozen=True):
    """Answers as the sums need them.

    Attributes:
        by_item: a row an item: 1 for its answers.
        dense: the features, and ones for the intercept.
        offset: the logit of the share of right answers; the intercept is what comes to it.
    """

    correct: Numbers
    items: NDArray[np.int64]
    by_item: Any
    skills: Any
    dense: Numbers
    offset: float

    def logits(self, items: Numbers, others: Numbers) -> Numbers:
        count = self.skills.shape[1]
        total: Numbers = items[self.items] + self.skills @ others[:count] + self.dense @ others[count:]
        return total + self.offset


class _Penalty(Struct, frozen=True):
    """How strongly effects are drawn to zero: one over the variance that they are taken to have."""

    items: float
    others: Numbers


class _Normal(Struct, frozen=True):
    """The sums of a Newton step, items apart from the rest: skills, features, and the intercept at the end."""

    gradient_items: Numbers
    gradient_others: Numbers
    curvature_items: Numbers
    cross_skills: Any
    cross_dense: Numbers
    schur: Numbers

    def steps(self) -> tuple[Numbers, Numbers]:
        """Return what to add to the effects of items and to the others."""
        known = self.gradient_items / self.curvature_items
        through = np.concatenate([self.cross_skills.T @ known, self.cross_dense.T @ known])
        others = np.linalg.solve(self.schur, self.gradient_others - through)
        skills = self.cross_skills.shape[1]
        by_others = self.cross_skills @ others[:skills] + self.cross_dense @ others[skills:]
        return (self.gradient_items - by_others) / self.curvature_items, others


def fitted(design: Design, correct: Numbers, report: Callable[[str], None] = lambda line: None) -> Fit:
    """Return the effects that explain the answers best, with the variances that do.

    Args:
        design: of each answer.
        correct: 0 or 1.
        report: told of each step.
    """
    answered = _Answered(
        correct,
        design.items,
        sparse.csr_array(
            (np.ones(len(correct)), (design.items, np.arange(len(correct)))), shape=(design.item_count, len(correct))
        ),
        design.skills,
        np.hstack([design.features, np.ones((len(correct), 1))]),
        float(np.log((correct.sum() + 1) / (len(correct) - correct.sum() + 1))),
    )
    skills = design.skills.shape[1]
    items, others = np.zeros(design.item_count), np.zeros(skills + answered.dense.shape[1])
    variances = FIRST_VARIANCES
    for step in range(VARIANCE_STEPS):
        penalty = _Penalty(1 / variances[0], _penalties(skills, design.features.shape[1], variances[1]))
        items, others, normal = _climbed(answered, items, others, penalty)
        before, variances = variances, _variances(items, others, normal, skills)
        report(f"fit {step + 1}: variance of items {variances[0]:.3f}, of skills {variances[1]:.3f}")
        if max(abs(new / old - 1) for new, old in zip(variances, before, strict=True)) < STEADY:
            break
    return Fit(answered.offset + float(others[-1]), items, others[:skills], others[skills:-1], *variances)


def _penalties(skills: int, features: int, skill_variance: float) -> Numbers:
    """Return the penalty of each effect beside the items'."""
    return np.concatenate([np.full(skills, 1 / skill_variance), np.full(features, FEATURE_PENALTY), [INTERCEPT_PENALTY]])


def _climbed(answered: _Answered, items: Numbers, others: Numbers, penalty: _Penalty) -> tuple[Numbers, Numbers, _Normal]:
    """Go from the effects given to the most probable ones."""
    value, logits = _objective(answered, items, others, penalty)
    normal = _sums(answered, logits, items, others, penalty)
    for _ in range(NEWTON_STEPS):
        step_items, step_others = normal.steps()
        length = 1.0
        new, logits = _objective(answered, items + step_items, others + step_others, penalty)
        while new > value and length > SHORTEST:
            length /= 2
            new, logits = _objective(answered, items + length * step_items, others + length * step_others, penalty)
        if new > value:
            break
        items, others = items + length * step_items, others + length * step_others
        normal = _sums(answered, logits, items, others, penalty)
        gain, value = value - new, new
        if gain < SETTLED * value:
            break
    return items, others, normal


def _objective(answered: _Answered, items: Numbers, others: Numbers, penalty: _Penalty) -> tuple[float, Numbers]:
    logits = answered.logits(items, others)
    loss = np.logaddexp(0.0, logits).sum() - answered.correct @ logits
    return float(loss + 0.5 * (penalty.items * items @ items + (penalty.others * others) @ others)), logits


def _sums(answered: _Answered, logits: Numbers, items: Numbers, others: Numbers, penalty: _Penalty) -> _Normal:
    chance = 1 / (1 + np.exp(-logits))
    residual, weight = answered.correct - chance, chance * (1 - chance)
    curvature = answered.by_item @ weight + penalty.items
    skills = (sparse.diags_array(weight) @ answered.skills).tocsr()
    dense = weight[:, None] * answered.dense
    cross_skills, cross_dense = (answered.by_item @ skills).tocsr(), answered.by_item @ dense
    scaled_skills = (sparse.diags_array(1 / curvature) @ cross_skills).tocsr()
    scaled_dense = cross_dense / curvature[:, None]
    corner = (answered.skills.T @ skills - cross_skills.T @ scaled_skills).toarray()
    side = answered.skills.T @ dense - cross_skills.T @ scaled_dense
    rest = answered.dense.T @ dense - cross_dense.T @ scaled_dense
    gradient = np.concatenate([answered.skills.T @ residual, answered.dense.T @ residual])
    return _Normal(
        gradient_items=answered.by_item @ residual - penalty.items * items,
        gradient_others=gradient - penalty.others * others,
        curvature_items=curvature,
        cross_skills=cross_skills,
        cross_dense=cross_dense,
        schur=np.block([[corner, side], [side.T, rest]]) + np.diag(penalty.others),
    )


def _variances(items: Numbers, others: Numbers, normal: _Normal, skills: int) -> tuple[float, float]:
    """Return the variances of items and skills, given where their effects are and how sure that is."""
    uncertain = np.diag(np.linalg.inv(normal.schur))[:skills]
    of_items = float(np.mean(items**2 + 1 / normal.curvature_items)) if len(items) else 1.0
    of_skills = float(np.mean(others[:skills] ** 2 + uncertain)) if skills else 1.0
    return tuple(min(max(variance, LEAST_VARIANCE), MOST_VARIANCE) for variance in (of_items, of_skills))  # type: ignore[return-value]
