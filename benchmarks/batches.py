"""Batches through `record` and `ingest`, beside text COPY of such rows into tables like the ledger's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from uuid import UUID

import psycopg

from benchmarks.facts import SKILLS, Author, populate
from benchmarks.ground import Ground, Sizes
from benchmarks.measuring import Leg, Report, Sample, compared, timed
from benchmarks.reference_tables import Texts, copy_batch, make_tables
from skillcore.ledger import ingest, record
from skillcore.ledger.preparation import prepare
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine
from skillcore.runtime.events import NewEvent

__all__ = ["measure"]

REFERENCE = "text COPY"
WRITERS = 4
"""Callers of each leg, each with people of its own; as many as the intake has connections for batches."""


async def measure(ground: Ground, sizes: Sizes) -> Report:
    """Measure both doors."""
    place = ground.place("batches")
    make_tables(place.owner)
    async with place.engine() as engine, AsyncExitStack() as stack:
        bench = Batches(engine, sizes, await populate(engine, sizes.people))
        bench.connections = [
            await stack.enter_async_context(await psycopg.AsyncConnection.connect(place.owner, autocommit=True))
            for _ in range(WRITERS)
        ]
        legs: dict[str, Leg] = {REFERENCE: bench.copied, "record": bench.recorded, "ingest": bench.ingested}
        comparisons = await compared(legs, reference=REFERENCE, unit="events", rounds=sizes.rounds, warming=sizes.warming)
    return Report(
        name="batches",
        measured=f"{sizes.batch:,} events a transaction, {WRITERS} callers in one process, {sizes.people:,} people with"
        " streams; from `NewEvent` to durable, with checks, digests, signals and commits for the feed",
        reference="text COPY of such events and their signals into tables of the same columns, checks, indexes and"
        " partitions without triggers, rendered beforehand; as many connections, a transaction a batch",
        comparisons=comparisons,
    )


class Batches:
    """The three legs."""

    def __init__(self, engine: Engine, sizes: Sizes, people: Sequence[UUID]) -> None:
        self.engine = engine
        self.sizes = sizes
        self.author = Author()
        self.texts = Texts()
        self.shares = [people[place::WRITERS] for place in range(WRITERS)]
        self.connections: list[psycopg.AsyncConnection[tuple[object, ...]]] = []

    @property
    def events(self) -> int:
        """How many a leg writes."""
        return self.sizes.batch * WRITERS * self.each

    @property
    def each(self) -> int:
        """How many batches each caller writes."""
        return max(1, self.sizes.batches // WRITERS)

    def batches(self) -> list[list[list[NewEvent]]]:
        """Return new batches, by caller."""
        return [[self.author.events(self.sizes.batch, share) for _ in range(self.each)] for share in self.shares]

    async def copied(self) -> Sample:
        """Write by COPY."""
        rendered = [
            [self.texts.batch(prepare(batch, self.engine.plugins, SKILLS, now())) for batch in batches]
            for batches in self.batches()
        ]

        async def write(caller: int) -> None:
            for batch in rendered[caller]:
                await copy_batch(self.connections[caller], batch)

        return await timed(self.events, asyncio.gather(*map(write, range(WRITERS))))

    async def recorded(self) -> Sample:
        """Write by `record`, in the caller's own transactions."""
        batches = self.batches()

        async def write(caller: int) -> None:
            for batch in batches[caller]:
                async with self.engine.transaction() as tx:
                    await record(tx, batch)

        return await timed(self.events, asyncio.gather(*map(write, range(WRITERS))))

    async def ingested(self) -> Sample:
        """Write by `ingest`."""
        batches = self.batches()

        async def write(caller: int) -> None:
            for batch in batches[caller]:
                await ingest(self.engine, batch)

        return await timed(self.events, asyncio.gather(*map(write, range(WRITERS))))
