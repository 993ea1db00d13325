"""Makes POSTs safe to repeat: the same ``Idempotency-Key`` and request give the same answer, and happen once.

How it holds when a process dies in between: before the request runs, its key is taken in a transaction of its own. Every
transaction of the request that writes notes so beside the key, in that very transaction. So a repetition finds one of

- an answer: it gets it again;
- a key that was taken and has had no effect: after the lease it runs anew, and the note keeps the first attempt, should it
  still be alive, from committing;
- an effect without an answer, because the process or the database died between the commit and storing the answer: it is told
  so (409), and never runs twice. Whoever asked first gets the answer all the same, if the process lives.

What the ledger's intake writes on behalf of many requests at once is not noted; there the ids of events do the same.
Public routes know nobody to keep keys for, and ignore them. Answers that hold a secret are not stored.
"""

from __future__ import annotations

import asyncio
import hashlib
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import structlog
from litestar.datastructures import Headers
from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from msgspec import Struct
from psycopg.rows import class_row
from sqlalchemy.exc import SQLAlchemyError

from skillcore.accounts.authentication import admit
from skillcore.runtime.clock import now
from skillcore.runtime.engine import LAST_IN_TRANSACTION, Engine, Transaction
from skillcore.runtime.problems import BadRequest, Conflict, Unprocessable
from skillcore.runtime.requests import JSONRequest
from skillcore.runtime.web import engine_of

__all__ = ["HEADER", "REPLAYED", "Idempotency", "forget_bodies", "forget_expired"]

log = structlog.get_logger(__name__)

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
LONGEST_KEY = 255
PATIENCE = 2.0
"""Seconds that a repetition waits for the first request's answer."""

LEASE = 60.0
"""Seconds after which a request without an effect counts as dead."""

PAUSES = (0.02, 0.05, 0.1)

TAKE = """
insert into idempotency_keys (actor, route, key_sha256, request_sha256, attempt, taken_at, expires_at)
values (%(actor)s, %(route)s, %(key)s, %(request)s, %(attempt)s, now(), now() + interval '24 hours')
on conflict (actor, route, key_sha256) do update set request_sha256 = excluded.request_sha256, attempt = excluded.attempt,
  taken_at = excluded.taken_at, expires_at = excluded.expires_at, effected = false, status = null, media_type = null,
  location = null, body = null
where idempotency_keys.expires_at < now()
   or idempotency_keys.status is null and not idempotency_keys.effected
     and idempotency_keys.request_sha256 = excluded.request_sha256
     and idempotency_keys.taken_at < now() - make_interval(secs => %(lease)s)
returning true
"""
FIND = """
select request_sha256 = %(request)s as same, effected, status, media_type, location, body,
  taken_at < now() - make_interval(secs => %(lease)s) as abandoned
from idempotency_keys where actor = %(actor)s and route = %(route)s and key_sha256 = %(key)s
"""
NOTE = """
update idempotency_keys set effected = true
where actor = %(actor)s and route = %(route)s and key_sha256 = %(key)s and attempt = %(attempt)s
  and pg_current_xact_id_if_assigned() is not null
"""
HAS_WRITTEN = "select pg_current_xact_id_if_assigned() is not null"
STORE = """
update idempotency_keys set status = %(status)s, media_type = %(media_type)s, location = %(location)s, body = %(body)s
where actor = %(actor)s and route = %(route)s and key_sha256 = %(key)s and attempt = %(attempt)s
"""
GIVE_BACK = """
delete from idempotency_keys
where actor = %(actor)s and route = %(route)s and key_sha256 = %(key)s and attempt = %(attempt)s and not effected
"""
GIVE_UP = """
update idempotency_keys set taken_at = '-infinity'
where actor = %(actor)s and route = %(route)s and key_sha256 = %(key)s and attempt = %(attempt)s
  and effected and status is null
"""
FORGET = """
delete from idempotency_keys where ctid = any (array(
  select ctid from idempotency_keys where expires_at < %s limit %s for update skip locked))
"""
# Whoever did something to a person by a request has an answer that names them.
NAMING = """
update idempotency_keys set body = null, location = null
where body is not null and position(%s::bytea in body) > 0 or strpos(location, %s) > 0
"""


async def forget_expired(tx: Transaction, before: datetime, limit: int) -> int:
    """Delete keys whose time was over before a moment; returns how many.

    Args:
        tx: an open transaction.
        before: the moment.
        limit: how many at most.
    """
    return (await (await tx.psycopg()).execute(FORGET, (before, limit))).rowcount


async def forget_bodies(tx: Transaction, user_id: UUID) -> None:
    """Forget the answers that others got about a person who is erased; their own go with the rows."""
    await (await tx.psycopg()).execute(NAMING, (str(user_id).encode(), str(user_id)))


class Claim(Struct, frozen=True, kw_only=True):
    """A request under its key."""

    actor: str
    route: str
    key: bytes
    request: bytes
    attempt: UUID

    @property
    def fields(self) -> dict[str, Any]:
        """The parameters of the statements above."""
        return {name: getattr(self, name) for name in self.__struct_fields__} | {"lease": LEASE}

    async def note(self, tx: Transaction) -> None:
        """Note in a transaction that writes that the request has an effect.

        Raises:
            Conflict: another attempt has taken over; this one must not commit.
        """
        connection = await tx.psycopg()
        noted = await connection.execute(NOTE, self.fields)
        if noted.rowcount == 0 and await (await connection.execute(HAS_WRITTEN)).fetchone() == (True,):
            raise Conflict("this request took so long that another attempt has begun in its place")


class Kept(Struct, frozen=True, kw_only=True):
    """What is kept of an earlier attempt."""

    same: bool
    effected: bool
    status: int | None
    media_type: str | None
    location: str | None
    body: bytes | None
    abandoned: bool


