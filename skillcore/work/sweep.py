"""No task stays behind: one whose job was given up while it was being checked gets another job after a while."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog
from sqlalchemy import select

from skillcore.runtime import jobs
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine
from skillcore.runtime.periodic import repeating
from skillcore.work.tables import TaskRow
from skillcore.work.tasks import enqueue

__all__ = ["REST", "service", "sweep"]

log = structlog.get_logger(__name__)

EVERY = 60.0
REST = timedelta(minutes=5)
"""How long a task is left alone after its job was given up: whatever ends every attempt must not keep workers busy."""

AT_ONCE = 500


@asynccontextmanager
async def service(engine: Engine) -> AsyncIterator[None]:
    """Sweep from time to time, in each worker process; rows that another one holds are left to it."""

    async def again() -> None:
        await sweep(engine)

    async with repeating("sweep of tasks", again, EVERY):
        yield


async def sweep(engine: Engine) -> int:
    """Give a new job to tasks in progress whose job was given up; returns to how many."""
    query = select(TaskRow).where(
        TaskRow.state == "in_progress", TaskRow.deleted_at.is_(None), TaskRow.updated_at < now() - REST
    )
    async with engine.transaction() as tx:
        rows = (await tx.session.scalars(query.order_by(TaskRow.id).limit(AT_ONCE).with_for_update(skip_locked=True))).all()
        lost = await jobs.given_up(tx, [row.job_id or 0 for row in rows])
        left = [row for row in rows if (row.job_id or 0) in lost]
        for row in left:
            await enqueue(tx, row, row.platform_id)
            row.updated_at = now()
    if left:
        log.warning("tasks get another job, since theirs was given up", tasks=[str(row.id) for row in left])
    return len(left)
