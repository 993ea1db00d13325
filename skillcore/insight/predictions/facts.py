"""What predictions rest on, read from the ledger: how much was done on each day, and how the latest attempts went."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Date, Float, and_, any_, cast, func, not_, or_, select

from skillcore.accounts.access import Actor
from skillcore.accounts.people import Person
from skillcore.defaults.counted import KINDS, score_of
from skillcore.insight.predictions.pace import LONGEST_HISTORY
from skillcore.ledger.entries import is_visible, visible_to
from skillcore.ledger.streams import EVENT_FIELDS, LAST, NEWEST, decode, withdrawn_accounts
from skillcore.ledger.tables import EventRow
from skillcore.plugin import Event
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Transaction

__all__ = ["LATEST", "Measure", "done_by_day", "latest_attempts", "today_of"]

Measure = Literal["works", "attempts", "minutes"]
"""What is counted: accepted works, attempts that count, or minutes spent."""

LATEST = 1000
"""Attempts that are looked at, so that a long history is read as fast as a short one."""

NEWEST_FIRST = f"""select {EVENT_FIELDS} from events where user_id = %s and kind = any(%s) and occurred_at <= %s
  order by occurred_at desc, id desc limit %s"""  # noqa: S608


def today_of(person: Person, as_of: date | None) -> date:
    """Return the first day to come of a person: today, or the day after a former one."""
    today = now().astimezone(ZoneInfo(person.time_zone)).date()
    return today if as_of is None or as_of >= today else as_of + timedelta(days=1)


async def done_by_day(
    tx: Transaction, actor: Actor, person: Person, measure: Measure, *, skill: str | None, today: date
) -> list[float]:
    """Return how much a person did on each day up to yesterday, from the first day that holds something.

    Where they began longer ago than is looked at, it is that many days. Withdrawn evidence is left out, and for a platform
    what is other platforms' business.

    Args:
        tx: an open transaction.
        actor: who asks.
        person: whose.
        measure: what is counted.
        skill: only on this skill, by its id.
        today: the day after the last one.
    """
    zone = ZoneInfo(person.time_zone)
    first = today - timedelta(days=LONGEST_HISTORY)
    begin, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, today))
    conditions = await _counting(tx, person.id, measure, skill)
    day = cast(func.timezone(person.time_zone, EventRow.occurred_at), Date)
    amount = func.sum(EventRow.data["minutes"].as_float()) if measure == "minutes" else cast(func.count(), Float)
    within = (EventRow.occurred_at >= begin, EventRow.occurred_at < end)
    rows = (await tx.session.execute(visible_to(actor, select(day, amount).where(*conditions, *within).group_by(day)))).all()
    found = {held: float(total) for held, total in rows}
    if not found:
        return []
    earlier = visible_to(actor, select(EventRow.id).where(*conditions, EventRow.occurred_at < begin)).limit(1)
    start = first if (await tx.session.execute(earlier)).first() else min(found)
    return [found.get(start + timedelta(days=place), 0.0) for place in range((today - start).days)]


async def _counting(tx: Transaction, user_id: UUID, measure: Measure, skill: str | None) -> list[ColumnElement[bool]]:
    """Return the conditions under which an event of a person counts."""
    scored = and_(
        EventRow.kind == "session.activity",
        EventRow.via.in_(("platform", "engine")),
        EventRow.data["score"].as_float().is_not(None),
    )
    counted: dict[Measure, ColumnElement[bool]] = {
        "works": EventRow.kind == "evidence.accepted",
        "attempts": or_(EventRow.kind == "evidence.accepted", scored),
        "minutes": EventRow.kind == "progress.time",
    }
    conditions = [EventRow.user_id == user_id, counted[measure]]
    if skill is not None:
        conditions.append(any_(EventRow.skills) == skill)
    if withdrawn := await withdrawn_accounts(await tx.psycopg(), user_id, NEWEST):
        of_account = EventRow.data["account"].as_string().in_(sorted(withdrawn))
        conditions.append(not_(and_(EventRow.kind == "evidence.accepted", of_account)))
    return conditions


async def latest_attempts(
    tx: Transaction, actor: Actor, user_id: UUID, *, until: datetime | None
) -> Sequence[tuple[Event, float]]:
    """Return the latest attempts of a person that count, the newest first, each with its score from 0 to 100.

    Args:
        tx: an open transaction.
        actor: who asks.
        user_id: whose.
        until: what happened later is left out.
    """
    connection = await tx.psycopg()
    withdrawn = await withdrawn_accounts(connection, user_id, NEWEST)
    cursor = await connection.execute(NEWEST_FIRST, (user_id, sorted(KINDS), until or LAST, LATEST))
    found = []
    for row in await cursor.fetchall():
        stored = decode(row, tx.engine.plugins)
        event = stored.event
        gone = event.kind == "evidence.accepted" and event.data.account in withdrawn
        score = score_of(event)
        if score is not None and not gone and is_visible(actor, stored.origin):
            found.append((event, score))
    return found
