"""The feed: what follows from recorded events, delivered to each subscription at least once, and once in effect.

Each subscription has one loop, elected by an advisory lock. It reads ``commits`` behind its cursor, then those users'
events; its consequences and its cursor are stored in one transaction. The cursor is ``(xid, pos)``, and only commits below
the oldest running transaction are read: a plain sequence would skip rows that commit out of order.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import psycopg
import structlog
from msgspec import Struct

from skillcore.ledger.recording import record
from skillcore.ledger.streams import EVENT_FIELDS, decode
from skillcore.plugin import Event
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.events import NewEvent
from skillcore.runtime.rooms import Subscription

__all__ = ["Cycle", "Feed", "lag", "order_of_kinds"]

log = structlog.get_logger(__name__)

BATCH = 500
PARK_AFTER = 5

OPEN = "insert into subscriptions (name) values (%s) on conflict do nothing"
CURSOR = "select xid::text, pos from subscriptions where name = %s"
COMMITS = """select xid::text, pos, users, heads, sizes from commits where (xid, pos) > (%s::xid8, %s)
  and xid < pg_snapshot_xmin(pg_current_snapshot()) order by xid, pos limit %s"""
EVENTS = f"""select {", ".join("e." + field for field in EVENT_FIELDS.split(", "))}
  from unnest(%s::uuid[], %s::int8[], %s::int8[]) n(u, above, upto),
  lateral (select * from events e where e.user_id = n.u and e.version > n.above and e.version <= n.upto
    and e.kind = any(%s) offset 0) e
  order by e.user_id, e.version"""  # noqa: S608
# The old cursor in the condition is a fence: a loop that lost its lock unawares cannot move it.
MOVE = """update subscriptions set xid = %s::xid8, pos = %s, updated_at = now()
  where name = %s and xid = %s::xid8 and pos = %s"""
FAILED = """insert into parked_events (consumer, user_id, event_id, attempts, parked, error)
  select %s, %s, id, 1, false, %s from unnest(%s::uuid[]) id
  on conflict (consumer, user_id, event_id) do update set attempts = parked_events.attempts + 1,
  parked = parked_events.attempts + 1 >= %s, error = excluded.error, updated_at = now()
  returning parked"""
FORGET = "delete from parked_events where consumer = %s and user_id = %s and event_id = any(%s) and not parked"
LAG = """select s.name, (select count(*) from commits c where (c.xid, c.pos) > (s.xid, s.pos))
  from subscriptions s order by s.name"""


class Cycle(Exception):
    """Subscriptions feed each other in a circle; the message names the kinds on it."""


class Commit(Struct, frozen=True):
    """A row of the feed."""

    xid: str
    pos: int
    users: tuple[UUID, ...]
    heads: tuple[int, ...]
    sizes: tuple[int, ...]


def order_of_kinds(subscriptions: Iterable[Subscription]) -> tuple[str, ...]:
    """Return all kinds, causes before consequences.

    Raises:
        Cycle: there is no such order.
    """
    follows: dict[str, set[str]] = {}
    for subscription in subscriptions:
        for kind in subscription.kinds:
            follows.setdefault(kind, set()).update(subscription.emits)
    ordered: list[str] = []
    path: list[str] = []

    def visit(kind: str) -> None:
        if kind in path:
            message = f"subscriptions feed each other in a circle: {' → '.join([*path[path.index(kind) :], kind])}"
            raise Cycle(message)
        if kind in ordered:
            return
        path.append(kind)
        for consequence in sorted(follows.get(kind, ())):
            visit(consequence)
        ordered.insert(0, path.pop())

    for kind in sorted(follows):
        visit(kind)
    return tuple(ordered)


class Feed:
    """The loops of this process, one a subscription. Any number of processes may run them; one at a time works."""

    def __init__(self, engine: Engine, subscriptions: Sequence[Subscription]) -> None:
        """Prepare the loops.

        Raises:
            Cycle: the subscriptions feed each other in a circle.
        """
        order_of_kinds(subscriptions)
        self.engine = engine
        self.subscriptions = tuple(subscriptions)
        self._hint = asyncio.Event()

    def hint(self) -> None:
        """Say that something was recorded: saves a poll's delay."""
        self._hint.set()

    @asynccontextmanager
    async def run(self) -> AsyncIterator[Feed]:
        """Run all loops while the block runs."""
        async with asyncio.TaskGroup() as group:
            loops = [
                group.create_task(self._loop(subscription), name=f"subscription {subscription.name}")
                for subscription in self.subscriptions
            ]
            try:
                yield self
            finally:
                for loop in loops:
                    loop.cancel()

    async def _loop(self, subscription: Subscription) -> None:
        while True:
            try:
                async with self._elected(subscription) as elected:
                    while elected:
                        await elected.execute("select 1")  # the lock lives as long as its connection does
                        if await self.advance(subscription) == 0:
                            await self._wait()
                if not elected:
                    await self._wait()
            except psycopg.Error as error:
                log.warning("subscription lost the database", subscription=subscription.name, error=str(error))
                await asyncio.sleep(self.engine.settings.ledger.poll_interval)

    async def _wait(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._hint.wait(), self.engine.settings.ledger.poll_interval)
        self._hint.clear()

    @asynccontextmanager
    async def _elected(self, subscription: Subscription) -> AsyncIterator[psycopg.AsyncConnection[Any] | None]:
        """Hold the subscription's lock on a connection of its own; yields None when another process has it."""
        connection = await self.engine.database.connect(autocommit=True)
        try:
            await connection.execute(OPEN, (subscription.name,))
            cursor = await connection.execute(
                "select pg_try_advisory_lock(hashtextextended('skillcore subscription ' || %s, 0))", (subscription.name,)
            )
            row = await cursor.fetchone()
            yield connection if row and row[0] else None
        finally:
            await connection.close()

    async def advance(self, subscription: Subscription) -> int:
        """Handle the next commits, at most a batch; returns how many there were."""
        async with self.engine.transaction() as tx:
            cursor, commits = await self._next(tx, subscription)
        if not commits:
            return 0
        try:
            async with self.engine.transaction() as tx:
                await self._handle(tx, subscription, commits)
                await self._move(tx, subscription, cursor, commits[-1])
        except psycopg.OperationalError:
            raise
        except Exception as error:  # noqa: BLE001 - one event that fails must not stop the feed
            log.warning("subscription failed on a batch", subscription=subscription.name, error=repr(error))
            for commit in commits:
                await self._singly(subscription, commit)
                async with self.engine.transaction() as tx:
                    await self._move(tx, subscription, cursor, commit)
                cursor = (commit.xid, commit.pos)
        return len(commits)

    async def _next(self, tx: Transaction, subscription: Subscription) -> tuple[tuple[str, int], list[Commit]]:
        connection = await tx.psycopg()
        row = await (await connection.execute(CURSOR, (subscription.name,))).fetchone()
        cursor = ("0", 0) if row is None else (row[0], row[1])
        rows = await (await connection.execute(COMMITS, (*cursor, BATCH))).fetchall()
        return cursor, [Commit(xid, pos, tuple(users), tuple(heads), tuple(sizes)) for xid, pos, users, heads, sizes in rows]

    async def _events(
        self, tx: Transaction, subscription: Subscription, commits: Sequence[Commit]
    ) -> Mapping[UUID, tuple[Event, ...]]:
        ranges = [
            (user, head - size, head)
            for commit in commits
            for user, head, size in zip(commit.users, commit.heads, commit.sizes, strict=True)
        ]
        users, above, upto = zip(*ranges, strict=True)
        connection = await tx.psycopg()
        cursor = await connection.execute(EVENTS, (list(users), list(above), list(upto), list(subscription.kinds)))
        events: dict[UUID, tuple[Event, ...]] = {}
        for row in await cursor.fetchall():
            events[row[2]] = (*events.get(row[2], ()), decode(row, self.engine.plugins).event)
        return events

    async def _handle(self, tx: Transaction, subscription: Subscription, commits: Sequence[Commit]) -> None:
        events = await self._events(tx, subscription, commits)
        if events:
            await self._record(tx, subscription, await subscription.handle(tx, events))

    async def _record(self, tx: Transaction, subscription: Subscription, consequences: Sequence[NewEvent]) -> None:
        foreign = {consequence.kind for consequence in consequences} - subscription.emits
        if foreign:
            message = f"the subscription {subscription.name!r} recorded {sorted(foreign)}, which it does not declare"
            raise Cycle(message)
        await record(tx, consequences)

    async def _move(self, tx: Transaction, subscription: Subscription, cursor: tuple[str, int], last: Commit) -> None:
        connection = await tx.psycopg()
        moved = await connection.execute(MOVE, (last.xid, last.pos, subscription.name, *cursor))
        if moved.rowcount != 1:
            message = f"the subscription {subscription.name!r} was moved by another process"
            raise psycopg.OperationalError(message)

    async def _singly(self, subscription: Subscription, commit: Commit) -> None:
        """Handle one commit person by person, until each is done or its events are parked."""
        async with self.engine.transaction() as tx:
            events = await self._events(tx, subscription, [commit])
        for user, theirs in events.items():
            wait = 0.05
            while not await self._attempt(subscription, user, theirs):
                await asyncio.sleep(wait)
                wait *= 2

    async def _attempt(self, subscription: Subscription, user: UUID, events: tuple[Event, ...]) -> bool:
        """Handle one person's events of a commit; says whether that is settled, by success or by parking."""
        consumer, ids = f"subscription:{subscription.name}", [UUID(event.id) for event in events]
        try:
            async with self.engine.transaction() as tx:
                await self._record(tx, subscription, await subscription.handle(tx, {user: events}))
                await (await tx.psycopg()).execute(FORGET, (consumer, user, ids))
        except psycopg.OperationalError:
            raise
        except Exception as error:
            text = f"{type(error).__name__}: {error}"[:500]
            async with self.engine.transaction() as tx:
                cursor = await (await tx.psycopg()).execute(FAILED, (consumer, user, text, ids, PARK_AFTER))
                parked = all(row[0] for row in await cursor.fetchall())
            if parked:
                log.exception("events parked", subscription=subscription.name, user_id=str(user))
            return parked
        return True


async def lag(tx: Transaction) -> dict[str, int]:
    """Return how many commits each subscription has yet to look at."""
    rows = await (await (await tx.psycopg()).execute(LAG)).fetchall()
    return dict(rows)
