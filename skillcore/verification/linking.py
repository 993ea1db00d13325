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
from sqlalchemy import func, select, update

from skillcore.accounts.access import Actor
from skillcore.plugin import Account
from skillcore.runtime.clock import new_id
from skillcore.runtime.engine import Transaction
from skillcore.runtime.problems import Conflict
from skillcore.verification.displacement import REPLACED, Change, name_of, record_all, same_account
from skillcore.verification.handles import Handle, account_name
from skillcore.verification.tables import SourceAccountRow

__all__ = [
    "Claim",
    "LinkedAccount",
    "Method",
    "account_for",
    "link",
    "linked_account",
    "linked_accounts",
    "lock",
    "newest_account",
    "unlink",
    "unlink_vouches",
]

Method = Literal["vouched", "oauth", "oidc", "challenge"]


class Claim(Struct, frozen=True, kw_only=True):
    """That an account is a person's.

    Attributes:
        handle: its name, as it is written.
        handle_key: its name, as all compare it.
        external_id: the source's own unchanging id of it, where the source told one; the account is then known by it.
        platform_id: the platform that vouches for it; None for a proof.
    """

    user_id: UUID
    source: str
    handle: str
    handle_key: str
    external_id: str | None = None
    method: Method
    platform_id: UUID | None = None


class LinkedAccount(Struct, frozen=True, kw_only=True):
    """An account that is a person's now.

    Attributes:
        external_id: the source's unchanging id if it is known ``by_id``, else the handle as all compare it.
        vouched_by: the platform whose word it rests on; None where its user proved it.
    """

    id: UUID
    user_id: UUID
    source: str
    handle: str
    external_id: str
    by_id: bool
    method: Method
    vouched_by: UUID | None
    linked_at: datetime

    @property
    def account(self) -> str:
        """The name under which the ledger knows it: ``<source>:<external id>``."""
        return account_name(self.source, self.external_id)

    @property
    def asked(self) -> Account:
        """What a source is asked about."""
        return Account(self.source, self.handle, self.external_id if self.by_id else None)


async def link(tx: Transaction, claim: Claim, actor: Actor | None = None) -> LinkedAccount:
    """Make an account a person's; the account before it, and others' claims that a proof displaces, lose their evidence.

    Linking what is linked already changes nothing, but for the new handle of an account that was renamed. Records, so it is
    the last thing its transaction does.

    Args:
        tx: the caller's transaction.
        claim: that the account is a person's.
        actor: who makes it; None where skillcore found the proof.

    Raises:
        Conflict: it is another person's, or the person has proved another account.
    """
    await lock(tx, claim.source)
    change = Change(tx, claim.source, actor)
    whose = SourceAccountRow.user_id == claim.user_id
    _refuse_taken(claim, await change.rows(same_account(claim.handle_key, claim.external_id), ~whose))
    own = await change.rows(whose)
    current = own[0] if own and own[0].unlinked_at is None else None
    if current is not None:
        if _holds_already(current, claim):
            return await _renamed(change, current, claim)
        if current.platform_id is None and claim.method == "vouched":
            raise Conflict(f"this person has proved an account at {claim.source} of their own, which outranks a vouched one")
        current.unlinked_at = change.moment
        await tx.session.flush()  # the keys hold for rows that are linked: the old one goes first
    row = _row(claim, change.moment)
    await change.forget(row)
    tx.session.add(row)
    await tx.session.flush()
    await _replace(change, own, row)  # first, while those stand whose accounts this one is about to displace
    if row.platform_id is None:
        await change.displace_vouches(row)
    change.linked(row)
    await change.record()
    return _linked(row)


async def unlink(
    tx: Transaction, account_id: UUID, *, reason: str = "", withdraw: bool = False, actor: Actor | None = None
) -> bool:
    """Let an account bring no more evidence; what it brought stays, unless it is withdrawn. Records.

    What a withdrawn account displaced counts again: other accounts of the same person, and what platforms vouched for.

    Args:
        tx: the caller's transaction.
        account_id: which.
        reason: for the person.
        withdraw: the link was wrong; works on accounts that were unlinked before, too.
        actor: who decided it; it is recorded, unless it was the person.

    Returns:
        Whether anything changed.
    """
    row = await tx.session.get(SourceAccountRow, account_id)
    if row is None:
        return False
    await lock(tx, row.source)
    await tx.session.refresh(row, with_for_update=True)
    if row.withdrawn_at is not None or (row.unlinked_at is not None and not withdraw):
        return False
    change = Change(tx, row.source, actor)
    if row.unlinked_at is None:
        change.unlinked(row, reason=reason, by=_decider(actor, row.user_id))
    if withdraw:
        own = await change.rows(SourceAccountRow.user_id == row.user_id)
        await change.withdraw(own, reason or "the link was wrong")
    await change.record()
    return True


async def unlink_vouches(tx: Transaction, user_id: UUID, platform_id: UUID) -> None:
    """Let what a platform vouched for a person bring no more evidence; what it brought stays. Records.

    What was displaced meanwhile will bring none either, should it count again.

    Args:
        tx: the caller's transaction.
        user_id: who left the platform.
        platform_id: which.
    """
    vouched = (SourceAccountRow.user_id == user_id, SourceAccountRow.platform_id == platform_id)
    sources = sorted(set(await tx.session.scalars(select(SourceAccountRow.source).where(*vouched))))
    changes = [Change(tx, source, Actor(kind="user", user_id=user_id)) for source in sources]
    for change in changes:
        await lock(tx, change.source)
        for row in await change.rows(*vouched, SourceAccountRow.unlinked_at.is_(None)):
            change.unlinked(row, reason="the person left the platform")
        displaced = update(SourceAccountRow).where(
            SourceAccountRow.source == change.source, SourceAccountRow.unlinked_at == SourceAccountRow.withdrawn_at, *vouched
        )
        await tx.session.execute(displaced.values(unlinked_at=change.moment))
    if changes:
        await record_all(tx, changes)


