"""The feed: what follows from recorded events, delivered to each subscription at least once, and once in effect.

Each subscription has one loop, elected by an advisory lock. It reads ``commits`` behind its cursor, then those users'
events; its consequences and its cursor are stored in one transaction. The cursor is ``(xid, pos)``, and only commits below
the oldest running transaction are read: a plain sequence would skip rows that commit out of order.

A batch that fails is taken apart. Each person's part of a commit then has a transaction of its own, which also notes that
the part is settled, so that it is not handled again when the process dies before the cursor has moved. What fails five
times is parked. An absent database is nobody's failure: then the loop waits.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import psycopg
import sqlalchemy.exc
import structlog
from msgspec import Struct, structs
from psycopg import errors

from skillcore.ledger.recording import record
from skillcore.ledger.scores import NoFormula, bound
from skillcore.ledger.streams import EVENT_FIELDS, decode
from skillcore.plugin import Event
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.events import NewEvent
from skillcore.runtime.rooms import Subscription

__all__ = ["Cycle", "Feed", "lag", "order_of_kinds"]

log = structlog.get_logger(__name__)

BATCH = 500
MOST_EVENTS = 10_000
"""A batch ends with the commit that brings it to so many events."""
PARK_AFTER = 5
RETRY = 0.05
"""Seconds before an event that failed is tried again; doubled each time."""

LOST = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    sqlalchemy.exc.OperationalError,
    sqlalchemy.exc.InterfaceError,
    sqlalchemy.exc.TimeoutError,
)
OWN_FAULT = (errors.QueryCanceled, errors.ProgramLimitExceeded)
"""Kinds of `LOST` that a handler brings about by itself: a statement that takes too long, or is too large. That the server ends
a transaction which idles is no kind of it either: a handler that hangs each time is to be parked."""

OPEN = "insert into subscriptions (name) values (%s) on conflict do nothing"
CURSOR = "select xid::text, pos from subscriptions where name = %s"
COMMITS = """select xid::text, pos, users, heads, sizes from commits where (xid, pos) > (%s::xid8, %s)
  and xid < pg_snapshot_xmin(pg_current_snapshot()) order by xid, pos limit %s"""
EVENTS = f"""select {", ".join("e." + field for field in EVENT_FIELDS.split(", "))}
  from unnest(%s::uuid[], %s::int8[], %s::int8[]) n(u, above, upto),
  lateral (select * from events e where e.user_id = n.u and e.version > n.above and e.version <= n.upto
    and e.kind = any(%s) and not exists (select from parked_events p
      where p.consumer = %s and p.user_id = e.user_id and p.event_id = e.id and (p.parked or p.attempts = 0)) offset 0) e
  order by e.user_id, e.version"""  # noqa: S608
# The old cursor in the condition is a fence: a loop that lost its lock unawares cannot move it.
MOVE = """with
  moved as (update subscriptions set xid = %s::xid8, pos = %s, updated_at = now()
    where name = %s and xid = %s::xid8 and pos = %s returning name),
  passed as (delete from parked_events where consumer = 'subscription:' || (select name from moved) and not parked)
