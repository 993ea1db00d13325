"""An MCP server that answers with as much as it is asked for: ``python -m benchmarks.hostile_server``."""

from __future__ import annotations

from mcp.server.mcpserver import MCPServer

server = MCPServer("hostile", log_level="ERROR")


@server.tool()
def answer(megabytes: int) -> str:
    """Answer with so many million characters."""
    return "x" * (megabytes * 1_000_000)


if __name__ == "__main__":
    server.run("stdio")
