"""What to do next, and why: rules over what is known of a person, the same for equal situations.

A rule that has nothing to say says nothing. What is said is ordered by priority, then by the order of the rules below, then by
what they put first; ``MOST`` of it is kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import islice
from typing import Literal

from msgspec import Struct

from skillcore.insight.levels import DIGITS

__all__ = ["MOST", "Ability", "Course", "Goal", "Kind", "Priority", "Recommendation", "Situation", "Topic", "recommended"]

Priority = Literal["high", "medium", "low"]
Kind = Literal["goal", "week", "topic", "module", "skill", "milestone", "streak"]

MOST = 10
SOON = 7
"""Days before a goal is due in which being behind is urgent."""

FAR_BEHIND = 20.0
"""Points behind its way from which a goal is urgent, however long it still has."""

LAST_DAYS = 2
"""Days left of a week, the present one included, in which what is missing is urgent."""

NEAR = 5.0
"""Points that are missing to a milestone for it to be near."""

WORTH_KEEPING = 3
"""Active days from which a streak is worth keeping."""

BEGUN, SKILLS = 3, 2
"""How many modules that are begun, and how many weak skills, are spoken of."""

PACES = (0.25, 4.0)
"""The least and the most that a person's pace in a module changes what is expected of the time that is left."""


class Goal(Struct, frozen=True, kw_only=True):
    """A goal with a day by which it is due.

    Attributes:
        progress: from 0 to 100.
        on_the_way: the progress at which it would be today if it grew evenly from the day on which it was set.
    """

    id: str
    name: str
    progress: float
    on_the_way: float
    due: date


class Course(Struct, frozen=True, kw_only=True):
    """A module, and how far it is.

    Attributes:
        completion: in percent.
        average: of the scores that count, if any.
        required: the average that the module asks for, if it does.
        minutes: that all of it takes, if somebody says so.
        pace: 1 is as expected, 2 twice as fast; None where nobody knows.
    """

    name: str
    tasks: int
    completion: float
    average: float | None = None
    required: float | None = None
    minutes: float | None = None
    pace: float | None = None

    @property
    def minutes_left(self) -> float | None:
        """What is left of it at the pace so far; None where nobody says how long it takes."""
        if self.minutes is None:
            return None
        least, most = PACES
        return self.minutes * (1 - self.completion / 100) / min(max(self.pace or 1.0, least), most)


class Topic(Struct, frozen=True, kw_only=True):
    """The topic of a path that comes next.

    Attributes:
        path: its name, which several may have.
    """

    path_id: str
    path: str
    name: str
    hours: float | None = None


class Ability(Struct, frozen=True, kw_only=True):
    """A skill, if it is a weak one or near to a milestone.

    Attributes:
        reasons: why it is called weak; none for one that is not.
        milestone: the next one, and what is missing to it.
    """

    skill: str
    name: str
    reasons: tuple[str, ...] = ()
    milestone: tuple[str, float] | None = None


class Situation(Struct, frozen=True, kw_only=True):
    """What is known of a person.

    Attributes:
        minutes_missing: of this week's goal; None without one.
        works_missing: of this week's goal; None without one.
        days_left: of this week, the present day included.
        weak: the weakest first.
        difficulty: at which the person works; None before the first work.
        streak: active days in a row that end yesterday, and to which today has not been added yet.
    """

    today: date
    goals: tuple[Goal, ...] = ()
    minutes_missing: float | None = None
    works_missing: int | None = None
    days_left: int = 7
    topics: tuple[Topic, ...] = ()
    modules: tuple[Course, ...] = ()
    weak: tuple[Ability, ...] = ()
    near: tuple[Ability, ...] = ()
    difficulty: float | None = None
    streak: int = 0


class Recommendation(Struct, frozen=True, kw_only=True):
    """Something to do.

    Attributes:
        kind: what it is about.
        subject: of that, for programs: the id of a goal, a path or a skill, or the name of a module; empty for the rest.
        title: of that, for people.
        minutes: that it takes, as far as somebody says so.
        difficulty: of works that suit, from 1 to 10: that at which the person works; null where it is not about works.
    """

    priority: Priority
    kind: Kind
    subject: str
    title: str
    reason: str
    minutes: float | None = None
    difficulty: float | None = None


def recommended(situation: Situation) -> list[Recommendation]:
    """Return what to do next, the most urgent first."""
    rules = (_goals, _week, _topics, _modules, _skills, _milestones, _streak)
    found = [one for rule in rules for one in rule(situation)]
    order: tuple[Priority, ...] = ("high", "medium", "low")
    return sorted(found, key=lambda one: order.index(one.priority))[:MOST]


