"""Working difficulty: how hard the work is that somebody does at present."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median
from typing import Annotated

from msgspec import Meta, Struct

from skillcore.plugin import Component, Event, Reading, Score, ScoringFormula

__all__ = ["LatestWorks", "WorkingDifficulty", "WorkingDifficultySettings"]


class WorkingDifficultySettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of the working difficulty: ``[plugins.defaults.working_difficulty]``.

    Attributes:
        last: works that are looked at.
    """

    last: Annotated[int, Meta(ge=1, le=200)] = 10


class LatestWorks(Struct, frozen=True):
    """Difficulties of the latest works, the oldest first."""

    difficulties: tuple[float, ...] = ()


class WorkingDifficulty(ScoringFormula[LatestWorks]):
    """The median difficulty of the last ten accepted works whose difficulty is known, from 1 to 10; nothing without any.

    Overall and for each skill. A work whose source states no difficulty is left out: it says nothing of how hard it was.
    """

    name = "working_difficulty"
    version = 1
    kinds = frozenset({"evidence.accepted"})
    state = LatestWorks

    def __init__(self, settings: WorkingDifficultySettings | None = None) -> None:
        self.last = (settings or WorkingDifficultySettings()).last

    def subjects(self, event: Event) -> Iterable[str]:
        """Return the person, and the skills of the work."""
        return () if event.data.difficulty is None else dict.fromkeys(("", *event.skills))

    def apply(self, state: LatestWorks, event: Event) -> LatestWorks:
        """Return the state after an accepted work."""
        if event.data.difficulty is None:
            return state
        return LatestWorks((*state.difficulties, float(event.data.difficulty))[-self.last :])

    def value(self, state: LatestWorks, reading: Reading) -> Score:
        """Return the median."""
        if not state.difficulties:
            return Score(None)
        middle = median(state.difficulties)
        return Score(middle, (Component("median difficulty", middle, 1.0, self.kinds, reading.subject),))
