"""Logistic regression on many sparse effects and some dense features, by Newton's method.

Items are by far the most, and each answer has one, so their block of the Hessian is diagonal: it is eliminated (the Schur
complement), and what is left to solve is as large as there are skills and features. How strongly effects are drawn to zero
comes from the data: each group of effects (items, skills, slopes, features) has the variance that explains the fit best. Where
nothing can be foreseen the variances go to nothing, and so do the effects.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy import sparse

__all__ = ["Design", "Fit", "fitted", "refitted"]

Numbers = NDArray[np.float64]

NEWTON_STEPS = 30
VARIANCE_STEPS = 6
SETTLED = 1e-6
"""A step that improves the objective by less than this share of it is the last one."""

SHORTEST = 1e-3
"""Of a full step, before it is given up."""

STEADY = 0.05
"""Variances that change by less than this share are found."""

FIRST_ITEM, FIRST_EFFECT, FIRST_SLOPE, FIRST_FEATURE = 0.5, 0.5, 0.05, 0.03
"""Variances to begin with: of items, of skills, of further groups of columns, of features."""

INTERCEPT_PENALTY = 1.0

LEAST_ITEM, LEAST_VARIANCE, MOST_VARIANCE, MOST_WEIGHT = 1e-3, 1e-5, 9.0, 1.0
"""Of effects on the logit scale, the last of slopes and features: whatever the data, items differ a little, and no group is
left without a prior."""

FASTEST = 4.0
"""A variance falls to no less than such a part of itself in a step."""


class Design(Struct, frozen=True):
    """What an answer's probability is made of.

    Attributes:
        items: each answer's item, as a number from 0 on.
        skills: a column a skill: 1 for those of the answer; groups of further columns may follow.
        features: dense, each of about unit variance.
        groups: how many columns of ``skills`` belong together, group by group; all of them if there are none.
    """

    items: NDArray[np.int64]
    item_count: int
    skills: Any
    features: Numbers
    groups: tuple[int, ...] = ()

    def of(self, rows: NDArray[np.int64]) -> Design:
        """Return the design of some answers only, with the same effects."""
        return Design(self.items[rows], self.item_count, self.skills[rows], self.features[rows], self.groups)

    def parts(self) -> list[slice]:
        """Return where the groups of effects beside the items' stand, the features at the end."""
        cuts = np.cumsum([0, *(self.groups or (self.skills.shape[1],)), self.features.shape[1]]).tolist()
        return [slice(start, end) for start, end in pairwise(cuts)]


class Fit(Struct, frozen=True):
    """Effects on the logit scale.

    Attributes:
        item_variance: that the items' effects were taken to have.
        variances: of the other groups, the features at the end.
    """

    intercept: float
    items: Numbers
    skills: Numbers
    features: Numbers
    item_variance: float
    variances: tuple[float, ...]

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
    answered, parts = _answered(design, correct), design.parts()
    items, others = np.zeros(design.item_count), np.zeros(design.skills.shape[1] + answered.dense.shape[1])
    first = (FIRST_EFFECT, *(FIRST_SLOPE for _ in parts[2:]), FIRST_FEATURE)
    penalty = _penalty(FIRST_ITEM, first, parts)
    item_variance, variances = FIRST_ITEM, first
    for step in range(VARIANCE_STEPS):
        items, others, normal = _climbed(answered, items, others, penalty)
        before = (item_variance, *variances)
        item_variance = _item_variance(items, normal)
        variances = _variances(others, normal, variances, parts)
        penalty = _penalty(item_variance, variances, parts)
        report(
            f"fit {step + 1}: variance of items {item_variance:.3f}, of others {', '.join(f'{each:.4f}' for each in variances)}"
        )
        if max(abs(new / old - 1) for new, old in zip((item_variance, *variances), before, strict=True)) < STEADY:
            break
    return _fit(answered, items, others, item_variance, variances)


def refitted(design: Design, correct: Numbers, fit: Fit) -> Fit:
    """Return the effects that explain other answers best, where the variances are those of a fit, which is begun from."""
    answered = _answered(design, correct)
    others = np.concatenate([fit.skills, fit.features, [fit.intercept - answered.offset]])
    penalty = _penalty(fit.item_variance, fit.variances, design.parts())
    items, others, _ = _climbed(answered, fit.items, others, penalty)
    return _fit(answered, items, others, fit.item_variance, fit.variances)


def _answered(design: Design, correct: Numbers) -> _Answered:
    count = len(correct)
    return _Answered(
        correct,
        design.items,
        sparse.csr_array((np.ones(count), (design.items, np.arange(count))), shape=(design.item_count, count)),
        design.skills,
        np.hstack([design.features, np.ones((count, 1))]),
        float(np.log((correct.sum() + 1) / (count - correct.sum() + 1))),
    )


def _fit(answered: _Answered, items: Numbers, others: Numbers, item_variance: float, variances: tuple[float, ...]) -> Fit:
    skills = answered.skills.shape[1]
    return Fit(answered.offset + float(others[-1]), items, others[:skills], others[skills:-1], item_variance, variances)


def _penalty(item_variance: float, variances: tuple[float, ...], parts: list[slice]) -> _Penalty:
    sizes = [part.stop - part.start for part in parts]
    others = np.repeat([1 / variance for variance in variances], sizes)
    return _Penalty(1 / item_variance, np.append(others, INTERCEPT_PENALTY))


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


def _item_variance(items: Numbers, normal: _Normal) -> float:
    """Return the variance of items, given where their effects are and how sure that is: a step of EM.

    It is a slow step, which stays near the first guess where most items have an answer or two: these say little of a variance,
    and a quicker step would take it for much too small.
    """
    return float(np.clip(np.mean(items**2 + 1 / normal.curvature_items), LEAST_ITEM, MOST_VARIANCE)) if len(items) else 1.0


def _variances(others: Numbers, normal: _Normal, before: tuple[float, ...], parts: list[slice]) -> tuple[float, ...]:
    """Return the variance of each group by MacKay's step: squares over the number of effects that the data determine.

    It goes to nothing in a few steps where a group explains nothing, which EM needs hundreds for.
    """
    uncertain = np.diag(np.linalg.inv(normal.schur))
    found = []
    for place, (part, variance) in enumerate(zip(parts, before, strict=True)):
        determined = float(np.sum(1 - uncertain[part] / variance))
        squares = float(np.sum(others[part] ** 2))
        new = max(squares, determined * variance / FASTEST) / determined if determined > 0 else variance
        found.append(min(max(new, LEAST_VARIANCE), MOST_WEIGHT if place else MOST_VARIANCE))
    return tuple(found)
