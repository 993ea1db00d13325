"""What ``skillcore verify-ledger`` checks of the ledger: streams and their digests, and signals against their rules."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from psycopg import IsolationLevel

from skillcore.ledger import skills
from skillcore.ledger.images import CONTENT_COLUMNS, content_image
from skillcore.ledger.preparation import derive
from skillcore.ledger.streams import EVENT_FIELDS, Connection, decode
from skillcore.plugin import Event, SignalRule
from skillcore.runtime.chain import EPOCH, chain, field_image, leaf_of, row_fields
from skillcore.runtime.engine import Engine
from skillcore.runtime.rooms import Finding

__all__ = ["CHECKS", "SignalKey", "expected_signals", "signals", "streams", "users"]

SignalKey = tuple[str, str, str, str]
"""Skill, source type, source id and signal type."""

CHAIN = f"copy (select user_id, version, digest, leaf, salt, {CONTENT_COLUMNS} from events order by user_id, version)"  # noqa: S608
USERS = "select user_id from streams where user_id > %s order by user_id limit 1000"
EVENTS = f"select {EVENT_FIELDS} from events where user_id = %s and salt is not null order by version"  # noqa: S608
SIGNALS = """select skill_id, source_type, source_id, signal_type, event_id, rule, rule_version, weight, created_at
  from skill_signals where user_id = %s"""
SIGNALLED = """select user_id from
  (select user_id from streams union select user_id from skill_signals) u where user_id > %s order by user_id limit 1000"""
ERASED = "select distinct uuid_send(user_id) from erasures"
PARKED = "select event_id, consumer from parked_events where user_id = %s and consumer like 'rule:%%'"
NOBODY = UUID(int=0)
BLANK = list(row_fields(content_image(NOBODY, EPOCH, "erased", "", "", (), b"null", None, None)))[2:]
"""What erasure leaves of an event's content, after id and time."""


class Head(Struct):
    """How far a stream has been followed."""

    user: bytes
    version: int = 0
    digest: bytes = b""


async def streams(engine: Engine) -> AsyncIterator[Finding]:
    """Check that versions have no gaps, that digests chain over the bytes stored, and that heads agree."""
    connection = await _still(engine)
    try:
        erased = frozenset(user for (user,) in await (await connection.cursor(binary=True).execute(ERASED)).fetchall())
        cursor = await connection.cursor(binary=True).execute("select uuid_send(user_id), version, digest, closed from streams")
        heads: dict[bytes, tuple[int, bytes]] = {}
        async for user, version, digest, closed in cursor:
            heads[user] = (version, digest)
            if closed is not (user in erased):
                wrong = "closed, and no erasure is recorded" if closed else "open, and the person was erased"
                yield Finding("streams", f"the stream is {wrong}", UUID(bytes=user))
        async for user, version, digest, finding in _followed(connection, erased):
            if finding is not None:
                yield finding
            elif user is not None and heads.pop(user, None) != (version, digest):
                yield Finding("streams", f"the stream's head does not match its last event ({version})", UUID(bytes=user))
        for user, (version, _) in heads.items():
            if version:
                yield Finding("streams", f"the stream's head says {version} events, and there are none", UUID(bytes=user))
    finally:
        await connection.close()


async def _still(engine: Engine) -> Connection:
    """Return a connection on which everything is seen as of one moment, whatever is recorded meanwhile."""
    # What was read is checked, and told to whoever reads along, at leisure: it holds no lock that anybody waits for.
    connection = await engine.database.connect(options="-c idle_in_transaction_session_timeout=0")
    await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
    await connection.set_read_only(True)
    return connection


async def _followed(
    connection: Connection, erased: frozenset[bytes]
) -> AsyncIterator[tuple[bytes | None, int, bytes, Finding | None]]:
    """Yield what is wrong with events, and each stream's end."""
    head: Head | None = None
    async with connection.cursor().copy(f"{CHAIN} to stdout (format binary)") as copy:
        async for row in copy.rows():
            user, version, digest, leaf, salt, *content = row
            if head is None or user != head.user:
                if head is not None:
                    yield head.user, head.version, head.digest, None
                head = Head(user)
            wrong = _wrong(head, int.from_bytes(version, "big"), digest, leaf, salt, content)
            if not wrong and salt is None and user not in erased:
                wrong = "the content is gone, and no erasure is recorded"
            if wrong:
                where = Finding("streams", wrong, UUID(bytes=user), f"version {int.from_bytes(version, 'big')}")
                yield None, 0, b"", where
            head.version, head.digest = int.from_bytes(version, "big"), digest
    if head is not None:
        yield head.user, head.version, head.digest, None


