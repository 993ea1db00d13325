"""The features of many answers, as the formula sees them: each before its answer is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from skillcore.defaults.attempts.learner import FEATURES, Learner, after, features
from skillcore.insight.attempts.answers import Answers

__all__ = ["seen_before"]

PROGRESS = 50_000


def seen_before(
    answers: Answers, ease: NDArray[np.float64], report: Callable[[str], None] = lambda line: None
) -> NDArray[np.float64]:
    """Return a row of features for each answer.

    Args:
        answers: of whom, to what, when, with which outcome.
        ease: of each answer's item, on the logit scale.
        report: told now and then how far it is.
    """
    seen = np.empty((len(answers), len(FEATURES)))
    easy, at, correct = ease.tolist(), answers.at.tolist(), answers.correct.tolist()
    names = answers.skill_names
    for start, end in answers.spans():
        learner = Learner()
        for place in range(start, end):
            skills = tuple(names[skill] for skill in answers.skills[place])
            seen[place] = features(learner, skills, easy[place], at[place])
            learner = after(learner, skills, easy[place], at[place], correct[place])
            if place % PROGRESS == PROGRESS - 1:
                report(f"{place + 1} of {len(answers)} answers followed")
    return seen
