"""Reading a level, in process and over HTTP, beside a bare SELECT by a primary key there."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

import psycopg

from benchmarks.facts import Author, populate
from benchmarks.ground import Ground, Sizes
from benchmarks.load import Load, generator, request
from benchmarks.measuring import Comparison, Leg, Report, Sample, compared
from benchmarks.plain_table import SELECT, make_table
from benchmarks.servers import Ports, platform_key, servers
from skillcore.accounts.access import Actor
from skillcore.insight import levels
from skillcore.ledger import ingest
from skillcore.runtime.engine import Engine

__all__ = ["measure"]

BARE = "SELECT"
BARE_HTTP = "SELECT over HTTP"
ONCE_MORE = """update snapshots s set head = k.head, upto_at = k.upto_at, upto_id = k.upto_id, states = k.states
  from kept k where k.user_id = s.user_id and k.formula = s.formula"""


async def measure(ground: Ground, sizes: Sizes) -> Report:
    """Measure each length of history, with the snapshot at the head of the stream and one event behind it."""
    place = ground.place("reading")
    make_table(place.owner)
    comparisons: list[Comparison] = []
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(place.engine())
        histories = {length: await populate(engine, sizes.readers) for length in sizes.histories}
        key = await platform_key(engine, [id_ for people in histories.values() for id_ in people])
        load = await stack.enter_async_context(generator())
        ports = await stack.enter_async_context(servers(place))
        owner = await stack.enter_async_context(await psycopg.AsyncConnection.connect(place.owner, autocommit=True))
        for length, people in histories.items():
            bench = Reading(engine, owner, load, sizes, people, key=key)
            await bench.live(length)
            comparisons += await bench.compare(length, ports)
    return Report(
        name="reading",
        measured=f"the level of {sizes.readers} people with as many events as stated, three of ten being evidence; in process"
        f" one after the other, over HTTP {sizes.readers} at a time, by a platform's key. Warm: the snapshot is at the head of"
        " the stream. Behind: one accepted work has come since, for each read anew",
        reference="SELECT of one number by primary key, prepared: in process on one connection without a transaction block;"
        " over HTTP behind Litestar and Granian with a pool, without authentication",
        comparisons=tuple(comparisons),
    )


class Reading:
    """People with histories of one length, and the ways to read of them."""

    def __init__(
        self,
        engine: Engine,
        owner: psycopg.AsyncConnection[Any],
        load: Load,
        sizes: Sizes,
        people: Sequence[UUID],
        *,
        key: str,
    ) -> None:
        self.engine = engine
        self.owner = owner
        self.load = load
        self.sizes = sizes
        self.people = people
        self.key = key
        self.actors = [Actor(kind="user", user_id=id_) for id_ in people]

    async def live(self, length: int) -> None:
        """Write the histories, and keep each snapshot as it was one event before the head."""
        author = Author()
        for person in self.people:
            written = 1  # by which the stream was opened
            while written < length - 1:
                count = min(1000, length - 1 - written)
                await ingest(self.engine, author.events(count, [person]))
                written += count
        await self.read_all()
        await self.owner.execute("drop table if exists kept")
        await self.owner.execute("create table kept as select * from snapshots where user_id = any(%s)", (list(self.people),))
        await ingest(self.engine, [author.newest(person) for person in self.people])
        await self.owner.execute("vacuum analyze")
        for person in self.people:
            await self.owner.execute("insert into plain_values values (%s, 12.5)", (person,))

    async def compare(self, length: int, ports: Ports) -> list[Comparison]:
        """Compare in process and over HTTP."""
        called = f"{length:,} events"
        inside: dict[str, Leg] = {
            BARE: lambda: self.again(self.select_all),
            f"in process, {called}, warm": lambda: self.again(self.read_all),
            f"in process, {called}, behind": lambda: self.again(self.read_all, self.fall_behind),
        }
        outside: dict[str, Leg] = {
            BARE_HTTP: lambda: self.again(lambda: self.ask(ports.reference, "/values/{}")),
            f"over HTTP, {called}, warm": lambda: self.again(lambda: self.ask(ports.api, "/api/users/{}/level")),
            f"over HTTP, {called}, behind": lambda: self.again(
                lambda: self.ask(ports.api, "/api/users/{}/level"), self.fall_behind
            ),
        }
        rounds, warming = self.sizes.rounds, self.sizes.warming
        return [
            *await compared(inside, reference=BARE, unit="reads", rounds=rounds, warming=warming),
            *await compared(outside, reference=BARE_HTTP, unit="reads", rounds=rounds, warming=warming),
        ]

    async def again(self, once: Callable[[], Awaitable[float]], before: Callable[[], Awaitable[None]] | None = None) -> Sample:
        """Read everybody's again and again; what is to be done before each time is not on the clock."""
        times = max(1, self.sizes.reads // len(self.people))
        await once()
        seconds = 0.0
        for _ in range(times):
            if before is not None:
                await before()
            seconds += await once()
        return Sample(times * len(self.people), seconds)

    async def fall_behind(self) -> None:
        """Put everybody's snapshot back to where it was one event ago."""
        await self.owner.execute(ONCE_MORE)

    async def read_all(self) -> float:
        """Read everybody's level once; returns the seconds."""
        start = time.perf_counter()
        for actor in self.actors:
            async with self.engine.transaction() as tx:
                await levels.read(tx, actor, "me", skill=None)
        return time.perf_counter() - start

    async def select_all(self) -> float:
        """Select everybody's number once."""
        start = time.perf_counter()
        for person in self.people:
            await (await self.owner.execute(SELECT, (person,), prepare=True)).fetchone()
        return time.perf_counter() - start

    async def ask(self, port: int, path: str) -> float:
        """Ask for everybody's over HTTP, at the same time."""
        requests = [request("GET", path.format(person), key=self.key) for person in self.people]
        return (await self.load.send(port, requests, connections=len(requests), status=200)).seconds