def _wrong(head: Head, version: int, digest: bytes, leaf: bytes, salt: bytes | None, content: list[bytes | None]) -> str:
    if version != head.version + 1:
        return f"version {head.version + 1} is missing"
    if salt is not None and leaf_of(head.user, salt, b"".join(map(field_image, content))) != leaf:
        return "the content does not match its leaf"
    if (
        salt is None and content[2:] != BLANK
    ):  # an erased event keeps its leaf; its id is any, and its time that of its recording
        return "the event is erased, and says something"
    if chain(head.digest, leaf) != digest:
        return "the digest does not follow from the one before"
    return ""


async def users(connection: Connection, query: str = USERS) -> AsyncIterator[UUID]:
    """Yield the users of all streams."""
    last = NOBODY
    while page := await (await connection.execute(query, (last,))).fetchall():
        for (user,) in page:
            yield user
        last = page[-1][0]


async def signals(engine: Engine) -> AsyncIterator[Finding]:
    """Check signals against what the present rules derive from the events; other versions of a rule are left alone."""
    connection = await _still(engine)
    try:
        await connection.execute("select 1")  # from here on nothing moves; skills that are added now do no harm
        async with engine.transaction() as tx:
            known = await skills.known(tx, ["reload to be sure"])
        async for user in users(connection, SIGNALLED):
            async for finding in _signals_of(engine, connection, user, known):
                yield finding
    finally:
        await connection.close()


async def _signals_of(engine: Engine, connection: Connection, user: UUID, known: frozenset[str]) -> AsyncIterator[Finding]:
    rules = {(rule.name, rule.version): rule for rule in engine.plugins.rules}
    parked = {(event, consumer[5:]) for event, consumer in await (await connection.execute(PARKED, (user,))).fetchall()}
    events: dict[UUID, Event] = {}
    expected: dict[SignalKey, UUID] = {}
    for row in await (await connection.execute(EVENTS, (user,))).fetchall():
        try:
            event = decode(row, engine.plugins).event
        except msgspec.MsgspecError as error:
            yield Finding("signals", f"the event cannot be read: {error}", user, f"version {row[0]}")
            continue
        events[UUID(event.id)] = event
        for rule in engine.plugins.rules_for(event.kind):
            if (UUID(event.id), rule.name) not in parked:
                for key in expected_signals(rule, event, known):
                    expected.setdefault(key, UUID(event.id))
    for *key, event_id, name, version, weight, created_at in await (await connection.execute(SIGNALS, (user,))).fetchall():
        signal: SignalKey = tuple(key)
        expected.pop(signal, None)
        active = rules.get((name, version))
        if active is None:
            continue  # written by another version of the rule, or by a plugin that is not there
        source = events.get(event_id)
        derived = {} if source is None else expected_signals(active, source, known)
        if source is None or derived.get(signal) != weight or created_at != source.occurred_at:
            yield Finding("signals", f"the rule {name!r} does not derive this signal from its event", user, "/".join(signal))
    for signal, event_id in expected.items():
        yield Finding(
            "signals", f"missing; event {event_id} derives it: run `skillcore signals backfill`", user, "/".join(signal)
        )


def expected_signals(rule: SignalRule, event: Event, known: frozenset[str]) -> dict[SignalKey, float]:
    """Return the signals that a rule derives from an event, with their weights; none if it raises."""
    try:
        derived = derive(rule, event, known)
    except Exception:  # noqa: BLE001 - a rule that raises is parked, not checked
        return {}
    weights: dict[SignalKey, float] = {}
    for signal in derived:
        weights.setdefault((signal.skill_id, signal.source_type, signal.source_id, signal.signal_type), signal.weight)
    return weights


CHECKS: dict[str, Any] = {"streams": streams, "signals": signals}
