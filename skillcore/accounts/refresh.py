"""Refresh tokens: each is good for one successor, and one that is used twice ends the session.

A token is a random text of which only the hash is kept. Its successor is computed from the token itself and from a random
seed that is kept beside its hash: whoever shows the token again within the grace, because two pages of a browser asked at
once or an answer was lost, gets the same successor, and still no token can be read in the database.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from msgspec import Struct

from skillcore.runtime.clock import now
from skillcore.runtime.engine import Transaction

__all__ = ["MARK", "Refused", "Rotated", "first", "rotate"]

MARK = "sr_"
"""What refresh tokens begin with."""

KEEP = """insert into refresh_tokens (sha256, session_id, user_id, issued_at, expires_at)
  values (%(sha256)s, %(session)s, %(user)s, %(now)s, %(expires)s)"""
# Whoever erases the person locks their row first, and takes these rows away in whatever order.
HOLD = """select from users u join refresh_tokens r on r.user_id = u.id where r.sha256 = %(sha256)s for key share of u"""
USE = """update refresh_tokens r set used_at = %(now)s, seed = %(seed)s from sessions s
  where r.sha256 = %(sha256)s and r.used_at is null and r.expires_at > %(now)s
    and s.id = r.session_id and s.revoked_at is null and s.expires_at > %(now)s and s.idle_at > %(now)s
  returning s.id, s.user_id, s.expires_at"""
FIND = """select s.id, s.user_id, s.expires_at, r.used_at, r.seed,
    s.revoked_at is null and s.expires_at > %(now)s and s.idle_at > %(now)s and r.expires_at > %(now)s
  from refresh_tokens r join sessions s on s.id = r.session_id where r.sha256 = %(sha256)s"""
UNUSED = "select from refresh_tokens where sha256 = %(sha256)s and used_at is null"


class Rotated(Struct, frozen=True, kw_only=True):
    """A refresh token had a successor to give.

    Attributes:
        token: the successor.
        session_id: whose tokens they are.
        user_id: the person.
        expires_at: when the session ends at the latest.
    """

    token: str
    session_id: UUID
    user_id: UUID
    expires_at: datetime

    def __repr__(self) -> str:
        """Return a text without the secret."""
        return f"Rotated(session_id={self.session_id!r}, user_id={self.user_id!r})"


class Refused(Struct, frozen=True, kw_only=True):
    """A refresh token had none.

    Attributes:
        session_id: whose token it is; None if nobody knows it.
        user_id: the person.
        reused: it was used before, and its session lives: somebody else has it too.
    """

    session_id: UUID | None = None
    user_id: UUID | None = None
    reused: bool = False


async def first(tx: Transaction, session_id: UUID, user_id: UUID, ends: datetime) -> str:
    """Return the first refresh token of a session.

    Args:
        tx: an open transaction.
        session_id: its session, which is there.
        user_id: the person.
        ends: when the session ends at the latest.
    """
    token = MARK + secrets.token_urlsafe(32)
    await _keep(tx, await tx.psycopg(), token, session_id, user_id, ends)
    return token


async def rotate(tx: Transaction, token: str) -> Rotated | Refused:
    """Use up a refresh token and return its successor; of requests that show it at once, all get the same one."""
    connection = await tx.psycopg()
    seed = secrets.token_bytes(32)
    await connection.execute(HOLD, {"sha256": _sha256(token)})
    row = await (await connection.execute(USE, {"sha256": _sha256(token), "now": now(), "seed": seed})).fetchone()
    if row is None:
        return await _again(tx, connection, token)
    session_id, user_id, ends = row
    following = _successor(token, seed)
    await _keep(tx, connection, following, session_id, user_id, ends)
    return Rotated(token=following, session_id=session_id, user_id=user_id, expires_at=ends)


async def _again(tx: Transaction, connection: psycopg.AsyncConnection[Any], token: str) -> Rotated | Refused:
    """Answer a token that cannot be used up: within the grace, and while its successor is unused, by that successor."""
    moment = now()
    row = await (await connection.execute(FIND, {"sha256": _sha256(token), "now": moment})).fetchone()
    if row is None:
        return Refused()
    session_id, user_id, ends, used_at, seed, alive = row
    if not alive:
        return Refused(session_id=session_id, user_id=user_id)
    following = _successor(token, seed)
    unused = await (await connection.execute(UNUSED, {"sha256": _sha256(following)})).fetchone()
    if unused is None or moment - used_at > timedelta(seconds=tx.engine.settings.auth.refresh_grace):
        return Refused(session_id=session_id, user_id=user_id, reused=True)
    return Rotated(token=following, session_id=session_id, user_id=user_id, expires_at=ends)


async def _keep(
    tx: Transaction, connection: psycopg.AsyncConnection[Any], token: str, session_id: UUID, user_id: UUID, ends: datetime
) -> None:
    moment = now()
    expires = min(ends, moment + timedelta(days=tx.engine.settings.auth.idle_days))
    values = {"sha256": _sha256(token), "session": session_id, "user": user_id, "now": moment, "expires": expires}
    await connection.execute(KEEP, values)


def _successor(token: str, seed: bytes) -> str:
    return MARK + base64.urlsafe_b64encode(hmac.digest(token.encode(), seed, hashlib.sha256)).rstrip(b"=").decode()


def _sha256(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
