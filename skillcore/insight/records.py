"""Reading from the ledger what a person did in some time, as `Doing`.

The time is found by an index, so what is read costs what that time holds, however long the person's history is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Text, and_, case, cast, not_, select, tuple_

from skillcore.accounts.access import Actor
from skillcore.defaults.counted import counted
from skillcore.insight.doings import REACH, Doing
from skillcore.ledger.entries import in_order, visible_to
from skillcore.ledger.streams import NEWEST, withdrawn_accounts
from skillcore.ledger.tables import EventRow
from skillcore.plugin.manager import Plugins
from skillcore.runtime.engine import Transaction

__all__ = ["conditions", "done_kinds", "pieces", "read"]

PIECE = 5000
"""Events that are read at a time."""

DONE = frozenset({"evidence.accepted", "progress.updated", "mentorship.held"})
"""Kinds of what people did that the engine records itself; the others are about tasks, accounts and scores."""

ENDS = frozenset({"session.ended"})
"""Kinds that clients send and that are nothing done: what they end was counted when it began."""

SESSION = frozenset({"session.started", "session.activity", "session.ended"})
COMPLETED = "task.completed"
TELLING = SESSION | {COMPLETED, "progress.time", "mentorship.held", "platform.volunteered"}
"""Kinds whose data is looked at."""


class Work(Struct, frozen=True):
    """A work that a completed task rests on."""

    subject: str


class Told(Struct, frozen=True):
    """What is of interest in the data of those kinds; the rest is skipped."""

    score: float | None = None
    minutes: float | None = None
    difficulty: float | None = None
    module: str = ""
    works: tuple[Work, ...] = ()


NOTHING = Told()


def done_kinds(plugins: Plugins) -> frozenset[str]:
    """Return the kinds of events that are something done: those that clients may send, and some of the engine's own."""
    return DONE | frozenset(kind.name for kind in plugins.kinds.values() if kind.client) - ENDS


def conditions(user_id: UUID, kinds: Collection[str], withdrawn: Collection[str]) -> list[ColumnElement[bool]]:
    """Return the conditions for a person's events of some kinds, the evidence of withdrawn accounts left out."""
    found: list[ColumnElement[bool]] = [EventRow.user_id == user_id, EventRow.kind.in_(sorted(kinds))]
    if withdrawn:
        of_account = EventRow.data["account"].as_string().in_(sorted(withdrawn))
        found.append(not_(and_(EventRow.kind == "evidence.accepted", of_account)))
    return found


async def read(tx: Transaction, actor: Actor, user_id: UUID, begin: datetime, end: datetime) -> list[Doing]:
    """Return what `pieces` yields, all at once."""
    return [doing async for piece in pieces(tx, actor, user_id, begin, end) for doing in piece]


async def pieces(
    tx: Transaction, actor: Actor, user_id: UUID, begin: datetime, end: datetime
) -> AsyncIterator[Sequence[Doing]]:
    """Yield what a person did from one moment to another, and `REACH` around them, in the order of time, some at a time.

    Withdrawn evidence is left out, with tasks that rest on nothing else, and for a platform what is other platforms' business.
    """
    withdrawn = await withdrawn_accounts(await tx.psycopg(), user_id, NEWEST)
    kinds = done_kinds(tx.engine.plugins) | ENDS | {COMPLETED}
    told = case((EventRow.kind.in_(sorted(TELLING)), cast(EventRow.data, Text)))
    place = (EventRow.occurred_at, EventRow.id)
    query = select(*place, EventRow.kind, EventRow.subject_id, EventRow.origin, EventRow.via, EventRow.skills, told)
    query = query.where(*conditions(user_id, kinds, withdrawn), EventRow.occurred_at < end + REACH)
    query = visible_to(actor, query).order_by(*place).limit(PIECE)
    further = query.where(EventRow.occurred_at >= begin - REACH)
    while True:
        async with in_order(tx):
            rows = (await tx.session.execute(further)).all()
        yield await asyncio.to_thread(_doings, rows, withdrawn)
        if len(rows) < PIECE:
            return
        further = query.where(tuple_(*place) > tuple(rows[-1][:2]))


def _doings(rows: Iterable[Sequence[Any]], withdrawn: Collection[str]) -> Sequence[Doing]:
    return [doing for row in rows if (doing := _doing(row, withdrawn)) is not None]


def _doing(row: Sequence[Any], withdrawn: Collection[str]) -> Doing | None:
    at, _, kind, subject, origin, via, skills, data = row
    told = NOTHING if data is None else msgspec.json.decode(data, type=Told)
    if told.works and all(_withdrawn(work, withdrawn) for work in told.works):
        return None
    of_session = kind in SESSION and subject
    return Doing(
        at=at,
        kind=kind,
        session=f"{origin or ''} {subject}" if of_session else "",
        minutes=told.minutes or 0.0,
        score=counted(kind, via, told.score) if kind in SESSION else None,
        difficulty=told.difficulty if kind in SESSION else None,
        module=told.module,
        skills=tuple(skills),
        done=kind not in ENDS and kind != COMPLETED,
    )


def _withdrawn(work: Work, withdrawn: Collection[str]) -> bool:
    return any(work.subject.startswith(f"{account}:") for account in withdrawn)
