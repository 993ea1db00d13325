"""Verifications through the pipeline, beside calls straight at the same MCP server with the SDK's client."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable

from mcp import Client, StdioServerParameters

from benchmarks.ground import Ground, Sizes
from benchmarks.measuring import Comparison, Leg, Report, Sample, compared, timed
from skillcore.plugin import Account, Verified
from skillcore.plugin.manager import Plugins
from skillcore.runtime.settings import Settings
from skillcore.verification.sources import Sources, parse_requirement

__all__ = ["measure"]

SERVER = "skillcore_practice.server"
HANDLE = "practice-3"
"""Has solved so few exercises that they stand on one page: a verification is one call."""

EXERCISE = "python-variables-3"
CONCURRENCY = (1, 16)


async def measure(ground: Ground, sizes: Sizes) -> Report:
    """Measure one verification after the other, and many at once. No database takes part."""
    section = {
        "enabled": True,
        "server": {
            "command": sys.executable,
            "args": ["-m", SERVER],
            "calls_per_second": 1000,
            "concurrency": max(CONCURRENCY),
        },
    }
    plugins = Plugins.load(allow=("defaults", "practice"), strict=True, sections={"practice": section})
    requirement = parse_requirement(plugins, "practice", {"exercise": EXERCISE})
    account = Account("practice", HANDLE)
    comparisons: list[Comparison] = []
    parameters = StdioServerParameters(command=sys.executable, args=["-m", SERVER])
    async with Sources(plugins, Settings()) as sources, Client(parameters, cache=None) as client:

        async def verify() -> None:
            outcome = await sources.verify("practice", account, requirement)
            if not isinstance(outcome.verdict, Verified):
                message = f"the practice source found {outcome.verdict}"
                raise TypeError(message)

        async def call() -> None:
            await client.call_tool("list_exercises", {"handle": HANDLE, "offset": 0})

        for callers in CONCURRENCY:
            reference = f"calls, {callers} at a time"
            legs: dict[str, Leg] = {
                reference: lambda callers=callers: spread(call, sizes.verifications, callers),  # type: ignore[misc]
                f"verifications, {callers} at a time": lambda callers=callers: spread(verify, sizes.verifications, callers),  # type: ignore[misc]
            }
            comparisons += await compared(
                legs, reference=reference, unit="verifications", rounds=sizes.rounds, warming=sizes.warming
            )
    return Report(
        name="verifying",
        measured="`Sources.verify` with the practice source, whose server is a child process spoken to over stdio: pace,"
        " breaker, time-outs, strict decoding, verdict, digest of the answer; one tool call each",
        reference="the same tool call with the SDK's client on a server of its own, its answer not looked at",
        comparisons=tuple(comparisons),
        notes=("a verification is paced at 1,000 calls/s here; the practice source's own pace is 50",),
    )


async def spread(what: Callable[[], Awaitable[None]], count: int, callers: int) -> Sample:
    """Do a thing so many times, by several callers at once."""

    async def one() -> None:
        for _ in range(count // callers):
            await what()

    return await timed(count // callers * callers, asyncio.gather(*(one() for _ in range(callers))))
