"""Hands back the jobs of a process that is about to end without finishing them: at once, and not counted as failures."""

from __future__ import annotations

import psycopg

from skillcore.runtime.engine import Engine

__all__ = ["OwnWorkers", "hand_back"]

HELD = "select id from procrastinate_jobs where status = 'doing' and worker_id = any(%s) order by id"
REASON = """insert into job_progress (job_id, reason) values (%s, %s)
  on conflict (job_id) do update set reason = excluded.reason, updated_at = now()"""
PUT_BACK = "select procrastinate_retry_job_v2(%s, now(), null, null, null)"


class OwnWorkers:
    """The queue's workers in this process, as its tables number them. One per process: ``engine.cache(OwnWorkers)``."""

    def __init__(self) -> None:
        self.numbers: set[int] = set()


async def hand_back(engine: Engine, reason: str) -> int:
    """Hand back every job that this process runs, and return how many there were.

    It has a connection of its own, since it is called when the process's own loop does not turn.

    Args:
        engine: of this process.
        reason: for the jobs' owners, in their words.
    """
    count = 0
    workers = sorted(engine.cache(OwnWorkers).numbers)
    async with await engine.database.connect() as connection:
        for (job,) in await (await connection.execute(HELD, (workers,))).fetchall():
            try:
                async with connection.transaction():
                    await connection.execute(REASON, (job, reason))
                    await connection.execute(PUT_BACK, (job,))
            except psycopg.errors.UniqueViolation:
                continue  # a newer job waits to do the same; this one is rescued later, and ended then
            count += 1
    return count
