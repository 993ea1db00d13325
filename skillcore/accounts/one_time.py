"""One-time tokens: what a mail or an administrator hands out, good for one act, once. Only their hashes are kept."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Annotated, Literal
from urllib.parse import urlencode
from uuid import UUID

from msgspec import Meta, Struct
from sqlalchemy import ColumnElement, delete, select

from skillcore.accounts.credential_tables import OneTimeTokenRow
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.engine import Transaction
from skillcore.runtime.forgetting import delete_some
from skillcore.runtime.problems import InvalidField
from skillcore.runtime.sealing import Sealer

__all__ = ["Link", "Purpose", "Token", "TokenHeld", "find", "forget_expired", "issue", "redeem", "withdraw"]

Purpose = Literal["registration", "reset", "email"]
Token = Annotated[str, Meta(min_length=1, max_length=200, description="From a mail's link, or from an administrator.")]


class Link(Struct, frozen=True, kw_only=True):
    """A token to be handed to its person.

    Attributes:
        token: shown once.
        link: the page of ``auth.page`` with the token behind a ``#``, which browsers send to no server; null without that page.
        expires_at: when it ends unused.
    """

    token: str
    link: str | None
    expires_at: datetime

    def __repr__(self) -> str:
        """Show no token."""
        return f"{type(self).__name__}(expires_at={self.expires_at!r})"


class TokenHeld(Struct, frozen=True, kw_only=True):
    """A token that holds.

    Attributes:
        user_id: whose it is; None for somebody who has no account yet.
        details: what was sealed with it.
    """

    user_id: UUID | None
    details: bytes


async def issue(
    tx: Transaction, purpose: Purpose, lifetime: timedelta, user_id: UUID | None = None, details: bytes = b""
) -> Link:
    """Make a token.

    Args:
        tx: an open transaction.
        purpose: what it is good for.
        lifetime: how long.
        user_id: for whom; None for somebody who has no account.
        details: to be had back when it is redeemed; sealed.
    """
    token, id_, moment = secrets.token_urlsafe(32), new_id(), now()
    sealed = tx.engine.service(Sealer).seal(OneTimeTokenRow.details, id_, user_id, details) if details else None
    row = OneTimeTokenRow(
        id=id_,
        user_id=user_id,
        purpose=purpose,
        token_sha256=_hash(token),
        details=sealed,
        expires_at=moment + lifetime,
        created_at=moment,
    )
    tx.session.add(row)
    await tx.session.flush()
    page = tx.engine.settings.auth.page
    link = f"{page}#{urlencode({'purpose': purpose, 'token': token})}" if page else None
    return Link(token=token, link=link, expires_at=row.expires_at)


async def find(tx: Transaction, purpose: Purpose, token: str) -> TokenHeld | None:
    """Return what a token holds, and leave it; None if it does not hold."""
    row = await tx.session.scalar(select(OneTimeTokenRow).where(*_holding(purpose, token)))
    return None if row is None else _held(tx, row)


async def redeem(tx: Transaction, purpose: Purpose, token: str) -> TokenHeld:
    """Use a token up. Of several who do so at once, one does.

    Raises:
        InvalidField: it does not hold.
    """
    row = await tx.session.scalar(delete(OneTimeTokenRow).where(*_holding(purpose, token)).returning(OneTimeTokenRow))
    if row is None:
        raise refused()
    return _held(tx, row)


async def withdraw(tx: Transaction, user_id: UUID, *purposes: Purpose) -> None:
    """Have a person's tokens hold no longer."""
    mine = OneTimeTokenRow.user_id == user_id
    await tx.session.execute(delete(OneTimeTokenRow).where(mine, OneTimeTokenRow.purpose.in_(purposes)))


async def forget_expired(tx: Transaction, before: datetime, limit: int) -> int:
    """Delete tokens that held no longer at a moment; returns how many."""
    return await delete_some(tx, OneTimeTokenRow.id, OneTimeTokenRow.expires_at < before, limit)


def refused() -> InvalidField:
    """Return the problem of a token that does not hold, whatever the reason."""
    return InvalidField("token: it does not hold, or no longer: ask for another one", field="token")


def _holding(purpose: Purpose, token: str) -> tuple[ColumnElement[bool], ...]:
    row = OneTimeTokenRow
    return row.token_sha256 == _hash(token), row.purpose == purpose, row.expires_at > now()


def _held(tx: Transaction, row: OneTimeTokenRow) -> TokenHeld:
    sealer = tx.engine.service(Sealer) if row.details else None
    details = sealer.open(OneTimeTokenRow.details, row.id, row.user_id, row.details) if sealer and row.details else b""
    return TokenHeld(user_id=row.user_id, details=details)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.strip().encode()).digest()
