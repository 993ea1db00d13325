"""The one writer of facts: `write_few` in a single statement, `write_many` by COPY. Both run inside a transaction.

Everything pure is done before (`skillcore.ledger.preparation`). Both are optimistic: they expect that the streams exist
and that the events are new. What breaks that expectation shows as an error, and only then are ids looked up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import msgspec
from psycopg import AsyncConnection, errors

from skillcore.ledger.images import CONTENT_COLUMNS, EVENT_COLUMNS, SIGNAL_COLUMNS, event_head, signal_image
from skillcore.ledger.preparation import DerivedSignal, Key, ParkedRule, Prepared, RecordedOtherwise
from skillcore.runtime.chain import BEGIN, END, chain, microseconds, rows
from skillcore.runtime.clock import now
from skillcore.runtime.problems import NotFound

__all__ = ["NOT_AS_EXPECTED", "PersonErased", "insert_signals", "lock", "park_rules", "write_few", "write_known", "write_many"]

Connection = AsyncConnection[Any]

NOT_AS_EXPECTED = (errors.UniqueViolation, errors.NoDataFound)
"""What the optimistic writers raise when an event or signal is there already, or a stream is missing or closed."""


class PersonErased(NotFound):
    """An event is about somebody who has been erased: nothing is recorded of them any more."""


OPEN = "insert into streams (user_id) select u from unnest(%s::uuid[]) u order by u on conflict do nothing"
LOCK = (
    "select uuid_send(user_id), version, digest from streams where user_id = any(%s::uuid[]) and not closed"
    " order by user_id for no key update"
)
CLOSED = "select exists (select from streams where user_id = any(%s::uuid[]) and closed)"
MOVE = (
    "update streams s set version = n.v, digest = n.d from unnest(%s::uuid[], %s::int8[], %s::bytea[]) n(u, v, d)"
    " where s.user_id = n.u"
)
MARK = "insert into commits (users, heads, sizes) values (%s::uuid[], %s::int8[], %s::int4[])"
# LATERAL with OFFSET 0 keeps this an index look-up an id; a join turns into scans as the table grows.
SEEN = f"""copy (select e.user_id, {", ".join("e." + name for name in CONTENT_COLUMNS.split(", "))}
  from unnest('%s'::uuid[], '%s'::uuid[]) n(u, i),
  lateral (select * from events e where e.user_id = n.u and e.id = n.i offset 0) e) to stdout (format binary)"""  # noqa: S608
PARK = """insert into parked_events (consumer, user_id, event_id, parked, error) values (%s, %s, %s, true, %s)
  on conflict (consumer, user_id, event_id) do update set attempts = parked_events.attempts + 1, error = excluded.error,
  updated_at = now()"""

CONTENT_RECORD = (
    "id uuid, occurred_at timestamptz, kind text, subject_id text, via text, skills text[], data json,"
    " origin text, origin_seq int8"
)
SIGNAL_RECORD = (
    "user_id uuid, skill_id text, source_type text, source_id text, signal_type text, weight float8, event_id uuid,"
    " rule text, rule_version int4, created_at timestamptz"
)
INSERT_SIGNALS = f"""insert into skill_signals ({SIGNAL_COLUMNS})
  select {SIGNAL_COLUMNS} from json_to_recordset(%s::json) as x({SIGNAL_RECORD})
  order by user_id, skill_id, source_type, source_id, signal_type on conflict do nothing"""  # noqa: S608
# One round trip: number and chain the events under their streams' locks, move the heads, mark the commit.
# When a stream is missing, it writes nothing at all.
ONE = f"""with
  given as materialized (select *, row_number() over (partition by user_id order by place) as step
    from rows from (json_to_recordset(%s::json) as (user_id uuid, leaf bytea, salt bytea, {CONTENT_RECORD}))
    with ordinality as x(user_id, leaf, salt, {CONTENT_COLUMNS}, place)),
  locked as materialized (select user_id, version, digest from streams where user_id = any(%s::uuid[]) and not closed
    order by user_id for no key update),
  chained as materialized (select g.*, l.version + step as version,
      chain(l.digest, leaf) over (partition by g.user_id order by place) as digest
    from given g join locked l using (user_id) where (select count(*) from locked) = cardinality(%s::uuid[])),
  heads as materialized (select distinct on (user_id) user_id, version, digest, step from chained
    order by user_id, version desc),
  moved as (update streams s set version = h.version, digest = h.digest from heads h where s.user_id = h.user_id),
  written as (insert into events ({EVENT_COLUMNS})
    select user_id, version, statement_timestamp(), digest, leaf, salt, {CONTENT_COLUMNS} from chained returning 1),
  signalled as (insert into skill_signals ({SIGNAL_COLUMNS})
    select {SIGNAL_COLUMNS} from json_to_recordset(%s::json) as x({SIGNAL_RECORD})
    where exists (select from chained) on conflict do nothing),
  marked as (insert into commits (users, heads, sizes)
    select array_agg(user_id order by user_id), array_agg(version order by user_id), array_agg(step order by user_id)
    from heads having count(*) > 0)
