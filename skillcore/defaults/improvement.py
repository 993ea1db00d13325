"""Improvement: by how much scores rise or fall in a week."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import combinations
from statistics import median
from typing import Annotated

from msgspec import Meta, Struct

from skillcore.defaults.counted import modules_of, score_of
from skillcore.plugin import Component, Event, Reading, Score, ScoringFormula

__all__ = ["Improvement", "ImprovementSettings", "Scored"]

WEEK = 7 * 86_400.0
START = datetime(1970, 1, 1, tzinfo=UTC)


class ImprovementSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of improvement: ``[plugins.defaults.improvement]``.

    Attributes:
        last: scores that are looked at.
    """

    last: Annotated[int, Meta(ge=2, le=200)] = 50


class Scored(Struct, frozen=True):
    """The latest scores, from 0 to 100, each with its moment in seconds since 1970; the oldest first."""

    scores: tuple[tuple[float, float], ...] = ()


class Improvement(ScoringFormula[Scored]):
    """Points a week by which the scores of training sessions rise: the Theil-Sen slope of the last of them.

    The median of the slopes between all pairs of scores at different moments, so that a single bad day moves it little. Nothing
    without such a pair. Overall, and for each module and skill; a module's subject is ``module:`` and its name.
    """

    name = "improvement"
    version = 1
    kinds = frozenset({"session.activity"})
    state = Scored

    def __init__(self, settings: ImprovementSettings | None = None) -> None:
        self.last = (settings or ImprovementSettings()).last

    def subjects(self, event: Event) -> Iterable[str]:
        """Return the person, the module of the session, and the skills that it trained."""
        if score_of(event) is None:
            return ()
        return dict.fromkeys(("", *modules_of(event), *event.skills))

    def apply(self, state: Scored, event: Event) -> Scored:
        """Return the state after a score."""
        score = score_of(event)
        if score is None:
            return state
        return Scored((*state.scores, ((event.occurred_at - START).total_seconds(), score))[-self.last :])

    def value(self, state: Scored, reading: Reading) -> Score:
        """Return the slope."""
        slopes = [
            (score - before) / (moment - earlier) * WEEK
            for (earlier, before), (moment, score) in combinations(state.scores, 2)
            if moment - earlier >= 1  # second: between scores of one moment nobody improves
        ]
        if not slopes:
            return Score(None)
        slope = median(slopes)
        return Score(slope, (Component("points a week", slope, 1.0, self.kinds, reading.subject),))
