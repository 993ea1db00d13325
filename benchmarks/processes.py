"""Child processes that serve or send. Nothing heavy is imported here, so that they start quickly."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

__all__ = ["free_port", "listening", "process"]

PATIENCE = 60.0


@asynccontextmanager
async def process(
    *arguments: str, environment: Mapping[str, str] | None = None, piped: bool = False
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a Python process for the duration of the block.

    Args:
        arguments: a module and what it is given.
        environment: beside this process's own.
        piped: whether it is spoken to; otherwise nobody hears what it says.
    """
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *arguments,
        env={**os.environ, **(environment or {})},
        stdin=asyncio.subprocess.PIPE if piped else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE if piped else asyncio.subprocess.DEVNULL,
        stderr=None if piped else asyncio.subprocess.DEVNULL,
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.terminate()
            await child.wait()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def listening(child: asyncio.subprocess.Process, port: int) -> None:
    """Wait until a server listens on its port.

    Raises:
        RuntimeError: it ended.
        TimeoutError: it did not listen in time.
    """
    async with asyncio.timeout(PATIENCE):
        while True:
            if child.returncode is not None:
                message = f"a server ended before it listened, with exit code {child.returncode}"
                raise RuntimeError(message)
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
