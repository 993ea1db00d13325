"""What the workers think of the sources' servers: they publish it, everybody may read it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from skillcore.operations.tables import WorkerSourceRow
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine, Transaction

__all__ = ["STALE", "SourceState", "publish", "states"]

STALE = timedelta(minutes=5)
"""After this much silence of its worker, a row says nothing any more."""

FORGOTTEN = timedelta(days=1)


class SourceState(Struct, frozen=True, kw_only=True):
    """What a worker process thinks of a source's server.

    Attributes:
        worker: names the process, such as ``host:pid``.
        state: of the breaker.
        failures: in a row.
        retry_at: when an open breaker lets calls through again.
        server_version: as the server introduced itself; empty if it has not yet.
        error: of the last failure.
        updated_at: when this was published.
    """

    worker: str
    source: str
    state: Literal["closed", "open", "half_open"]
    failures: int = 0
    retry_at: datetime | None = None
    server_version: str = ""
    error: str = ""
    updated_at: datetime | None = None


async def publish(engine: Engine, rows: Sequence[SourceState]) -> None:
    """Publish what a worker thinks of its sources: all of them at once, since others of this worker are forgotten."""
    moment = now()
    table = WorkerSourceRow
    async with engine.transaction() as tx:
        for worker in {row.worker for row in rows}:
            own = [row.source for row in rows if row.worker == worker]
            await tx.session.execute(delete(table).where(table.worker == worker, table.source.not_in(own)))
        await tx.session.execute(delete(table).where(table.updated_at < moment - FORGOTTEN))
        for row in rows:
            values = {name: getattr(row, name) for name in row.__struct_fields__} | {"updated_at": moment}
            changed = {name: value for name, value in values.items() if name not in {"worker", "source"}}
            await tx.session.execute(
                insert(table).values(values).on_conflict_do_update(index_elements=["worker", "source"], set_=changed)
            )


async def states(tx: Transaction) -> list[SourceState]:
    """Return what the workers have said lately, by source and worker."""
    query = (
        select(WorkerSourceRow)
        .where(WorkerSourceRow.updated_at >= now() - STALE)
        .order_by(WorkerSourceRow.source, WorkerSourceRow.worker)
    )
    rows = (await tx.session.scalars(query)).all()
    return [SourceState(**{name: getattr(row, name) for name in SourceState.__struct_fields__}) for row in rows]
