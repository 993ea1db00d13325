"""The learning level: difficulty of proved work, summed."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct, structs

from skillcore.plugin import Component, Event, Reading, Score, ScoringFormula, Strength

__all__ = ["Level", "LevelSettings", "LevelState"]


class LevelSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of the level: ``[plugins.defaults.level]``.

    Attributes:
        normalisation: points of difficulty that make one level.
        unknown_difficulty: what a work counts whose difficulty nobody knows.
        asserted_weight: weight of evidence that rests on its author's word; judged and authenticated evidence weigh 1.
    """

    normalisation: Annotated[float, Meta(gt=0)] = 10.0
    unknown_difficulty: Annotated[float, Meta(ge=0, le=10)] = 1.0
    asserted_weight: Annotated[float, Meta(ge=0, le=1)] = 0.5


class LevelState(Struct, frozen=True):
    """What the level needs to remember: sums, so that a long history is read as fast as a short one.

    Attributes:
        known: Σ difficulty · weight over works whose source states the difficulty.
        unknown: Σ weight over the other works.
        declared: of those of them that somebody judged on a completed task: weight, and the highest difficulty that a mentor,
            an administrator or a platform declared.
    """

    known: float = 0.0
    unknown: float = 0.0
    declared: dict[str, tuple[float, float]] = {}


class Level(ScoringFormula[LevelState]):
    """Σ difficulty · weight / normalisation over accepted evidence, overall and for each skill; unbounded.

    A work whose source states no difficulty counts with the highest one declared on a completed task for it, else with
    ``unknown_difficulty``. The order of import and task makes no difference.
    """

    name = "level"
    version = 2
    kinds = frozenset({"evidence.accepted", "task.completed"})
    state = LevelState

    def __init__(self, settings: LevelSettings | None = None) -> None:
        settings = settings or LevelSettings()
        self.normalisation = settings.normalisation
        self.unknown_difficulty = settings.unknown_difficulty
        self.asserted_weight = settings.asserted_weight

    def subjects(self, event: Event) -> Iterable[str]:
        """Return the person's score and those of the work's skills."""
        if event.kind == "evidence.accepted":
            return ("", *dict.fromkeys(event.skills))
        return ("", *dict.fromkeys(skill for work in event.data.works for skill in work.skills))

    def apply(self, state: LevelState, event: Event) -> LevelState:
        """Return the person's own state after the event."""
        return self.apply_to("", state, event)

    def apply_to(self, subject: str, state: LevelState, event: Event) -> LevelState:
        """Return the state after an accepted work, or after a task that declares a work's difficulty."""
        if event.kind == "evidence.accepted":
            weight = self._weight(event.data.strength)
            if event.data.difficulty is not None:
                return structs.replace(state, known=state.known + event.data.difficulty * weight)
            return structs.replace(state, unknown=state.unknown + weight)
        if event.data.difficulty is None or event.data.declared_by is None:
            return state
        declared = dict(state.declared)
        for work in event.data.works:
            if work.difficulty is None and (not subject or subject in work.skills):
                weight, highest = declared.get(work.subject, (0.0, 0.0))
                declared[work.subject] = (max(weight, self._weight(work.strength)), max(highest, event.data.difficulty))
        return structs.replace(state, declared=declared)

    def value(self, state: LevelState, reading: Reading) -> Score:
        """Return the level with its two parts."""
        lifted = math.fsum(weight * (highest - self.unknown_difficulty) for weight, highest in state.declared.values())
        declared = state.unknown * self.unknown_difficulty + lifted
        scale = 1 / self.normalisation
        parts = (
            Component("difficulty stated by sources", state.known, scale, frozenset({"evidence.accepted"}), reading.subject),
            Component("difficulty declared or unknown", declared, scale, self.kinds, reading.subject),
        )
        return Score(state.known * scale + declared * scale, parts)

    def _weight(self, strength: Strength) -> float:
        return self.asserted_weight if strength == "asserted" else 1.0
