"""`POST /api/events`, beside a bare INSERT behind the same kind of server."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from benchmarks.facts import Author, populate
from benchmarks.ground import Ground, Sizes
from benchmarks.load import Load, ceiling, generator, request
from benchmarks.measuring import Leg, Report, Sample, compared
from benchmarks.plain_table import make_table
from benchmarks.servers import platform_key, servers

__all__ = ["measure"]

REFERENCE = "INSERT over HTTP"


async def measure(ground: Ground, sizes: Sizes) -> Report:
    """Measure single events over HTTP."""
    place = ground.place("posting")
    make_table(place.owner)
    async with place.engine() as engine:
        people = await populate(engine, sizes.people)
        key = await platform_key(engine, people)
    async with generator() as load, servers(place) as ports:
        bench = Posting(load, sizes, people, key)
        legs: dict[str, Leg] = {
            REFERENCE: lambda: bench.sent(ports.reference, "/insert"),
            "POST /api/events": lambda: bench.sent(ports.api, "/api/events"),
        }
        comparisons = await compared(legs, reference=REFERENCE, unit="requests", rounds=sizes.rounds, warming=sizes.warming)
        most = await ceiling(load, bench.requests("/insert"), connections=sizes.connections)
    return Report(
        name="posting",
        measured=f"one event a request over {sizes.connections} connections, by a platform's key for {sizes.people:,} members;"
        " with authentication, the look-up of the member, checks, a signal and durability",
        reference="Litestar under Granian with one worker as the service has it, the same bodies decoded into a Struct, one"
        " prepared INSERT and commit on a pooled connection; no authentication, no look-up",
        comparisons=comparisons,
        notes=(f"the generator alone reaches {most.rate:,.0f} requests/s with a server that only sends a fixed answer",),
    )


class Posting:
    """Both legs, which differ in where they send the same bodies."""

    def __init__(self, load: Load, sizes: Sizes, people: Sequence[UUID], key: str) -> None:
        self.load = load
        self.sizes = sizes
        self.people = people
        self.key = key
        self.author = Author()

    def requests(self, path: str) -> list[bytes]:
        """Return requests with new events."""
        return [request("POST", path, key=self.key, body=self.body()) for _ in range(self.sizes.requests)]

    def body(self) -> bytes:
        """Return a new event as it is sent."""
        event = self.author.reported(self.author.random.choice(self.people))
        return msgspec.json.encode(
            {
                "user": event.user_id,
                "kind": event.kind,
                "data": event.data,
                "subject": event.subject_id,
                "skills": event.skills,
                "occurred_at": event.occurred_at,
            }
        )

    async def sent(self, port: int, path: str) -> Sample:
        """Send them."""
        return await self.load.send(port, self.requests(path), connections=self.sizes.connections, status=201)
