"""Training: from the answers of many learners to a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray
from scipy import sparse

from skillcore.defaults.attempts.learner import FEATURES, SLOPED, Learner, after
from skillcore.defaults.attempts.model import Bend, Effect, Model, TrainedOn
from skillcore.insight.attempts.answers import Answer, Answers
from skillcore.insight.attempts.correcting import REACH, Correction, corrected, held_out
from skillcore.insight.attempts.features import seen_before
from skillcore.insight.attempts.fitting import Design, Fit, fitted

__all__ = ["predictions", "trained"]

Numbers = NDArray[np.float64]
Report = Callable[[str], None]

PARTS = 5
"""Learners are parted into so many groups: how easy an item is for a group is taken from the others, and so is the fit that
shows what predictions for the group are worth."""

ITEM_PRIOR, SKILL_PRIOR = 8.0, 20.0
"""Answers that the mean of an item's skill counts for beside its own, and the mean of all beside a skill's."""

MOST_SLOPED = 400
"""Of more skills, none gets slopes of its own: the equations to solve would be too many."""

MOST_SKILLS = 2_000
"""Of more skills, those that most answers take have effects of their own. The others have none: what is known of them is their
ease. Memory grows with the square of this number, time with its cube."""


class Eases(Struct, frozen=True):
    """How easy things are whoever tries, on the logit scale."""

    items: Numbers
    skills: Numbers
    overall: float


def trained(
    answers: Answers,
    *,
    least_learners: int = 1,
    most_skills: int = MOST_SKILLS,
    generic: bool = False,
    report: Report = lambda line: None,
) -> Model:
    """Return the model that explains answers best.

    Args:
        answers: of many learners.
        least_learners: items and skills that fewer have tried are not named in the model.
        most_skills: so many, those that most answers take, have effects of their own.
        generic: leave items and skills out, for learners and items of elsewhere.
        report: told of the progress.
    """
    columns = _skill_columns(answers)
    everybody = np.ones(len(answers), dtype=bool)
    eases = _eases(answers, columns, everybody)
    ease = np.full(len(answers), eases.overall) if generic else _eases_by_others(answers, columns)
    seen = seen_before(answers, ease, report)
    mean, scale = seen.mean(axis=0), seen.std(axis=0)
    scale[scale < 1e-9] = 1.0
    seen -= mean  # in place: there is no room for many of these where answers are many
    seen /= scale
    own = _most_frequent(columns, most_skills)
    design = _designed(answers, columns if len(own) == columns.shape[1] else columns[:, own].tocsr(), seen, generic=generic)
    fit = fitted(design, answers.correct, report)
    correction = _correction(design, answers, fit, report)
    fit = _drawn(fit, correction)
    weights = fit.features / scale
    intercept = fit.intercept - float(weights @ mean) + (float(fit.items[0]) if generic else 0.0)
    named = (
        ({}, {})
        if generic
        else _named(answers, columns, _Effects.of(fit, own, columns.shape[1], mean, scale), eases, least_learners)
    )
    return Model(
        trained_on=TrainedOn(
            answers=len(answers),
            learners=len(np.unique(answers.learners)),
            items=len(answers.item_names),
            skills=len(answers.skill_names),
        ),
        least_learners=least_learners,
        intercept=intercept,
        ease=eases.overall,
        weights=dict(zip(FEATURES, weights.tolist(), strict=True)),
        bend=Bend(correction.bend * REACH**2, correction.shift, REACH * correction.scale),
        skills=named[0],
        items=named[1],
    )


def predictions(model: Model, answers: Answers, earlier: Answers | None = None) -> Numbers:
    """Return what the model says of each answer before it is known, as it is applied: learner by learner, in order.

    Args:
        model: that says it.
        answers: of anybody.
        earlier: with what learners of the same name begin, as far as it is no later than the first of their answers. Of those
            whom it does not name, nothing is known at first.
    """
    said = np.empty(len(answers))
    pasts = {} if earlier is None else {earlier.answer(start).learner: (start, end) for start, end in earlier.spans()}
    for start, end in answers.spans():
        learner, first = Learner(), answers.answer(start)
        if earlier is not None:
            for place in range(*pasts.get(first.learner, (0, 0))):
                past = earlier.answer(place)
                if past.at > first.at:
                    break
                learner = _after(model, learner, past)
        for place in range(start, end):
            answer = answers.answer(place)
            said[place] = model.probability(learner, answer.item, answer.skills, answer.at)
            learner = _after(model, learner, answer)
    return said


def _after(model: Model, learner: Learner, answer: Answer) -> Learner:
    return after(learner, answer.skills, model.ease_of(answer.item, answer.skills), answer.at, answer.correct)


def _skill_columns(answers: Answers) -> Any:
    """Return a row an answer: its skills, which share a weight of 1."""
    counts = np.array([len(skills) for skills in answers.skills])
    which = np.array([skill for skills in answers.skills for skill in skills], dtype=np.int64)
    shares = np.repeat(1 / np.maximum(counts, 1), counts)
    starts = np.concatenate([[0], np.cumsum(counts)])
    return sparse.csr_array((shares, which, starts), shape=(len(answers), len(answers.skill_names)))


def _most_frequent(columns: Any, most: int) -> NDArray[np.int64]:
    """Return the places of the skills that most answers take, in their order."""
    times = np.bincount(columns.indices, minlength=columns.shape[1])
    return np.sort(np.argsort(-times, kind="stable")[:most])


def _eases(answers: Answers, columns: Any, by: NDArray[np.bool_]) -> Eases:
    """Return how easy things are for some: an item's own share of right answers, drawn to that of its skills."""
    counted = by.astype(float)
    right = answers.correct * counted
    overall = (right.sum() + 1) / (counted.sum() + 2)
    skills = _logits((columns.T @ right + SKILL_PRIOR * overall) / (columns.T @ counted + SKILL_PRIOR))
    # An answer without skills has a row of zeros.
    expected = columns @ skills + (1 - columns @ np.ones(columns.shape[1])) * _logits(overall)
    count = len(answers.item_names)
    times = np.bincount(answers.items, minlength=count)
    prior = 1 / (1 + np.exp(-np.bincount(answers.items, expected, count) / np.maximum(times, 1)))
    own = np.bincount(answers.items, right, count) + ITEM_PRIOR * prior
    return Eases(_logits(own / (np.bincount(answers.items, counted, count) + ITEM_PRIOR)), skills, float(_logits(overall)))


