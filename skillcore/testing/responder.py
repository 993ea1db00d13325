"""A server that speaks MCP over HTTP inside a test, as a side effect for respx.

With the plugin ``pytest-httpx2``, whose mocker is named ``httpcore2``:

    async def test_solved(httpx2_mock):
        httpx2_mock.route(url=MCP_URL).mock(side_effect=MCPResponder(lambda tool, arguments: '[{"exercise": "loops-1"}]'))
        async with tools_for(Gym(), settings=ServerSettings(url=MCP_URL)) as tools:
            ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
import msgspec

from skillcore.plugin import MCPServer, Tool

__all__ = ["MCP_URL", "MCPResponder", "ProtocolFault", "ToolFault", "under_test"]

MCP_URL = "https://mcp.test/mcp"
"""An address that belongs to nobody."""

SERVER_ERROR = -32603
METHOD_NOT_FOUND = -32601

Handler = Callable[[str, dict[str, Any]], str | httpx.Response]

_servers: list[MCPServer] = []


class ToolFault(Exception):
    """Raise it in a handler: the tool answers with this text and ``isError=true``."""


class ProtocolFault(Exception):
    """Raise it in a handler: the call fails with a JSON-RPC error of this text."""

    def __init__(self, text: str, code: int = SERVER_ERROR) -> None:
        super().__init__(text)
        self.code = code


class MCPResponder:
    """Answers as an MCP server over HTTP.

    Args:
        handler: called with a tool's name and arguments. It returns the text of the answer, raises `ToolFault` or
            `ProtocolFault`, returns an ``httpx.Response`` to answer beneath the protocol, or raises an exception of
            ``httpx2`` to break the connection.
        tools: what the server offers; the tools of the source under test without.

    Attributes:
        calls: the tools called so far, with their arguments.
    """

    def __init__(self, handler: Handler, *, tools: tuple[Tool, ...] | None = None) -> None:
        self.handler = handler
        self.tools = tools
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
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
            return self._called(message, parameters["name"], parameters.get("arguments") or {})
        return _error(message, METHOD_NOT_FOUND, f"Method not found: {method}")

    def _offered(self) -> list[Tool]:
        if self.tools is not None:
            return list(self.tools)
        return list({tool.name: tool for server in _servers for tool in server.tools}.values())

    def _called(self, message: Mapping[str, Any], tool: str, arguments: dict[str, Any]) -> httpx.Response:
        self.calls.append((tool, arguments))
        try:
            answer = self.handler(tool, arguments)
        except ToolFault as fault:
            return _result(message, _content(str(fault), failed=True))
        except ProtocolFault as fault:
            return _error(message, fault.code, str(fault))
        return answer if isinstance(answer, httpx.Response) else _result(message, _content(answer, failed=False))


@contextmanager
def under_test(server: MCPServer) -> Iterator[None]:
    """Have responders offer a server's tools."""
    _servers.append(server)
    try:
        yield
    finally:
        _servers.remove(server)


def _introduction(protocol: str) -> dict[str, Any]:
    return {
        "protocolVersion": protocol,
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "responder", "version": "1.0"},
    }


def _listed(tool: Tool) -> dict[str, Any]:
    return {"name": tool.name, "inputSchema": {"type": "object", "properties": {name: {} for name in tool.arguments}}}


def _content(text: str, *, failed: bool) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], "isError": failed}


def _result(message: Mapping[str, Any], result: dict[str, Any]) -> httpx.Response:
    return httpx.Response(200, json={"jsonrpc": "2.0", "id": message["id"], "result": result})


def _error(message: Mapping[str, Any], code: int, text: str) -> httpx.Response:
    return httpx.Response(200, json={"jsonrpc": "2.0", "id": message["id"], "error": {"code": code, "message": text}})
