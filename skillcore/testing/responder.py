"""A server that speaks MCP over HTTP inside a test, as a side effect for respx.

The fixture ``mcp_server`` of `skillcore.testing.fixtures` has one ready. With the plugin ``pytest-httpx2`` alone, whose
mocker is named ``httpcore2``:

    async def test_solved(httpx2_mock):
        httpx2_mock.route(url=MCP_URL).mock(side_effect=MCPResponder(lambda tool, arguments: '[{"exercise": "loops-1"}]'))
        async with tools_for(Gym(), settings=ServerSettings(url=MCP_URL)) as tools:
            ...
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
import httpx2
import msgspec

from skillcore.plugin import MCPServer, Tool
from skillcore.testing.faults import Answer, Drop, Fault, Hang, HTTPFault, ProtocolFault, Slow

__all__ = ["MCP_URL", "Handler", "MCPResponder", "under_test"]

MCP_URL = "https://mcp.test/mcp"
"""An address that belongs to nobody."""

METHOD_NOT_FOUND = -32601

Handler = Callable[[str, dict[str, Any]], Answer | Awaitable[Answer]]
"""Called with a tool's name and arguments; returns the text of the answer, or a `Fault`, which it may also raise."""

_servers: list[MCPServer] = []


class MCPResponder:
    """Answers as an MCP server over HTTP.

    Args:
        handler: called with a tool's name and arguments. It returns the text of the answer, returns or raises a `Fault`,
            returns an ``httpx.Response`` to answer beneath the protocol, or raises an exception of ``httpx2`` to break the
            connection. It may be a coroutine function.
        tools: what the server offers; the tools of the source under test without.

    Attributes:
        calls: the tools called so far, with their arguments.
    """

    def __init__(self, handler: Handler, *, tools: tuple[Tool, ...] | None = None) -> None:
        self.handler = handler
        self.tools = tools
        self.calls: list[tuple[str, dict[str, Any]]] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        if request.method != "POST":
            return httpx.Response(405)
        message = msgspec.json.decode(request.content)
        if "id" not in message:
            return httpx.Response(202)
        method, parameters = message["method"], message.get("params", {})
        if method == "initialize":
            return _result(message, _introduction(parameters["protocolVersion"]))
        if method == "tools/list":
            return _result(message, {"tools": [_listed(tool) for tool in self._offered()]})
        if method == "tools/call":
            return await self._called(message, parameters["name"], parameters.get("arguments") or {})
        return _error(message, METHOD_NOT_FOUND, f"Method not found: {method}")

    def _offered(self) -> list[Tool]:
        if self.tools is not None:
            return list(self.tools)
        return list({tool.name: tool for server in _servers for tool in server.tools}.values())

    async def _called(self, message: Mapping[str, Any], tool: str, arguments: dict[str, Any]) -> httpx.Response:
        self.calls.append((tool, arguments))
        answer = await answered(self.handler, tool, arguments)
        if isinstance(answer, httpx.Response):
            return answer
        return await _faulty(message, answer) if isinstance(answer, Fault) else _result(message, _content(answer))


async def answered(handler: Handler, tool: str, arguments: dict[str, Any]) -> Answer:
    """Return what a handler returns, or the fault that it raises."""
    try:
        answer = handler(tool, arguments)
        return await answer if inspect.isawaitable(answer) else answer
    except Fault as fault:
        return fault


@contextmanager
def under_test(server: MCPServer) -> Iterator[None]:
    """Have responders offer a server's tools."""
    _servers.append(server)
    try:
        yield
    finally:
        _servers.remove(server)


async def _faulty(message: Mapping[str, Any], fault: Fault) -> httpx.Response:
    """Misbehave as a fault says."""
    if isinstance(fault, Hang):
        await asyncio.Event().wait()
    if isinstance(fault, Drop):
        raise httpx2.RemoteProtocolError(str(fault))
    if isinstance(fault, Slow):
        await asyncio.sleep(fault.seconds)
        return _result(message, _content(fault.text))
    if isinstance(fault, HTTPFault):
        headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
        return httpx.Response(fault.status, headers=headers, text=fault.body)
    if isinstance(fault, ProtocolFault):
        return _error(message, fault.code, str(fault))
    return _result(message, _content(str(fault), failed=True))


def _introduction(protocol: str) -> dict[str, Any]:
    return {
        "protocolVersion": protocol,
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "responder", "version": "1.0"},
    }


def _listed(tool: Tool) -> dict[str, Any]:
    return {"name": tool.name, "inputSchema": {"type": "object", "properties": {name: {} for name in tool.arguments}}}


def _content(text: str, *, failed: bool = False) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], "isError": failed}


def _result(message: Mapping[str, Any], result: dict[str, Any]) -> httpx.Response:
    return httpx.Response(200, json={"jsonrpc": "2.0", "id": message["id"], "result": result})


def _error(message: Mapping[str, Any], code: int, text: str) -> httpx.Response:
    return httpx.Response(200, json={"jsonrpc": "2.0", "id": message["id"], "error": {"code": code, "message": text}})
