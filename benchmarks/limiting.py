"""What counting requests costs: the level of people over HTTP from a process that counts, beside one that does not."""

from __future__ import annotations

from contextlib import AsyncExitStack

from benchmarks.facts import populate
from benchmarks.ground import Ground, Sizes
from benchmarks.load import generator
from benchmarks.measuring import Leg, Report, Sample, compared
from benchmarks.servers import api, levels, platform_key

__all__ = ["measure"]

UNCOUNTED = "limits lifted"
PLENTY = '{"requests": 100000000, "seconds": 1, "burst": 100000000}'
"""So much that nothing is refused; it is counted all the same."""


async def measure(ground: Ground, sizes: Sizes) -> Report:
    """Measure reads by one platform's key, all of which spend from one bucket."""
    place = ground.place("limiting")
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(place.engine())
        people = await populate(engine, sizes.readers)
        key = await platform_key(engine, people)
        load = await stack.enter_async_context(generator())
        requests = levels(people, key, sizes.reads)
        plenty = {"SKILLCORE__LIMITS__KEY": PLENTY, "SKILLCORE__LIMITS__KEY__REQUESTS": "100000000"}
        uncounted = await stack.enter_async_context(api(place))
        counted = await stack.enter_async_context(api(place, plenty))

        def leg(port: int, connections: int) -> Leg:
            async def ask() -> Sample:
                return await load.send(port, requests, connections=connections, status=200)

            return ask

        comparisons = [
            comparison
            for connections in (1, sizes.connections)
            for comparison in await compared(
                {
                    UNCOUNTED: leg(uncounted, connections),
                    f"counted, {connections} at a time": leg(counted, connections),
                },
                reference=UNCOUNTED,
                unit="reads",
                rounds=sizes.rounds,
                warming=sizes.warming,
            )
        ]
    return Report(
        name="limiting",
        measured=f"the level of {sizes.readers} people over HTTP by a platform's key whose limit is never used up: one"
        " statement in the database beside the one that reads, on the same row for all requests",
        reference="the same process with all limits lifted",
        comparisons=tuple(comparisons),
    )
