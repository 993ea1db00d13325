"""What a storm of sign-ins costs everybody else: levels read over HTTP while hundreds try passwords at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from benchmarks.facts import populate
from benchmarks.ground import Ground, Sizes
from benchmarks.load import generator, request
from benchmarks.measuring import Leg, Report, Sample, compared
from benchmarks.servers import api, levels, platform_key

__all__ = ["measure"]

ALONE = "nobody signs in"


async def measure(ground: Ground, sizes: Sizes) -> Report:
    """Measure reads by a platform's key, with limits lifted, while so many others try wrong passwords without a pause."""
    place = ground.place("signing_in")
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(place.engine())
        people = await populate(engine, sizes.readers)
        key = await platform_key(engine, people)
        load = await stack.enter_async_context(generator())
        requests = levels(people, key, sizes.reads)
        port = await stack.enter_async_context(api(place))

        def leg(signing_in: int) -> Leg:
            async def ask() -> Sample:
                async with storm(port, signing_in):
                    return await load.send(port, requests, connections=1, status=200)

            return ask

        crowd = f"{sizes.signing_in} sign in"
        comparisons = await compared(
            {ALONE: leg(0), crowd: leg(sizes.signing_in)},
            reference=ALONE,
            unit="reads",
            rounds=sizes.rounds,
            warming=sizes.warming,
        )
    return Report(
        name="signing_in",
        measured=f"the level of {sizes.readers} people over HTTP, one at a time, while {sizes.signing_in} others try a wrong"
        " password each, again and again, over connections of their own",
        reference="the same while nobody signs in",
        comparisons=tuple(comparisons),
    )


@asynccontextmanager
async def storm(port: int, crowd: int) -> AsyncIterator[None]:
    """Have a crowd sign in for the duration of the block; every one of them has been answered once before it begins."""
    answered = [asyncio.Event() for _ in range(crowd)]
    trying = [asyncio.create_task(_try(port, number, event)) for number, event in enumerate(answered)]
    try:
        await asyncio.gather(*(event.wait() for event in answered))
        yield
    finally:
        for task in trying:
            task.cancel()
        await asyncio.gather(*trying, return_exceptions=True)


async def _try(port: int, number: int, answered: asyncio.Event) -> None:
    """Sign in with a wrong password, again and again; being refused for too many at once is an answer too."""
    body = f'{{"email": "nobody-{number}@example.org", "password": "correct horse battery staple"}}'.encode()
    message = request("POST", "/api/auth/login", body=body)
    while True:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while True:
                writer.write(message)
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
                await reader.readexactly(length)
                answered.set()
        except (asyncio.IncompleteReadError, ConnectionError):
            continue  # the server closes connections after a while
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
