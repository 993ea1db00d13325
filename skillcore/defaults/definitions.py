"""What the default formulas judge by besides events: targets that people and platforms set, as they stand in definitions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

__all__ = ["Goal", "Space"]

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Names = Annotated[tuple[Name, ...], Meta(max_length=100)]
Tasks = Annotated[tuple[Name, ...], Meta(max_length=500)]
Spaces = Annotated[tuple[UUID, ...], Meta(max_length=50)]
ExpectedMinutes = Annotated[float, Meta(gt=0, le=1_000_000)]


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
