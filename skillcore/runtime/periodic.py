"""What a process does now and then, for as long as it runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import psycopg
import structlog
from sqlalchemy.exc import SQLAlchemyError

__all__ = ["repeating"]

log = structlog.get_logger(__name__)


@asynccontextmanager
async def repeating(name: str, what: Callable[[], Awaitable[None]], every: float, *, first: float = 0.0) -> AsyncIterator[None]:
    """Do something now and then while the block lasts; a database that is away for a while is waited for.

    Args:
        name: for the log.
        what: to do; it is over before it is done again.
        every: seconds between the end of one and the beginning of the next.
        first: seconds until it is done for the first time.
    """

    async def forever() -> None:
        await asyncio.sleep(first)
        while True:
            try:
                await what()
            except (SQLAlchemyError, psycopg.Error, OSError) as error:
                log.warning("not now, but later", what=name, error=str(error))
            await asyncio.sleep(every)

    task = asyncio.create_task(forever(), name=name)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
