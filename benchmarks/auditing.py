"""What it costs to note who reads of whom: levels read by a platform's key, with none, the usual share and all of it noted."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from uuid import UUID

from benchmarks.facts import Author, populate
from benchmarks.ground import Ground, Sizes
from benchmarks.load import Load, generator
from benchmarks.measuring import Comparison, Leg, Report, Sample, compared
from benchmarks.servers import api, levels, platform_key
from skillcore.ledger import ingest
from skillcore.runtime.settings import AuditSettings

__all__ = ["measure"]

SHARES = {"none noted": 0.0, "the usual share noted": AuditSettings().platform_reads, "all noted": 1.0}


async def measure(ground: Ground, sizes: Sizes) -> Report:
    """Measure with one connection and with many, each against an API process that notes nothing."""
    place = ground.place("auditing")
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(place.engine())
        people = await populate(engine, sizes.readers)
        await ingest(engine, Author().events(min(sizes.histories) * len(people), people))
        key = await platform_key(engine, people)
        load = await stack.enter_async_context(generator())
        ports = {}
        for name, share in SHARES.items():
            started = api(place, {"SKILLCORE__AUDIT__PLATFORM_READS": str(share)})
            ports[name] = await stack.enter_async_context(started)
        found: list[Comparison] = []
        for connections in (1, sizes.connections):
            bench = Auditing(load, people, key=key, count=sizes.reads, connections=connections)
            legs = {f"{name}, {connections} at a time": bench.leg(port) for name, port in ports.items()}
            found += await compared(legs, reference=next(iter(legs)), unit="reads", rounds=sizes.rounds, warming=sizes.warming)
    return Report(
        name="auditing",
        measured="levels over HTTP by a platform's key, of which each is noted, or the share that is by default; the answer"
        " waits until the entry is durable, and entries of requests at the same time are appended together",
        reference="the same with nothing noted",
        comparisons=tuple(found),
    )


class Auditing:
    """Reads everybody's level again and again."""

    def __init__(self, load: Load, people: Sequence[UUID], *, key: str, count: int, connections: int) -> None:
        self.load = load
        self.requests = levels(people, key, count)
        self.connections = connections

    def leg(self, port: int) -> Leg:
        """Return the reading from one API process."""

        async def run() -> Sample:
            sent = await self.load.send(port, self.requests, connections=self.connections, status=200)
            return Sample(len(self.requests), sent.seconds)

        return run