def _eases_by_others(answers: Answers, columns: Any) -> Numbers:
    """Return the ease of each answer's item, as others than its learner's group found it: no answer is in its own."""
    group = answers.learners % PARTS
    ease = np.empty(len(answers))
    for part in range(PARTS):
        inside = group == part
        ease[inside] = _eases(answers, columns, ~inside).items[answers.items[inside]]
    return ease


def _logits(shares: Any) -> Any:
    return np.log(shares / (1 - shares))


def _designed(answers: Answers, columns: Any, even: Numbers, *, generic: bool) -> Design:
    """Return what answers are made of; where skills are not too many, with columns for the slopes of each."""
    if generic:
        return Design(np.zeros(len(answers), dtype=np.int64), 1, columns[:, :0], even)
    count = columns.shape[1]
    if not 0 < count <= MOST_SLOPED:
        return Design(answers.items, len(answers.item_names), columns, even)
    slopes = [sparse.diags_array(even[:, FEATURES.index(name)]) @ columns for name in SLOPED]
    together = sparse.hstack([columns, *slopes]).tocsr()
    return Design(answers.items, len(answers.item_names), together, even, (count, count * len(slopes)))


def _correction(design: Design, answers: Answers, fit: Fit, report: Report) -> Correction:
    """Return how to correct a fit; not at all, where one learner or one outcome leaves nothing to hold it against."""
    groups = answers.learners % PARTS
    if len(np.unique(groups)) == 1 or len(np.unique(answers.correct)) == 1:
        return Correction()
    found = corrected(held_out(design, answers.correct, groups, fit), answers.correct)
    report(f"held against learners left out: scale {found.scale:.3f}, shift {found.shift:+.3f}, bend {found.bend:+.4f}")
    return found


def _drawn(fit: Fit, correction: Correction) -> Fit:
    """Return a fit whose logits are scaled and shifted; what bends them stands beside it in the model."""
    scale = correction.scale
    return structs.replace(
        fit,
        intercept=correction.shift + scale * fit.intercept,
        items=scale * fit.items,
        skills=scale * fit.skills,
        features=scale * fit.features,
    )


class _Effects(Struct, frozen=True):
    """Effects as a model applies them: to features as they are seen.

    Attributes:
        slopes: a row a skill.
    """

    items: Numbers
    skills: Numbers
    slopes: Numbers

    @classmethod
    def of(cls, fit: Fit, own: NDArray[np.int64], count: int, mean: Numbers, scale: Numbers) -> _Effects:
        """Return those of a fit to features of mean 0 and scale 1.

        Args:
            fit: to columns of some skills.
            own: the places of these.
            count: of all skills.
            mean: of each feature as it is seen.
            scale: of each.
        """
        sloped = len(fit.skills) > len(own)
        skills, slopes = np.zeros(count), np.zeros((count, len(SLOPED) if sloped else 0))
        skills[own] = fit.skills[: len(own)]
        if sloped:
            places = [FEATURES.index(name) for name in SLOPED]
            found = fit.skills[len(own) :].reshape(-1, len(own)).T / scale[places]
            slopes[own], skills[own] = found, skills[own] - found @ mean[places]
        return cls(fit.items, skills, slopes)


def _named(
    answers: Answers, columns: Any, effects: _Effects, eases: Eases, least: int
) -> tuple[dict[str, Effect], dict[str, Effect]]:
    """Return the effects of skills and of items that enough learners have tried."""
    pairs = np.unique(np.stack([answers.items, answers.learners]), axis=1)
    by_item = np.bincount(pairs[0], minlength=len(answers.item_names))
    rows = np.repeat(answers.learners, np.diff(columns.indptr))
    pairs = np.unique(np.stack([columns.indices.astype(np.int64), rows]), axis=1)
    by_skill = np.bincount(pairs[0], minlength=len(answers.skill_names))
    return (
        {
            answers.skill_names[place]: Effect(
                float(effects.skills[place]), float(eases.skills[place]), tuple(effects.slopes[place].tolist())
            )
            for place in np.flatnonzero(by_skill >= least).tolist()
        },
        {
            answers.item_names[place]: Effect(float(effects.items[place]), float(eases.items[place]))
            for place in np.flatnonzero(by_item >= least).tolist()
        },
    )
