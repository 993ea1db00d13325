"""Progress towards a goal: its spaces, its own milestones, and what was done beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated

from msgspec import Meta, Struct, structs

from skillcore.defaults import definitions
from skillcore.defaults.reported import Tasks, percent, reached, weighted, with_milestone
from skillcore.plugin import Component, Event, Reading, Score, ScoringFormula

__all__ = ["Goal", "GoalSettings", "GoalState"]

Weight = Annotated[float, Meta(ge=0, le=1000)]
TASK, MILESTONE = "progress.task", "progress.milestone"


class GoalSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Weights of a goal's parts: ``[plugins.defaults.goal]``. They count in proportion to their sum.

    Attributes:
        spaces: of the mean of its spaces.
        milestones: of the share of its milestones that are reached.
        extra: of activities beside its spaces.
        points: what one such activity gives, of 100.
    """

    spaces: Weight = 0.6
    milestones: Weight = 0.3
    extra: Weight = 0.1
    points: Annotated[float, Meta(ge=0, le=100)] = 10.0


class GoalState(Struct, frozen=True):
    """What was reported of a goal itself: tasks done for it, which are its extra activities, and its milestones."""

    tasks: Tasks = Tasks()
    milestones: tuple[str, ...] = ()


class Goal(ScoringFormula[GoalState]):
    """0.6 · mean of its spaces + 0.3 · milestones + 0.1 · extra activities, each from 0 to 100; nothing if nobody defined it.

    - spaces: the mean of their progress; one of which nothing is known counts 0.
    - milestones: the share of the goal's own that were reached.
    - extra activities: min(10 · number, 100). An activity is a task reported as done of the goal itself and not of a space:
      ``progress.task`` with 100. One that is named again counts once.

    A goal without spaces, or without milestones, is judged by its other parts alone, in proportion to their weights.
    """

    name = "goal"
    version = 1
    kinds = frozenset({TASK, MILESTONE})
    state = GoalState
    inputs = ("space",)
    definition = definitions.Goal

    def __init__(self, settings: GoalSettings | None = None) -> None:
        settings = settings or GoalSettings()
        self.spaces, self.milestones = settings.spaces, settings.milestones
        self.extra, self.points = settings.extra, settings.points

    def subjects(self, event: Event) -> Iterable[str]:
        """Return what the event is about, which may be a goal."""
        return (event.subject_id,) if event.subject_id else ()

    def asks(self, reading: Reading) -> Mapping[str, Iterable[str]]:
        """Return the goal's spaces."""
        goal = reading.definition
        return {"space": tuple(map(str, goal.spaces)) if isinstance(goal, definitions.Goal) else ()}

    def apply(self, state: GoalState, event: Event) -> GoalState:
        """Return the state after a milestone, or after an activity."""
        if event.kind == MILESTONE:
            return structs.replace(state, milestones=with_milestone(state.milestones, event.data.milestone))
        return structs.replace(state, tasks=state.tasks.after(event.data.task, event.data.value))

    def value(self, state: GoalState, reading: Reading) -> Score:
        """Return the progress; each space is a component of its own."""
        goal = reading.definition
        if not reading.subject or not isinstance(goal, definitions.Goal):
            return Score(None)
        parts = []
        for id_ in map(str, goal.spaces):
            progress = percent(reading.inputs["space"][id_].value)
            weight = self.spaces / len(goal.spaces)
            parts.append(Component("space", progress, weight, subject=id_, formula="space", most=100.0))
        if goal.milestones:
            share = len(reached(state.milestones, goal.milestones)) / len(goal.milestones)
            parts.append(self._part("milestones", 100 * share, self.milestones, MILESTONE, reading))
        extra = min(self.points * state.tasks.done(), 100.0)
        parts.append(self._part("extra activities", extra, self.extra, TASK, reading))
        return weighted(parts)

    def _part(self, name: str, value: float, weight: float, kind: str, reading: Reading) -> Component:
        return Component(name, value, weight, frozenset({kind}), reading.subject, most=100.0)
