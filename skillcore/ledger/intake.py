"""`ingest`: facts that are durable when it returns, in transactions of its own. For platform events and imports.

Requests of up to `FEW` events that wait at the same time share one statement and one commit, and are answered after it;
a shared group that fails is retried one by one, so that nobody pays for another's fault. Larger requests have a
transaction and a connection of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import structlog
from msgspec import Struct

from skillcore.ledger import skills
from skillcore.ledger.preparation import Key, Prepared, prepare
from skillcore.ledger.recording import FEW, Recorded, recorded_of
from skillcore.ledger.writer import NOT_AS_EXPECTED, write_few, write_known, write_many
from skillcore.runtime.clock import now
from skillcore.runtime.database import LOST
from skillcore.runtime.engine import Engine
from skillcore.runtime.events import NewEvent
from skillcore.runtime.hints import FEED, Hints
from skillcore.runtime.problems import UnavailableNow

__all__ = ["Intake", "ingest", "open_intake"]

log = structlog.get_logger(__name__)

# Look-ups by key must never turn into scans as tables grow, nor be planned again for each group.
OPTIONS = "-c plan_cache_mode=force_generic_plan " + " ".join(
    f"-c enable_{method}=off" for method in ("seqscan", "hashjoin", "mergejoin")
)
ATTEMPTS = 5
CLOSING = "the ledger is closing; send the events again under the same ids"
MOST_WAITING = 2**15
"""Most requests that may wait; more are turned away, since an answer that comes too late helps nobody."""


class Waiting(Struct, eq=False):
    """A request for the shared lane."""

    prepared: Prepared
    done: asyncio.Future[Collection[Key]]


class Intake:
    """The ledger's own connections in this process: one for the shared lane, the others for large requests."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._waiting: asyncio.Queue[Waiting] = asyncio.Queue(MOST_WAITING)
        self._idle: asyncio.Queue[Writer] = asyncio.Queue()
        self._closing = False

    async def ingest(self, events: Sequence[NewEvent]) -> Recorded:
        """Record facts; they are durable when this returns.

        Raises:
            InvalidField: as for `record`.
            RecordedOtherwise: an event's id was recorded with other content; nothing of this call was recorded.
            UnavailableNow: the database does not answer. Whether the events were recorded is unknown; sending them again
                under the same ids is safe.
        """
        if not events:
            return Recorded((), ())
        catalogue = self.engine.cache(skills.Catalogue)
        if not catalogue.ids.issuperset({skill for event in events for skill in event.skills}):
            async with self.engine.transaction() as tx:
                await catalogue.load(tx)
        prepared = prepare(events, self.engine.plugins, catalogue.ids, now())
        fresh = await self.write(prepared)
        with contextlib.suppress(LookupError):  # a process that sends no hints leaves the feed to its polling
            self.engine.service(Hints).send(FEED)
        return recorded_of(prepared, fresh)

    async def write(self, prepared: Prepared) -> Collection[Key]:
        """Write what was prepared; returns the keys of the events that were new."""
        if self._closing:
            raise UnavailableNow(CLOSING)
        if len(prepared.rows) > FEW:
            writer = await self._idle.get()
            try:
                return await writer.write(prepared)
            finally:
                self._idle.put_nowait(writer)
        request = Waiting(prepared, asyncio.get_running_loop().create_future())
        try:
            self._waiting.put_nowait(request)
        except asyncio.QueueFull:
            raise UnavailableNow("too many events are waiting to be recorded", headers={"Retry-After": "1"}) from None
        return await request.done

    @asynccontextmanager
    async def run(self) -> AsyncIterator[Intake]:
        """Open the connections and serve the lane while the block runs; what waits is written before it ends.

        When the block raises, what waits is refused instead. Either way nobody is left without an answer.
        """
        writers = [Writer(self.engine) for _ in range(self.engine.settings.ledger.writers + 1)]
        for writer in writers[1:]:
            self._idle.put_nowait(writer)
        lane = asyncio.create_task(self._share(writers[0]), name="ledger intake")
        try:
            try:
                yield self
            finally:
                self._closing = True
            await self._waiting.join()
            for _ in writers[1:]:
                await self._idle.get()  # each comes back when its request is done
        finally:
            lane.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await lane
            while not self._waiting.empty():
                _refuse(self._waiting.get_nowait(), UnavailableNow(CLOSING))
            for writer in writers:
                await writer.finish()

    async def _share(self, writer: Writer) -> None:
        while True:
            group = [await self._waiting.get()]
            await asyncio.sleep(0)  # let requests that arrived together gather
            size = len(group[0].prepared.rows)
            while size < FEW and not self._waiting.empty():
                group.append(self._waiting.get_nowait())
                size += len(group[-1].prepared.rows)
            try:
                await self._write_group(writer, group, size)
            finally:
                for request in group:
                    self._waiting.task_done()
                    _refuse(request, UnavailableNow(CLOSING))

    async def _write_group(self, writer: Writer, group: list[Waiting], size: int) -> None:
        merged = merge([request.prepared for request in group])
        if len(merged.rows) == size:
            try:
                await writer.write_new(merged)
            except Exception as error:  # noqa: BLE001 - whatever it was, it is one request's fault
                log.info("shared write failed, each request is tried alone", requests=len(group), error=str(error))
            else:
                for request in group:
                    _answer(request, request.prepared.rows.keys())
                return
        for request in group:
            try:
                _answer(request, await writer.write(request.prepared))
            except Exception as error:  # noqa: BLE001 - each request gets its own outcome
                _refuse(request, error)