async def lock(tx: Transaction, source: str) -> None:
    """Let accounts of a source change hands one after another: each change looks at several people's."""
    await tx.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"linking:{source}", 0))))


async def refuse_held(tx: Transaction, user_id: UUID, source: str, handle: Handle) -> None:
    """Refuse to begin proving an account that somebody else has proved. What platforms vouch for is not looked at.

    An account that is known by its id may have lost its name to another one, which the proof will show.

    Raises:
        Conflict: it is another person's; whose, is not told.
    """
    query = select(SourceAccountRow.id).where(
        SourceAccountRow.source == source,
        SourceAccountRow.handle_key == handle.key,
        SourceAccountRow.user_id != user_id,
        SourceAccountRow.platform_id.is_(None),
        SourceAccountRow.unlinked_at.is_(None),
        SourceAccountRow.by_id.is_(False),
    )
    if await tx.session.scalar(query) is not None:
        raise _taken(source, handle.written)


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


async def linked_account(tx: Transaction, account_id: UUID, *, hold: bool = False) -> LinkedAccount | None:
    """Return an account if it is linked now.

    Args:
        tx: the caller's transaction.
        account_id: which.
        hold: keep it linked until the transaction ends.
    """
    query = select(SourceAccountRow).where(SourceAccountRow.id == account_id, SourceAccountRow.unlinked_at.is_(None))
    row = await tx.session.scalar(query.with_for_update(read=True) if hold else query)
    return None if row is None else _linked(row)


async def newest_account(tx: Transaction, user_id: UUID, source: str) -> LinkedAccount | None:
    """Return a person's account at a source whose evidence counts, linked or not; None if there is none."""
    rows = await Change(tx, source).rows(SourceAccountRow.user_id == user_id)
    return _linked(rows[0]) if rows else None


def _decider(actor: Actor | None, user_id: UUID) -> str | None:
    """Return who decided about somebody's account, as the fact says it: a fact about one person names no other."""
    if actor is None or actor.user_id == user_id:
        return None
    return "administrator" if actor.kind == "user" else actor.name


def _refuse_taken(claim: Claim, others: Sequence[SourceAccountRow]) -> None:
    """Refuse what another person holds; whose it is stays untold."""
    for row in others:
        if row.unlinked_at is None and (
            _holds(row, claim) if row.platform_id is None else row.platform_id == claim.platform_id
        ):
            raise _taken(claim.source, claim.handle)


def _taken(source: str, handle: str) -> Conflict:
    message = f"the {source} account {handle!r} is linked to another person; they must unlink it first"
    return Conflict(message, field="handle")


def _holds(proved: SourceAccountRow, claim: Claim) -> bool:
    """Say whether somebody's proof stands against a claim: names are reused, so two ids are two accounts."""
    return not proved.by_id or claim.external_id is None or proved.external_id == claim.external_id


def _holds_already(current: SourceAccountRow, claim: Claim) -> bool:
    if claim.external_id is None:  # a platform's word, or a proof that tells no id, cannot say more than a proof by id
        same = current.handle_key == claim.handle_key
    else:
        same = current.by_id and current.external_id == claim.external_id
    return same and (current.platform_id is None or (claim.method == "vouched" and current.platform_id == claim.platform_id))


async def _renamed(change: Change, current: SourceAccountRow, claim: Claim) -> LinkedAccount:
    """Keep an account that is linked already, under its new name if it was renamed."""
    if claim.external_id is not None and current.handle_key != claim.handle_key:
        current.handle, current.handle_key = claim.handle, claim.handle_key
        await change.displace_vouches(current)
        change.linked(current)
        await change.record()
    return _linked(current)


async def _replace(change: Change, own: Sequence[SourceAccountRow], row: SourceAccountRow) -> None:
    """Let a new row stand in the place of a person's earlier ones."""
    if not own:
        return
    if name_of(own[0]) == name_of(row):
        await change.hand_over([earlier.id for earlier in own], row)
        return
    known_by_id = row.by_id and own[0].handle_key == row.handle_key
    await change.withdraw(own, "the account is known by its id now" if known_by_id else REPLACED, row)


def _row(claim: Claim, moment: datetime) -> SourceAccountRow:
    vouched = claim.method == "vouched"
    return SourceAccountRow(
        id=new_id(),
        user_id=claim.user_id,
        platform_id=claim.platform_id,
        source=claim.source,
        handle=claim.handle,
        handle_key=claim.handle_key,
        external_id=claim.handle_key if claim.external_id is None else claim.external_id,
        by_id=claim.external_id is not None,
        method=claim.method,
        vouched_at=moment if vouched else None,
        proved_at=None if vouched else moment,
        created_at=moment,
    )


def _linked(row: SourceAccountRow) -> LinkedAccount:
    return LinkedAccount(
        id=row.id,
        user_id=row.user_id,
        source=row.source,
        handle=row.handle,
        external_id=row.external_id,
        by_id=row.by_id,
        method=row.method,  # type: ignore[arg-type]
        vouched_by=row.platform_id,
        linked_at=row.proved_at or row.vouched_at or row.created_at,
    )
