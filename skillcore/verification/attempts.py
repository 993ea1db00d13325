"""Attempts to prove an account, as they are kept: at most one of a person at a source is open.

All times are the database's. Sources may tell time in whole seconds, so an attempt begins with the second in which it was
started: what was done in that second counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct
from sqlalchemy import and_, func, or_, select, update

from skillcore.plugin import VerificationSource
from skillcore.runtime.engine import Transaction
from skillcore.runtime.forgetting import delete_some
from skillcore.runtime.problems import TooManyRequests
from skillcore.verification.linking import Method
from skillcore.verification.tables import LinkAttemptRow

__all__ = [
    "PENDING",
    "Attempt",
    "Started",
    "State",
    "forget_expired",
    "instant",
    "keys_taken",
    "newest",
    "refuse_hurry",
    "shown",
    "standing",
    "supersede",
]

State = Literal["open", "checking", "proved", "failed", "expired", "superseded", "cancelled"]

PENDING = ("open", "checking")
HOUR = timedelta(hours=1)


class Attempt(Struct, frozen=True, kw_only=True):
    """An attempt to prove an account.

    Attributes:
        method: how it is proved.
        handle: of the account, as the person wrote it; empty until the site says.
        state: ``open`` until it is confirmed, ``checking`` while a job looks, then ``proved`` or ``failed``; ``expired`` when
            its time is over, ``superseded`` by a later attempt, or ``cancelled``. What is not there yet leaves it open.
        instructions: what to do, for the person.
        data: the same for programs.
        issued_at: what was done before does not count.
        expires_at: nor does what is done after.
        reason: why it failed, or must wait.
        looked_for: what the last look was for, where it was not there.
        found: what was there instead.
        job_id: the job of the last look.
    """

    source: str
    method: Method
    handle: str
    state: State
    instructions: str
    data: Mapping[str, str]
    issued_at: datetime
    expires_at: datetime
    reason: str
    looked_for: str
    found: str
    job_id: int | None


class Started(Struct, frozen=True, kw_only=True):
    """An attempt as it begins.

    Attributes:
        issued_at: the second in which it was started, by the database's clock.
        moment: that time to the microsecond.
    """

    user_id: UUID
    source: VerificationSource[Any]
    handle: str
    issued_at: datetime
    moment: datetime


async def instant(tx: Transaction) -> datetime:
    """Return the database's time."""
    found: datetime = (await tx.session.execute(select(func.clock_timestamp()))).scalar_one()
    return found


async def newest(tx: Transaction, user_id: UUID, source: str, *, lock: bool = False) -> LinkAttemptRow | None:
    """Return a person's newest attempt at a source.

    Args:
        tx: the caller's transaction.
        user_id: whose.
        source: where.
        lock: let nobody else change it until the transaction ends.
    """
    whose = and_(LinkAttemptRow.user_id == user_id, LinkAttemptRow.source == source)
    query = select(LinkAttemptRow).where(whose).order_by(LinkAttemptRow.issued_at.desc(), LinkAttemptRow.id.desc()).limit(1)
    return await tx.session.scalar(query.with_for_update() if lock else query)


async def forget_expired(tx: Transaction, before: datetime, limit: int) -> int:
    """Delete attempts whose time was over before a moment; returns how many. What was done before then proves nothing anew.

    Args:
        tx: an open transaction.
        before: the moment.
        limit: how many at most.
    """
    over = and_(LinkAttemptRow.expires_at < before, LinkAttemptRow.state != "checking")
    return await delete_some(tx, LinkAttemptRow.id, over, limit)


async def supersede(tx: Transaction, user_id: UUID, source: str) -> None:
    """Close a person's pending attempt at a source: another takes its place."""
    whose = and_(LinkAttemptRow.user_id == user_id, LinkAttemptRow.source == source, LinkAttemptRow.state.in_(PENDING))
    await tx.session.execute(update(LinkAttemptRow).where(whose).values(state="superseded", reason="another was started"))


async def keys_taken(tx: Transaction, source: str, handle_key: str, moment: datetime) -> set[str]:
    """Return the challenges that are set for an account at a moment. Nobody else sets any until the transaction ends."""
    name = f"challenges:{source}:{handle_key}"
    await tx.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
    await _close_expired(tx, source, handle_key, moment)
    of_account = and_(LinkAttemptRow.source == source, LinkAttemptRow.handle_key == handle_key)
    query = select(LinkAttemptRow.challenge_key).where(of_account, LinkAttemptRow.state.in_(PENDING))
    return {key for key in await tx.session.scalars(query) if key is not None}


async def refuse_hurry(tx: Transaction, user_id: UUID, moment: datetime) -> None:
    """Refuse a person who has started too many attempts lately: nobody may try out all challenges of an account.

    Raises:
        TooManyRequests: says when the next one can be started.
    """
    most = tx.engine.settings.verification.proof_starts_per_hour
    await tx.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"attempts:{user_id}", 0))))
    query = (
        select(LinkAttemptRow.issued_at)
        .where(LinkAttemptRow.user_id == user_id, LinkAttemptRow.issued_at > moment - HOUR)
        .order_by(LinkAttemptRow.issued_at.desc())
        .limit(most)
    )
    lately = (await tx.session.scalars(query)).all()
    if len(lately) == most:
        seconds = max(1, int((lately[-1] + HOUR - moment).total_seconds()) + 1)
        raise TooManyRequests(
            f"{most} attempts to prove accounts were started within an hour; start the next one in {seconds} s",
            headers={"Retry-After": str(seconds)},
        )


def standing(tx: Transaction, row: LinkAttemptRow, moment: datetime) -> State:
    """Return an attempt's state, its time being what it is."""
    if (row.state == "open" and row.expires_at < moment) or (
        row.state == "checking" and row.expires_at < moment - _patience(tx)
    ):
        return "expired"
    return row.state  # type: ignore[return-value] # the table has no others


def shown(tx: Transaction, row: LinkAttemptRow, moment: datetime) -> Attempt:
    """Return an attempt as its person sees it."""
    return Attempt(
        source=row.source,
        method=row.method,  # type: ignore[arg-type] # the table has no others
        handle=row.handle,
        state=standing(tx, row, moment),
        instructions=row.instructions,
        data=row.data or {},
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        reason=row.reason,
        looked_for=row.looked_for,
        found=row.found,
        job_id=row.job_id,
    )


async def _close_expired(tx: Transaction, source: str, handle_key: str, moment: datetime) -> None:
    """Close attempts at an account whose time is over, so that their challenges can be set again."""
    over = and_(LinkAttemptRow.state == "open", LinkAttemptRow.expires_at < moment)
    left = and_(LinkAttemptRow.state == "checking", LinkAttemptRow.expires_at < moment - _patience(tx))
    query = (
        select(LinkAttemptRow.id)
        .where(LinkAttemptRow.source == source, LinkAttemptRow.handle_key == handle_key, or_(over, left))
        .with_for_update(skip_locked=True)
    )
    ids = (await tx.session.scalars(query)).all()
    await tx.session.execute(update(LinkAttemptRow).where(LinkAttemptRow.id.in_(ids)).values(state="expired"))


def _patience(tx: Transaction) -> timedelta:
    """Return for how long after its end an attempt may still be looked at by a job."""
    settings = tx.engine.settings.verification
    return timedelta(seconds=settings.proof_grace + settings.deadline)
