"""A small MCP server over standard input and output that misbehaves on request: ``python talking_server.py [trouble]``.

It speaks the protocol by itself, one message after the other: importing the SDK takes longer than most tests that start it.
"""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

TOOLS: dict[str, Callable[..., str]] = {}
NO_METHOD = -32601
started: list[subprocess.Popen[bytes]] = []


class ToolError(Exception):
    """A tool fails with these words."""


def tool(function: Callable[..., str]) -> Callable[..., str]:
    TOOLS[function.__name__] = function
    return function


@tool
def say(text: str) -> str:
    return text


@tool
def process() -> str:
    return str(os.getpid())


@tool
def variable(name: str) -> str:
    return os.environ.get(name, "")


@tool
def start_another() -> str:
    started.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], stdin=subprocess.DEVNULL))
    return str(started[-1].pid)


@tool
def fail(text: str) -> str:
    raise ToolError(text)


@tool
def repeat(text: str, times: int) -> str:
    return text * times


@tool
def write_line(text: str, times: int) -> str:
    """Write a line that is no MCP among the messages."""
    os.write(1, f"{text * times}\n".encode())
    return "written"


@tool
def complain(text: str) -> str:
    print(text, file=sys.stderr, flush=True)
    return "complained"


@tool
def hang() -> str:
    """Block the whole process, as a server does that waits in its only thread."""
    time.sleep(600)
    return "late"


@tool
def die() -> str:
    os._exit(3)


def described(name: str, function: Callable[..., str]) -> dict[str, Any]:
    kinds = {"str": "string", "int": "integer"}
    properties = {key: {"type": kinds[value.annotation]} for key, value in inspect.signature(function).parameters.items()}
    return {"name": name, "inputSchema": {"type": "object", "properties": properties, "required": [*properties]}}


def called(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    try:
        text, failed = TOOLS[name](**arguments), False
    except ToolError as error:
        text, failed = str(error), True
    return {"content": [{"type": "text", "text": text}], "isError": failed}


def answered(method: str, parameters: dict[str, Any]) -> dict[str, Any] | None:
    """Return the result of a request; None if there is no such method."""
    match method:
        case "initialize":
            information = {"name": "talking", "version": "2.5"}
            version = parameters["protocolVersion"]
            return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": information}
        case "tools/list":
            return {"tools": [described(name, function) for name, function in TOOLS.items()]}
        case "tools/call":
            return called(parameters["name"], parameters.get("arguments") or {})
        case _:
            return None


def serve() -> None:
    for line in sys.stdin.buffer:
        request = json.loads(line)
        if "id" not in request:
            continue
        result = answered(request["method"], request.get("params") or {})
        error = {"code": NO_METHOD, "message": "Method not found"}
        answer = {"jsonrpc": "2.0", "id": request["id"], **({"error": error} if result is None else {"result": result})}
        sys.stdout.buffer.write(json.dumps(answer, ensure_ascii=False).encode() + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    trouble = sys.argv[1] if len(sys.argv) > 1 else ""
    if trouble == "die":
        sys.exit("cannot start")
    if trouble == "hang":
        time.sleep(600)
    serve()
