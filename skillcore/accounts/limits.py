"""How often who may call: counted in the database, by its clock, so that all processes count together.

A limit is a bucket that fills steadily (GCRA): one moment a key is all there is to keep, the one at which its bucket would be
full again. One statement reads and moves it, so no two processes can spend the same unit.

Each spending is a transaction of its own, so that what fails afterwards does not give it back. While the database does not
answer nothing can be counted, and what is limited is refused with 503: nearly all of it needs the database anyway.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import psycopg
import structlog
from msgspec import Struct

from skillcore.accounts.limit_tables import RateLimitRow
from skillcore.runtime import metrics
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.forgetting import delete_some
from skillcore.runtime.problems import TooManyRequests, UnavailableNow
from skillcore.runtime.settings import LimitSettings

__all__ = ["Limiter", "Verdict", "enforce", "forget_expired", "give_back", "refusal", "spend"]

log = structlog.get_logger(__name__)

PATIENCE = 2.0
"""Seconds after which the database counts as not answering."""

ATTEMPTS = 3
"""How often a refusal is asked for that others overtook; then the longest wait for a unit is told."""

CONNECTIONS = 2
"""Of each process; a statement takes a fraction of a millisecond."""

REMEMBERED = 10_000
"""Keys whose next unit this process remembers not to be there yet."""

SPEND = """
with spent as (
  insert into rate_limits as kept (key_sha256, full_at)
  values (%(key)s, clock_timestamp() + make_interval(secs => %(step)s))
  on conflict (key_sha256) do update
    set full_at = greatest(kept.full_at, clock_timestamp()) + make_interval(secs => %(step)s)
    where kept.full_at <= clock_timestamp() + make_interval(secs => %(tolerance)s)
  returning full_at)
select true, extract(epoch from full_at - clock_timestamp())::float8 from spent
union all
select false, extract(epoch from full_at - clock_timestamp())::float8 from rate_limits
  where key_sha256 = %(key)s and not exists (select from spent)
"""
GIVE_BACK = """
update rate_limits set full_at = full_at - make_interval(secs => %(step)s)
where key_sha256 = %(key)s and full_at > clock_timestamp()
"""

REFUSED = metrics.counter("skillcore_limited_requests_total", "Requests refused by a limit.", ("limit",))


class Verdict(Struct, frozen=True, kw_only=True):
    """What came of spending one unit.

    Attributes:
        name: of the limit: what its keys begin with.
        limit: as set.
        allowed: whether the unit was there.
        remaining: units that could be spent at once now.
        retry_after: seconds until there is one more of them, rounded up.
    """

    name: str
    limit: LimitSettings
    allowed: bool
    remaining: int
    retry_after: int


class Limiter:
    """The service that counts. Only API processes run it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turns = asyncio.Semaphore(CONNECTIONS)
        self._idle: list[psycopg.AsyncConnection[Any]] = []
        self._empty: dict[bytes, float] = {}

    @classmethod
    @asynccontextmanager
    async def opened(cls, engine: Engine) -> AsyncIterator[Limiter]:
        """Run the service for the duration of the block."""
        limiter = cls(engine.database)
        try:
            async with engine.open(limiter):
                yield limiter
        finally:
            for connection in limiter._idle:
                await connection.close()

    async def spend(self, key: str, limit: LimitSettings) -> Verdict:
        """Spend a unit of what a key has, if there is one.

        Raises:
            UnavailableNow: the database does not answer.
        """
        name, kept, step = key.partition(":")[0], hashlib.sha256(key.encode()).digest(), limit.seconds / limit.requests
        # A bucket only empties while nobody gives back, so what is known to be empty need not be asked about.
        wait = self._empty.get(kept, 0.0) - time.monotonic()
        if wait > 0:
            allowed, full_in = False, limit.burst * step - step + wait
        else:
            allowed, full_in = await self._asked({"key": kept, "step": step, "tolerance": step * (limit.burst - 1)})
        if not allowed:
            REFUSED.labels(name).inc()
            if wait <= 0:
                self._remember(kept, full_in - step * (limit.burst - 1))
        return verdict(name, limit, allowed=allowed, full_in=full_in)

    async def _asked(self, values: dict[str, Any]) -> tuple[bool, float]:
        """Return whether a unit was there, and in how many seconds the bucket will be full.

        A refusal that waited for others still reads the bucket as it was before them: then it is asked again.
        """
        for _ in range(ATTEMPTS):
            row = await self._within_patience(SPEND, values)
            if row and (row[0] or row[1] > values["tolerance"]):
                return bool(row[0]), float(row[1])
        return False, float(values["tolerance"] + values["step"])

    async def give_back(self, key: str, limit: LimitSettings) -> None:
        """Give a unit back, as if it had not been spent.

        Raises:
            UnavailableNow: the database does not answer.
        """
        kept = hashlib.sha256(key.encode()).digest()
        self._empty.pop(kept, None)
        await self._within_patience(GIVE_BACK, {"key": kept, "step": limit.seconds / limit.requests})

    def _remember(self, kept: bytes, wait: float) -> None:
        if len(self._empty) >= REMEMBERED:
            self._empty.clear()
        self._empty[kept] = time.monotonic() + wait

    async def _within_patience(self, statement: str, values: dict[str, Any]) -> tuple[Any, ...] | None:
        """Ask, and go away when the answer takes too long: cancelling does not help with a server that is frozen."""
        asking = asyncio.create_task(self._ask(statement, values))
        asking.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.wait({asking}, timeout=PATIENCE)
        if not asking.done():
            asking.cancel()
            raise away(f"no answer within {PATIENCE:g} s")
        try:
            return asking.result()
        except (psycopg.Error, OSError) as error:
            raise away(str(error)) from error

    async def _ask(self, statement: str, values: dict[str, Any]) -> tuple[Any, ...] | None:
        async with self._turns:
            if self._idle:
                try:
                    return await self._run(self._idle.pop(), statement, values)
                except psycopg.OperationalError:
                    log.debug("a connection is gone, and another one is made")  # the server may have been restarted
            connection = await self._database.connect(options="-c synchronous_commit=off", autocommit=True)
            return await self._run(connection, statement, values)

    async def _run(
        self, connection: psycopg.AsyncConnection[Any], statement: str, values: dict[str, Any]
    ) -> tuple[Any, ...] | None:
        try:
            cursor = await connection.execute(statement, values, prepare=True)
            row = await cursor.fetchone() if cursor.description else None
        except BaseException:
            await connection.close()
            raise
        self._idle.append(connection)
        return row


