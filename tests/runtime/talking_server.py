"""A small MCP server over standard input and output that misbehaves on request: ``python talking_server.py [trouble]``."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("talking", version="2.5", log_level="CRITICAL")
started: list[subprocess.Popen[bytes]] = []


@server.tool(structured_output=False)
def say(text: str) -> str:
    return text


@server.tool(structured_output=False)
def process() -> str:
    return str(os.getpid())


@server.tool(structured_output=False)
def variable(name: str) -> str:
    return os.environ.get(name, "")


@server.tool(structured_output=False)
def start_another() -> str:
    started.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], stdin=subprocess.DEVNULL))
    return str(started[-1].pid)


@server.tool(structured_output=False)
def fail(text: str) -> str:
    raise ToolError(text)


@server.tool(structured_output=False)
def repeat(text: str, times: int) -> str:
    return text * times


@server.tool(structured_output=False)
def write_line(text: str, times: int) -> str:
    """Write a line that is no MCP among the messages."""
    os.write(1, f"{text * times}\n".encode())
    return "written"


@server.tool(structured_output=False)
def complain(text: str) -> str:
    print(text, file=sys.stderr, flush=True)
    return "complained"


@server.tool(structured_output=False)
def hang() -> str:
    """Block the whole process, as a server does that waits in its only thread."""
    time.sleep(600)
    return "late"


@server.tool(structured_output=False)
def die() -> str:
    os._exit(3)


if __name__ == "__main__":
    trouble = sys.argv[1] if len(sys.argv) > 1 else ""
    if trouble == "die":
        sys.exit("cannot start")
    if trouble == "hang":
        time.sleep(600)
    server.run("stdio")
