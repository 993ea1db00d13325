"""Sources that are set apart: their code held up a worker until it ended, so for a while no worker asks them.

It is written where workers publish how their sources are, in the name of the watchdog; so everybody sees it there.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec
from sqlalchemy import delete, select

from skillcore.operations.sources import STALE, SourceState
from skillcore.operations.tables import WorkerSourceRow
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine, Transaction

__all__ = ["WATCHDOG", "apart", "set_apart", "take_back"]

WATCHDOG = "watchdog"
LONGEST = STALE.total_seconds()
"""Seconds: no longer than what is published shows."""

SET_APART = """insert into worker_sources as w (worker, source, state, failures, retry_at, error, updated_at)
  values (%(worker)s, %(source)s, 'open', 1, now() + make_interval(secs => least(%(longest)s, %(first)s)), %(error)s, now())
  on conflict (worker, source) do update set failures = w.failures + 1, error = excluded.error, updated_at = now(),
    retry_at = now() + make_interval(secs => least(%(longest)s, %(first)s * power(2, least(w.failures, 20))))"""


async def set_apart(engine: Engine, sources: Collection[str], error: str) -> None:
    """Have no worker ask these sources for a while: twice as long each time, until they are taken back.

    It has a connection of its own, since it is called when the process's own loop does not turn.
    """
    async with await engine.database.connect() as connection:
        for source in sorted(sources):
            values = {"worker": WATCHDOG, "source": source, "error": error, "longest": LONGEST}
            await connection.execute(SET_APART, {**values, "first": engine.settings.watchdog.set_apart})


async def apart(tx: Transaction) -> dict[str, SourceState]:
    """Return the sources that are or were set apart and have not been taken back; ``retry_at`` says until when."""
    rows = await tx.session.scalars(select(WorkerSourceRow).where(WorkerSourceRow.worker == WATCHDOG))
    return {row.source: msgspec.convert(row, SourceState, from_attributes=True) for row in rows}


async def take_back(tx: Transaction, sources: Collection[str]) -> None:
    """Take sources back that have answered since, unless they were set apart anew meanwhile."""
    table = WorkerSourceRow
    await tx.session.execute(delete(table).where(table.worker == WATCHDOG, table.source.in_(sources), table.retry_at <= now()))
