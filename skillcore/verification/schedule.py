"""What begins by itself: imports and figures whose time has come; and no import stays behind whose job was given up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Select, select

from skillcore.runtime import jobs
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.periodic import repeating
from skillcore.verification import stats
from skillcore.verification.importing import ended
from skillcore.verification.imports import enqueue
from skillcore.verification.linking import linked_account
from skillcore.verification.tables import ImportRow, SourceAccountRow

__all__ = ["REST", "begin_due", "end_lost", "service"]

log = structlog.get_logger(__name__)

EVERY = 60.0
AT_ONCE = 100
BEHIND = -1
"""Priority: whoever asks for an import does not wait for those that begin by themselves."""

REST = timedelta(minutes=5)
"""How long a run is left alone before its job is looked for."""


@asynccontextmanager
async def service(engine: Engine) -> AsyncIterator[None]:
    """Look from time to time, in each worker process; rows that another one holds are left to it."""

    async def again() -> None:
        await end_lost(engine)
        if engine.settings.verification.import_every:
            await begin_due(engine)
        if engine.settings.verification.stats_every:
            await stats.begin_due(engine)

    async with repeating("schedule of imports and figures", again, EVERY):
        yield


async def begin_due(engine: Engine) -> int:
    """Begin imports whose time has come, of accounts that are linked; returns how many.

    No more than some at a time: after a long silence they come one batch a minute.
    """
    async with engine.transaction() as tx:
        due = select(ImportRow).where(
            ImportRow.state.in_(("done", "failed")), ImportRow.next_at <= now(), SourceAccountRow.unlinked_at.is_(None)
        )
        begun = 0
        for row in await _held(tx, due.order_by(ImportRow.next_at)):
            account = await linked_account(tx, row.account_id)
            if account is None or account.source not in engine.plugins.sources:
                row.next_at = now() + timedelta(seconds=engine.settings.verification.import_every)
                continue
            await enqueue(tx, account, priority=BEHIND)
            begun += 1
    return begun


async def end_lost(engine: Engine) -> int:
    """End runs whose job was given up, so that they are begun again in their time; returns how many."""
    async with engine.transaction() as tx:
        under_way = select(ImportRow).where(ImportRow.state.in_(("waiting", "running")), ImportRow.updated_at < now() - REST)
        rows = await _held(tx, under_way.order_by(ImportRow.updated_at))
        lost = await jobs.given_up(tx, [row.job_id or 0 for row in rows])
        left = [row for row in rows if (row.job_id or 0) in lost]
        for row in rows:
            row.updated_at = now()  # what was looked at goes to the end of the queue
        for row in left:
            ended(engine, row, "its job failed too often; the log says why")
    if left:
        log.warning("imports ended, since their job was given up", jobs=[row.job_id for row in left])
    return len(left)


async def _held(tx: Transaction, rows: Select[Any]) -> Sequence[ImportRow]:
    """Return some rows with their accounts held, in the order in which all take them; what others hold is left out."""
    query = rows.join(SourceAccountRow, SourceAccountRow.id == ImportRow.account_id).limit(AT_ONCE)
    accounts = query.with_for_update(read=True, of=SourceAccountRow, skip_locked=True)
    ids = [row.account_id for row in await tx.session.scalars(accounts)]
    held = select(ImportRow).where(ImportRow.account_id.in_(ids)).order_by(ImportRow.account_id)
    held = held.with_for_update(skip_locked=True).execution_options(populate_existing=True)
    return (await tx.session.scalars(held)).all()
