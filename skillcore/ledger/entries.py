"""Events as they are shown: to their person, and to platforms, each of which sees what concerns it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeVarTuple
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, Row, Select, select, text, true

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.ledger.tables import EventRow
from skillcore.runtime.engine import Transaction
from skillcore.runtime.events import PLATFORMS, of_platform
from skillcore.runtime.pages import FOREIGN, Page, page, position
from skillcore.runtime.problems import BadRequest

__all__ = ["Entry", "in_order", "is_visible", "latest", "listing", "newest_first", "seen_by", "visible_to"]

Columns = TypeVarTuple("Columns")

GATHERING = "select set_config('enable_sort', '{0}', true), set_config('enable_bitmapscan', '{0}', true)"
"""Switches the ways in which the database reads all that there may be before it gives the first row."""


class Entry(Struct, frozen=True, kw_only=True):
    """An event of a person's stream.

    Attributes:
        version: its place in the stream: 1, 2, 3 without gaps. Null for a platform, to whom gaps would tell of other ones.
        via: by which way it came.
    """

    id: UUID
    version: int | None
    kind: str
    subject: str
    skills: list[str]
    data: Any
    occurred_at: datetime
    recorded_at: datetime
    via: str


async def listing(
    tx: Transaction, actor: Actor, person: str, *, kind: str | None, limit: int, cursor: str | None
) -> Page[Entry]:
    """Return a person's events in the order in which they were recorded.

    Raises:
        NotFound: no such person, for this caller.
    """
    user_id = await people.resolve(tx, actor, person)
    after = await _after(tx, actor, user_id, cursor)
    query = select(EventRow).where(EventRow.user_id == user_id, EventRow.version > after, EventRow.salt.is_not(None))
    if kind is not None:
        query = query.where(EventRow.kind == kind)
    rows = (await tx.session.scalars(visible_to(actor, query).order_by(EventRow.version).limit(limit + 1))).all()
    if actor.kind == "key":
        return page(rows, limit, lambda row: _shown(row, None), lambda row: row.id)
    return page(rows, limit, lambda row: _shown(row, row.version), lambda row: row.version)


def visible_to(actor: Actor, query: Select[*Columns]) -> Select[*Columns]:
    """Leave out what is another platform's business: platforms never learn of each other."""
    return query if actor.platform_id is None else query.where(seen_by(actor))


def seen_by(actor: Actor) -> ColumnElement[bool]:
    """Return the condition by which `visible_to` leaves out events."""
    if actor.platform_id is None:
        return true()
    own = EventRow.origin == of_platform(actor.platform_id)
    return EventRow.origin.is_(None) | EventRow.origin.not_like(f"{PLATFORMS}%") | own


@asynccontextmanager
async def in_order(tx: Transaction) -> AsyncIterator[None]:
    """Have queries in the block read events along an index, as far as they need to, and not gather them first.

    Statistics tell of the average person. For one who did a hundred times as much, the database would take gathering
    everything for as cheap as reading the first few.
    """
    await tx.session.execute(text(GATHERING.format("off")))
    yield
    await tx.session.execute(text(GATHERING.format("on")))


async def latest(tx: Transaction, query: Select[*Columns], limit: int) -> Sequence[Row[*Columns]]:
    """Return the latest of a person's events, the newest first.

    Args:
        tx: an open transaction.
        query: events of one person.
        limit: how many at most.
    """
    async with in_order(tx):
        return (await tx.session.execute(newest_first(query).limit(limit))).all()


def newest_first(query: Select[*Columns]) -> Select[*Columns]:
    """Put events in the order of time, the newest first."""
    return query.order_by(EventRow.occurred_at.desc(), EventRow.id.desc())


def is_visible(actor: Actor, origin: str | None) -> bool:
    """Say of one event what `visible_to` says of a query."""
    if actor.platform_id is None or origin is None or not origin.startswith(PLATFORMS):
        return True
    return origin == of_platform(actor.platform_id)


async def _after(tx: Transaction, actor: Actor, user_id: UUID, cursor: str | None) -> int:
    """Return the version that a cursor stands for; a platform's names the last event that it was shown instead.

    Raises:
        BadRequest: it is no cursor of this list.
    """
    if actor.kind != "key":
        return position(cursor, int) or 0
    last = position(cursor, UUID)
    if last is None:
        return 0
    query = select(EventRow.version).where(EventRow.user_id == user_id, EventRow.id == last)
    version: int | None = await tx.session.scalar(visible_to(actor, query))
    if version is None:
        raise BadRequest(FOREIGN, field="cursor")
    return version


def _shown(row: EventRow, version: int | None) -> Entry:
    return Entry(
        id=row.id,
        version=version,
        kind=row.kind,
        subject=row.subject_id,
        skills=row.skills,
        data=row.data,
        occurred_at=row.occurred_at,
        recorded_at=row.recorded_at,
        via=row.via,
    )
