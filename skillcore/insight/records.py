"""Reading from the ledger what a person did in some time, as `Doing`.

The time is found by an index, so what is read costs what that time holds, however long the person's history is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Text, and_, case, cast, not_, select

from skillcore.accounts.access import Actor
from skillcore.defaults.counted import counted
from skillcore.insight.doings import REACH, Doing
from skillcore.ledger.entries import visible_to
from skillcore.ledger.streams import NEWEST, withdrawn_accounts
from skillcore.ledger.tables import EventRow
from skillcore.plugin.manager import Plugins
from skillcore.runtime.engine import Transaction

__all__ = ["conditions", "done_kinds", "read"]

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
    """Return what a person did from one moment to another, and `REACH` around them, in the order of time.

    Withdrawn evidence is left out, with tasks that rest on nothing else, and for a platform what is other platforms' business.
    """
    withdrawn = await withdrawn_accounts(await tx.psycopg(), user_id, NEWEST)
    kinds = done_kinds(tx.engine.plugins) | ENDS | {COMPLETED}
    told = case((EventRow.kind.in_(sorted(TELLING)), cast(EventRow.data, Text)))
    query = select(
        EventRow.occurred_at, EventRow.kind, EventRow.subject_id, EventRow.origin, EventRow.via, EventRow.skills, told
    ).where(*conditions(user_id, kinds, withdrawn), EventRow.occurred_at >= begin - REACH, EventRow.occurred_at < end + REACH)
    rows = (await tx.session.execute(visible_to(actor, query).order_by(EventRow.occurred_at, EventRow.id))).all()
    return [doing for row in rows if (doing := _doing(row, withdrawn)) is not None]


def _doing(row: Sequence[Any], withdrawn: Collection[str]) -> Doing | None:
    at, kind, subject, origin, via, skills, data = row
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
