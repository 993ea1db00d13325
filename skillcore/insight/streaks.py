"""Streaks: days in a row with something done, where some days of rest may be allowed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import accumulate
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Struct
from sqlalchemy import ARRAY, DateTime, bindparam, func, literal, select

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.insight import records, spans
from skillcore.insight.aggregates import chosen_zone
from skillcore.insight.calendars import Calendar
from skillcore.ledger.entries import in_order, visible_to
from skillcore.ledger.streams import NEWEST, withdrawn_accounts
from skillcore.ledger.tables import EventRow
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Transaction

__all__ = ["Run", "Streak", "Streaks", "current", "longest", "read"]

WEEK = 7


class Run(Struct, frozen=True):
    """A streak by places in a row of days: its first and its last active day, and how many active days it has."""

    first: int
    last: int
    active: int


class Streak(Struct, frozen=True, kw_only=True):
    """A streak.

    Attributes:
        days: active days.
        first: its first day.
        last: its last active day.
    """

    days: int
    first: date
    last: date


class Streaks(Struct, frozen=True, kw_only=True):
    """A person's streaks.

    Attributes:
        time_zone: whose days these are.
        rest: days off that any seven days in a row may hold.
        as_of: the day for which ``current`` holds; while it is not over, it need not be active yet.
        current: null if none goes on.
        longest: up to that day, the first of equals; null if nothing was ever done.
        active_days: days with something done, up to that day.
    """

    user_id: UUID
    time_zone: str
    rest: int
    as_of: date
    current: Streak | None
    longest: Streak | None
    active_days: int


def longest(active: Sequence[bool], rest: int) -> Run | None:
    """Return the streak with most active days, the first of equals.

    A streak begins and ends on an active day, and no seven days of it in a row hold more than ``rest`` days off.
    """
    return max(_runs(active, rest), key=lambda run: run.active, default=None)


def current(active: Sequence[bool], rest: int, *, over: bool) -> Run | None:
    """Return the streak that goes on at the end of a row of days; None if there is none.

    Args:
        active: whether something was done, for each day.
        rest: days off that any seven days in a row may hold.
        over: the last day is over; otherwise it does not count against the streak.
    """
    end = len(active) if over or (active and active[-1]) else len(active) - 1
    runs = list(_runs(active[: max(end, 0)], rest))
    if not runs:
        return None
    off = list(accumulate((not day for day in active[:end]), initial=0))
    begins = [place for place in range(runs[-1].first, runs[-1].last + 1) if active[place]]
    for number, begin in enumerate(begins):
        if off[end] - off[max(begin, end - WEEK)] <= rest:
            return Run(begin, runs[-1].last, len(begins) - number)
    return None


def _runs(active: Sequence[bool], rest: int) -> Iterator[Run]:
    """Yield for each active day the longest streak that ends there."""
    places = [place for place, day in enumerate(active) if day]
    off = list(accumulate((not day for day in active), initial=0))
    begin = 0
    for number, place in enumerate(places):
        # Of the seven-day windows that are new with this day, the one just before it holds most days off.
        while off[place] - off[max(places[begin], place - WEEK)] > rest:
            begin += 1
        yield Run(places[begin], place, number - begin + 1)


async def read(tx: Transaction, actor: Actor, *, user: str, rest: int, as_of: date | None, zone: str | None) -> Streaks:
    """Return a person's streaks.

    Args:
        tx: an open transaction.
        actor: who asks.
        user: whose.
        rest: days off that any seven days in a row may hold.
        as_of: for which day; today, if not given.
        zone: whose days to count by; the person's own, if not given.

    Raises:
        NotFound: no such person for this caller.
        InvalidField: no such time zone, or a day that cannot be asked for.
    """
    person = await people.read(tx, actor, user)
    time_zone = chosen_zone(person, zone)
    today = now().astimezone(time_zone).date()
    day = min(as_of or today, today)
    spans.check_day(day, "as_of")
    days, active = await _active(tx, actor, person.id, time_zone, day)
    return Streaks(
        user_id=person.id,
        time_zone=time_zone.key,
        rest=rest,
        as_of=day,
        current=_dated(current(active, rest, over=day < today), days),
        longest=_dated(longest(active, rest), days),
        active_days=sum(active),
    )


def _dated(run: Run | None, days: Sequence[date]) -> Streak | None:
    return None if run is None else Streak(days=run.active, first=days[run.first], last=days[run.last])


async def _active(
    tx: Transaction, actor: Actor, user_id: UUID, zone: ZoneInfo, last: date
) -> tuple[Sequence[date], list[bool]]:
    """Return the days from the first with something done to a last one, and which of them are active.

    Each day is one look into the index: the cost is that of the days, not of the events.
    """
    withdrawn = await withdrawn_accounts(await tx.psycopg(), user_id, NEWEST)
    wanted = records.conditions(user_id, records.done_kinds(tx.engine.plugins), withdrawn)
    earliest = visible_to(actor, select(EventRow.occurred_at).where(*wanted).order_by(EventRow.occurred_at).limit(1))
    first: datetime | None = await tx.session.scalar(earliest)
    if first is None:
        return [], []
    begin = first.astimezone(zone).date() - timedelta(days=1)  # a day may begin before the midnight that its clock shows
    calendar = Calendar(zone, begin, max(begin, last))
    moments = ARRAY(DateTime(timezone=True))
    days = func.unnest(
        bindparam("begins", list(calendar.bounds[:-1]), moments), bindparam("ends", list(calendar.bounds[1:]), moments)
    )
    bounds = days.table_valued("begin", "end", with_ordinality="place").render_derived(name="days")
    within = (EventRow.occurred_at >= bounds.c.begin) & (EventRow.occurred_at < bounds.c.end)
    one = visible_to(actor, select(literal(True)).where(*wanted, within).correlate(bounds)).limit(1)
    async with in_order(tx):
        found = await tx.session.scalars(select(one.scalar_subquery()).select_from(bounds).order_by(bounds.c.place))
    active = [bool(value) for value in found]
    start = active.index(True) if True in active else len(active)
    return calendar.days[start:], active[start:]
