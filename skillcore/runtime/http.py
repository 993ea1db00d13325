"""Serves an ASGI application with Granian inside this process, and stops it gracefully."""

from __future__ import annotations

import asyncio
import signal
import socket
from typing import Any

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

__all__ = ["AddressInUse", "free_port", "resolve", "serve", "stop_requested"]

LAST_ANSWERS = 0.1
BACKLOG = 1024


class AddressInUse(Exception):
    """The address cannot be listened on; the message says why and what to do."""


def stop_requested() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    return stop


async def serve(app: Any, *, host: str, port: int, grace: float, stop: asyncio.Event) -> None:
    """Serve until asked to stop; requests in flight get the grace period, and are cut after it.

    Args:
        app: an ASGI application.
        host: a name or an address.
        port: of the address.
        grace: seconds.
        stop: set by whoever wants it to stop.

    Raises:
        Exception: whatever kept the server from starting.
    """
    server: Any = Server(
        app,
        address=resolve(host, port),
        port=port,
        interface=Interfaces.ASGI,
        backlog=BACKLOG,
        log_enabled=False,
        log_level=LogLevels.critical,
    )
    serving = asyncio.create_task(server.serve(), name="http")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        stopping.cancel()
        serving.result()
        raise RuntimeError("the HTTP server ended by itself")
    await asyncio.sleep(LAST_ANSWERS)  # connections that are on their way are accepted still
    server.stop()
    _, late = await asyncio.wait({serving}, timeout=grace)
    if late:
        serving.cancel()
        await asyncio.wait({serving}, timeout=1)


def resolve(host: str, port: int) -> str:
    """Return the address of a host name.

    Raises:
        AddressInUse: the name has none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise AddressInUse(
            f"server.host {host!r} has no address ({error.strerror}): give a name or address of this machine"
        ) from error
    return str(found[0][4][0])


def free_port(host: str, port: int) -> int:
    """Return the port if it can be listened on; a free one for port 0.

    Granian lets several processes share a port, so two services would each answer some requests unless this is asked first.

    Raises:
        AddressInUse: it cannot.
    """
    address = resolve(host, port)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen(1)
        except OSError as error:
            raise AddressInUse(
                f"cannot listen on {host} port {port} ({error.strerror}): stop what does, or set server.port"
            ) from error
        return int(probe.getsockname()[1])
