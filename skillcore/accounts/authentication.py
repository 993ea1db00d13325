"""Finds out who asks: by the header Authorization, with a person's access token or a platform's key, or by a cookie."""

from __future__ import annotations

import hashlib
import time
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any
from uuid import UUID

from litestar.connection import ASGIConnection
from litestar.datastructures import Headers
from litestar.handlers import BaseRouteHandler
from litestar.types import Scope
from sqlalchemy import Update, select, update

from skillcore.accounts import cookies, key_text
from skillcore.accounts.access import Access, Actor, admin, answers_options, declared
from skillcore.accounts.audit import ROUTE, note_apart
from skillcore.accounts.key_text import KEY_MARK
from skillcore.accounts.limiting import charge
from skillcore.accounts.tables import ApiKeyRow, SessionRow
from skillcore.accounts.tokens import Tokens
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.problems import Forbidden, Unauthenticated
from skillcore.runtime.settings import AuthSettings
from skillcore.runtime.web import engine_of

__all__ = ["KEY_MARK", "SAFE", "Known", "admit", "authenticate", "guard", "seen"]

UNKNOWN_KEY = "this platform key is not known"
NOBODYS = bytes(32)
"""What is compared where no key has the prefix: no secret has this hash."""

USED_EVERY = timedelta(minutes=1)
"""How exactly the last use of a key or session is kept."""

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""

# Almost every request asks one of these, so they are written out.
BY_ID = """select s.id, s.user_id, u.role, least(s.expires_at, s.idle_at), s.last_seen_at
  from sessions s join users u on u.id = s.user_id
  where s.id = %(which)s and s.kept = 'token' and s.revoked_at is null and s.expires_at > %(now)s and s.idle_at > %(now)s"""
BY_COOKIE = BY_ID.replace("s.id = %(which)s and s.kept = 'token'", "s.cookie_sha256 = %(which)s")


class Known:
    """Whom this process has just looked up, so that a burst of requests does not ask the database each time.

    A change made by this process holds at once; one made by another is seen after `LIFETIME` seconds at the latest.
    """

    LIFETIME = 5.0
    LIMIT = 10_000

    def __init__(self) -> None:
        self._actors: dict[bytes | UUID, tuple[Actor, float]] = {}
        self.changes = 0

    def get(self, who: bytes | UUID) -> Actor | None:
        """Return the actor, if looked up lately."""
        actor, until = self._actors.get(who, (None, 0.0))
        return actor if time.monotonic() < until else None

    def put(self, who: bytes | UUID, actor: Actor, until: datetime | None = None, *, since: int | None = None) -> None:
        """Remember an actor, no longer than to a given time.

        Args:
            who: the id of a session, or the hash of a cookie or key.
            actor: whom it stands for.
            until: when that ends.
            since: `changes` from before the look-up: what changed while it was under way, it may not have seen.
        """
        if since is not None and since != self.changes:
            return
        if len(self._actors) >= self.LIMIT:
            self._actors.clear()
        lifetime = self.LIFETIME if until is None else min(self.LIFETIME, (until - now()).total_seconds())
        self._actors[who] = (actor, time.monotonic() + lifetime)

    def forget(self) -> None:
        """Forget everyone: something about sessions, keys or roles has changed."""
        self.changes += 1
        self._actors.clear()


async def authenticate(engine: Engine, scope: Scope) -> Actor | None:
    """Return who asks; None where a request brings no credentials.

    What stands in the header Authorization is all that counts if it is there; a cookie is not even looked at then.

    Raises:
        Unauthenticated: there are credentials, and they do not hold.
        Forbidden: a request by cookie that may come from a page of another site.
    """
    headers = Headers.from_scope(scope)
    authorization = headers.getall("authorization", [])
    if len(authorization) > 1:
        raise Unauthenticated("there are several Authorization headers: send one")
    if not authorization:
        secret = cookies.secret_in(headers)
        return None if secret is None else await _by_cookie(engine, scope, headers, secret)
    scheme, _, token = authorization[0].strip().partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("the Authorization header must be: Bearer, a space, and an access token or a platform's key")
    token = token.strip()
    return await (_by_key(engine, token) if token.startswith(KEY_MARK) else _by_token(engine, token))


