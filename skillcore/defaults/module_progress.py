"""Progress in a module: how many of its tasks are completed, how well and in how much time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated

from msgspec import Meta, Struct, structs

from skillcore.defaults.counted import modules_of, score_of
from skillcore.defaults.definitions import Module
from skillcore.defaults.spent import Spent
from skillcore.plugin import Component, Event, Reading, Score, ScoringFormula

__all__ = ["AVERAGE", "EFFICIENCY", "MINUTES", "Attended", "ModuleProgress", "ModuleSettings"]

KEPT = 1000
"""Items of a module whose best scores are remembered: the first ones."""

AVERAGE, MINUTES, EFFICIENCY = "average score", "minutes spent", "efficiency"
"""Names of the parts that tell of a module and add nothing to its completion: their weight is 0, and no task's is."""

SCORED = frozenset({"session.activity"})


class ModuleSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of progress in modules: ``[plugins.defaults.module]``.

    Attributes:
        longest_gap: minutes from one event to the next that still count as time spent.
    """

    longest_gap: Annotated[float, Meta(gt=0, le=1440)] = 120.0


class Attended(Struct, frozen=True):
    """What somebody did in a module.

    Attributes:
        best: of each item, the best score that counts, from 0 to 100.
        scores: how many scores count.
        total: their sum.
        spent: the time.
    """

    best: Mapping[str, float] = {}
    scores: int = 0
    total: float = 0.0
    spent: Spent = Spent()


class ModuleProgress(ScoringFormula[Attended]):
    """Completed tasks / tasks · 100, from 0 to 100; nothing for what no definition calls a module.

    A task is completed when an attempt at its item that counts reached the score that is required. Beside it stand, without
    adding to it, the average of the scores that count; the minutes spent, whoever tells of them: the gaps from one event to
    the next of at most ``longest_gap``, but for those after an end and before a start; and efficiency: completion / 100 ·
    expected minutes / minutes spent. Subjects are ``module:`` and the module's name.
    """

    name = "module"
    version = 1
    kinds = frozenset({"session.started", "session.activity", "session.ended"})
    state = Attended
    definition = Module

    def __init__(self, settings: ModuleSettings | None = None) -> None:
        self.longest_gap = (settings or ModuleSettings()).longest_gap

    def subjects(self, event: Event) -> Iterable[str]:
        """Return the module, if the event names one."""
        return modules_of(event)

    def apply(self, state: Attended, event: Event) -> Attended:
        """Return the state after an event of a session."""
        state = structs.replace(state, spent=state.spent.after(event, self.longest_gap * 60))
        score = score_of(event)
        if score is None:
            return state
        state = structs.replace(state, scores=state.scores + 1, total=state.total + score)
        item = event.data.item
        known = state.best.get(item, -1.0) if item else score
        if score <= known or (known < 0 and len(state.best) >= KEPT):
            return state
        return structs.replace(state, best={**state.best, item: score})

    def value(self, state: Attended, reading: Reading) -> Score:
        """Return the completion, with a part for each task."""
        module = reading.definition
        if not isinstance(module, Module):
            return Score(None)
        done = [state.best.get(task.name, -1.0) >= (module.required_of(task) or 0.0) for task in module.tasks]
        weight = 100 / len(module.tasks)
        tasks = [
            Component(task.name, float(completed), weight, SCORED, reading.subject, most=1.0)
            for task, completed in zip(module.tasks, done, strict=True)
        ]
        completion = 100 * sum(done) / len(done)  # not times the weight, which may leave a finished module just below 100
        figures = {MINUTES: state.spent.seconds / 60}
        if state.scores:
            figures[AVERAGE] = min(state.total / state.scores, 100.0)
        if state.spent.seconds and module.minutes is not None:
            figures[EFFICIENCY] = completion / 100 * module.minutes / (state.spent.seconds / 60)
        beside = [Component(name, figure, 0.0, self.kinds, reading.subject) for name, figure in sorted(figures.items())]
        return Score(completion, (*tasks, *beside))
