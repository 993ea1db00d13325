"""Progress in a space: its tasks, the time spent in it, its milestones, and how good interactions in it were."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct, structs

from skillcore.defaults import definitions
from skillcore.defaults.reported import Tasks, reached, weighted, with_milestone
from skillcore.plugin import Component, Event, Reading, Score, ScoringFormula

__all__ = ["Space", "SpaceSettings", "SpaceState"]

Weight = Annotated[float, Meta(ge=0, le=1000)]


class SpaceSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Weights of a space's parts: ``[plugins.defaults.space]``. They count in proportion to their sum.

    Attributes:
        task: of the share of tasks that are done.
        time: of the time spent.
        milestone: of the share of milestones that are reached.
        interaction: of the mean quality of interactions.
    """

    task: Weight = 0.4
    time: Weight = 0.2
    milestone: Weight = 0.3
    interaction: Weight = 0.1


class SpaceState(Struct, frozen=True):
    """What was reported of a space.

    Attributes:
        minutes: spent, in all.
        milestones: their names, in the order in which they were reached.
        quality: sum of the interactions' qualities.
        interactions: how many there were.
    """

    tasks: Tasks = Tasks()
    minutes: float = 0.0
    milestones: tuple[str, ...] = ()
    quality: float = 0.0
    interactions: int = 0


class Space(ScoringFormula[SpaceState]):
    """0.4 · tasks + 0.2 · time + 0.3 · milestones + 0.1 · interactions, each from 0 to 100; nothing for a space nobody defined.

    - tasks: the share that is done. The latest event that names a task says whether it is: with a value of 100. An event
      that names none is a task of its own. Tasks that the definition lists and nobody has reported are not done. Names are
      compared without white space around them.
    - time: 100 · min(minutes spent / minutes expected, 1).
    - milestones: the share of the definition's that were reached; a milestone counts once and is never lost.
    - interactions: the mean of their qualities; 0 without any.

    A space that expects no time, or has no milestones, is judged by its other parts alone, in proportion to their weights.
    """

    name = "space"
    version = 2
    kinds = frozenset({"progress.task", "progress.time", "progress.milestone", "progress.interaction"})
    state = SpaceState
    definition = definitions.Space

    def __init__(self, settings: SpaceSettings | None = None) -> None:
        settings = settings or SpaceSettings()
        self.task, self.time = settings.task, settings.time
        self.milestone, self.interaction = settings.milestone, settings.interaction

    def subjects(self, event: Event) -> Iterable[str]:
        """Return the space; an event that names none moves nothing."""
        return (event.subject_id,) if event.subject_id else ()

    def apply(self, state: SpaceState, event: Event) -> SpaceState:
        """Return the state after what somebody reports of the space, whoever does."""
        match event.kind:
            case "progress.task":
                return structs.replace(state, tasks=state.tasks.after(event.data.task, event.data.value))
            case "progress.time":
                return structs.replace(state, minutes=state.minutes + event.data.minutes)
            case "progress.milestone":
                return structs.replace(state, milestones=with_milestone(state.milestones, event.data.milestone))
            case _:
                quality = state.quality + event.data.quality
                return structs.replace(state, quality=quality, interactions=state.interactions + 1)

    def value(self, state: SpaceState, reading: Reading) -> Score:
        """Return the progress with its parts."""
        space = reading.definition
        if not isinstance(space, definitions.Space):
            return Score(None)
        done = state.tasks.share_done(space.tasks) or 0.0
        parts = [self._part("tasks", 100 * done, self.task, "task", reading)]
        if space.expected_minutes is not None:
            spent = min(state.minutes / space.expected_minutes, 1.0)
            parts.append(self._part("time", 100 * spent, self.time, "time", reading))
        if space.milestones:
            share = len(reached(state.milestones, space.milestones)) / len(space.milestones)
            parts.append(self._part("milestones", 100 * share, self.milestone, "milestone", reading))
        quality = state.quality / state.interactions if state.interactions else 0.0
        parts.append(self._part("interactions", quality, self.interaction, "interaction", reading))
        return weighted(parts)

    def _part(self, name: str, value: float, weight: float, kind: str, reading: Reading) -> Component:
        return Component(name, value, weight, frozenset({f"progress.{kind}"}), reading.subject, most=100.0)
