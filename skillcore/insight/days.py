"""What a person did on each day, in figures that add up.

The last weeks of a person are remembered as scores' states are, by quarters of an hour, of which the days of any time zone
consist: reading them costs what is new since the last time, however much was done in them. Who may not see everything gets
the sums of what they may see, from the database.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain, pairwise
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from msgspec import Struct
from sqlalchemy import Date, Float, cast, func, select

from skillcore.accounts.access import Actor
from skillcore.accounts.people import Person
from skillcore.insight import records
from skillcore.learning.session_minutes import minutes_by_day
from skillcore.ledger import snapshots
from skillcore.ledger.entries import visible_to
from skillcore.ledger.streams import NEWEST, withdrawn_accounts
from skillcore.ledger.tables import EventRow
from skillcore.plugin import Event
from skillcore.runtime.engine import Transaction
from skillcore.work.weekly import MINUTES, WORK

__all__ = ["KEPT", "DayDone", "Latest", "Quarters", "RecentDays", "by_day"]

QUARTER = 900
A_DAY = 96
"""Seconds of a quarter of an hour, and quarters of a day."""

KEPT = 60
"""Active days that are remembered; asked for are eight weeks."""


class DayDone(Struct, frozen=True, kw_only=True):
    """A day of a person's calendar.

    Attributes:
        minutes: stated, and of the training sessions that began on this day.
        works: verified.
        active: whether anything was done.
    """

    minutes: float = 0.0
    works: int = 0
    active: bool = False


class Quarters(Struct, frozen=True, array_like=True):
    """The quarters of an hour of a day in which something was done, in their order.

    Attributes:
        places: of each among all quarters since 1970.
        minutes: stated in each.
        works: verified in each.
    """

    places: tuple[int, ...] = ()
    minutes: tuple[float, ...] = ()
    works: tuple[int, ...] = ()


class Latest(Struct, frozen=True):
    """The latest days with something done, counted in UTC, the oldest first."""

    days: tuple[Quarters, ...] = ()


class RecentDays:
    """Folds what a person did into the quarters of an hour of the latest `KEPT` active days."""

    name: ClassVar[str] = "recent days"
    version: ClassVar[int] = 1
    state: ClassVar[type[Latest]] = Latest

    def __init__(self, kinds: Collection[str]) -> None:
        """Fold events of some kinds: those that are something done."""
        self.kinds = frozenset(kinds)

    def parameters(self) -> Mapping[str, Any]:
        """Return the kinds, which plugins add to."""
        return {"kinds": sorted(self.kinds)}

    def subjects(self, event: Event) -> Iterable[str]:
        """Return the person alone."""
        return ("",)

    def apply_to(self, subject: str, state: Latest, event: Event) -> Latest:
        """Return the state after an event, which comes in the order of time."""
        minutes = (event.data.minutes or 0.0) if event.kind in MINUTES else 0.0
        works = int(event.kind == WORK)
        place = int(event.occurred_at.timestamp() // QUARTER)
        *before, today = state.days or (Quarters(),)
        if today.places and today.places[0] // A_DAY != place // A_DAY:
            before, today = [*before, today][1 - KEPT :], Quarters()
        if today.places and today.places[-1] == place:
            minutes, works = today.minutes[-1] + minutes, today.works[-1] + works
            today = Quarters(today.places[:-1], today.minutes[:-1], today.works[:-1])
        found = Quarters((*today.places, place), (*today.minutes, minutes), (*today.works, works))
        return Latest((*before, found))


async def by_day(tx: Transaction, actor: Actor, person: Person, first: date, last: date) -> list[DayDone]:
    """Return what a person did on each day from a first to a last one, in their time zone.

    Withdrawn evidence is left out, and for a platform what is other platforms' business.

    Args:
        tx: an open transaction.
        actor: who asks.
        person: whose days.
        first: no longer ago than what is remembered: `KEPT` days.
        last: not after today.
    """
    zone = ZoneInfo(person.time_zone)
    days = [first + timedelta(days=place) for place in range((last - first).days + 2)]
    bounds = [datetime.combine(day, time(), zone).astimezone(UTC) for day in days]
    kinds = records.done_kinds(tx.engine.plugins)
    if actor.platform_id is None:
        done = await _remembered(tx, person, kinds, bounds)
    else:
        done = await _seen(tx, actor, person, kinds, days, bounds)
    trained = await minutes_by_day(tx, actor, person.id, person.time_zone, bounds[0], bounds[-1])
    return [_with(found, trained.get(day, 0.0)) for day, found in zip(days, done, strict=False)]


async def _remembered(tx: Transaction, person: Person, kinds: Collection[str], bounds: Sequence[datetime]) -> list[DayDone]:
    """Return what was done between bounds that follow on each other, by what is remembered of everything."""
    found = await snapshots.folded(await tx.psycopg(), tx.engine.plugins, RecentDays(kinds), person.id)
    latest: Latest = found.states.get("", Latest())
    places = tuple(chain.from_iterable(day.places for day in latest.days))
    minutes = tuple(chain.from_iterable(day.minutes for day in latest.days))
    works = tuple(chain.from_iterable(day.works for day in latest.days))
    cuts = [bisect_left(places, bound.timestamp() / QUARTER) for bound in bounds]
    return [
        DayDone(minutes=math.fsum(minutes[begin:end]), works=sum(works[begin:end]), active=end > begin)
        for begin, end in pairwise(cuts)
    ]


async def _seen(
    tx: Transaction, actor: Actor, person: Person, kinds: Collection[str], days: Sequence[date], bounds: Sequence[datetime]
) -> list[DayDone]:
    """Return what was done on each day but the last, as far as somebody sees it."""
    withdrawn = await withdrawn_accounts(await tx.psycopg(), person.id, NEWEST)
    day = cast(func.timezone(person.time_zone, EventRow.occurred_at), Date)
    minutes = func.sum(cast(EventRow.data["minutes"].as_string(), Float)).filter(EventRow.kind.in_(MINUTES))
    works = func.count().filter(EventRow.kind == WORK)
    within = (EventRow.occurred_at >= bounds[0], EventRow.occurred_at < bounds[-1])
    conditions = records.conditions(person.id, kinds, withdrawn)
    query = visible_to(actor, select(day, minutes, works).where(*conditions, *within).group_by(day))
    found = {held: DayDone(minutes=spent or 0.0, works=n, active=True) for held, spent, n in await tx.session.execute(query)}
    return [found.get(held, DayDone()) for held in days[:-1]]


def _with(done: DayDone, trained: float) -> DayDone:
    return DayDone(minutes=done.minutes + trained, works=done.works, active=done.active or trained > 0)
