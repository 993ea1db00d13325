"""The HTTP server inside a process: it answers what is in flight, and no longer than the grace period."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from skillcore.runtime.http import AddressInUse, free_port, resolve, serve

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Slow:
    """Answers when it is let."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.go = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            for moment in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{moment}.complete"})
            return
        self.asked.set()
        await self.go.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
        await send({"type": "http.response.body", "body": b"done"})


@asynccontextmanager
async def asking(app: Slow, grace: float) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.Event, asyncio.Task[None]]]:
    port = free_port("127.0.0.1", 0)
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(app, host="127.0.0.1", port=port, grace=grace, stop=stop))
    async with asyncio.timeout(20):
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                break
            except ConnectionRefusedError:
                await asyncio.sleep(0.01)
        writer.write(b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
        await app.asked.wait()
        try:
            yield reader, stop, serving
        finally:
            writer.close()
            app.go.set()
            stop.set()
            await serving


async def test_a_request_in_flight_is_answered() -> None:
    app = Slow()
    async with asking(app, grace=10) as (reader, stop, serving):
        stop.set()
        await asyncio.sleep(0.2)
        assert not serving.done()
        app.go.set()
        assert (await reader.read()).endswith(b"done")
        await serving


async def test_a_request_that_takes_longer_is_cut() -> None:
    app = Slow()
    async with asking(app, grace=0.2) as (_, stop, serving):
        stop.set()
        await serving
        assert not app.go.is_set()


def test_a_port_in_use_is_refused_and_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressInUse, match=str(port)):
            free_port("127.0.0.1", port)
    assert free_port("127.0.0.1", port) == port


def test_names_become_addresses() -> None:
    assert resolve("localhost", 80) in {"127.0.0.1", "::1"}
    with pytest.raises(AddressInUse, match=r"server\.host"):
        resolve("no such host", 80)


class Large:
    """Answers at once, with more than fits the buffers on the way."""

    SIZE = 30_000_000

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            for moment in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{moment}.complete"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x" * self.SIZE})


@asynccontextmanager
async def served(app: Any, **options: Any) -> AsyncIterator[int]:
    port, stop = free_port("127.0.0.1", 0), asyncio.Event()
    serving = asyncio.create_task(serve(app, host="127.0.0.1", port=port, grace=1, stop=stop, **options))
    async with asyncio.timeout(60):
        while True:
            try:
                (await asyncio.open_connection("127.0.0.1", port))[1].close()
                break
            except ConnectionRefusedError:
                await asyncio.sleep(0.01)
        yield port
        stop.set()
        await serving


async def taken(port: int, pause: float) -> int:
    """Ask for everything, take nothing for a while, and return how much came in the end."""
    loop = asyncio.get_running_loop()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        await loop.sock_connect(client, ("127.0.0.1", port))
        await loop.sock_sendall(client, b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
        await asyncio.sleep(pause)
        count = 0
        try:
            while part := await loop.sock_recv(client, 1_000_000):
                count += len(part)
        except ConnectionResetError:
            pass
        return count


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="this system cannot end such connections")
async def test_whoever_takes_nothing_is_not_waited_for() -> None:
    async with served(Large(), unread=0.5) as port:
        assert await taken(port, 0) > Large.SIZE
        assert await taken(port, 3) < Large.SIZE


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHo", b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"])
async def test_headers_are_not_waited_for_long(sent: bytes) -> None:
    """Those of the first request, or of the one that would come next."""
    app = Slow()
    app.go.set()
    async with served(app, headers_within=0.5) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        said = await asyncio.wait_for(reader.read(), 20)
        assert said.endswith(b"done") == sent.endswith(b"\r\n\r\n")
        writer.close()
