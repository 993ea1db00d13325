"""Overall progress: how much of all of a person's modules is completed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from skillcore.defaults.definitions import Curriculum
from skillcore.plugin import Component, Event, Reading, Score, ScoringFormula

__all__ = ["Nothing", "Overall"]


class Nothing(Struct, frozen=True):
    """No state: everything comes from the modules."""


class Overall(ScoringFormula[Nothing]):
    """Σ completion · tasks / Σ tasks over the person's modules, from 0 to 100; nothing without a module.

    Each module's completion is the score of ``module``; one that has none counts as not begun.
    """

    name = "overall"
    version = 1
    kinds = frozenset({"session.activity"})
    state = Nothing
    inputs = ("module",)
    definition = Curriculum

    def subjects(self, event: Event) -> Iterable[str]:
        """Return the person."""
        return ("",)

    def asks(self, reading: Reading) -> Mapping[str, Iterable[str]]:
        """Return the modules of the curriculum."""
        return {"module": tuple(f"module:{name}" for name, _ in self._modules(reading))}

    def apply(self, state: Nothing, event: Event) -> Nothing:
        """Return the state as it is."""
        return state

    def value(self, state: Nothing, reading: Reading) -> Score:
        """Return the mean of the modules, weighted by their sizes."""
        modules = self._modules(reading)
        size = sum(tasks for _, tasks in modules)
        if not size:
            return Score(None)
        scores = reading.inputs.get("module", {})
        parts = []
        for name, tasks in modules:
            score = scores.get(f"module:{name}", Score(None))
            completion = min(max(score.value or 0.0, 0.0), 100.0)
            parts.append(Component(name, completion, tasks / size, self.kinds, f"module:{name}", formula="module", most=100.0))
        made = Score(0.0, tuple(parts)).combined()
        return Score(min(made, 100.0), tuple(parts))

    def _modules(self, reading: Reading) -> tuple[tuple[str, int], ...]:
        return reading.definition.modules if isinstance(reading.definition, Curriculum) else ()
