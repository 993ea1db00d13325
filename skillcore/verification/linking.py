"""Whose account it is: the one place where accounts at sources change hands.

An account that its user proved belongs to that user alone. A platform vouches for accounts of its own members: what it says
is unique within the platform, is displaced by a proof, and is never told to another platform.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct
from sqlalchemy import func, select

from skillcore.defaults.kinds import AccountLinked, AccountUnlinked, EvidenceWithdrawn
from skillcore.ledger import record
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.engine import Transaction
from skillcore.runtime.events import NewEvent, of_platform
from skillcore.runtime.problems import Conflict
from skillcore.verification.tables import SourceAccountRow

__all__ = ["Claim", "LinkedAccount", "Method", "account_for", "link", "linked_accounts", "unlink"]

Method = Literal["vouched", "oauth", "oidc", "challenge"]


class Claim(Struct, frozen=True, kw_only=True):
    """That an account is a person's.

    Attributes:
        external_id: the source's unchanging id of the account; the normalised handle where it has none.
        platform_id: the platform that vouches for it; None for a proof.
    """

    user_id: UUID
    source: str
    handle: str
    external_id: str
    method: Method
    platform_id: UUID | None = None


class LinkedAccount(Struct, frozen=True, kw_only=True):
    """An account that is a person's now.

    Attributes:
        account: ``<source>:<external id>``, the name under which the ledger knows it.
        vouched_by: the platform whose word it rests on; None where its user proved it.
    """

    id: UUID
    user_id: UUID
    source: str
    handle: str
    external_id: str
    method: Method
    vouched_by: UUID | None
    linked_at: datetime

    @property
    def account(self) -> str:
        """The name under which the ledger knows it."""
        return f"{self.source}:{self.external_id}"


async def link(tx: Transaction, claim: Claim) -> LinkedAccount:
    """Make an account a person's; the account before it, and others' claims that a proof displaces, lose their evidence.

    Linking what is linked already changes nothing. Records, so it is the last thing its transaction does.

    Raises:
        Conflict: it is another person's, or the person has proved another account.
    """
    await _lock(tx, claim)
    rows = await _rows_of_account(tx, claim)
    own = await _newest(tx, claim.user_id, claim.source)
    others = [row for row in rows if row.user_id != claim.user_id]
    _refuse_taken(claim, others)
    if own is not None and own.unlinked_at is None:
        if _holds_already(own, claim):
            return _linked(own)
        if own.proved_at is not None and claim.method == "vouched":
            raise Conflict(f"this person has proved an account at {claim.source} of their own, which outranks a vouched one")
    moment = now()
    events: list[NewEvent] = []
    if claim.method != "vouched":
        for row in others:
            events += _displaced(row, moment, "its holder proved that the account is theirs")
    if own is not None:
        own.unlinked_at = own.unlinked_at or moment
        if own.external_id != claim.external_id:
            events += _withdrawn(own, moment, "another account was linked")
    await tx.session.flush()  # the keys hold for rows that are linked: the old ones go first
    row = SourceAccountRow(
        id=new_id(),
        user_id=claim.user_id,
        platform_id=claim.platform_id,
        source=claim.source,
        handle=claim.handle,
        external_id=claim.external_id,
        method=claim.method,
        vouched_at=moment if claim.method == "vouched" else None,
        proved_at=None if claim.method == "vouched" else moment,
        created_at=moment,
    )
    tx.session.add(row)
    linked = AccountLinked(
        account=_account(row),
        handle=claim.handle,
        method=claim.method,
        vouched_by=str(claim.platform_id) if claim.platform_id else None,
    )
    events.append(
        NewEvent(
            user_id=claim.user_id,
            kind="account.linked",
            subject_id=_account(row),
            data=linked,
            origin=of_platform(row.platform_id),
        )
    )
    await record(tx, events)
    return _linked(row)


async def unlink(tx: Transaction, account_id: UUID, *, reason: str = "", withdraw: bool = False) -> bool:
    """Let an account bring no more evidence; what it brought stays, unless it is withdrawn. Records.

    Returns:
        Whether it was linked until now.
    """
    row = await tx.session.get(SourceAccountRow, account_id, with_for_update=True, populate_existing=True)
    if row is None or row.unlinked_at is not None:
        return False
    moment = now()
    row.unlinked_at = moment
    name = _account(row)
    data = AccountUnlinked(account=name, reason=reason)
    events = [
        NewEvent(user_id=row.user_id, kind="account.unlinked", subject_id=name, data=data, origin=of_platform(row.platform_id))
    ]
    if withdraw:
        events += _withdrawn(row, moment, reason or "the link was wrong")
    await record(tx, events)
    return True


async def linked_accounts(tx: Transaction, user_id: UUID) -> list[LinkedAccount]:
    """Return a person's accounts, by source."""
    query = select(SourceAccountRow).where(SourceAccountRow.user_id == user_id, SourceAccountRow.unlinked_at.is_(None))
    return [_linked(row) for row in await tx.session.scalars(query.order_by(SourceAccountRow.source))]


