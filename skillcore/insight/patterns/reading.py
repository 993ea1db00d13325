"""The patterns of a person, over some time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

from msgspec import Struct

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.insight import records, spans
from skillcore.insight.aggregates import chosen_zone
from skillcore.insight.calendars import Calendar
from skillcore.insight.doings import Doing
from skillcore.insight.patterns import performance, progression, timing
from skillcore.insight.patterns.curves import Curve
from skillcore.insight.patterns.findings import LEVEL, Pattern, judged
from skillcore.insight.patterns.histories import History
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Transaction
from skillcore.runtime.problems import InvalidField

__all__ = ["Patterns", "patterns", "read"]

SHOWN = timedelta(weeks=26)
MOST_DAYS = 731


class Patterns(Struct, frozen=True, kw_only=True):
    """What was looked for in a person's practice, and what was found.

    Attributes:
        time_zone: whose days and hours these are.
        level: of people without any of these patterns, the share at most that is told of one or more.
        patterns: each kind of pattern.
        curves: learning curves through the scores, the best first; none for too few.
    """

    user_id: UUID
    time_zone: str
    since: date
    until: date
    level: float
    patterns: list[Pattern]
    curves: list[Curve]


def patterns(doings: Sequence[Doing], calendar: Calendar, today: int, target: float) -> tuple[list[Pattern], list[Curve]]:
    """Return the patterns in what was done, and the learning curves.

    Args:
        doings: in the order of time; those outside the calendar are left out.
        calendar: the days that are looked at.
        today: place of the first day that is not over; their number if all are.
        target: score at which tasks are neither too easy nor too hard.
    """
    history = History(doings, calendar, today)
    found = progression.curves(history)
    findings = [
        timing.peak_hours(history),
        timing.peak_weekdays(history),
        timing.rhythm(history),
        timing.session_length(history),
        timing.engagement(history),
        performance.best_hours(history),
        progression.learning_curve(history, found),
        progression.plateau(history),
        progression.breakthrough(history),
        performance.optimal_difficulty(history, target),
        performance.adaptation(history),
    ]
    return judged(findings), found


async def read(
    tx: Transaction,
    actor: Actor,
    *,
    user: str,
    since: date | None,
    until: date | None,
    zone: str | None,
    target: float,
) -> Patterns:
    """Return a person's patterns.

    Args:
        tx: an open transaction.
        actor: who asks.
        user: whose.
        since: the first day that is looked at; half a year before the last, if not given.
        until: the last day; today, if not given.
        zone: whose days and hours; the person's own, if not given.
        target: score at which tasks are neither too easy nor too hard.

    Raises:
        NotFound: no such person for this caller.
        InvalidField: no such time zone, or the time asked for ends before it begins, or is longer than two years.
    """
    person = await people.read(tx, actor, user)
    time_zone = chosen_zone(person, zone)
    today = now().astimezone(time_zone).date()
    last = until or today
    spans.check_day(last, "until")
    first = since or last - SHOWN
    if not timedelta() <= last - first <= timedelta(days=MOST_DAYS):
        raise InvalidField(f"since: {first} must lie before {last}, by {MOST_DAYS} days at most", field="since")
    calendar = Calendar(time_zone, first, last)
    doings = await records.read(tx, actor, person.id, calendar.begin, calendar.end)
    over = sum(day < today for day in calendar.days)
    found, curves = await asyncio.to_thread(patterns, doings, calendar, over, target)  # it takes some hundredths of a second
    return Patterns(
        user_id=person.id,
        time_zone=time_zone.key,
        since=first,
        until=last,
        level=LEVEL,
        patterns=found,
        curves=curves,
    )
