"""Finds out who asks, from the header ``Authorization: Bearer``: a person's access token, or a platform's key."""

from __future__ import annotations

import hashlib
import time
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any
from uuid import UUID

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Scope
from sqlalchemy import select, update

from skillcore.accounts.access import Actor, answers_options, declared
from skillcore.accounts.tables import ApiKeyRow, UserRow
from skillcore.accounts.tokens import Tokens
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.problems import Unauthenticated

__all__ = ["KEY_MARK", "Gate", "Known", "authenticate"]

KEY_MARK = "sk_"
"""What platform keys begin with."""

USED_EVERY = timedelta(minutes=1)
"""How exactly ``last_used_at`` is kept."""


class Known:
    """Whom this process has just looked up, so that a burst of requests does not ask the database each time.

    A change made by this process holds at once; one made by another is seen after `LIFETIME` seconds at the latest.
    """

    LIFETIME = 5.0
    LIMIT = 10_000

    def __init__(self) -> None:
        self._actors: dict[bytes | UUID, tuple[Actor, float]] = {}

    def get(self, who: bytes | UUID) -> Actor | None:
        """Return the actor, if looked up lately."""
        actor, until = self._actors.get(who, (None, 0.0))
        return actor if time.monotonic() < until else None

    def put(self, who: bytes | UUID, actor: Actor, until: datetime | None = None) -> None:
        """Remember an actor, no longer than to a given time."""
        if len(self._actors) >= self.LIMIT:
            self._actors.clear()
        lifetime = self.LIFETIME if until is None else min(self.LIFETIME, (until - now()).total_seconds())
        self._actors[who] = (actor, time.monotonic() + lifetime)

    def forget(self) -> None:
        """Forget everyone: something about keys or roles has changed."""
        self._actors.clear()


async def authenticate(engine: Engine, authorization: str | None) -> Actor | None:
    """Return who asks; None where the header is absent.

    Args:
        engine: of this process.
        authorization: the header's value.

    Raises:
        Unauthenticated: there is a header, and what it holds does not hold.
    """
    if authorization is None:
        return None
    scheme, _, token = authorization.strip().partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("the Authorization header must be: Bearer, a space, and an access token or a platform's key")
    token = token.strip()
    return await (_by_key(engine, token) if token.startswith(KEY_MARK) else _by_token(engine, token))


class Gate:
    """The guard before every route: lets in whom the route's declaration names."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    async def guard(self, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        """Let a request in; for Litestar's ``guards``."""
        await self.admit(connection.scope, handler)

    async def admit(self, scope: Scope, handler: BaseRouteHandler) -> Actor | None:
        """Let a request in, and note in its scope who asks.

        Raises:
            Unauthenticated: nobody is signed in.
            Forbidden: this one may not.
        """
        if answers_options(handler):
            return None
        access = declared(handler)
        if access is None:
            raise Unauthenticated("nobody may use this")
        if access.is_public:
            return None
        if "auth" not in scope:
            values = [value for name, value in scope["headers"] if name == b"authorization"]
            scope["auth"] = await authenticate(self.engine, values[0].decode("latin-1") if values else None)
        actor: Actor | None = scope["auth"]
        access.check(actor)
        return actor


async def _by_token(engine: Engine, token: str) -> Actor:
    user_id = engine.service(Tokens).read(token)
    known = engine.cache(Known)
    actor = known.get(user_id)
    if actor is None:
        async with engine.transaction() as tx:
            role = await tx.session.scalar(select(UserRow.role).where(UserRow.id == user_id))
        if role is None:
            raise Unauthenticated("this account does not exist any more")
        actor = Actor(kind="user", user_id=user_id, role=role)  # type: ignore[arg-type] # the table has no others
        known.put(user_id, actor)
    return actor


async def _by_key(engine: Engine, token: str) -> Actor:
    known = engine.cache(Known)
    fingerprint = hashlib.sha256(token.encode()).digest()
    actor = known.get(fingerprint)
    if actor is None:
        async with engine.transaction() as tx:
            row = await _key(tx, token)
            actor = Actor(kind="key", key_id=row.id, platform_id=row.platform_id, scopes=frozenset(row.scopes))
        known.put(fingerprint, actor, row.expires_at)
    return actor


async def _key(tx: Transaction, token: str) -> ApiKeyRow:
    """Find the key, and note that it is in use.

    Raises:
        Unauthenticated: it does not hold; which part of it, is nobody's business.
    """
    prefix, _, secret = token.removeprefix(KEY_MARK).partition("_")
    row = await tx.session.scalar(select(ApiKeyRow).where(ApiKeyRow.prefix == prefix)) if prefix.isalnum() else None
    moment = now()
    if row is None or not compare_digest(row.secret_sha256, hashlib.sha256(secret.encode()).digest()):
        raise Unauthenticated("this platform key is not known")
    if row.revoked_at is not None:
        raise Unauthenticated("this platform key was revoked: use another one")
    if row.expires_at is not None and row.expires_at <= moment:
        raise Unauthenticated("this platform key has expired: have a new one made")
    if row.last_used_at is None or moment - row.last_used_at > USED_EVERY:
        await tx.session.execute(update(ApiKeyRow).where(ApiKeyRow.id == row.id).values(last_used_at=moment))
    return row
