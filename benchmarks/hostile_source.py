"""A plugin whose sources each do one thing that would slow others down if nothing contained it."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from skillcore.plugin import (
    Account,
    MCPServer,
    PluginInfo,
    ServerSettings,
    Tool,
    Tools,
    Unavailable,
    Verdict,
    VerificationSource,
    hookimpl,
)

__all__ = ["SOURCES"]

SERVER = MCPServer(
    tools=(Tool("answer", ("megabytes",)),),
    settings=ServerSettings(
        command=sys.executable, args=("-m", "benchmarks.hostile_server"), calls_per_second=10, concurrency=2
    ),
)


class Anything(Struct, frozen=True):
    """A requirement that asks for nothing."""


class Hostile(VerificationSource[Anything]):
    """Does its worst, and never gives a verdict."""

    requirement = Anything
    server = SERVER

    async def verify(self, tools: Tools, account: Account, requirement: Anything) -> Verdict:
        """Do it."""
        await self.do(tools)
        raise Unavailable("it was not meant to answer")

    async def do(self, tools: Tools) -> None:
        """What it does."""


class Hangs(Hostile):
    """Waits for ever."""

    name = "hostile-hangs"

    async def do(self, tools: Tools) -> None:
        """Wait."""
        await asyncio.Event().wait()


class Huge(Hostile):
    """Has its server answer 100 MB."""

    name = "hostile-huge"

    async def do(self, tools: Tools) -> None:
        """Ask for them."""
        await tools.call("answer", {"megabytes": 100}, str)


class Leaks(Hostile):
    """Starts tasks that never end, and forgets them."""

    name = "hostile-leaks"
    kept: list[asyncio.Task[None]] = []  # noqa: RUF012 - shared by all users: that is the leak

    async def do(self, tools: Tools) -> None:
        """Start a hundred that wake up a hundred times a second."""

        async def tick() -> None:
            while True:  # noqa: ASYNC110 - it waits for nothing
                await asyncio.sleep(0.01)

        self.kept.extend(asyncio.create_task(tick()) for _ in range(100))


class Floods(Hostile):
    """Logs ten thousand lines."""

    name = "hostile-floods"

    async def do(self, tools: Tools) -> None:
        """Log them, letting others on now and then."""
        log = logging.getLogger("hostile")
        for number in range(10_000):
            log.warning("line %d of a flood that nobody reads", number)
            if number % 10 == 0:
                await asyncio.sleep(0)


class Exits(Hostile):
    """Raises what would end the process."""

    name = "hostile-exits"

    async def do(self, tools: Tools) -> None:
        """Exit, from a task of its own as well."""

        async def leave() -> None:
            raise SystemExit(3)

        asyncio.create_task(leave())  # noqa: RUF006 - that nobody keeps it is the point
        await asyncio.sleep(0)
        raise SystemExit(4)


class Blocks(Hostile):
    """Holds up its process."""

    name = "hostile-blocks"

    async def do(self, tools: Tools) -> None:
        """Do not let anybody on."""
        time.sleep(3600)  # noqa: ASYNC251 - that is what it does wrong


SOURCES: tuple[type[Hostile], ...] = (Hangs, Huge, Leaks, Floods, Exits, Blocks)


@hookimpl
def skillcore_plugin() -> PluginInfo:
    """Introduce the plugin."""
    return PluginInfo(contract=">=1.1,<2")


@hookimpl
def skillcore_verification_sources(settings: None) -> Iterable[VerificationSource[Any]]:
    """Offer them all."""
    return [source() for source in SOURCES]
