"""A person's accounts as the ledger tells of them, now or as of a former day: on whose word, with which figures and works."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, func, or_, select, text
from sqlalchemy.dialects.postgresql import distinct_on

from skillcore.accounts.access import Actor
from skillcore.ledger.entries import visible_to
from skillcore.ledger.tables import EventRow
from skillcore.runtime.engine import Transaction
from skillcore.runtime.events import of_platform

__all__ = ["Connected", "Works", "connected", "newest", "works"]

STATS = "source.stats"
ABOUT_ACCOUNTS = text("events.kind in ('account.linked', 'account.unlinked', 'evidence.withdrawn', 'source.stats')")
"""Written out, as the index for it has it: of the first three kinds the last fact says whether an account is linked."""


class Connected(Struct, frozen=True, kw_only=True):
    """An account that is linked.

    Attributes:
        account: the name under which the ledger knows it.
        vouched_by: the platform that vouches for it; None where its user proved it.
        figures: that were read last, on the same word; empty where there are none.
        read_at: when they were; None if they never were.
    """

    source: str
    account: str
    handle: str
    method: str
    vouched_by: str | None
    linked_at: datetime
    figures: Mapping[str, float] = {}
    read_at: datetime | None = None

    @property
    def proof(self) -> Literal["proved", "vouched"]:
        """How it is known to be theirs."""
        return "proved" if self.vouched_by is None else "vouched"


class Works(Struct, frozen=True):
    """How many works were verified.

    Attributes:
        total: by source, 0 included.
        by_skill: of each skill by source.
    """

    total: Mapping[str, int]
    by_skill: Mapping[str, Mapping[str, int]]


async def connected(tx: Transaction, actor: Actor, user_id: UUID, until: datetime | None) -> list[Connected]:
    """Return the accounts that are linked, by source, as far as the caller may know of them.

    Args:
        tx: an open transaction.
        actor: who asks: a platform never learns what another one vouches for.
        user_id: whose accounts.
        until: what happened later is left out; None for all there is.
    """
    each = (EventRow.subject_id, EventRow.kind, EventRow.origin)
    last = (
        select(*each, EventRow.data, EventRow.occurred_at, EventRow.id)
        .where(*_of(user_id, until), ABOUT_ACCOUNTS)
        .ext(distinct_on(*each))
        .order_by(*each, EventRow.occurred_at.desc(), EventRow.id.desc())
    )
    rows: Sequence[Any] = (await tx.session.execute(visible_to(actor, last))).all()
    standing: dict[str, Any] = {}
    for row in rows:
        if row.kind != STATS:
            before = standing.setdefault(row.subject_id, row)
            standing[row.subject_id] = max(before, row, key=lambda one: (one.occurred_at, one.id))
    read = {(row.subject_id, row.origin): row for row in rows if row.kind == STATS}
    linked = [_connected(row, read) for row in standing.values() if row.kind == "account.linked"]
    return sorted(linked, key=lambda account: (account.source, account.account))


async def works(tx: Transaction, actor: Actor, user_id: UUID, accounts: Sequence[Connected], until: datetime | None) -> Works:
    """Count the works that were verified for some accounts; other arguments are those of `connected`."""
    total = dict.fromkeys((account.source for account in accounts), 0)
    by_skill: dict[str, dict[str, int]] = {}
    if not accounts:
        return Works(total, by_skill)
    source = func.split_part(EventRow.subject_id, ":", 1)
    theirs = or_(*(EventRow.subject_id.startswith(f"{account.account}:", autoescape=True) for account in accounts))
    accepted = (*_of(user_id, until), EventRow.kind == "evidence.accepted", theirs)
    counted = select(source, EventRow.skills, func.count()).where(*accepted).group_by(source, EventRow.skills)
    for name, skills, number in (await tx.session.execute(visible_to(actor, counted))).all():
        total[name] += number
        for skill in set(skills):
            of_skill = by_skill.setdefault(skill, {})
            of_skill[name] = of_skill.get(name, 0) + number
    return Works(total, by_skill)


async def newest(tx: Transaction, actor: Actor, user_id: UUID) -> UUID | None:
    """Return the id of the newest event of a person's stream that the caller may see."""
    query = select(EventRow.id).where(EventRow.user_id == user_id).order_by(EventRow.version.desc()).limit(1)
    found: UUID | None = await tx.session.scalar(visible_to(actor, query))
    return found


def _of(user_id: UUID, until: datetime | None) -> tuple[ColumnElement[bool], ...]:
    whose = EventRow.user_id == user_id
    return (whose,) if until is None else (whose, EventRow.occurred_at <= until)


def _connected(row: Any, read: Mapping[tuple[str, str | None], Any]) -> Connected:
    """Return an account; figures that were read on another word than it rests on now are not its own."""
    vouched_by = row.data.get("vouched_by")
    found = read.get((row.subject_id, of_platform(UUID(vouched_by)) if vouched_by else None))
    return Connected(
        source=row.subject_id.partition(":")[0],
        account=row.subject_id,
        handle=row.data["handle"],
        method=row.data["method"],
        vouched_by=vouched_by,
        linked_at=row.occurred_at,
        figures={} if found is None else dict(sorted(found.data["figures"].items())),
        read_at=None if found is None else found.occurred_at,
    )
