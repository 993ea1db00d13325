"""An MCP server in memory that says what a test wants and fails as a test wants, behind the whole of the engine's guard."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from skillcore.plugin import PathAdvisor, ServerSettings, VerificationSource
from skillcore.runtime.settings import ResilienceSettings
from skillcore.testing.faults import Answer, Fault, ToolFault
from skillcore.testing.responder import MCP_URL
from skillcore.testing.tools import tools_for
from skillcore.verification.tools import GuardedTools

__all__ = ["ScriptedServer"]

Script = Answer | Callable[[dict[str, Any]], Answer]


class ScriptedServer:
    """Answers as scripted; the fixture ``mcp_server`` has it reached at `MCP_URL`.

    Attributes:
        calls: the tools called so far, with their arguments.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._scripts: dict[str, Script] = {}
        self._faults: list[tuple[Answer, str | None]] = []
        self._lasting: tuple[Answer, str | None] | None = None

    def answer(self, tool: str, script: Script) -> None:
        """Have a tool answer with a text or a fault, always or as a function of the call's arguments says."""
        self._scripts[tool] = script

    def fail(self, fault: Answer, *, tool: str | None = None, times: int | None = None) -> None:
        """Strike calls with a fault, or with a text that is no answer, such as `HTML_PAGE`.

        Args:
            fault: what comes instead of the answer.
            tool: strike calls of this tool alone.
            times: so many calls; until `recover` without.
        """
        if times is None:
            self._lasting = (fault, tool)
        else:
            self._faults += [(fault, tool)] * times

    def recover(self) -> None:
        """Lift all faults."""
        self._faults.clear()
        self._lasting = None

    @asynccontextmanager
    async def tools(
        self, source: VerificationSource[Any] | PathAdvisor, resilience: ResilienceSettings | None = None
    ) -> AsyncIterator[GuardedTools]:
        """Give the tools of a source or advisor, over a session with this server; see `tools_for`."""
        async with tools_for(source, settings=ServerSettings(url=MCP_URL), resilience=resilience) as tools:
            yield tools

    def __call__(self, tool: str, arguments: dict[str, Any]) -> Answer:
        """Answer a call; for `MCPResponder` and `Recital`."""
        self.calls.append((tool, arguments))
        for place, (fault, struck) in enumerate(self._faults):
            if struck in {None, tool}:
                del self._faults[place]
                return fault
        if self._lasting and self._lasting[1] in {None, tool}:
            return self._lasting[0]
        script = self._scripts.get(tool)
        if script is None:
            return ToolFault(f"Unknown tool: {tool}")
        return script if isinstance(script, Fault) or not callable(script) else script(arguments)
