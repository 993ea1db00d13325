"""The audit: security-relevant acts, by whom and about whom, in one hash-chained table that only grows.

An act and its entry are one: `note` gathers entries on the transaction, and they are appended as the last thing before its
commit, under the lock of the chain's head. So no lock is held while anything slow runs, and whoever holds the head's lock
waits for nobody: all other locks were taken before it.

    leaf   = SHA-256(salt ‖ content)
    digest = SHA-256(digest before ‖ fixed ‖ leaf)

``fixed`` is the image of position, time and act, which an erasure leaves; ``content`` that of the columns in `CONTENT`,
which it strips. The images are those of `skillcore.runtime.chain`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
import structlog
from msgspec import Struct
from psycopg import AsyncConnection

from skillcore.accounts.access import Actor
from skillcore.accounts.audit_tables import CONTENT
from skillcore.runtime import callers
from skillcore.runtime.chain import field_image, integer_image, leaf_of, microseconds, text_image, uuid_image
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine, Transaction

__all__ = ["BY_COMMAND", "Act", "Entry", "append", "content_image", "entry", "fixed_image", "note", "note_apart"]

Act = Literal[
    "account.linked",
    "account.unlinked",
    "account.withdrawn",
    "email.changed",
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
    "password.reset",
    "permission.refused",
    "person.erased",
    "person.exported",
    "person.read",
    "platform.created",
    "role.changed",
    "second_factor.disabled",
    "second_factor.enabled",
    "secrets.rotated",
    "session.ended",
    "session.refused",
    "session.started",
    "setup.done",
]
"""What is noted; docs/audit.md says of each when."""

By = Literal["learner", "mentor", "admin", "key", "nobody", "command", "system"]
"""Who acted: a person in a role, a platform's key, a visitor who is not signed in, the command line, or skillcore itself."""

BY_COMMAND: ContextVar[bool] = ContextVar("by_command", default=False)
"""Whether what is noted without an actor was done on the command line."""

# One round trip: lock the head, number and chain the entries, move the head. The ledger's own aggregate does the chaining.
APPEND = f"""with
  given as materialized (select * from unnest(%s::timestamptz[], %s::text[], %s::text[], %s::uuid[], %s::uuid[], %s::uuid[],
    %s::text[], %s::text[], %s::text[], %s::text[], %s::bytea[], %s::bytea[], %s::bytea[])
    with ordinality as g(at, act, {CONTENT}, salt, leaf, fixed, place)),
  head as materialized (select position, digest from audit_head for no key update),
  chained as materialized (select g.*, h.position + g.place as position,
      chain(h.digest, int4send(8) || int8send(h.position + g.place) || g.fixed || g.leaf) over (order by g.place) as digest
    from given g cross join head h),
  moved as (update audit_head a set position = c.position, digest = c.digest
    from (select position, digest from chained order by position desc limit 1) c)
insert into audit (position, at, act, {CONTENT}, salt, leaf, digest)
  select position, at, act, actor_kind, actor_id, about_id, platform_id, address, agent, request_id, detail::json,
    salt, leaf, digest from chained order by position"""  # noqa: S608

_json = msgspec.json.Encoder(order="deterministic").encode


class Entry(Struct, frozen=True, kw_only=True):
    """An entry to be appended.

    Attributes:
        at: when it was done.
        actor_id: of the person, or of the key.
        about_id: the person to whom it was done.
        platform_id: the platform that it concerns: the key's own, unless another is said.
        detail: JSON, of which the very bytes are digested.
    """

    at: datetime
    act: Act
    actor_kind: By
    actor_id: UUID | None
    about_id: UUID | None
    platform_id: UUID | None
    address: str
    agent: str
    request_id: str
    detail: str


async def note(
    tx: Transaction,
    act: Act,
    actor: Actor | None = None,
    about: UUID | None = None,
    platform_id: UUID | None = None,
    **detail: Any,
) -> None:
    """Note an act in the caller's transaction: with it, the entry is there, and without it, it is not.

    Address, agent and request come from the request that is being answered. A part of the transaction that is rolled back
    takes no entry with it, so note what was done after it.

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
    """Note an act that has no transaction, or whose transaction is rolled back, such as a refusal. Call it outside of one.

    Arguments are those of `note`.
    """
    async with engine.transaction() as tx:
        await note(tx, act, actor, about, platform_id, **detail)


def entry(
    act: Act, actor: Actor | None = None, about: UUID | None = None, platform_id: UUID | None = None, **detail: Any
) -> Entry:
    """Return the entry of an act done now, by the request that is being answered."""
    caller = callers.current()
    request_id = str(structlog.contextvars.get_contextvars().get("request_id", ""))
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


def fixed_image(at: datetime, act: str) -> bytes:
    """Return the image of what, besides its position, is kept of an entry for good."""
    return integer_image(microseconds(at)) + text_image(act)


def content_image(given: Entry) -> bytes:
    """Return the image of what an erasure strips from an entry."""
    return b"".join(
        (
            text_image(given.actor_kind),
            uuid_image(given.actor_id),
            uuid_image(given.about_id),
            uuid_image(given.platform_id),
            text_image(given.address),
            text_image(given.agent),
            text_image(given.request_id),
            field_image(given.detail.encode()),
        )
    )


async def append(connection: AsyncConnection[Any], entries: Sequence[Entry]) -> None:
    """Append entries to the chain; the last statement before a commit, since others wait for it."""
    if not entries:
        return
    salts = [os.urandom(16) for _ in entries]
    columns = [[getattr(given, name) for given in entries] for name in ("at", "act", *CONTENT.split(", "))]
    leaves = [leaf_of(b"", salt, content_image(given)) for salt, given in zip(salts, entries, strict=True)]
    fixed = [fixed_image(given.at, given.act) for given in entries]
    await connection.execute(APPEND, (*columns, salts, leaves, fixed), prepare=True)


class Gathered:
    """The entries of a transaction, appended when it closes."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    async def close(self, tx: Transaction) -> None:
        """Append them."""
        await append(await tx.psycopg(), self.entries)


def _by(actor: Actor | None, request_id: str) -> By:
    if actor is not None:
        return actor.role if actor.kind == "user" else "key"
    if BY_COMMAND.get():
        return "command"
    return "nobody" if request_id else "system"
