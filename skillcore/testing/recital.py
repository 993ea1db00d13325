"""The tools of a source without any server: a function gives the texts, and the engine's own tools judge them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import httpx
import msgspec

from skillcore.plugin import MCPServer, ServerSettings, Unavailable
from skillcore.runtime import mcp_http
from skillcore.runtime.mcp import ServerSession
from skillcore.runtime.mcp_answers import Answer as ServerAnswer
from skillcore.runtime.outbound import Network
from skillcore.runtime.resilience import Guard
from skillcore.runtime.settings import ResilienceSettings
from skillcore.testing.faults import Answer, Drop, Fault, Hang, HTTPFault, Slow
from skillcore.testing.responder import Handler, answered
from skillcore.testing.tools import ONE_BY_ONE
from skillcore.verification.tools import KEPT, GuardedTools

__all__ = ["Recital"]

T = TypeVar("T")


class Recital(GuardedTools):
    """A source's tools over answers that a function gives: much faster than a session, and otherwise the same.

    Args:
        handler: called with a tool's name and arguments; see `skillcore.testing.MCPResponder`.
        name: of the source, for messages.
        resilience: time-outs, and with retries the whole guard; without, each answer is seen by itself.

    Attributes:
        calls: the tools called so far, with their arguments.
    """

    def __init__(
        self, handler: Handler, *, name: str = "recital", resilience: ResilienceSettings = ONE_BY_ONE, kept: int = KEPT
    ) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        guard = Guard(name, resilience) if resilience.retries else _Once(name, resilience)
        super().__init__(_Recited(name, handler, self.calls, resilience), guard, kept=kept)


class _Once(Guard):
    """Makes each call once. Where nothing is retried, that is all a guard with a breaker that stays closed does."""

    async def call(self, attempt: Callable[[], Awaitable[T]]) -> T:
        return await attempt()


class _Recited(ServerSession):
    """A session that asks a function instead of a server."""

    def __init__(
        self, name: str, handler: Handler, calls: list[tuple[str, dict[str, Any]]], resilience: ResilienceSettings
    ) -> None:
        super().__init__(name, MCPServer(tools=(), settings=ServerSettings()), resilience, Network())
        self._handler = handler
        self._calls = calls

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> ServerAnswer:
        # As on the wire: the handler sees what JSON makes of the arguments, and can change nothing of the source's.
        sent: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(arguments))
        self._calls.append((tool, dict(sent)))
        try:
            async with asyncio.timeout(self.resilience.call_timeout):
                answer = await self._meant(await answered(self._handler, tool, sent))
        except TimeoutError as error:
            raise Unavailable(f"{self.name} did not answer within {self.resilience.call_timeout:g} s", hung=True) from error
        if len(answer.text.encode("utf-8", "replace")) > self.resilience.result_limit:
            raise Unavailable(f"{self.name} answered {tool} with more than {self.resilience.result_limit} bytes")
        return answer

    async def _meant(self, answer: Answer) -> ServerAnswer:
        """Return the answer as a session gives it, or do what the fault says."""
        if isinstance(answer, str):
            return ServerAnswer(answer)
        if isinstance(answer, httpx.Response):
            answer = HTTPFault(answer.status_code, body=answer.text)
        if isinstance(answer, Hang):
            await asyncio.Event().wait()
        if isinstance(answer, Drop):
            raise Unavailable(f"{self.name}: {answer}")
        if isinstance(answer, Slow):
            await asyncio.sleep(answer.seconds)
            return ServerAnswer(answer.text)
        if isinstance(answer, HTTPFault):
            raise mcp_http.judged(self.name, _fault(answer), in_session=True)
        return ServerAnswer(str(answer), failed=isinstance(answer, Fault))


def _fault(fault: HTTPFault) -> mcp_http.Fault:
    return mcp_http.Fault(
        reason=f"answered HTTP {fault.status}", status=fault.status, retry_after=fault.retry_after, by_gateway="<" in fault.body
    )
