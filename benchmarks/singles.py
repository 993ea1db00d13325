"""Single events through `ingest`, beside bare INSERT commits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

import psycopg

from benchmarks.facts import Author, populate
from benchmarks.ground import Ground, Place, Sizes
from benchmarks.measuring import Comparison, Leg, Report, Sample, compared, timed
from benchmarks.plain_table import INSERT, PlainRow, make_table, plain_row
from skillcore.ledger import ingest
from skillcore.runtime.engine import Engine

__all__ = ["measure"]

FEWER = 16
"""A second number of callers, where fewer events share a commit."""


async def measure(ground: Ground, sizes: Sizes) -> Report:
    """Measure single events with many callers and with few."""
    place = ground.place("singles")
    make_table(place.owner)
    comparisons: list[Comparison] = []
    async with place.engine() as engine:
        people = await populate(engine, sizes.people)
        for callers in sorted({min(FEWER, sizes.callers), sizes.callers}):
            async with AsyncExitStack() as stack:
                bench = Singles(engine, sizes, people, await connections(stack, place, callers))
                reference = f"INSERT, {callers} connections"
                legs: dict[str, Leg] = {reference: bench.inserted, f"ingest, {callers} callers": bench.ingested}
                comparisons += await compared(
                    legs, reference=reference, unit="events", rounds=sizes.rounds, warming=sizes.warming
                )
    return Report(
        name="singles",
        measured=f"one event a call, concurrent callers in one process, {sizes.people:,} people with streams; each call"
        " returns when its event, its signals and the commit for the feed are durable",
        reference="INSERT of id, user, kind and the same payload into a table with a primary key and nothing else, prepared,"
        " a commit each, a connection a caller",
        comparisons=tuple(comparisons),
        notes=("events that wait at the same time share a commit, which bare INSERTs do not",),
    )


async def connections(stack: AsyncExitStack, place: Place, count: int) -> list[psycopg.AsyncConnection[Any]]:
    """Open connections that commit each statement, until the stack is left."""
    return [
        await stack.enter_async_context(await psycopg.AsyncConnection.connect(place.owner, autocommit=True))
        for _ in range(count)
    ]


class Singles:
    """The two legs."""

    def __init__(
        self, engine: Engine, sizes: Sizes, people: Sequence[UUID], connections: Sequence[psycopg.AsyncConnection[Any]]
    ) -> None:
        self.engine = engine
        self.sizes = sizes
        self.people = people
        self.author = Author()
        self.connections = connections

    async def inserted(self) -> Sample:
        """Write by INSERT."""
        rows = [plain_row(event) for event in self.author.events(self.sizes.singles, self.people)]

        async def write(connection: psycopg.AsyncConnection[Any], share: Sequence[PlainRow]) -> None:
            for row in share:
                await connection.execute(INSERT, row, prepare=True)

        count = len(self.connections)
        shares = [rows[place::count] for place in range(count)]
        return await timed(len(rows), asyncio.gather(*map(write, self.connections, shares)))

    async def ingested(self) -> Sample:
        """Write by `ingest`."""
        events = self.author.events(self.sizes.singles, self.people)
        count = len(self.connections)

        async def write(caller: int) -> None:
            for event in events[caller::count]:
                await ingest(self.engine, [event])

        return await timed(len(events), asyncio.gather(*map(write, range(count))))
