"""Readiness: a word for how somebody does now, by the last five scores."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct

from skillcore.defaults.counted import deviation, mean, modules_of, score_of
from skillcore.plugin import Component, Event, Reading, Score, ScoringFormula

__all__ = ["LatestScores", "Readiness", "ReadinessSettings"]

LAST = 5


class ReadinessSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of readiness: ``[plugins.defaults.readiness]``. Means and deviations are of scores from 0 to 100.

    Attributes:
        advanced: the least mean of the advanced.
        advanced_below: the deviation that theirs is below.
        proficient: the least mean of the proficient.
        proficient_below: the deviation that theirs is below.
        developing: the least mean of the developing; below it are beginners.
    """

    advanced: Annotated[float, Meta(ge=0, le=100)] = 85.0
    advanced_below: Annotated[float, Meta(gt=0)] = 10.0
    proficient: Annotated[float, Meta(ge=0, le=100)] = 70.0
    proficient_below: Annotated[float, Meta(gt=0)] = 15.0
    developing: Annotated[float, Meta(ge=0, le=100)] = 50.0


class LatestScores(Struct, frozen=True):
    """The last five scores, from 0 to 100, the oldest first."""

    scores: tuple[float, ...] = ()


class Readiness(ScoringFormula[LatestScores]):
    """The mean m of the last five scores of training sessions, with a word by m and their deviation s; nothing without any.

    m ≥ 85 and s < 10 is advanced, m ≥ 70 and s < 15 proficient, m ≥ 50 developing, all else beginner. Overall, and for each
    module that a score was earned in, whose subject is ``module:`` and its name.
    """

    name = "readiness"
    version = 1
    kinds = frozenset({"session.activity"})
    state = LatestScores

    def __init__(self, settings: ReadinessSettings | None = None) -> None:
        settings = settings or ReadinessSettings()
        self.advanced, self.advanced_below = settings.advanced, settings.advanced_below
        self.proficient, self.proficient_below = settings.proficient, settings.proficient_below
        self.developing = settings.developing

    def subjects(self, event: Event) -> Iterable[str]:
        """Return the person, and the module of the session."""
        return () if score_of(event) is None else ("", *modules_of(event))

    def apply(self, state: LatestScores, event: Event) -> LatestScores:
        """Return the state after a score."""
        score = score_of(event)
        return state if score is None else LatestScores((*state.scores, score)[-LAST:])

    def value(self, state: LatestScores, reading: Reading) -> Score:
        """Return the mean, with the word; the deviation is a part that adds nothing to the value."""
        if not state.scores:
            return Score(None)
        average, spread = mean(state.scores), deviation(state.scores)
        parts = (
            Component("mean of the last scores", average, 1.0, self.kinds, reading.subject, most=100.0),
            Component("deviation of the last scores", spread, 0.0, self.kinds, reading.subject),
        )
        return Score(average, parts, label=self._word(average, spread))

    def _word(self, average: float, spread: float) -> str:
        if average >= self.advanced and spread < self.advanced_below:
            return "advanced"
        if average >= self.proficient and spread < self.proficient_below:
            return "proficient"
        return "developing" if average >= self.developing else "beginner"
