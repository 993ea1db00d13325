"""Hints between processes: "look again", coalesced and sent after commits, never inside them.

A notification sent by a writing transaction takes a lock that all commits queue for. So each process sends its own hints on
one connection, at most one per channel and interval. A lost hint costs a poll's delay and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import psycopg
import structlog
from psycopg import sql

from skillcore.runtime.database import Database
from skillcore.runtime.engine import Transaction

__all__ = ["FEED", "Hints", "hint"]

log = structlog.get_logger(__name__)

FEED = "skillcore_feed"
"""The channel on which a process says that it recorded events."""

INTERVAL = 0.02
RETRY = 0.5


class Hints:
    """The hints that a process sends and hears. Open it in an engine, so that `hint` finds it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._pending: dict[str, str] = {}
        self._ears: dict[str, set[Callable[[str], None]]] = {}
        self._due = asyncio.Event()
        self._changed = asyncio.Event()

    def send(self, channel: str, payload: str = "") -> None:
        """Have a hint sent soon; several on one channel become one, with the last payload."""
        self._pending[channel] = payload
        self._due.set()

    @contextmanager
    def heard(self, channel: str, callback: Callable[[str], None]) -> Iterator[None]:
        """Call back with each hint's payload while the block lasts, and with an empty one whenever some may have been lost."""
        self._ears.setdefault(channel, set()).add(callback)
        self._changed.set()
        try:
            yield
        finally:
            self._ears[channel].discard(callback)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[Hints]:
        """Send and hear hints for the duration of the block."""
        tasks = [asyncio.create_task(self._send(), name="hints out"), asyncio.create_task(self._listen(), name="hints in")]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self) -> None:
        while True:
            await self._due.wait()
            try:
                async with await self.database.connect(autocommit=True) as connection:
                    await self._send_on(connection)
            except (psycopg.Error, OSError) as error:
                log.debug("hints are not sent for now", error=str(error))
                await asyncio.sleep(RETRY)

    async def _send_on(self, connection: psycopg.AsyncConnection[Any]) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            pending, self._pending = self._pending, {}
            try:
                for channel, payload in pending.items():
                    await connection.execute("select pg_notify(%s, %s)", (channel, payload))
            except psycopg.Error:
                self._pending = {**pending, **self._pending}
                self._due.set()
                raise
            await asyncio.sleep(INTERVAL)

    async def _listen(self) -> None:
        await self._changed.wait()  # a process that hears nothing needs no connection for it
        while True:
            try:
                async with await self.database.connect(autocommit=True) as connection:
                    await self._listen_on(connection)
            except (psycopg.Error, OSError) as error:
                log.debug("hints are not heard for now", error=str(error))
                await asyncio.sleep(RETRY)

    async def _listen_on(self, connection: psycopg.AsyncConnection[Any]) -> None:
        listening: set[str] = set()
        while True:
            self._changed.clear()
            for channel in self._ears.keys() - listening:
                await connection.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
                listening.add(channel)
                self._tell(channel, "")
            notes = connection.notifies()
            async with contextlib.aclosing(notes):
                await self._hear(notes)

    async def _hear(self, notes: AsyncIterator[psycopg.Notify]) -> None:
        """Pass on hints until somebody wants to hear another channel."""
        changed = asyncio.create_task(self._changed.wait())
        following: asyncio.Task[psycopg.Notify] | None = None
        try:
            while not changed.done():
                following = following or asyncio.create_task(following_note(notes))
                await asyncio.wait({changed, following}, return_when=asyncio.FIRST_COMPLETED)
                if following.done():
                    note = following.result()
                    following = None
                    self._tell(note.channel, note.payload)
        finally:
            for task in (changed, following):
                if task is not None and not task.done():
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)

    def _tell(self, channel: str, payload: str) -> None:
        for callback in tuple(self._ears.get(channel, ())):
            callback(payload)


async def following_note(notes: AsyncIterator[psycopg.Notify]) -> psycopg.Notify:
    """Return the following notification.

    Raises:
        psycopg.OperationalError: the connection is gone.
    """
    try:
        return await anext(notes)
    except StopAsyncIteration:
        raise psycopg.OperationalError("the connection ended") from None


def hint(tx: Transaction, channel: str, payload: str = "") -> None:
    """Have a hint sent once a transaction has committed; in a process that sends none, polling must do."""
    try:
        hints = tx.engine.service(Hints)
    except LookupError:
        return
    tx.after_commit(lambda: hints.send(channel, payload))