select count(*) from written"""  # noqa: S608

_json = msgspec.json.Encoder().encode


def _uuids(ids: Iterable[bytes]) -> str:
    return "{" + ",".join([id_.hex() for id_ in ids]) + "}"


def _numbers(numbers: Iterable[int]) -> str:
    return "{" + ",".join(map(str, numbers)) + "}"


def _bytes(values: Iterable[bytes]) -> str:
    return "{" + ",".join(['"\\\\x' + value.hex() + '"' for value in values]) + "}"


def _signal_records(signals: Iterable[DerivedSignal]) -> str:
    return _json(
        [
            {
                "user_id": derived.user_id,
                "skill_id": derived.signal.skill_id,
                "source_type": derived.signal.source_type,
                "source_id": derived.signal.source_id,
                "signal_type": derived.signal.signal_type,
                "weight": derived.signal.weight,
                "event_id": derived.event_id,
                "rule": derived.rule,
                "rule_version": derived.rule_version,
                "created_at": derived.created_at,
            }
            for derived in signals
        ]
    ).decode()


def _event_records(prepared: Prepared) -> str:
    return _json(
        [
            {
                "user_id": row.event.user_id,
                "leaf": "\\x" + row.leaf.hex(),
                "salt": "\\x" + row.salt.hex(),
                "id": row.id,
                "occurred_at": row.occurred_at,
                "kind": row.event.kind,
                "subject_id": row.event.subject_id,
                "via": row.event.via,
                "skills": row.event.skills,
                "data": msgspec.Raw(row.data),
                "origin": row.event.origin,
                "origin_seq": row.event.origin_seq,
            }
            for row in prepared.rows.values()
        ]
    ).decode()


async def write_few(connection: Connection, prepared: Prepared) -> None:
    """Write a few events and their signals in one statement.

    Raises:
        errors.UniqueViolation: an event is there already.
        errors.NoDataFound: a stream is missing, or closed; nothing was written.
    """
    ids = _uuids(prepared.users())
    cursor = await connection.execute(
        ONE, (_event_records(prepared), ids, ids, _signal_records(prepared.signals.values())), prepare=True
    )
    written = await cursor.fetchone()
    if written is None or written[0] != len(prepared.rows):
        raise errors.NoDataFound
    await park_rules(connection, prepared.parked)


async def write_many(connection: Connection, prepared: Prepared) -> None:
    """Write many events and their signals by COPY.

    Raises:
        errors.UniqueViolation: an event or a signal is there already.
        errors.NoDataFound: a stream is missing, or closed.
    """
    heads = await lock(connection, prepared.users())
    await _copy_events(connection, prepared, heads)
    if prepared.signals:
        image = b"".join((BEGIN, *map(_signal_image, prepared.signals.values()), END))
        await _copy(connection, "skill_signals", SIGNAL_COLUMNS, image)
    await park_rules(connection, prepared.parked)


async def write_known(connection: Connection, prepared: Prepared) -> frozenset[Key]:
    """Write what is new among events of which some are there already; opens missing streams.

    Returns:
        The keys of the events that were new.

    Raises:
        RecordedOtherwise: events are there under the same ids with other content.
        PersonErased: somebody whom they are about has been erased.
    """
    users = prepared.users()
    await connection.execute(OPEN, (_uuids(users),))
    try:
        heads = await lock(connection, users)
    except errors.NoDataFound:
        if await (await connection.execute(CLOSED, (_uuids(users),))).fetchone() == (True,):
            raise PersonErased("there is no such person, or not for you") from None
        raise
    known = await _seen(connection, prepared.rows)
    differing = [key for key, content in known.items() if not prepared.rows[key].repeats(content)]
    if differing:
        raise RecordedOtherwise(differing)
    fresh = prepared.without(known)
    if fresh.rows:
        await _copy_events(connection, fresh, heads)
        await insert_signals(connection, fresh.signals.values())
        await park_rules(connection, fresh.parked)
    return frozenset(fresh.rows)


async def insert_signals(connection: Connection, signals: Collection[DerivedSignal]) -> int:
    """Insert signals, leaving out those that exist; returns how many were new."""
    if not signals:
        return 0
    return (await connection.execute(INSERT_SIGNALS, (_signal_records(signals),))).rowcount


async def park_rules(connection: Connection, parked: Collection[ParkedRule]) -> None:
    """Keep what rules failed on, to be repaired by ``skillcore signals backfill``."""
    for part in parked:
        await connection.execute(PARK, (f"rule:{part.rule}", part.user_id, part.event_id, part.error))


async def lock(connection: Connection, users: list[bytes]) -> dict[bytes, tuple[int, bytes]]:
    """Lock streams in the order of ``users``' sorting, and return their heads.

    Raises:
        errors.NoDataFound: a stream is missing, or closed.
    """
    cursor = await connection.cursor(binary=True).execute(LOCK, (_uuids(users),))
    heads = {user: (version, digest) for user, version, digest in await cursor.fetchall()}
    if len(heads) < len(users):
        raise errors.NoDataFound
    return heads


async def _copy_events(connection: Connection, prepared: Prepared, heads: dict[bytes, tuple[int, bytes]]) -> None:
    recorded_at = microseconds(now())
    sizes = dict.fromkeys(prepared.users(), 0)
    images = [BEGIN]
    for (user, _), row in prepared.rows.items():
        version, digest = heads[user]
        heads[user] = version, digest = version + 1, chain(digest, row.leaf)
        sizes[user] += 1
        images += event_head(user, version, recorded_at, digest, row.leaf, row.salt), row.content
    images.append(END)
    await _copy(connection, "events", EVENT_COLUMNS, b"".join(images))
    users, versions = _uuids(sizes), _numbers(heads[user][0] for user in sizes)
    async with connection.pipeline():
        await connection.execute(MOVE, (users, versions, _bytes(heads[user][1] for user in sizes)))
        await connection.execute(MARK, (users, versions, _numbers(sizes.values())))


async def _seen(connection: Connection, keys: Collection[Key]) -> dict[Key, bytes]:
    copied = bytearray()
    async with connection.cursor().copy(SEEN % (_uuids(u for u, _ in keys), _uuids(i for _, i in keys))) as copy:
        async for block in copy:
            copied += block
    # user_id (4 + 16 bytes), then the content, which begins with the id's length and the id
    return {(row[4:20], row[24:40]): row[20:] for row in rows(bytes(copied))}


def _signal_image(derived: DerivedSignal) -> bytes:
    signal = derived.signal
    return signal_image(
        derived.user_id.bytes,
        signal.skill_id,
        (signal.source_type, signal.source_id, signal.signal_type),
        signal.weight,
        None if derived.event_id is None else derived.event_id.bytes,
        derived.rule,
        derived.rule_version,
        microseconds(derived.created_at),
    )


async def _copy(connection: Connection, table: str, columns: str, image: bytes) -> None:
    async with connection.cursor().copy(f"copy {table} ({columns}) from stdin (format binary)") as copy:
        await copy.write(image)
