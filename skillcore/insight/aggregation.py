"""What somebody did by day, week or month: sums, averages and shares. Pure.

Everything is counted in the calendar that is given, so in the time zone asked for, wherever the person was at the time: who
travels sees all of it as one place's clock would tell it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations
from statistics import fmean, median
from typing import Any

from msgspec import Struct

from skillcore.insight.calendars import Calendar
from skillcore.insight.doings import Doing, begun, stretches

__all__ = ["Measures", "SkillCount", "aggregated", "growth", "pace"]

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


def aggregated(
    doings: Sequence[Doing], calendar: Calendar, groups: Sequence[Sequence[int]], today: int
) -> tuple[list[Measures], Measures]:
    """Return the measures of each group of days, and of all days together.

    Args:
        doings: of the calendar's time, and of `skillcore.insight.doings.REACH` around it; others change nothing.
        calendar: the days.
        groups: for each bucket the places of its days in the calendar.
        today: how many of the calendar's days have begun.
    """
    minutes = calendar.minutes(stretches(doings))
    starts = Counter(calendar.place(moment) for moment in begun(doings))
    of_day: list[list[Doing]] = [[] for _ in calendar.days]
    for doing in doings:
        if (place := calendar.place(doing.at)) is not None:
            of_day[place].append(doing)

    def measured(places: Sequence[int]) -> Measures:
        return _measures(
            [of_day[place] for place in places],
            sessions=sum(starts[place] for place in places),
            minutes=sum(minutes[place] for place in places),
            days=sum(place < today for place in places),
        )

    return [measured(places) for places in groups], measured(range(len(calendar.days)))


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


def _measures(of_days: Sequence[Sequence[Doing]], *, sessions: int, minutes: float, days: int) -> Measures:
    every = [doing for of_day in of_days for doing in of_day]
    scores = [doing.score for doing in every if doing.score is not None]
    active = sum(any(doing.done for doing in of_day) for of_day in of_days)
    named = Counter(skill for doing in every if doing.done for skill in dict.fromkeys(doing.skills))
    highest = sorted(named.items(), key=_most_first)[:TOP]
    return Measures(
        sessions=sessions,
        minutes=round(minutes, 6),
        activities=sum(doing.done for doing in every),
        works=sum(doing.kind == "evidence.accepted" for doing in every),
        tasks=sum(doing.kind == "task.completed" for doing in every),
        scored=len(scores),
        average_score=round(fmean(scores), 6) if scores else None,
        modules=len({doing.module for doing in every if doing.module}),
        top_skills=tuple(SkillCount(skill, count) for skill, count in highest),
        active_days=active,
        days=days,
        consistency=round(active / days, 6) if days else None,
    )


def _most_first(item: tuple[str, int]) -> Any:
    return -item[1], item[0]
