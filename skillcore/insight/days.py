"""What a person did on each day, in figures that the database sums up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct
from sqlalchemy import Date, Float, cast, func, select

from skillcore.accounts.access import Actor
from skillcore.accounts.people import Person
from skillcore.insight import records
from skillcore.learning.session_minutes import minutes_by_day
from skillcore.ledger.entries import visible_to
from skillcore.ledger.streams import NEWEST, withdrawn_accounts
from skillcore.ledger.tables import EventRow
from skillcore.runtime.engine import Transaction
from skillcore.work.weekly import MINUTES, WORK

__all__ = ["DayDone", "by_day"]


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


async def by_day(tx: Transaction, actor: Actor, person: Person, first: date, last: date) -> list[DayDone]:
    """Return what a person did on each day from a first to a last one, in their time zone.

    Withdrawn evidence is left out, and for a platform what is other platforms' business.
    """
    zone = ZoneInfo(person.time_zone)
    begin, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, last + timedelta(days=1)))
    withdrawn = await withdrawn_accounts(await tx.psycopg(), person.id, NEWEST)
    day = cast(func.timezone(person.time_zone, EventRow.occurred_at), Date)
    minutes = func.sum(cast(EventRow.data["minutes"].as_string(), Float)).filter(EventRow.kind.in_(MINUTES))
    works = func.count().filter(EventRow.kind == WORK)
    conditions = records.conditions(person.id, records.done_kinds(tx.engine.plugins), withdrawn)
    within = (EventRow.occurred_at >= begin, EventRow.occurred_at < end)
    query = visible_to(actor, select(day, minutes, works).where(*conditions, *within).group_by(day))
    done = {held: (spent or 0.0, count) for held, spent, count in (await tx.session.execute(query)).all()}
    trained = await minutes_by_day(tx, actor, person.id, person.time_zone, begin, end)
    days = [first + timedelta(days=place) for place in range((last - first).days + 1)]
    return [_day(done.get(held), trained.get(held, 0.0)) for held in days]


def _day(done: Sequence[float] | None, trained: float) -> DayDone:
    if done is None:
        return DayDone(minutes=trained, active=trained > 0)
    return DayDone(minutes=done[0] + trained, works=int(done[1]), active=True)
