"""Sessions that lie idle are ended, as of when something happened in them for the last time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import select

from skillcore.accounts import people
from skillcore.defaults.kinds import SessionEnded
from skillcore.learning.session_standing import NAME, Standing, derive
from skillcore.learning.session_tables import TrainingSessionRow
from skillcore.learning.training import hold
from skillcore.ledger import record
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine
from skillcore.runtime.events import NewEvent, consequence, of_platform
from skillcore.runtime.periodic import repeating

__all__ = ["service", "sweep"]

log = structlog.get_logger(__name__)

EVERY = 60.0
AT_ONCE = 500


@asynccontextmanager
async def service(engine: Engine) -> AsyncIterator[None]:
    """Sweep from time to time, in each worker process: whichever of them comes first ends a session."""

    async def again() -> None:
        await sweep(engine, now())

    async with repeating("sweep of training sessions", again, EVERY):
        yield


async def sweep(engine: Engine, moment: datetime) -> int:
    """End the sessions that lay idle for ``learning.session_idle`` at a moment; returns how many."""
    limit = moment - timedelta(seconds=engine.settings.learning.session_idle)
    over = TrainingSessionRow.ended_at.is_(None) & (TrainingSessionRow.last_at < limit)
    query = select(TrainingSessionRow.user_id, TrainingSessionRow.subject).where(over)
    query = query.order_by(TrainingSessionRow.last_at, TrainingSessionRow.id).limit(AT_ONCE)
    ended = 0
    while True:
        async with engine.transaction() as tx:
            found = (await tx.session.execute(query)).all()
        before = ended
        for user_id, subject in found:
            ended += await _end(engine, user_id, subject, limit)
        if len(found) < AT_ONCE or ended == before:
            break
    if ended:
        log.info("training sessions ended that lay idle", sessions=ended)
    return ended


async def _end(engine: Engine, user_id: UUID, subject: str, limit: datetime) -> int:
    """End a person's sessions of a subject, unless something has happened in them meanwhile."""
    async with engine.transaction() as tx:
        if not await people.hold(tx, user_id):
            return 0
        await hold(tx, user_id)  # whoever ended it first is seen now, and so is whatever is not derived yet
        idle = [one for one in await derive(tx, [(user_id, subject)]) if one.ended_at is None and one.last_at < limit]
        if idle:
            await record(tx, [_ended(one) for one in idle])
            await derive(tx, [(user_id, subject)])
    return len(idle)


def _ended(session: Standing) -> NewEvent:
    return NewEvent(
        user_id=session.user_id,
        kind="session.ended",
        data=SessionEnded(module=session.module),
        subject_id=session.subject,
        occurred_at=session.last_at,
        id=consequence(NAME, session.id, session.last_at.isoformat()),
        origin=of_platform(session.platform_id),
    )
