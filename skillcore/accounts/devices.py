"""Devices on which a person has signed in. Each keeps a token, by which its attempts are counted apart from everybody else's.

So nobody can lock a person out by failing on purpose: that uses up what all unknown devices share, and not what theirs has. A
token opens nothing; whoever steals one has no more attempts than its device has.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from litestar import Request
from litestar.datastructures import Cookie
from msgspec import Meta
from sqlalchemy import delete, select, update

from skillcore.accounts.credential_tables import DeviceRow
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.engine import Transaction
from skillcore.runtime.forgetting import delete_some

__all__ = ["COOKIE", "KEPT", "DeviceToken", "forget_all", "forget_expired", "known", "remember", "to_keep", "token_in", "use"]

COOKIE = "__Host-skillcore-device"
KEPT = timedelta(days=400)
"""How long a device is remembered that is not used: as long as browsers keep a cookie at most."""

NOBODY = UUID(int=0)
"""Asked for in the place of somebody who has no account, so that the database does the same."""

MOST = 20
"""Devices of one person that are remembered: the latest."""

DeviceToken = Annotated[
    str, Meta(max_length=200, description="`device_token` of an earlier answer, so that others cannot use up your attempts.")
]


async def known(tx: Transaction, user_id: UUID | None, token: str) -> UUID | None:
    """Return the device that has a token, if it is this person's."""
    row = DeviceRow
    fresh = row.last_used_at > now() - KEPT
    return await tx.session.scalar(
        select(row.id).where(row.token_sha256 == _hash(token), row.user_id == (user_id or NOBODY), fresh)
    )


async def remember(tx: Transaction, user_id: UUID) -> str:
    """Remember another device, and return its token."""
    token, moment = secrets.token_urlsafe(32), now()
    row = DeviceRow(id=new_id(), user_id=user_id, token_sha256=_hash(token), created_at=moment, last_used_at=moment)
    tx.session.add(row)
    await tx.session.flush()
    latest = select(DeviceRow.id).where(DeviceRow.user_id == user_id)
    latest = latest.order_by(DeviceRow.last_used_at.desc(), DeviceRow.id.desc()).limit(MOST)
    await tx.session.execute(delete(DeviceRow).where(DeviceRow.user_id == user_id, DeviceRow.id.not_in(latest)))
    return token


async def use(tx: Transaction, id_: UUID) -> None:
    """Note that somebody has signed in on a device."""
    await tx.session.execute(update(DeviceRow).where(DeviceRow.id == id_).values(last_used_at=now()))


async def forget_all(tx: Transaction, user_id: UUID) -> None:
    """Forget a person's devices."""
    await tx.session.execute(delete(DeviceRow).where(DeviceRow.user_id == user_id))


async def forget_expired(tx: Transaction, before: datetime, limit: int) -> int:
    """Delete devices that nobody has used since a moment; returns how many."""
    return await delete_some(tx, DeviceRow.id, DeviceRow.last_used_at < before, limit)


def token_in(request: Request[Any, Any, Any], given: str) -> str:
    """Return the token that a request brings: in its body, or else in its cookie."""
    return given or request.cookies.get(COOKIE, "")


def to_keep(token: str) -> Cookie:
    """Return the cookie in which a browser keeps it."""
    seconds = int(KEPT.total_seconds())
    return Cookie(key=COOKIE, value=token, path="/", max_age=seconds, secure=True, httponly=True, samesite="strict")


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