def _goals(situation: Situation) -> Iterator[Recommendation]:
    """Goals that are behind, the one that is due first before the others."""
    for goal in sorted(situation.goals, key=lambda one: (one.due, one.name, one.id)):
        behind, days = round(goal.on_the_way - goal.progress, DIGITS), (goal.due - situation.today).days
        if round(goal.progress, DIGITS) >= 100 or behind <= 0:
            continue
        if days < 0:
            reason = f"it was due on {goal.due}, and is at {goal.progress:.0f} of 100"
        else:
            reason = f"it is at {goal.progress:.0f} of 100 where {goal.on_the_way:.0f} is on the way to {goal.due}"
        urgent = days <= SOON or behind >= FAR_BEHIND
        yield Recommendation(
            priority="high" if urgent else "medium", kind="goal", subject=goal.id, title=goal.name, reason=reason
        )


def _week(situation: Situation) -> Iterator[Recommendation]:
    """What is missing to the weekly goal."""
    minutes, works = situation.minutes_missing or 0.0, situation.works_missing or 0
    begun = math.ceil(minutes)
    missing = [counted(begun, "minute")] * (begun > 0) + [counted(works, "work")] * (works > 0)
    verb = "is" if begun + works == 1 else "are"
    if missing:
        yield Recommendation(
            priority="high" if situation.days_left <= LAST_DAYS else "medium",
            kind="week",
            subject="",
            title="this week",
            reason=f"{' and '.join(missing)} {verb} missing, with {counted(situation.days_left, 'day')} left",
            minutes=minutes or None,
            difficulty=situation.difficulty if works else None,
        )


def _topics(situation: Situation) -> Iterator[Recommendation]:
    """The next topic of each path that is followed."""
    for topic in sorted(situation.topics, key=lambda one: (one.path, one.name, one.path_id)):
        yield Recommendation(
            priority="medium",
            kind="topic",
            subject=topic.path_id,
            title=topic.name,
            reason=f"all that it requires is completed, and it comes next on {topic.path}",
            minutes=None if topic.hours is None else topic.hours * 60,
        )


def _modules(situation: Situation) -> Iterator[Recommendation]:
    """Modules that are begun, the one nearest to its end first, and the first that is not."""
    begun = [one for one in situation.modules if 0 < round(one.completion, DIGITS) < 100]
    for one in sorted(begun, key=lambda one: (-one.completion, one.name))[:BEGUN]:
        done = round(one.tasks * one.completion / 100)
        reason = f"{done} of {counted(one.tasks, 'task')} {'is' if done == 1 else 'are'} completed"
        if one.average is not None and one.required is not None and one.average < one.required:
            reason += f", with {one.average:.0f} on average where {one.required:.0f} is asked"
        yield _of_module(one, "medium", reason)
    fresh = (one for one in sorted(situation.modules, key=lambda one: one.name) if not round(one.completion, DIGITS))
    for one in islice(fresh, 1):
        yield _of_module(one, "low", "it has not been begun")


def _of_module(one: Course, priority: Priority, reason: str) -> Recommendation:
    minutes = one.minutes_left
    return Recommendation(
        priority=priority,
        kind="module",
        subject=one.name,
        title=one.name,
        reason=reason,
        minutes=None if minutes is None else round(minutes, 1),
    )


def _skills(situation: Situation) -> Iterator[Recommendation]:
    """The weakest skills, with works of the difficulty at which the person works."""
    for one in situation.weak[:SKILLS]:
        yield Recommendation(
            priority="medium",
            kind="skill",
            subject=one.skill,
            title=one.name,
            reason="; ".join(one.reasons),
            difficulty=situation.difficulty,
        )


def _milestones(situation: Situation) -> Iterator[Recommendation]:
    """Milestones of skills that are near, the nearest first."""
    near = [(missing, one, name) for one in situation.near if one.milestone for name, missing in (one.milestone,)]
    for missing, one, name in sorted(near, key=lambda found: (found[0], found[1].skill)):
        if missing <= NEAR:
            reason = f"{missing:.1f} points are missing to {name!r}"
            yield Recommendation(priority="medium", kind="milestone", subject=one.skill, title=one.name, reason=reason)


def _streak(situation: Situation) -> Iterable[Recommendation]:
    """A streak that ends today unless something is done."""
    if situation.streak < WORTH_KEEPING:
        return ()
    reason = f"{situation.streak} days in a row go on if something is done today"
    return (Recommendation(priority="low", kind="streak", subject="", title="streak", reason=reason),)


def counted(number: int, word: str) -> str:
    """Return a number with its noun, such as ``1 day`` and ``2 days``."""
    return f"{number} {word}{'' if number == 1 else 's'}"
