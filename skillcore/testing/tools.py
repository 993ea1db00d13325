"""The real tools of a source or advisor, for a test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from skillcore.plugin import PathAdvisor, ServerSettings, VerificationSource
from skillcore.runtime.mcp import ServerSession
from skillcore.runtime.outbound import Network
from skillcore.runtime.resilience import Guard
from skillcore.runtime.settings import ResilienceSettings
from skillcore.testing.responder import under_test
from skillcore.verification.tools import KEPT, GuardedTools

__all__ = ["ONE_BY_ONE", "THIS_MACHINE", "tools_for"]

ONE_BY_ONE = ResilienceSettings(retries=0, breaker_failures=1_000_000)
"""A test sees each answer by itself: nothing is retried, and the breaker stays closed."""


THIS_MACHINE = Network(("127.0.0.0/8", "::1/128"))
"""A test's servers listen on loopback, which no address may lead to that is not allowed."""


@asynccontextmanager
async def tools_for(
    source: VerificationSource[Any] | PathAdvisor,
    settings: ServerSettings | None = None,
    resilience: ResilienceSettings | None = None,
    *,
    calls_per_second: float = 1000.0,
    kept: int = KEPT,
) -> AsyncIterator[GuardedTools]:
    """Give the tools of a source or advisor, over a real session with its server.

    Args:
        source: whose declared tools are checked against the server.
        settings: how to reach the server; the source's own without.
        resilience: time-outs, retries and breaker; without, each answer is seen by itself.
        calls_per_second: the pace, whatever the settings say.
        kept: bytes of raw answers that the tools keep.
    """
    server = msgspec.structs.replace(source.server, settings=settings or source.server.settings)
    chosen = resilience or ONE_BY_ONE
    guard = Guard(source.name, chosen, calls_per_second=calls_per_second, concurrency=server.settings.concurrency)
    with under_test(server):
        async with ServerSession(source.name, server, chosen, THIS_MACHINE) as session:
            yield GuardedTools(session, guard, kept=kept)
