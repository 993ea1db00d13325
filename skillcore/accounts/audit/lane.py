"""The lane by which entries that have no transaction of their own reach the audit: reads, and refusals.

What arrives while a group is being appended waits for the next one, so that however many read at once, the head of the
chain is locked once a group. Nobody is answered before their entries are durable.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import structlog
from msgspec import Struct

from skillcore.accounts.audit.chain import Entry, append
from skillcore.runtime.database import LOST
from skillcore.runtime.engine import Engine
from skillcore.runtime.problems import UnavailableNow

__all__ = ["Lane"]

log = structlog.get_logger(__name__)

MOST_TOGETHER = 500
"""Entries that are appended by one statement."""

MOST_WAITING = 2**14
"""Requests that may wait; more are turned away."""

OPTIONS = "-c lock_timeout=5s -c statement_timeout=10s"
"""A head that somebody holds for longer counts as an audit that cannot be written."""

UNWRITTEN = "the audit cannot be written just now, and nothing is shown or done without: try again soon"


class Waiting(Struct, eq=False):
    """Entries that somebody waits for."""

    entries: Sequence[Entry]
    done: asyncio.Future[None]


class Lane:
    """One in each API process, with a connection of its own: those who wait for it may hold all of the pool's."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._waiting: asyncio.Queue[Waiting] = asyncio.Queue(MOST_WAITING)
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._closing = False

    async def append(self, entries: Sequence[Entry]) -> None:
        """Append entries; they are durable when this returns.

        Raises:
            UnavailableNow: they are not.
        """
        if self._closing:
            raise UnavailableNow(UNWRITTEN, headers={"Retry-After": "5"})
        waiting = Waiting(entries, asyncio.get_running_loop().create_future())
        try:
            self._waiting.put_nowait(waiting)
        except asyncio.QueueFull:
            raise UnavailableNow(UNWRITTEN, headers={"Retry-After": "5"}) from None
        await waiting.done

    @classmethod
    @asynccontextmanager
    async def opened(cls, engine: Engine) -> AsyncIterator[Lane]:
        """Run this process's lane: a room's service. What waits is appended before it ends."""
        lane = cls(engine)
        serving = asyncio.create_task(lane._serve(), name="audit lane")
        try:
            async with engine.open(lane):
                yield lane
            lane._closing = True
            await lane._waiting.join()
        finally:
            serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await serving
            while not lane._waiting.empty():
                _settle(lane._waiting.get_nowait(), UnavailableNow(UNWRITTEN))
            await lane._close()

    async def _serve(self) -> None:
        while True:
            group = [await self._waiting.get()]
            await asyncio.sleep(0)  # let those that arrived together gather
            while not self._waiting.empty() and sum(len(waiting.entries) for waiting in group) < MOST_TOGETHER:
                group.append(self._waiting.get_nowait())
            written = False
            try:
                await self._append([entry for waiting in group for entry in waiting.entries])
                written = True
            except Exception:  # whatever it was: the lane goes on, and this group is told
                log.exception("the audit cannot be written", requests=len(group))
            finally:
                for waiting in group:
                    self._waiting.task_done()
                    _settle(waiting, None if written else UnavailableNow(UNWRITTEN, headers={"Retry-After": "5"}))

    async def _append(self, entries: Sequence[Entry]) -> None:
        """Append in a transaction of its own; a connection that was lost is opened again, once."""
        fresh = self._connection is None or self._connection.closed
        try:
            await append(await self._open(), entries)
        except LOST:
            await self._close()
            if fresh:
                raise
            await append(await self._open(), entries)

    async def _open(self) -> psycopg.AsyncConnection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = await self.engine.database.connect(options=OPTIONS, autocommit=True)
        return self._connection

    async def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error):
                await connection.close()


def _settle(waiting: Waiting, failure: Exception | None) -> None:
    if waiting.done.done():  # whoever waited has gone away
        return
    if failure is None:
        waiting.done.set_result(None)
    else:
        waiting.done.set_exception(failure)