select from moved"""
FAILED = """insert into parked_events (consumer, user_id, event_id, attempts, parked, error)
  select %s, %s, id, 1, false, %s from unnest(%s::uuid[]) id
  on conflict (consumer, user_id, event_id) do update set attempts = parked_events.attempts + 1,
  parked = parked_events.attempts + 1 >= %s, error = excluded.error, updated_at = now()
  where parked_events.attempts > 0 returning parked"""
# Settled events are noted with no attempts, until the cursor passes them. Of two processes that both believe they are
# elected, the second finds the events settled, or the cursor moved.
HOLD = "select from subscriptions where name = %s and xid = %s::xid8 and pos = %s for update"
SETTLED = """insert into parked_events (consumer, user_id, event_id, attempts, parked, error)
  select %s, %s, id, 0, false, '' from unnest(%s::uuid[]) id
  on conflict (consumer, user_id, event_id) do update set attempts = 0, error = '', updated_at = now()
  where parked_events.attempts > 0"""
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


def following(engine: Engine, subscription: Subscription) -> Subscription | None:
    """Return a subscription with the kinds of the formula that it follows; None while no active plugin offers that."""
    if subscription.follows is None:
        return subscription
    try:
        formula = bound(engine, subscription.follows)
    except NoFormula as error:
        log.error("subscription waits", subscription=subscription.name, error=str(error))  # noqa: TRY400 - says it all
        return None
    return structs.replace(subscription, kinds=subscription.kinds | formula.kinds)


class Feed:
    """The loops of this process, one a subscription. Any number of processes may run them; one at a time works."""

    def __init__(self, engine: Engine, subscriptions: Sequence[Subscription]) -> None:
        """Prepare the loops.

        Raises:
            Cycle: the subscriptions feed each other in a circle.
        """
        self.engine = engine
        self.subscriptions = tuple(found for one in subscriptions if (found := following(engine, one)) is not None)
        order_of_kinds(self.subscriptions)
        self._hint = asyncio.Event()
        self._closing = False  # a driver whose connection breaks meanwhile may swallow a cancellation

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
                self._closing = True
                for loop in loops:
                    loop.cancel()

    async def _loop(self, subscription: Subscription) -> None:
        while not self._closing:
            try:
                async with self._elected(subscription) as elected:
                    while elected and not self._closing:
                        await elected.execute("select 1")  # the lock lives as long as its connection does
                        if await self.advance(subscription) == 0:
                            await self._wait()
            except LOST as error:
                log.warning("subscription lost the database", subscription=subscription.name, error=str(error))
            except Exception:  # whatever it is, the process has other work, and the next attempt may succeed
                log.exception("subscription stumbled", subscription=subscription.name)
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
        except Exception as error:
            if lost(error):
                raise
            log.warning("subscription failed on a batch", subscription=subscription.name, error=repr(error))
            for commit in commits:
                await self._singly(subscription, cursor, commit)
                cursor = (commit.xid, commit.pos)
        return len(commits)

    async def _next(self, tx: Transaction, subscription: Subscription) -> tuple[tuple[str, int], list[Commit]]:
        connection = await tx.psycopg()
        row = await (await connection.execute(CURSOR, (subscription.name,))).fetchone()
        cursor = ("0", 0) if row is None else (row[0], row[1])
        commits: list[Commit] = []
        events = 0
        for xid, pos, users, heads, sizes in await (await connection.execute(COMMITS, (*cursor, BATCH))).fetchall():
            commits.append(Commit(xid, pos, tuple(users), tuple(heads), tuple(sizes)))
            events += sum(sizes)
            if events >= MOST_EVENTS:
                break
        return cursor, commits

    async def _rows(
        self, tx: Transaction, subscription: Subscription, commits: Sequence[Commit]
    ) -> dict[UUID, list[tuple[Any, ...]]]:
        """Return the rows of the commits' events, by person: those of the subscription's kinds that are not settled."""
        ranges = [
            (user, head - size, head)
            for commit in commits
            for user, head, size in zip(commit.users, commit.heads, commit.sizes, strict=True)
        ]
        users, above, upto = zip(*ranges, strict=True)
        connection = await tx.psycopg()
        given = (list(users), list(above), list(upto), list(subscription.kinds), _consumer(subscription))
        rows: dict[UUID, list[tuple[Any, ...]]] = {}
        for row in await (await connection.execute(EVENTS, given)).fetchall():
            rows.setdefault(row[2], []).append(row)
        return rows

    def _decoded(self, rows: Mapping[UUID, Sequence[tuple[Any, ...]]]) -> dict[UUID, tuple[Event, ...]]:
        plugins = self.engine.plugins
        return {user: tuple(decode(row, plugins).event for row in theirs) for user, theirs in rows.items()}

    async def _handle(self, tx: Transaction, subscription: Subscription, commits: Sequence[Commit]) -> None:
        rows = await self._rows(tx, subscription, commits)
        if rows:
            await self._record(tx, subscription, await subscription.handle(tx, self._decoded(rows)))

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
            raise _overtaken(subscription)

    async def _singly(self, subscription: Subscription, cursor: tuple[str, int], commit: Commit) -> None:
        """Handle one commit person by person, until each part is settled or parked; then pass it."""
        async with self.engine.transaction() as tx:
            rows = await self._rows(tx, subscription, [commit])
        for user, theirs in rows.items():
            wait = RETRY
            while not await self._attempt(subscription, cursor, user, theirs):
                await asyncio.sleep(wait)
                wait *= 2
        async with self.engine.transaction() as tx:
            await self._move(tx, subscription, cursor, commit)

    async def _attempt(
        self, subscription: Subscription, cursor: tuple[str, int], user: UUID, rows: Sequence[tuple[Any, ...]]
    ) -> bool:
        """Handle one person's part of a commit; says whether that is the end of it, by success or by parking."""
        consumer, ids = _consumer(subscription), [row[1] for row in rows]
        try:
            async with self.engine.transaction() as tx:
                await self._settle(tx, subscription, cursor, user, ids)
                await self._record(tx, subscription, await subscription.handle(tx, self._decoded({user: rows})))
        except Exception as error:
            if lost(error):
                raise
            async with self.engine.transaction() as tx:
                failed = await (await tx.psycopg()).execute(FAILED, (consumer, user, described(error), ids, PARK_AFTER))
                parked = all(row[0] for row in await failed.fetchall())
            if parked:
                log.exception("events parked", subscription=subscription.name, events=[str(id_) for id_ in ids])
            return parked
        return True

    async def _settle(
        self, tx: Transaction, subscription: Subscription, cursor: tuple[str, int], user: UUID, ids: Sequence[UUID]
    ) -> None:
        connection = await tx.psycopg()
        held = await connection.execute(HOLD, (subscription.name, *cursor))
        noted = await connection.execute(SETTLED, (_consumer(subscription), user, ids))
        if held.rowcount != 1 or noted.rowcount != len(ids):
            raise _overtaken(subscription)


def lost(error: Exception) -> bool:
    """Say whether an error means that the database is away or busy, rather than that an event cannot be handled."""
    cause = error.orig if isinstance(error, sqlalchemy.exc.DBAPIError) else error
    return isinstance(error, LOST) and not isinstance(cause, OWN_FAULT)


def described(error: Exception) -> str:
    """Return an error in a line that a text column takes, whatever is in it."""
    try:
        text = f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - its own text fails
        text = type(error).__name__
    return text[:500].replace("\0", "\\0").encode(errors="backslashreplace").decode()


def _consumer(subscription: Subscription) -> str:
    return f"subscription:{subscription.name}"


def _overtaken(subscription: Subscription) -> psycopg.OperationalError:
    return psycopg.OperationalError(f"the subscription {subscription.name!r} was moved by another process")


async def lag(tx: Transaction) -> dict[str, int]:
    """Return how many commits each subscription has yet to look at."""
    rows = await (await (await tx.psycopg()).execute(LAG)).fetchall()
    return dict(rows)
