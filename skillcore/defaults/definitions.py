"""What the default formulas judge by besides events: targets that people and platforms set, as they stand in definitions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

__all__ = ["Curriculum", "Goal", "Module", "ModuleTask", "Space"]

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Names = Annotated[tuple[Name, ...], Meta(max_length=100)]
Tasks = Annotated[tuple[Name, ...], Meta(max_length=500)]
Spaces = Annotated[tuple[UUID, ...], Meta(max_length=50)]
ExpectedMinutes = Annotated[float, Meta(gt=0, le=1_000_000)]
RequiredScore = Annotated[float, Meta(ge=0, le=100)]


class ModuleTask(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A task of a module.

    Attributes:
        name: what events call it in their ``item``.
        expected_minutes: that it takes.
        required_score: from 0 to 100, with which it is completed; that of the module, if not given.
    """

    name: Name
    expected_minutes: ExpectedMinutes | None = None
    required_score: RequiredScore | None = None


class Module(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What there is to do in a module, and how well.

    Attributes:
        title: as people read it.
        tasks: each by a name of its own.
        required_score: of the tasks that do not state one; without either, any score completes a task.
        expected_minutes: that the whole module takes; without it the sum of what its tasks take, if each says so.
        skills: that it trains, by id.
    """

    title: Annotated[str, Meta(max_length=200)] = ""
    tasks: Annotated[tuple[ModuleTask, ...], Meta(min_length=1, max_length=200)]
    required_score: RequiredScore | None = None
    expected_minutes: ExpectedMinutes | None = None
    skills: Annotated[tuple[Name, ...], Meta(max_length=50)] = ()

    def __post_init__(self) -> None:
        """Refuse tasks that share a name."""
        once("tasks", [task.name for task in self.tasks])

    def required_of(self, task: ModuleTask) -> float | None:
        """Return the score with which a task is completed; None where any completes it."""
        return self.required_score if task.required_score is None else task.required_score

    @property
    def minutes(self) -> float | None:
        """How many the module is expected to take; None where nobody says."""
        if self.expected_minutes is not None:
            return self.expected_minutes
        stated = [task.expected_minutes for task in self.tasks if task.expected_minutes is not None]
        return sum(stated) if len(stated) == len(self.tasks) else None


class Curriculum(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The modules that a person is to complete.

    Attributes:
        modules: the name of each, and how many tasks it has.
    """

    modules: tuple[tuple[str, int], ...] = ()


class Space(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a space's progress is measured by.

    Attributes:
        expected_minutes: time after which the part for time is full; without it there is no such part.
        milestones: what is to be reached, each named once; an event names the same words.
        tasks: tasks of which it is known beforehand that they belong to the space; others join as they are reported.
    """

    expected_minutes: ExpectedMinutes | None = None
    milestones: Names = ()
    tasks: Tasks = ()

    def __post_init__(self) -> None:
        """Refuse names that stand twice."""
        once("milestones", self.milestones)
        once("tasks", self.tasks)


class Goal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a goal's progress is measured by.

    Attributes:
        spaces: ids of the spaces that lead to it.
        milestones: as of a space.
        target_date: the day by whose end it is to be reached.
    """

    spaces: Spaces = ()
    milestones: Names = ()
    target_date: date | None = None

    def __post_init__(self) -> None:
        """Refuse what stands twice."""
        once("spaces", [str(space) for space in self.spaces])
        once("milestones", self.milestones)


def once(field: str, names: Sequence[str]) -> None:
    """Check that each name stands once.

    Raises:
        ValueError: one stands twice; names the field.
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{field}: {name!r} stands twice")
        seen.add(name)
