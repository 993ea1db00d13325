"""What people report of spaces and goals: tasks and milestones, each known by its name; and parts that make a percentage."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from msgspec import Struct, structs

from skillcore.plugin import Component, Score

__all__ = ["REMEMBERED", "Tasks", "known_by", "percent", "reached", "weighted", "with_milestone"]

REMEMBERED = 1000
"""Names of tasks, and of milestones, that are remembered of one subject."""

LONGEST = 200
"""Letters by which a task is known."""

DONE = 100.0


class Tasks(Struct, frozen=True):
    """Tasks as they were reported.

    Attributes:
        named: whether each is done, by the latest event that names it.
        unnamed: events that name no task, and those that came when too many names were known: each is a task of its own.
        unnamed_done: those of them that say 100.
    """

    named: dict[str, bool] = {}
    unnamed: int = 0
    unnamed_done: int = 0

    def after(self, name: str, value: float) -> Tasks:
        """Return the tasks after a report that one is at a value from 0 to 100."""
        done, name = value >= DONE, known_by(name)
        if name and (name in self.named or len(self.named) < REMEMBERED):
            return structs.replace(self, named={**self.named, name: done})
        return structs.replace(self, unnamed=self.unnamed + 1, unnamed_done=self.unnamed_done + done)

    def share_done(self, listed: Collection[str] = ()) -> float | None:
        """Return the share of tasks that are done, of those reported and those listed; None without any."""
        unreported = {known_by(name) for name in listed} - self.named.keys() - {""}
        count = len(self.named) + self.unnamed + len(unreported)
        return self.done() / count if count else None

    def done(self) -> int:
        """Return how many are done."""
        return sum(self.named.values()) + self.unnamed_done


def known_by(name: str) -> str:
    """Return by what a task is known: its name without white space around it."""
    return name[:LONGEST].strip()


def with_milestone(milestones: tuple[str, ...], name: str) -> tuple[str, ...]:
    """Return milestones with a further one, which counts once; beyond what is remembered nothing is added."""
    if name in milestones or len(milestones) >= REMEMBERED:
        return milestones
    return (*milestones, name)


def reached(milestones: Collection[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """Return those of the wanted milestones that were reached, in their own order."""
    return tuple(name for name in wanted if name in milestones)


def percent(value: float | None) -> float:
    """Return a score of another formula as a part from 0 to 100; nothing is 0, whatever is bound to its role."""
    return min(max(value or 0.0, 0.0), 100.0)


def weighted(parts: Sequence[Component]) -> Score:
    """Return the mean of parts from 0 to 100, by their weights; without any weight, nothing to judge by."""
    total = math.fsum(part.weight for part in parts)
    if not total:
        return Score(None)
    scaled = tuple(structs.replace(part, weight=part.weight / total) for part in parts)
    return Score(min(math.fsum(part.value * part.weight for part in scaled), 100.0), scaled)