async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Let a request in whom the route's declaration names; for Litestar's ``guards``, before every route."""
    await admit(connection.scope, handler)


async def admit(scope: Scope, handler: BaseRouteHandler) -> Actor | None:
    """Let a request in, and note in its scope who asks.

    Raises:
        Unauthenticated: nobody is signed in.
        Forbidden: this one may not.
    """
    engine, access = engine_of(scope), declared(handler)
    if answers_options(handler) or access is None:
        await charge(engine, scope, handler, None)
    if answers_options(handler):
        return None
    if access is None:
        raise Unauthenticated("nobody may use this")
    if "auth" not in scope:  # once for a request: the middleware for repeated requests asks too
        scope["auth"] = await _identify(engine, scope, handler, access)
    actor: Actor | None = scope["auth"]
    ROUTE.set(f"{scope.get('method', '')} {scope.get('path_template', '')}")
    try:
        access.check(actor)
    except Forbidden:
        if access.who == admin():
            await note_apart(engine, "permission.refused", actor, route=ROUTE.get())
        raise
    return actor


async def _identify(engine: Engine, scope: Scope, handler: BaseRouteHandler, access: Access) -> Actor | None:
    """Return who asks, and count the request. Everything passes here once, and once only."""
    actor = None
    try:
        if not access.is_public:
            actor = await authenticate(engine, scope)
    except (Unauthenticated, Forbidden):
        await charge(engine, scope, handler, None)  # whoever guesses is nobody, and counted by address
        raise
    await charge(engine, scope, handler, actor)
    return actor


async def _by_token(engine: Engine, token: str) -> Actor:
    claims = engine.service(Tokens).read(token)
    actor = engine.cache(Known).get(claims.session_id) or await _look_up(engine, BY_ID, claims.session_id)
    if actor is None or actor.user_id != claims.user_id:
        raise Unauthenticated("the session of this access token has ended: sign in again")
    return actor


async def _by_cookie(engine: Engine, scope: Scope, headers: Headers, secret: str) -> Actor:
    which = cookies.fingerprint(secret)
    actor = engine.cache(Known).get(which) or await _look_up(engine, BY_COOKIE, which)
    if actor is None:
        raise Unauthenticated("this session has ended: sign in again")
    if scope.get("method") not in SAFE:
        cookies.check_page(headers, engine.settings.server.public_url)
        cookies.check_token(headers, secret)
    return actor


async def _look_up(engine: Engine, query: str, which: bytes | UUID) -> Actor | None:
    """Return whom a session stands for, if it goes on; and note that it is in use."""
    known, moment = engine.cache(Known), now()
    since = known.changes
    async with engine.transaction() as tx:
        values = {"which": which, "now": moment}
        row = await (await (await tx.psycopg()).execute(query, values, prepare=True)).fetchone()
        if row is None:
            return None
        session_id, user_id, role, ends, last_seen_at = row
        if moment - last_seen_at > USED_EVERY:
            await tx.session.execute(seen(session_id, engine.settings.auth))
    actor = Actor(kind="user", user_id=user_id, role=role, session_id=session_id)
    known.put(which, actor, ends, since=since)
    return actor


def seen(session_id: UUID, settings: AuthSettings) -> Update:
    """Return the statement that notes that a session is in use, which puts off its end for want of use."""
    moment = now()
    used = update(SessionRow).where(SessionRow.id == session_id)
    return used.values(last_seen_at=moment, idle_at=moment + timedelta(days=settings.idle_days))


async def _by_key(engine: Engine, token: str) -> Actor:
    known = engine.cache(Known)
    fingerprint = hashlib.sha256(b"key " + token.encode()).digest()  # unlike that of a cookie with the same text
    actor = known.get(fingerprint)
    if actor is None:
        since = known.changes
        async with engine.transaction() as tx:
            row = await _key(tx, token)
            actor = Actor(
                kind="key",
                key_id=row.id,
                platform_id=row.platform_id,
                scopes=frozenset(row.scopes),
                requests_per_minute=row.requests_per_minute,
            )
        known.put(fingerprint, actor, row.expires_at, since=since)
    return actor


async def _key(tx: Transaction, token: str) -> ApiKeyRow:
    """Find the key, and note that it is in use. A prefix that nobody has takes the same steps as one that somebody has.

    Raises:
        Unauthenticated: it does not hold; which part of it, is nobody's business.
    """
    given = key_text.read(token)
    if given is None:
        raise Unauthenticated(UNKNOWN_KEY)
    row = await tx.session.scalar(select(ApiKeyRow).where(ApiKeyRow.prefix == given.prefix))
    fits = compare_digest(NOBODYS if row is None else row.secret_sha256, hashlib.sha256(given.secret.encode()).digest())
    if row is None or not fits:
        raise Unauthenticated(UNKNOWN_KEY)
    moment = now()
    if row.revoked_at is not None:
        raise Unauthenticated("this platform key was revoked: use another one")
    if row.expires_at is not None and row.expires_at <= moment:
        raise Unauthenticated("this platform key has expired: have a new one made")
    if row.last_used_at is None or moment - row.last_used_at > USED_EVERY:
        await tx.session.execute(update(ApiKeyRow).where(ApiKeyRow.id == row.id).values(last_used_at=moment))
    return row
