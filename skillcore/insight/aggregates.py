"""What a person did by day, week or month, in their time zone or another one."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Sequence
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Struct

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.insight import records, spans
from skillcore.insight.aggregation import Aggregation, Measures, growth, pace
from skillcore.insight.calendars import Calendar
from skillcore.insight.levels import rounded
from skillcore.insight.spans import Span, Weekday
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Transaction

__all__ = ["Aggregates", "Period", "chosen_zone", "read"]


class Period(Struct, frozen=True, kw_only=True):
    """A day, week or month.

    Attributes:
        start: its first day.
        complete: it is over.
        growth: share by which there were more activities than in the period before; null for the first one shown, for one
            that is not over, and after one without any.
        measures: what was done.
    """

    start: date
    complete: bool
    growth: float | None
    measures: Measures


class Aggregates(Struct, frozen=True, kw_only=True):
    """What a person did over time, oldest period first.

    Attributes:
        time_zone: whose days these are.
        week_starts: the weekday on which weeks begin.
        pace: share of their mean by which activities grow from one complete period to the next: the median of the slopes
            between all pairs of them; null for fewer than three.
        whole: all periods together.
    """

    user_id: UUID
    every: Span
    time_zone: str
    week_starts: Weekday
    pace: float | None
    whole: Measures
    periods: list[Period]


async def read(
    tx: Transaction,
    actor: Actor,
    *,
    user: str,
    every: Span,
    since: date | None,
    until: date | None,
    zone: str | None,
    week_starts: Weekday,
) -> Aggregates:
    """Return what a person did, by period.

    Args:
        tx: an open transaction.
        actor: who asks.
        user: whose.
        every: how long a period is.
        since: a day of the first period.
        until: a day of the last period; today, if not given.
        zone: whose days to count by; the person's own, if not given.
        week_starts: the weekday on which weeks begin.

    Raises:
        NotFound: no such person for this caller.
        InvalidField: no such time zone, or a day that cannot be asked for, or the time asked for ends before it begins, or has
            too many periods.
    """
    person = await people.read(tx, actor, user)
    time_zone = chosen_zone(person, zone)
    today = now().astimezone(time_zone).date()
    starts = spans.starts(every, since, until or today, week=week_starts)
    ends = [spans.last_day(every, start, week_starts) for start in starts]
    # Years of days, and what was done in them, are reckoned with beside the loop, which has others to answer.
    calendar = await asyncio.to_thread(Calendar, time_zone, starts[0], ends[-1])
    made = Aggregation(calendar, _groups(calendar, starts, ends))
    async for doings in records.pieces(tx, actor, person.id, calendar.begin, calendar.end):
        await asyncio.to_thread(made.add, doings)
    begun = bisect_right(calendar.days, today)
    found, whole = await asyncio.to_thread(made.measures, begun)
    complete = [end < today for end in ends]
    over = [measures for measures, is_over in zip(found, complete, strict=True) if is_over]
    before: Sequence[Measures | None] = [None, *found[:-1]]
    return Aggregates(
        user_id=person.id,
        every=every,
        time_zone=time_zone.key,
        week_starts=week_starts,
        pace=rounded(await asyncio.to_thread(pace, over)),
        whole=whole,
        periods=[
            Period(start=start, complete=is_over, growth=rounded(growth(one, former)) if is_over else None, measures=one)
            for start, is_over, one, former in zip(starts, complete, found, before, strict=True)
        ],
    )


def chosen_zone(person: people.Person, zone: str | None) -> ZoneInfo:
    """Return the time zone asked for, which is the person's own if none is.

    Raises:
        InvalidField: there is none of this name.
    """
    if zone is not None:
        people.check_time_zone(zone, field="zone")
    return ZoneInfo(zone or person.time_zone)


def _groups(calendar: Calendar, starts: Sequence[date], ends: Sequence[date]) -> list[list[int]]:
    """Return the places of each period's days in the calendar."""
    groups: list[list[int]] = [[] for _ in starts]
    number = 0
    for place, day in enumerate(calendar.days):
        while day > ends[number]:
            number += 1
        groups[number].append(place)
    return groups