def _answer(request: Waiting, fresh: Collection[Key]) -> None:
    if not request.done.done():  # its caller may have gone away
        request.done.set_result(fresh)


def _refuse(request: Waiting, error: Exception) -> None:
    if not request.done.done():
        request.done.set_exception(error)


def merge(parts: Sequence[Prepared]) -> Prepared:
    """Return several prepared requests as one."""
    if len(parts) == 1:
        return parts[0]
    merged = Prepared({}, [], {}, [])
    for part in parts:
        merged.rows.update(part.rows)
        merged.order += part.order
        merged.signals.update(part.signals)
        merged.parked += part.parked
    return merged


class Writer:
    """A connection that writes facts, opened again when it breaks."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._finished = False

    async def write_new(self, prepared: Prepared) -> None:
        """Write events that are expected to be new, in a transaction of their own.

        Raises:
            psycopg.Error: they are not all new, a stream is missing, or the connection broke.
        """
        connection = await self._open()
        if len(prepared.rows) <= FEW and not prepared.parked:
            await write_few(connection, prepared)  # one statement is one transaction
            return
        async with connection.transaction():
            await (write_few if len(prepared.rows) <= FEW else write_many)(connection, prepared)

    async def write(self, prepared: Prepared) -> Collection[Key]:
        """Write events whether or not some are there already; survives a restart of the database.

        Raises:
            RecordedOtherwise: an event's id was recorded with other content.
            UnavailableNow: the database does not come back.
        """
        for attempt in range(ATTEMPTS):
            try:
                try:
                    await self.write_new(prepared)
                except NOT_AS_EXPECTED:
                    connection = await self._open()
                    async with connection.transaction():
                        return await write_known(connection, prepared)
                else:
                    return prepared.rows.keys()
            except LOST as error:
                log.warning("ledger connection lost", attempt=attempt + 1, error=str(error))
                await self.close()
                await asyncio.sleep(0.1 * 2**attempt)
        raise UnavailableNow("the database does not answer; send the events again under the same ids")

    async def finish(self) -> None:
        """Close for good."""
        self._finished = True
        await self.close()

    async def close(self) -> None:
        """Close the connection, if one is open; the next write opens another."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            with contextlib.suppress(psycopg.Error):
                await connection.close()

    async def _open(self) -> psycopg.AsyncConnection[Any]:
        if self._finished:
            raise UnavailableNow(CLOSING)
        if self._connection is None or self._connection.closed:
            self._connection = await self.engine.database.connect(options=OPTIONS, autocommit=True)
        return self._connection


@asynccontextmanager
async def open_intake(engine: Engine) -> AsyncIterator[Intake]:
    """Run this process's intake: a room's service."""
    async with Intake(engine).run() as intake, engine.open(intake):
        yield intake


async def ingest(engine: Engine, events: Sequence[NewEvent]) -> Recorded:
    """Record facts through this process's intake; see `Intake.ingest`."""
    return await engine.service(Intake).ingest(events)
