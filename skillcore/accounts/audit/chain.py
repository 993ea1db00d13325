"""Entries of the audit, the bytes that are digested of them, and the one statement that appends them.

    leaf   = SHA-256(salt ‖ content)
    digest = SHA-256(digest before ‖ fixed ‖ leaf)

``fixed`` is the image of position, time and act, which an erasure leaves; ``content`` that of the columns in `CONTENT`,
which it strips. The images are those of `skillcore.runtime.chain`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct
from psycopg import AsyncConnection

from skillcore.accounts.audit.tables import CONTENT
from skillcore.runtime.chain import chain, field_image, integer_image, leaf_of, microseconds, text_image, uuid_image

__all__ = ["By", "Entry", "append", "content_image", "digest_of", "fixed_image"]

By = Literal["learner", "mentor", "admin", "key", "nobody", "command", "system"]
"""Who acted: a person in a role, a platform's key, a visitor who is not signed in, the command line, or skillcore itself."""

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
    act: str
    actor_kind: By
    actor_id: UUID | None
    about_id: UUID | None
    platform_id: UUID | None
    address: str
    agent: str
    request_id: str
    detail: str


def fixed_image(at: datetime, act: str) -> bytes:
    """Return the image of what, besides its position, is kept of an entry for good."""
    return integer_image(microseconds(at)) + text_image(act)


def content_image(entry: Entry) -> bytes:
    """Return the image of what an erasure strips from an entry."""
    return b"".join(
        (
            text_image(entry.actor_kind),
            uuid_image(entry.actor_id),
            uuid_image(entry.about_id),
            uuid_image(entry.platform_id),
            text_image(entry.address),
            text_image(entry.agent),
            text_image(entry.request_id),
            field_image(entry.detail.encode()),
        )
    )


def digest_of(before: bytes, position: int, at: int, act: str, leaf: bytes) -> bytes:
    """Return the chain's digest after an entry; its time is in microseconds as PostgreSQL keeps it."""
    return chain(before, integer_image(position) + integer_image(at) + text_image(act) + leaf)


async def append(connection: AsyncConnection[Any], entries: Sequence[Entry]) -> None:
    """Append entries to the chain; the last statement before a commit, since others wait for it."""
    if not entries:
        return
    salts = [os.urandom(16) for _ in entries]
    columns = [[getattr(entry, name) for entry in entries] for name in ("at", "act", *CONTENT.split(", "))]
    leaves = [leaf_of(b"", salt, content_image(entry)) for salt, entry in zip(salts, entries, strict=True)]
    fixed = [fixed_image(entry.at, entry.act) for entry in entries]
    await connection.execute(APPEND, (*columns, salts, leaves, fixed), prepare=True)
