"""What worker processes run for this room: the sources, and the news of how they are."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from skillcore.operations.apart import apart, set_apart, take_back
from skillcore.operations.sources import SourceState, publish
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine
from skillcore.runtime.periodic import repeating
from skillcore.runtime.watchdog import Blocked
from skillcore.verification.sources import Sources

__all__ = ["held_up", "news", "sources"]

log = structlog.get_logger(__name__)

PUBLISH_EVERY = 5.0
BLOCKING = "give them a worker of their own (verification.isolated), or name their plugin in plugins.block"


@asynccontextmanager
async def sources(engine: Engine) -> AsyncIterator[None]:
    """Open all sources, and exchange news of them with other workers from time to time."""
    async with Sources(engine.plugins, engine.settings) as opened:
        with suppress(SQLAlchemyError, OSError):  # a database that is away for a while will tell later
            await heed(engine, opened)
        async with engine.open(opened), repeating("news of sources", lambda: exchange(engine, opened), PUBLISH_EVERY):
            yield


async def exchange(engine: Engine, opened: Sources) -> None:
    """Publish how this process finds its sources, and heed what others found."""
    await publish(engine, news(opened))
    await heed(engine, opened)


async def heed(engine: Engine, opened: Sources) -> None:
    """Set apart the sources that hold up workers, and take back those that have answered since."""
    async with engine.transaction() as tx:
        if returned := opened.returned():
            await take_back(tx, returned)
        found = await apart(tx)
    opened.set_apart({name: state.retry_at for name, state in found.items() if state.retry_at is not None})


async def held_up(engine: Engine, blocked: Blocked) -> None:
    """Do what there is to do before a worker ends that was held up: set apart whose code it was."""
    names = engine.service(Sources).running(blocked.task, blocked.modules)
    if names:
        log.error("sources are set apart, since their code held up a worker", sources=names, remedy=BLOCKING)
        await set_apart(engine, names, f"its code held up a worker for {blocked.seconds:.0f} s, and the worker was ended")


def news(opened: Sources) -> list[SourceState]:
    """Return how this process finds its sources."""
    worker, moment = f"{socket.gethostname()}:{os.getpid()}", now()
    return [
        SourceState(
            worker=worker,
            source=name,
            state=breaker.state,
            failures=breaker.failures,
            retry_at=moment + timedelta(seconds=breaker.retry_in) if breaker.state == "open" else None,
            error=breaker.last_failure,
        )
        for name, breaker in opened.states().items()
    ]
