"""Reading streams: events decoded for formulas and subscriptions, and which accounts' evidence is withdrawn."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from psycopg import AsyncConnection

from skillcore.plugin import Event
from skillcore.plugin.manager import Plugins

__all__ = [
    "ACCOUNT_KINDS",
    "EVENT_FIELDS",
    "LAST",
    "NEWEST",
    "Position",
    "Stored",
    "decode",
    "in_time_order",
    "withdrawn_accounts",
]

Connection = AsyncConnection[Any]
Position = tuple[datetime, UUID]
"""A place in the order in which formulas see events: time, then id."""

ACCOUNT_KINDS = frozenset({"account.linked", "evidence.withdrawn"})
"""Kinds that decide whether an account's evidence counts."""

EVENT_FIELDS = "version, id, user_id, kind, subject_id, occurred_at, skills, data::text, via, origin"
"""What `decode` takes, in its order."""

PAGE = 5000
LAST = datetime.max.replace(tzinfo=UTC)
"""A moment that nothing happens after."""

NEWEST = 2**63 - 1
"""A version that no stream reaches: everything there is."""

WITHDRAWN = """select subject_id from (
  select distinct on (subject_id) subject_id, kind from events
  where user_id = %s and kind in ('account.linked', 'evidence.withdrawn') and version <= %s
  order by subject_id, occurred_at desc, id desc) last where kind = 'evidence.withdrawn'"""

IN_TIME_ORDER = f"""select {EVENT_FIELDS} from events
  where user_id = %s and version <= %s and kind = any(%s) and (occurred_at, id) > (%s, %s) and occurred_at <= %s
  order by occurred_at, id limit %s"""  # noqa: S608

FIRST_PAGE = f"""select {EVENT_FIELDS} from events
  where user_id = %s and version <= %s and kind = any(%s) and occurred_at <= %s
  order by occurred_at, id limit %s"""  # noqa: S608


class Stored(Struct, frozen=True):
    """An event with its place in its stream, and whose business it is."""

    version: int
    event: Event
    origin: str | None = None

    @property
    def position(self) -> Position:
        """Where formulas see it."""
        return (self.event.occurred_at, UUID(self.event.id))


def decode(row: tuple[Any, ...], plugins: Plugins) -> Stored:
    """Return an event from its row, with its payload as its kind's Struct; of unknown kinds, as plain values."""
    version, id_, user_id, kind, subject_id, occurred_at, skills, data, via, origin = row
    known = plugins.kinds.get(kind)
    payload = msgspec.json.decode(data, type=known.payload) if known else msgspec.json.decode(data)
    return Stored(version, Event(str(id_), str(user_id), kind, subject_id, occurred_at, tuple(skills), payload, via), origin)


async def withdrawn_accounts(connection: Connection, user_id: UUID, head: int) -> frozenset[str]:
    """Return the accounts of a person whose evidence does not count at version ``head``."""
    cursor = await connection.execute(WITHDRAWN, (user_id, head))
    return frozenset(subject for (subject,) in await cursor.fetchall())


async def in_time_order(
    connection: Connection,
    plugins: Plugins,
    user_id: UUID,
    kinds: Collection[str],
    *,
    head: int,
    after: Position | None = None,
    until: datetime = LAST,
) -> AsyncIterator[Stored]:
    """Yield a person's events up to version ``head`` in the order of time, withdrawn evidence left out.

    Args:
        connection: to read on.
        plugins: for the events' types.
        user_id: whose.
        kinds: of these kinds only.
        head: what was recorded later is left out.
        after: what happened up to there is left out.
        until: what happened later is left out.
    """
    withdrawn = await withdrawn_accounts(connection, user_id, head)
    wanted = list(kinds)
    while True:
        if after is None:
            cursor = await connection.execute(FIRST_PAGE, (user_id, head, wanted, until, PAGE))
        else:
            cursor = await connection.execute(IN_TIME_ORDER, (user_id, head, wanted, *after, until, PAGE))
        rows = await cursor.fetchall()
        for row in rows:
            stored = decode(row, plugins)
            after = stored.position
            if stored.event.kind != "evidence.accepted" or stored.event.data.account not in withdrawn:
                yield _without(stored, withdrawn) if withdrawn else stored
        if len(rows) < PAGE:
            return


def _without(stored: Stored, withdrawn: Collection[str]) -> Stored:
    """Return a completed task without the works of withdrawn accounts, and anything else as it is."""
    if stored.event.kind != "task.completed":
        return stored
    works = tuple(work for work in stored.event.data.works if not any(work.subject.startswith(f"{one}:") for one in withdrawn))
    data = msgspec.structs.replace(stored.event.data, works=works)
    return msgspec.structs.replace(stored, event=msgspec.structs.replace(stored.event, data=data))
