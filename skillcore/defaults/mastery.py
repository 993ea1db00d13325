"""Mastery of a skill: how well its latest attempts went, how evenly, and how many there are."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from operator import mul
from typing import Annotated

from msgspec import Meta, Struct

from skillcore.defaults.counted import KINDS, deviation, score_of
from skillcore.plugin import Component, Event, Reading, Score, ScoringFormula

__all__ = ["Attempts", "Mastery", "MasterySettings"]

KEPT = 200
"""Attempts that are remembered."""


class MasterySettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of mastery: ``[plugins.defaults.mastery]``.

    Attributes:
        half_life: attempts after which an attempt weighs half as much.
        full: attempts needed for full mastery.
        spread: standard deviation, in shares of a full score, at which consistency is lowest: a half.
    """

    half_life: Annotated[float, Meta(gt=0)] = 10.0
    full: Annotated[int, Meta(ge=1, le=KEPT)] = 20
    spread: Annotated[float, Meta(gt=0)] = 0.5


class Attempts(Struct, frozen=True):
    """Scores of the latest attempts, from 0 to 1, the oldest first."""

    scores: tuple[float, ...] = ()


class Mastery(ScoringFormula[Attempts]):
    """100 · Σ scoreᵢwᵢ · consistency · volume over a skill's last 200 attempts, from 0 to 100; nothing without any.

    wᵢ are weights that halve every ``half_life`` attempts and sum to 1; volume = min(n / full, 1); and
    consistency = 1 - min(s / spread, 1) / 2, where s is the standard deviation of the population.
    """

    name = "mastery"
    version = 1
    kinds = KINDS
    state = Attempts

    def __init__(self, settings: MasterySettings | None = None) -> None:
        settings = settings or MasterySettings()
        self.half_life = settings.half_life
        self.full = settings.full
        self.spread = settings.spread

    def subjects(self, event: Event) -> Iterable[str]:
        """Return the skills that an attempt was about."""
        return () if score_of(event) is None else dict.fromkeys(event.skills)

    def apply(self, state: Attempts, event: Event) -> Attempts:
        """Return the state after an attempt."""
        score = score_of(event)
        return state if score is None else Attempts((*state.scores, score / 100)[-KEPT:])

    def value(self, state: Attempts, reading: Reading) -> Score:
        """Return mastery as the product of its three factors."""
        if not state.scores:
            return Score(None)
        weights, together = weights_of(self.half_life, len(state.scores))
        average = math.fsum(map(mul, state.scores, weights)) / together
        consistency = 1 - min(deviation(state.scores) / self.spread, 1) / 2
        volume = min(len(state.scores) / self.full, 1)
        parts = tuple(
            Component(name, value, weight, KINDS, reading.subject, most=1.0)
            for name, value, weight in (
                ("recent attempts", average, 100.0),
                ("consistency", consistency, 1.0),
                ("number of attempts", volume, 1.0),
            )
        )
        return Score(math.prod(part.value * part.weight for part in parts), parts, combine="product")


@lru_cache(maxsize=2 * KEPT)
def weights_of(half_life: float, count: int) -> tuple[tuple[float, ...], float]:
    """Return how much each of so many attempts weighs, the oldest first, and all of them together."""
    weights = tuple(0.5 ** (age / half_life) for age in range(count - 1, -1, -1))
    return weights, math.fsum(weights)