class Answer:
    """Takes an answer in instead of sending it."""

    def __init__(self) -> None:
        self.start: Message | None = None
        self.status = 0
        self.headers = Headers()
        self.body = b""

    async def take(self, message: Message) -> None:
        """Be the application's ``send``."""
        if message["type"] == "http.response.start":
            self.start = message
            self.status = message["status"]
            self.headers = Headers.from_scope(message)  # type: ignore[arg-type] # it reads the headers alone
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")

    async def give(self, send: Send) -> None:
        """Send it on."""
        if self.start is not None:
            await send(self.start)
            await send({"type": "http.response.body", "body": self.body, "more_body": False})


class Idempotency:
    """The middleware around all routes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run a request, or give the answer that it got before."""
        if scope["type"] != ScopeType.HTTP or (claim := await self._claim(scope, receive)) is None:
            await self.app(scope, receive, send)
            return
        kept = await _take(engine_of(scope), claim)
        if kept is None:
            await self._run(claim, scope, receive, send)
        else:
            await replay(kept, send)

    async def _claim(self, scope: HTTPScope, receive: Receive) -> Claim | None:
        key = Headers.from_scope(scope).get(HEADER)
        if key is None or scope["method"] != "POST":
            return None
        actor = await admit(scope, scope["route_handler"])
        if actor is None:
            return None
        if not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
            raise BadRequest(f"{HEADER}: send 1 to {LONGEST_KEY} printable ASCII characters, such as a UUID", field=HEADER)
        body: bytes = await JSONRequest(scope, receive).body()
        request = hashlib.sha256()
        for part in (scope["path"].encode(), scope["query_string"], body):
            request.update(len(part).to_bytes(8, "big") + part)
        return Claim(
            actor=actor.name,
            route=f"POST {scope['path_template']}",
            key=hashlib.sha256(key.encode()).digest(),
            request=request.digest(),
            attempt=uuid4(),
        )

    async def _run(self, claim: Claim, scope: HTTPScope, receive: Receive, send: Send) -> None:
        answer = Answer()
        token = LAST_IN_TRANSACTION.set(claim.note)
        try:
            await self.app(scope, receive, answer.take)
        finally:
            LAST_IN_TRANSACTION.reset(token)
            await _settle(engine_of(scope), claim, answer, scope["route_handler"])
        await answer.give(send)


async def _settle(engine: Engine, claim: Claim, answer: Answer, handler: BaseRouteHandler) -> None:
    """Keep the answer, or let the request be repeated. What was done is done: the answer is given though it cannot be kept."""
    try:
        if 0 < answer.status < 500:
            await _store(engine, claim, answer, handler)
        else:
            await _release(engine, claim)
    except (SQLAlchemyError, psycopg.Error, OSError) as error:
        log.warning("an answer is not kept for repetitions of its request", status=answer.status, error=str(error))


async def _take(engine: Engine, claim: Claim) -> Kept | None:
    """Take the key for this attempt; if somebody has, return what became of theirs.

    Raises:
        Unprocessable: the key belongs to another request.
        Conflict: the other attempt is still under way, or nobody knows how it ended.
    """
    loop = asyncio.get_running_loop()
    patient_until = loop.time() + PATIENCE
    for turn in range(1000):
        async with engine.transaction() as tx:
            connection = await tx.psycopg()
            await connection.execute(FORGET, (now(), 20))
            if await (await connection.execute(TAKE, claim.fields)).fetchone():
                return None
            async with connection.cursor(row_factory=class_row(Kept)) as cursor:
                kept = await (await cursor.execute(FIND, claim.fields)).fetchone()
        if kept is None:
            continue  # it has just been given back
        if not kept.same:
            raise Unprocessable(f"this {HEADER} was used for another request: take a new key for a new request")
        if kept.status is not None:
            return kept
        if kept.effected and kept.abandoned:
            raise Conflict(f"a request with this {HEADER} took effect, and its answer was lost: look at what it made")
        if loop.time() >= patient_until:
            break
        await asyncio.sleep(PAUSES[min(turn, len(PAUSES) - 1)])
    raise Conflict(f"a request with this {HEADER} is under way: try again in a moment", headers={"Retry-After": "1"})


async def _store(engine: Engine, claim: Claim, answer: Answer, handler: BaseRouteHandler) -> None:
    secret = bool(handler.opt.get("secret")) and answer.status < 400
    kept = {
        "status": answer.status,
        "media_type": answer.headers.get("content-type"),
        "location": answer.headers.get("location"),
        "body": None if secret else answer.body,
    }
    async with engine.transaction() as tx:
        await (await tx.psycopg()).execute(STORE, claim.fields | kept)


async def _release(engine: Engine, claim: Claim) -> None:
    """Let the request be repeated, unless it had an effect."""
    async with engine.transaction() as tx:
        connection = await tx.psycopg()
        await connection.execute(GIVE_BACK, claim.fields)
        await connection.execute(GIVE_UP, claim.fields)


async def replay(kept: Kept, send: Send) -> None:
    """Send an answer again.

    Raises:
        Conflict: it held a secret, which was shown once.
    """
    if kept.body is None:
        raise Conflict("this was done already; the answer showed a secret, which is not kept: make a new one if it is lost")
    headers = [(b"idempotent-replayed", b"true"), (b"content-length", str(len(kept.body)).encode())]
    if kept.media_type is not None:
        headers.append((b"content-type", kept.media_type.encode("latin-1")))
    if kept.location is not None:
        headers.append((b"location", kept.location.encode("latin-1")))
    await send({"type": "http.response.start", "status": kept.status or 200, "headers": headers})
    await send({"type": "http.response.body", "body": kept.body, "more_body": False})
