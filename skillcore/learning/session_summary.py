"""What came of a training session: how long it was, how well it went, what got better and what is hard. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Literal

from msgspec import Struct, structs

from skillcore.defaults.counted import score_of
from skillcore.defaults.spent import Spent
from skillcore.plugin import Event

__all__ = ["Course", "Tally", "TrainingSummary"]

Of = Literal["item", "skill"]

MOST = 50
"""Improvements, and challenges, that are told of: the greatest first."""

DIGITS = 6


class Course(Struct, frozen=True, kw_only=True):
    """How the scores of an item, or of a skill, went in a session.

    Attributes:
        of: which of the two.
        name: the item's, or the skill's id.
        first: its first score in the session.
        last: its last one.
        best: its highest one.
        required: with which the module takes an item to be completed; null where nothing is required.
        counts: all of these scores count for skills and modules; otherwise some are what the person says of themselves.
    """

    of: Of
    name: str
    first: float
    last: float
    best: float
    required: float | None
    counts: bool


class TrainingSummary(Struct, frozen=True, kw_only=True):
    """What came of a session.

    Attributes:
        seconds: spent: the gaps between its events, but for those in which it lay idle, or was over.
        activities: how many things were done.
        scored: how many scores count.
        average_score: of those that count; null without any.
        own_scored: how many scores do not count, since the person says them of themselves.
        own_average_score: of those; null without any.
        improvements: items and skills whose last score is higher than their first, the greatest rise first.
        challenges: items and skills whose last score is lower than their first, and items whose best one is below what the
            module requires; what is furthest behind first.
    """

    seconds: float
    activities: int
    scored: int
    average_score: float | None
    own_scored: int
    own_average_score: float | None
    improvements: list[Course]
    challenges: list[Course]


class Tally:
    """A session as it is gone through, event by event."""

    def __init__(self, idle: timedelta) -> None:
        """Begin before its first event.

        Args:
            idle: how long it may lie idle: longer gaps are not counted as time.
        """
        self._idle = idle.total_seconds()
        self._spent = Spent()
        self._activities = 0
        self._counting, self._own = Mean(), Mean()
        self._courses: dict[tuple[Of, str], Course] = {}

    def add(self, event: Event) -> None:
        """Go on to the next event, in the order of time."""
        self._spent = self._spent.after(event, self._idle)
        if event.kind != "session.activity":
            return
        self._activities += 1
        score = event.data.score
        if score is None:
            return
        counts = score_of(event) is not None
        (self._counting if counts else self._own).add(score)
        if event.data.item is not None:
            self._went("item", event.data.item, score, counts)
        for skill in event.skills:
            self._went("skill", skill, score, counts)

    def summary(self, required: Mapping[str, float | None]) -> TrainingSummary:
        """Return what came of it so far.

        Args:
            required: the score that the module requires of each of its items.
        """
        judged = [
            structs.replace(course, required=required.get(name)) if of == "item" else course
            for (of, name), course in self._courses.items()
        ]
        return TrainingSummary(
            seconds=round(self._spent.seconds, DIGITS),
            activities=self._activities,
            scored=self._counting.number,
            average_score=self._counting.value,
            own_scored=self._own.number,
            own_average_score=self._own.value,
            improvements=_greatest([(course.last - course.first, course) for course in judged]),
            challenges=_greatest([(_behind(course), course) for course in judged]),
        )

    def _went(self, of: Of, name: str, score: float, counts: bool) -> None:
        known = self._courses.get((of, name))
        if known is None:
            course = Course(of=of, name=name, first=score, last=score, best=score, required=None, counts=counts)
        else:
            course = structs.replace(known, last=score, best=max(score, known.best), counts=counts and known.counts)
        self._courses[of, name] = course


class Mean:
    """An average that grows."""

    def __init__(self) -> None:
        self.number, self._total = 0, 0.0

    def add(self, value: float) -> None:
        """Take one more value in."""
        self.number, self._total = self.number + 1, self._total + value

    @property
    def value(self) -> float | None:
        """The average; None of nothing."""
        return round(self._total / self.number, DIGITS) if self.number else None


def _behind(course: Course) -> float:
    """Return by how many points a course fell, or is below what is required, whichever is more."""
    return max(course.first - course.last, (course.required or 0.0) - course.best)


def _greatest(found: Sequence[tuple[float, Course]]) -> list[Course]:
    moved = sorted(
        ((-points, course.of, course.name, course) for points, course in found if points > 0), key=lambda one: one[:3]
    )
    return [course for *_, course in moved[:MOST]]
