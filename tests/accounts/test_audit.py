"""The audit: what is noted with an act, in one chain that only grows."""

from __future__ import annotations

import hashlib
import struct
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from skillcore.accounts.access import Actor
from skillcore.accounts.audit import note, note_apart
from skillcore.runtime.engine import Engine
from tests.conftest import Dsns
from tests.ledger.facts import rows

ADA, BOB, SCHOOL, KEY = (uuid4() for _ in range(4))
ENTRIES = """select position, at, act, actor_kind, actor_id, about_id, platform_id, address, agent, request_id, detail::text,
  salt, leaf, digest from audit order by position"""


def field(value: bytes | None) -> bytes:
    return struct.pack(">i", -1) if value is None else struct.pack(">i", len(value)) + value


def text(value: str) -> bytes:
    return field(value.encode())


def chained(entries: list[Any]) -> bytes:
    """Follow a chain by its published definition, and return its end."""
    digest = b""
    for number, (position, at, act, kind, actor, about, platform, address, agent, request, detail, salt, leaf, kept) in enumerate(
        entries, start=1
    ):
        assert position == number
        content = text(kind)
        content += b"".join(field(id_.bytes if id_ else None) for id_ in (actor, about, platform))
        content += b"".join(map(text, (address, agent, request, detail)))
        assert hashlib.sha256(salt + content).digest() == leaf
        since = at - datetime(2000, 1, 1, tzinfo=UTC)
        micros = (since.days * 86400 + since.seconds) * 10**6 + since.microseconds
        fixed = field(struct.pack(">q", position)) + field(struct.pack(">q", micros)) + text(act)
        digest = hashlib.sha256(digest + fixed + leaf).digest()
        assert digest == kept
    return digest


def person(id_: UUID, role: Any = "learner") -> Actor:
    return Actor(kind="user", user_id=id_, role=role)


async def test_an_act_and_its_entry_are_one(engine: Engine, database_dsns: Dsns) -> None:
    async with engine.transaction() as tx:
        await note(tx, "role.changed", person(ADA, "admin"), BOB, before="learner", after="mentor")
        await note(tx, "key.created", Actor(kind="key", key_id=KEY, platform_id=SCHOOL), scopes=["users:read"])
        assert rows(database_dsns, ENTRIES) == []
    with pytest.raises(RuntimeError, match="no"):
        async with engine.transaction() as tx:
            await note(tx, "keys.rotated")
            raise RuntimeError("no")
    await note_apart(engine, "session.refused", detail="ä\0\ud800"[:2])
    found = rows(database_dsns, ENTRIES)
    assert [(row[2], *row[3:7], row[10]) for row in found] == [
        ("role.changed", "admin", ADA, BOB, None, '{"after":"mentor","before":"learner"}'),
        ("key.created", "key", KEY, None, SCHOOL, '{"scopes":["users:read"]}'),
        ("session.refused", "system", None, None, None, '{"detail":"ä\\u0000"}'),
    ]
    assert rows(database_dsns, "select position, digest from audit_head") == [(3, chained(found))]
