"""The probability that a person's next attempt succeeds, by a trained model applied to what the person did before."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from msgspec import Meta, Struct

from skillcore.defaults.attempts.learner import FEATURES, Learner, after
from skillcore.defaults.attempts.model import Model, chance, generic, read_model
from skillcore.defaults.counted import KINDS, score_of
from skillcore.plugin import Component, Event, Reading, Score, ScoringFormula

__all__ = ["Attempt", "AttemptSettings", "Attempted", "NextAttempt", "attempted", "configured"]

PARTS = (
    ("usual", ("intercept",)),
    ("the item", ("item", "difficulty")),
    ("the skill", ("skill",)),
    ("attempts so far", ("general.",)),
    ("attempts on the skill", ("skill.",)),
    ("ability on top of what is expected", ("both.",)),
    ("the bend", ("bend",)),
)
"""Components by what the names of their contributions begin with; the last that fits wins."""


class AttemptSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of the attempt model: ``[plugins.defaults.attempt]``.

    Attributes:
        model: file of a trained model; empty for the one that comes with the engine.
        difficulty_slope: by how much a point of stated difficulty lowers the logit of an item that the model does not know.
        usual_difficulty: the difficulty that such an item is compared with.
    """

    model: str = ""
    difficulty_slope: Annotated[float, Meta(ge=0, le=5)] = 0.25
    usual_difficulty: Annotated[float, Meta(ge=1, le=10)] = 5.0


class NextAttempt(Struct, frozen=True, forbid_unknown_fields=True):
    """What would be attempted: the definition with which the formula is read.

    Attributes:
        skills: that it takes, by id.
        item: as attempts name it: an activity's ``item``, or ``<source>:<work>``.
        difficulty: that is stated of it.
    """

    skills: tuple[str, ...] = ()
    item: str = ""
    difficulty: Annotated[float, Meta(ge=1, le=10)] | None = None


class Attempted(NamedTuple):
    """An attempt, as an event tells of it."""

    item: str
    skills: tuple[str, ...]
    difficulty: float | None
    outcome: float


def attempted(event: Event) -> Attempted | None:
    """Return the attempt that an event tells of; None if it tells of none that counts.

    Accepted evidence is a success. An activity with a score is one in part, where a platform or the engine recorded it.
    """
    score = score_of(event)
    if score is None:
        return None
    data = event.data
    item = f"{data.source}:{data.work}" if event.kind == "evidence.accepted" else data.item or ""
    return Attempted(item, tuple(dict.fromkeys(event.skills)), data.difficulty, score / 100)


class Attempt(ScoringFormula[Learner]):
    """1 / (1 + exp(-Σ contributions)): the probability of success at the next attempt, from 0 to 1.

    Which attempt it is stands in the definition, a `NextAttempt`; without one it is any. Null before the first attempt, unless
    the model knows the item or a skill of the next one.
    """

    name = "attempt"
    version = 1
    kinds = KINDS
    state = Learner

    def __init__(self, model: Model, settings: AttemptSettings | None = None) -> None:
        settings = settings or AttemptSettings()
        self._model = model
        self.model = model.digest()
        self.difficulty_slope = settings.difficulty_slope
        self.usual_difficulty = settings.usual_difficulty

    def apply(self, state: Learner, event: Event) -> Learner:
        """Return the state after an attempt."""
        attempt = attempted(event)
        if attempt is None:
            return state
        ease = self._model.ease_of(attempt.item, attempt.skills) + self._stated(attempt.item, attempt.difficulty)
        return after(state, attempt.skills, ease, event.occurred_at.timestamp(), attempt.outcome)

    def value(self, state: Learner, reading: Reading) -> Score:
        """Return the probability, with what makes its logit."""
        asked = reading.definition if isinstance(reading.definition, NextAttempt) else NextAttempt()
        if not state.attempts and asked.item not in self._model.items and not set(asked.skills) & set(self._model.skills):
            return Score(None, link="logistic")
        stated = self._stated(asked.item, asked.difficulty)
        contributions = self._model.contributions(state, asked.item, asked.skills, reading.at.timestamp(), stated_ease=stated)
        parts = tuple(self._part(name, value, reading) for name, value in _grouped(contributions).items())
        return Score(chance(math.fsum(part.value for part in parts)), parts, link="logistic")

    def _stated(self, item: str, difficulty: float | None) -> float:
        """Return what a stated difficulty adds to the ease of an item: nothing, where the model knows the item itself."""
        if difficulty is None or item in self._model.items:
            return 0.0
        return self.difficulty_slope * (self.usual_difficulty - difficulty)

    def _part(self, name: str, value: float, reading: Reading) -> Component:
        return Component(name, value, 1.0, self.kinds, reading.subject)


def _grouped(contributions: Mapping[str, float]) -> dict[str, float]:
    """Return contributions to the logit by the components of `PARTS`."""
    return {name: math.fsum(value for key, value in contributions.items() if _PART_OF[key] == name) for name, _ in PARTS}


def _part_of(contribution: str) -> str:
    return next(name for name, begins in reversed(PARTS) if any(_belongs(contribution, begin) for begin in begins))


def _belongs(contribution: str, begin: str) -> bool:
    return contribution.startswith(begin) if begin.endswith(".") else contribution == begin


_PART_OF = {name: _part_of(name) for name in ("intercept", "item", "difficulty", "skill", "bend", *FEATURES)}


def configured(settings: AttemptSettings) -> ScoringFormula[Any]:
    """Return the formula with the model that the settings name; it is read once, when plugins are loaded.

    Raises:
        UnusableModel: the file holds none.
    """
    return Attempt(read_model(Path(settings.model)) if settings.model else generic(), settings)