async def spend(engine: Engine, key: str, limit: LimitSettings) -> Verdict:
    """Spend a unit of what a key has, if there is one; a lifted limit always has one.

    Args:
        engine: of an API process.
        key: the limit's name, a colon, and whose bucket it is: ``login:account:<id>``. It is kept as a hash.
        limit: from the settings.

    Raises:
        UnavailableNow: the database does not answer.
    """
    if not limit.requests:
        return Verdict(name=key.partition(":")[0], limit=limit, allowed=True, remaining=limit.burst, retry_after=0)
    return await engine.service(Limiter).spend(key, limit)


async def enforce(engine: Engine, key: str, limit: LimitSettings) -> Verdict:
    """Spend a unit, or refuse.

    Raises:
        TooManyRequests: there is none.
        UnavailableNow: the database does not answer.
    """
    found = await spend(engine, key, limit)
    if not found.allowed:
        raise refusal(found)
    return found


async def give_back(engine: Engine, key: str, limit: LimitSettings) -> None:
    """Give a unit back that turned out to count for nothing, such as an attempt to sign in that was right."""
    if limit.requests:
        await engine.service(Limiter).give_back(key, limit)


async def forget_expired(tx: Transaction, before: datetime, limit: int) -> int:
    """Delete the rows of buckets that were full again before a moment in the past, and return how many there were.

    Args:
        tx: an open transaction.
        before: the moment.
        limit: how many at most.
    """
    return await delete_some(tx, RateLimitRow.key_sha256, RateLimitRow.full_at < before, limit)


def refusal(found: Verdict) -> TooManyRequests:
    """Return the problem of a limit that is used up."""
    limit = found.limit
    return TooManyRequests(
        f"the limit {found.name} is {limit.requests} requests in {limit.seconds} s, {limit.burst} at once, and is used up: "
        f"try again in {found.retry_after} s",
        headers={"Retry-After": str(found.retry_after)},
        limit=found.name,
        retry_after=found.retry_after,
    )


def verdict(name: str, limit: LimitSettings, *, allowed: bool, full_in: float) -> Verdict:
    """Return what a bucket's state means.

    A unit comes back every ``step = seconds / requests``. With the bucket full again in ``full_in`` seconds,
    ``burst - full_in / step`` units are in it, whole ones alone can be spent, and the next whole one is there after what is
    missing of it.

    Args:
        name: of the limit.
        limit: as set.
        allowed: whether a unit was spent.
        full_in: seconds until the bucket is full.
    """
    step = limit.seconds / limit.requests
    units = max(0.0, limit.burst - max(0.0, full_in) / step)
    remaining = math.floor(units + 1e-6)  # the clock has moved a few microseconds since
    missing = (remaining + 1 - units) * step if allowed else max(0.0, full_in) - step * (limit.burst - 1)
    return Verdict(
        name=name,
        limit=limit,
        allowed=allowed,
        remaining=remaining if allowed else 0,
        retry_after=max(1, math.ceil(missing - 1e-6)),
    )


def away(reason: str) -> UnavailableNow:
    """Return the problem of a database that does not answer, and log why."""
    log.warning("the database does not count requests", error=reason)
    return UnavailableNow(
        "requests cannot be counted while the database does not answer: try again soon", headers={"Retry-After": "5"}
    )
