"""What is not kept for ever: each room says what, and for how long; one service forgets it, batch by batch.

Facts and the audit are never forgotten this way: only an erasure takes from them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from sqlalchemy import text

from skillcore.privacy.duties import Duties
from skillcore.privacy.erasure import sweep
from skillcore.privacy.requests import erase_due
from skillcore.runtime import metrics
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.log_files import forget_files
from skillcore.runtime.periodic import repeating
from skillcore.runtime.rooms import Retention

__all__ = ["forget", "forget_one", "refresh", "service"]

log = structlog.get_logger(__name__)

FORGET_EVERY = 3600.0
ERASE_EVERY = 20.0
BATCH = 1000
ONE_AT_A_TIME = text("select pg_try_advisory_xact_lock(hashtextextended('skillcore retention ' || :name, 0))")

FORGOTTEN = metrics.gauge("skillcore_forgotten_rows", "Rows deleted so far because their time was over.", ("what",))
SINCE = metrics.gauge("skillcore_retention_age_seconds", "Seconds since this was last looked through.", ("what",))
OVERDUE = metrics.gauge("skillcore_erasures_overdue", "Erasures that should have been done ten minutes ago.")

RAN = """insert into retention_runs as r (what, ran_at, forgotten) values (%s, now(), %s)
  on conflict (what) do update set ran_at = now(), forgotten = r.forgotten + excluded.forgotten"""
RUNS = "select what, forgotten, extract(epoch from now() - ran_at)::float8 from retention_runs"
LATE = "select count(*) from erasure_requests where due_at < now() - interval '10 min'"


@asynccontextmanager
async def service(engine: Engine) -> AsyncIterator[None]:
    """Erase those whose time has come, and forget what is not kept longer, in each worker process."""

    async def due() -> None:
        await erase_due(engine)

    async def old() -> None:
        await forget(engine)
        await sweep(engine)

    async with repeating("erasure", due, ERASE_EVERY), repeating("retention", old, FORGET_EVERY):
        yield


async def forget(engine: Engine) -> dict[str, int]:
    """Delete everything whose time is over; returns how many rows of each kind, files of the log included."""
    gone = {one.name: await forget_one(engine, one) for one in engine.service(Duties).retention}
    gone["log files"] = forget_files(engine.settings.log, now())
    told = {name: number for name, number in gone.items() if number}
    if told:
        log.info("what was kept long enough was deleted", rows=told)
    return gone


async def forget_one(engine: Engine, retention: Retention) -> int:
    """Delete what one room keeps no longer, a batch a transaction; returns how many rows.

    Processes that come at the same time leave it to the first.
    """
    kept = retention.kept(engine.settings)
    if kept is None:
        return 0
    before, gone, last = now() - kept, 0, BATCH
    while last >= BATCH:
        async with engine.transaction() as tx:
            if not await tx.session.scalar(ONE_AT_A_TIME, {"name": retention.name}):
                return gone
            last = await retention.forget(tx, before, BATCH)
            await (await tx.psycopg()).execute(RAN, (retention.name, last))
        gone += last
    return gone


async def refresh(tx: Transaction) -> None:
    """Read the gauges."""
    FORGOTTEN.clear()
    SINCE.clear()
    connection = await tx.psycopg()
    for what, forgotten, seconds in await (await connection.execute(RUNS)).fetchall():
        FORGOTTEN.labels(what).set(forgotten)
        SINCE.labels(what).set(seconds)
    late = await (await connection.execute(LATE)).fetchone()
    OVERDUE.set(late[0] if late else 0)