async def account_for(
    tx: Transaction, user_id: UUID, source: str, *, platform_id: UUID | None, hold: bool = False
) -> LinkedAccount | None:
    """Return the account at a source that a piece of work may rest on, or None.

    Args:
        tx: the caller's transaction.
        user_id: whose account.
        source: where.
        platform_id: the platform that asks; it may rest on proved accounts and on its own word, never on another
            platform's. None: the person asks.
        hold: keep the account linked until the transaction ends.
    """
    query = select(SourceAccountRow).where(
        SourceAccountRow.user_id == user_id, SourceAccountRow.source == source, SourceAccountRow.unlinked_at.is_(None)
    )
    row = await tx.session.scalar(query.with_for_update(read=True) if hold else query)
    if row is None or (platform_id is not None and row.platform_id not in {None, platform_id}):
        return None
    return _linked(row)


def _refuse_taken(claim: Claim, others: Sequence[SourceAccountRow]) -> None:
    """Refuse what another person holds; whose it is stays untold."""
    for row in others:
        if row.unlinked_at is None and (row.platform_id is None or row.platform_id == claim.platform_id):
            raise Conflict(
                f"the {claim.source} account {claim.handle!r} is linked to another person; they must unlink it first",
                field="handle",
            )


def _holds_already(own: SourceAccountRow, claim: Claim) -> bool:
    if own.external_id != claim.external_id:
        return False
    return own.proved_at is not None or (claim.method == "vouched" and own.platform_id == claim.platform_id)


def _displaced(row: SourceAccountRow, moment: datetime, reason: str) -> list[NewEvent]:
    """Take an account that a platform vouched for from its person, linked still or not."""
    if row.platform_id is None:
        return []
    row.unlinked_at = row.unlinked_at or moment
    return _withdrawn(row, moment, reason)


def _withdrawn(row: SourceAccountRow, moment: datetime, reason: str) -> list[NewEvent]:
    if row.withdrawn_at is not None:
        return []
    row.withdrawn_at = moment
    data = EvidenceWithdrawn(account=_account(row), reason=reason)
    return [
        NewEvent(
            user_id=row.user_id,
            kind="evidence.withdrawn",
            subject_id=_account(row),
            data=data,
            origin=of_platform(row.platform_id),
        )
    ]


async def _lock(tx: Transaction, claim: Claim) -> None:
    """Let one claim at a time look at a person's accounts at a source, and one at an account."""
    names = sorted([f"account:{claim.source}:{claim.external_id}", f"person:{claim.user_id}:{claim.source}"])
    for name in names:
        await tx.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


async def _rows_of_account(tx: Transaction, claim: Claim) -> list[SourceAccountRow]:
    """Return the rows of all whose evidence from this account counts or could."""
    query = (
        select(SourceAccountRow)
        .where(
            SourceAccountRow.source == claim.source,
            SourceAccountRow.external_id == claim.external_id,
            SourceAccountRow.withdrawn_at.is_(None),
        )
        .order_by(SourceAccountRow.id)
        .with_for_update()
    )
    return list(await tx.session.scalars(query))


async def _newest(tx: Transaction, user_id: UUID, source: str) -> SourceAccountRow | None:
    query = (
        select(SourceAccountRow)
        .where(SourceAccountRow.user_id == user_id, SourceAccountRow.source == source)
        .order_by(SourceAccountRow.unlinked_at.is_(None).desc(), SourceAccountRow.created_at.desc(), SourceAccountRow.id.desc())
        .limit(1)
        .with_for_update()
    )
    return await tx.session.scalar(query)


def _account(row: SourceAccountRow) -> str:
    return f"{row.source}:{row.external_id}"


def _linked(row: SourceAccountRow) -> LinkedAccount:
    return LinkedAccount(
        id=row.id,
        user_id=row.user_id,
        source=row.source,
        handle=row.handle,
        external_id=row.external_id,
        method=row.method,  # type: ignore[arg-type]
        vouched_by=row.platform_id,
        linked_at=row.proved_at or row.vouched_at or row.created_at,
    )
