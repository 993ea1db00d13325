"""What somebody did by day, week or month: sums, averages and shares. Pure.

Everything is counted in the calendar that is given, so in the time zone asked for, wherever the person was at the time: who
travels sees all of it as one place's clock would tell it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import combinations
from statistics import fmean, median
from typing import Any

from msgspec import Struct

from skillcore.insight.calendars import Calendar
from skillcore.insight.doings import Doing, Spending
from skillcore.ledger.streams import LAST

__all__ = ["Aggregation", "Measures", "SkillCount", "growth", "pace"]

TOP = 5
"""Skills that are named."""
FEWEST = 3
"""Buckets that a pace is told of, at least."""


class SkillCount(Struct, frozen=True):
    """How much of what was done was about a skill."""

    skill: str
    activities: int


class Measures(Struct, frozen=True, kw_only=True):
    """What somebody did in some time.

    Attributes:
        sessions: training sessions that began.
        minutes: spent; time told of more than once counts once, and a session across midnight counts on both days.
        activities: things done, as the heatmap counts them.
        works: works that a source confirmed.
        tasks: tasks completed.
        scored: scores of training sessions that count.
        average_score: of these; null without any.
        modules: different modules that were touched.
        top_skills: those that most of the activities were about, at most five.
        active_days: days with an activity.
        days: days so far, those that the zone skipped left out.
        consistency: active days of those days; null before the first.
    """

    sessions: int
    minutes: float
    activities: int
    works: int
    tasks: int
    scored: int
    average_score: float | None
    modules: int
    top_skills: tuple[SkillCount, ...]
    active_days: int
    days: int
    consistency: float | None


class Tally:
    """Counts of what was done in some days."""

    def __init__(self) -> None:
        self.activities = self.works = self.tasks = self.scored = 0
        self.total = 0.0
        self.modules: set[str] = set()
        self.skills: Counter[str] = Counter()
        self.active: set[int] = set()

    def add(self, place: int, doing: Doing) -> None:
        """Count what was done on one of the days."""
        self.works += doing.kind == "evidence.accepted"
        self.tasks += doing.kind == "task.completed"
        if doing.score is not None:
            self.scored += 1
            self.total += doing.score
        if doing.module:
            self.modules.add(doing.module)
        if doing.done:
            self.activities += 1
            self.active.add(place)
            self.skills.update(dict.fromkeys(doing.skills, 1))

    def measures(self, *, sessions: int, minutes: float, days: int) -> Measures:
        """Return what was counted, with what was counted by day."""
        highest = sorted(self.skills.items(), key=_most_first)[:TOP]
        return Measures(
            sessions=sessions,
            minutes=round(minutes, 6),
            activities=self.activities,
            works=self.works,
            tasks=self.tasks,
            scored=self.scored,
            average_score=round(self.total / self.scored, 6) if self.scored else None,
            modules=len(self.modules),
            top_skills=tuple(SkillCount(skill, count) for skill, count in highest),
            active_days=len(self.active),
            days=days,
            consistency=round(len(self.active) / days, 6) if days else None,
        )


class Aggregation:
    """What was done, summed up piece by piece: so it takes memory for the days, and not for what was done in them."""

    def __init__(self, calendar: Calendar, groups: Sequence[Sequence[int]]) -> None:
        """Begin with nothing done.

        Args:
            calendar: the days.
            groups: for each bucket the places of its days in the calendar; each day is in one.
        """
        self._calendar, self._groups = calendar, groups
        self._tallies, self._whole = [Tally() for _ in groups], Tally()
        self._of_day = {place: tally for tally, places in zip(self._tallies, groups, strict=True) for place in places}
        self._sessions, self._minutes = [0] * len(calendar.days), [0.0] * len(calendar.days)
        self._spending = Spending()

    def add(self, doings: Sequence[Doing]) -> None:
        """Add what was done after all that was added so far, in the order of time.

        Args:
            doings: of the calendar's time, and of `skillcore.insight.doings.REACH` around it; others change nothing.
        """
        for doing in doings:
            begins = self._spending.after(doing)
            place = self._calendar.place(doing.at)
            if place is not None:
                self._sessions[place] += begins
                self._of_day[place].add(place, doing)
                self._whole.add(place, doing)
        if doings:
            self._spend(doings[-1].at)

    def measures(self, today: int) -> tuple[list[Measures], Measures]:
        """Return the measures of each group of days, and of all days together, and so come to the end.

        Args:
            today: how many of the calendar's days have begun.
        """
        self._spend(LAST)
        found = [self._measured(tally, places, today) for tally, places in zip(self._tallies, self._groups, strict=True)]
        return found, self._measured(self._whole, range(len(self._calendar.days)), today)

    def _spend(self, moment: datetime) -> None:
        told = self._calendar.minutes(self._spending.over(moment))
        self._minutes = [spent + more for spent, more in zip(self._minutes, told, strict=True)]

    def _measured(self, tally: Tally, places: Sequence[int], today: int) -> Measures:
        return tally.measures(
            sessions=sum(self._sessions[place] for place in places),
            minutes=sum(self._minutes[place] for place in places),
            days=sum(place < today for place in places),
        )


def growth(now: Measures, before: Measures | None) -> float | None:
    """Return by which share of the activities before there are more now; None where there were none."""
    if before is None or not before.activities:
        return None
    return now.activities / before.activities - 1.0


def pace(found: Iterable[Measures]) -> float | None:
    """Return by which share of their mean the activities grow from one bucket to the next; None for too few, or nothing done.

    The Theil-Sen slope, which is the median of the slopes between all pairs of buckets, divided by the mean.
    """
    counts = [measures.activities for measures in found]
    if len(counts) < FEWEST or not any(counts):
        return None
    return median((b - a) / (j - i) for (i, a), (j, b) in combinations(enumerate(counts), 2)) / fmean(counts)


def _most_first(item: tuple[str, int]) -> Any:
    return -item[1], item[0]
