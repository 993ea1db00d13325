"""The audit: security-relevant acts, by whom and about whom, in one hash-chained table that only grows.

An act and its entry are one: `note` gathers entries on the transaction, and they are appended as the last thing before its
commit, under the lock of the chain's head. So no lock is held while anything slow runs, and whoever holds the head's lock
waits for nobody: all other locks were taken before it. What has no transaction of its own goes by the `Lane`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any, Literal
from uuid import UUID

import msgspec
import structlog

from skillcore.accounts.access import Actor
from skillcore.accounts.audit.chain import By, Entry, append
from skillcore.accounts.audit.lane import Lane
from skillcore.runtime import callers
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine, Transaction

__all__ = ["BY_COMMAND", "ROUTE", "Act", "entry", "note", "note_apart", "note_read"]

Act = Literal[
    "account.linked",
    "account.unlinked",
    "account.withdrawn",
    "audit.exported",
    "audit.read",
    "email.changed",
    "email.verified",
    "erasure.cancelled",
    "erasure.requested",
    "identity.connected",
    "identity.disconnected",
    "key.created",
    "key.renewed",
    "key.revoked",
    "keys.rotated",
    "membership.joined",
    "membership.left",
    "mentor.accepted",
    "mentor.ended",
    "mentor.invited",
    "password.changed",
    "password.link_issued",
    "password.reset",
    "permission.refused",
    "person.erased",
    "person.exported",
    "person.invited",
    "person.read",
    "person.registered",
    "platform.created",
    "role.changed",
    "second_factor.codes_renewed",
    "second_factor.disabled",
    "second_factor.enabled",
    "second_factor.recovered",
    "second_factor.removed",
    "secrets.rotated",
    "session.ended",
    "session.refused",
    "session.started",
    "setup.done",
    "visibility.changed",
]
"""What is noted; docs/audit.md says of each when."""

BY_COMMAND: ContextVar[bool] = ContextVar("by_command", default=False)
"""Whether what is noted was done on the command line, whoever's eyes it has."""

ROUTE: ContextVar[str] = ContextVar("route", default="")
"""The route that answers, by its template; a path may hold what nobody should note."""

_json = msgspec.json.Encoder(order="deterministic").encode


async def note(
    tx: Transaction,
    act: Act,
    actor: Actor | None = None,
    about: UUID | None = None,
    platform_id: UUID | None = None,
    **detail: Any,
) -> None:
    """Note an act in the caller's transaction: with it, the entry is there, and without it, it is not.

    Address, agent and request come from the request that is being answered. A savepoint that is rolled back takes no entry
    with it, so note what was done after it.

    Args:
        tx: the caller's transaction.
        act: what was done.
        actor: who did it; without one, a visitor who is not signed in, the command line, or skillcore itself.
        about: the person to whom it was done.
        platform_id: the platform that it concerns; that of the actor, if not given.
        detail: what else is to be known of it. No secrets; people are named by `actor` and `about` alone.
    """
    tx.closing(Gathered).entries.append(entry(act, actor, about, platform_id, **detail))


async def note_apart(
    engine: Engine,
    act: Act,
    actor: Actor | None = None,
    about: UUID | None = None,
    platform_id: UUID | None = None,
    **detail: Any,
) -> None:
    """Note an act that has no transaction, or whose transaction is rolled back, such as a refusal.

    Arguments are those of `note`. In an API process it may be called within a transaction, which has no part in it.

    Raises:
        UnavailableNow: the audit cannot be written.
    """
    given = entry(act, actor, about, platform_id, **detail)
    lane = _lane(engine)
    if lane is not None:
        await lane.append([given])
        return
    async with engine.transaction() as tx:
        tx.closing(Gathered).entries.append(given)


def note_read(tx: Transaction, actor: Actor, people: Iterable[UUID]) -> None:
    """Note that somebody is shown data of people, each once a transaction; what people read of themselves is not noted.

    The entries are durable before the transaction ends, or it fails. Of what platforms read, a share is noted, by the
    setting ``audit.platform_reads``: all that one request reads, or none of it.
    """
    if actor.kind == "user" and actor.role == "learner":
        return  # they see nobody but themselves, and who works with them
    others = [person for person in people if actor.kind == "key" or person != actor.user_id]
    if not others or (actor.kind == "key" and not _drawn(tx.engine)):
        return
    gathered = tx.closing(Gathered)
    for person in others:
        if person not in gathered.reads:
            gathered.reads[person] = entry("person.read", actor, person, route=ROUTE.get())


def entry(
    act: Act, actor: Actor | None = None, about: UUID | None = None, platform_id: UUID | None = None, **detail: Any
) -> Entry:
    """Return the entry of an act done now, by the request that is being answered."""
    caller = callers.current()
    request_id = _request_id()
    return Entry(
        at=now(),
        act=act,
        actor_kind=_by(actor, request_id),
        actor_id=None if actor is None else actor.user_id if actor.kind == "user" else actor.key_id,
        about_id=about,
        platform_id=platform_id or (actor.platform_id if actor else None),
        address=caller.address,
        agent=caller.agent,
        request_id=request_id,
        detail=_json(detail).decode(),
    )


class Gathered:
    """What a transaction notes: written when it closes.

    Attributes:
        entries: of acts, which are one with the transaction.
        reads: by the person who is read of. They go by the lane, since many read at once; before the others, whose lock on
            the head the lane would wait for.
    """

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.reads: dict[UUID, Entry] = {}

    async def close(self, tx: Transaction) -> None:
        """Write it all."""
        entries = self.entries
        if self.reads:
            lane = _lane(tx.engine)
            if lane is None:
                entries = [*self.reads.values(), *entries]
            else:
                await lane.append(list(self.reads.values()))
        if entries:
            await append(await tx.psycopg(), entries)


class Draw:
    """Decides which requests of platforms are noted. Callers name their requests, and must not choose the outcome."""

    def __init__(self) -> None:
        self._key = os.urandom(32)

    def __call__(self, request_id: str, share: float) -> bool:
        """Tell whether a request is among the share; the same request always is, or never."""
        drawn = hashlib.blake2b(request_id.encode(), digest_size=8, key=self._key).digest()
        return int.from_bytes(drawn, "big") < share * 2**64


def _drawn(engine: Engine) -> bool:
    return engine.cache(Draw)(_request_id(), engine.settings.audit.platform_reads)


def _lane(engine: Engine) -> Lane | None:
    try:
        return engine.service(Lane)
    except LookupError:  # a worker, or the command line: they have nobody to gather with
        return None


def _request_id() -> str:
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


def _by(actor: Actor | None, request_id: str) -> By:
    if BY_COMMAND.get():
        return "command"
    if actor is not None:
        return actor.role if actor.kind == "user" else "key"
    return "nobody" if request_id else "system"
