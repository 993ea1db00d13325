"""The load generator: a process of its own that sends prepared requests over connections that stay open.

It reads jobs from standard input and answers each with what came back, in MessagePack after four bytes of length. It knows
just enough HTTP/1.1 to be much faster than what it measures; `ceiling` says by how much.
"""

from __future__ import annotations

import asyncio
import struct
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
import uvloop
from msgspec import Struct

from benchmarks.measuring import Sample
from benchmarks.processes import free_port, listening, process

__all__ = ["Load", "ceiling", "generator", "request"]

LENGTH = struct.Struct(">I")
HEADERS_END = b"\r\n\r\n"
BODY_LENGTH = b"\r\ncontent-length: "


class Job(Struct, frozen=True):
    """What to send: the requests are spread over the connections, on each of which one follows the other's answer."""

    port: int
    connections: int
    requests: list[bytes]


class Result(Struct, frozen=True):
    """How long it took from the first request to the last answer, and how often each status came."""

    seconds: float
    statuses: dict[int, int]


class Load:
    """The generator as seen from the process that measures."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self._child = child

    async def send(self, port: int, requests: Sequence[bytes], *, connections: int, status: int) -> Sample:
        """Send requests to a server of this machine.

        Raises:
            RuntimeError: an answer had another status; then nothing was measured.
        """
        if self._child.stdin is None or self._child.stdout is None:
            raise RuntimeError("the generator has no pipes")
        job = msgspec.msgpack.encode(Job(port, connections, list(requests)))
        self._child.stdin.write(LENGTH.pack(len(job)) + job)
        (length,) = LENGTH.unpack(await self._child.stdout.readexactly(LENGTH.size))
        result = msgspec.msgpack.decode(await self._child.stdout.readexactly(length), type=Result)
        if set(result.statuses) != {status}:
            message = f"answers had these statuses, instead of {status} alone: {result.statuses}"
            raise RuntimeError(message)
        return Sample(len(requests), result.seconds)


@asynccontextmanager
async def generator() -> AsyncIterator[Load]:
    """Run a generator for the duration of the block."""
    async with process("benchmarks.load", piped=True) as child:
        yield Load(child)


async def ceiling(load: Load, requests: Sequence[bytes], *, connections: int) -> Sample:
    """Return how fast the generator is with a server that only sends a fixed answer."""
    port = free_port()
    async with process("benchmarks.fixed_answer", str(port)) as server:
        await listening(server, port)
        return await load.send(port, requests, connections=connections, status=200)


def request(method: str, path: str, *, key: str | None = None, body: bytes = b"") -> bytes:
    """Return a request as it goes over the wire."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    if key is not None:
        head += f"Authorization: Bearer {key}\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests: list[bytes] = []
        self._received = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection; asyncio calls this."""
        self._transport = transport  # type: ignore[assignment] # a stream's transport is one for writing too

    def begin(self, requests: Sequence[bytes]) -> None:
        """Send the first request."""
        self._requests = list(reversed(requests))
        self._next()

    def data_received(self, data: bytes) -> None:
        """Take what came; asyncio calls this."""
        self._received += data
        end = self._received.find(HEADERS_END)
        if end < 0:
            return
        head = self._received[:end].lower() + b"\r\n"
        place = head.find(BODY_LENGTH)
        if place < 0:
            self.connection_lost(ValueError("an answer without a Content-Length"))
            return
        place += len(BODY_LENGTH)
        if len(self._received) < end + len(HEADERS_END) + int(head[place : head.index(b"\r", place)]):
            return
        self.statuses[int(head[9:12])] += 1
        self._received = b""
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        """End with an error what is not done; asyncio calls this."""
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server closed the connection"))

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()

    def _next(self) -> None:
        if self._requests and self._transport is not None:
            self._transport.write(self._requests.pop())
        else:
            self.done.set_result(None)


async def work(job: Job) -> Result:
    """Do a job."""
    loop = asyncio.get_running_loop()
    clients = [(await loop.create_connection(Client, "127.0.0.1", job.port))[1] for _ in range(job.connections)]
    start = time.perf_counter()
    for place, client in enumerate(clients):
        client.begin(job.requests[place :: job.connections])
    await asyncio.gather(*(client.done for client in clients))
    seconds = time.perf_counter() - start
    for client in clients:
        client.close()
    return Result(seconds, dict(sum((client.statuses for client in clients), Counter())))


def serve_jobs() -> None:
    """Do jobs until standard input ends."""
    while length := sys.stdin.buffer.read(LENGTH.size):
        job = msgspec.msgpack.decode(sys.stdin.buffer.read(*LENGTH.unpack(length)), type=Job)
        answer = msgspec.msgpack.encode(uvloop.run(work(job)))
        sys.stdout.buffer.write(LENGTH.pack(len(answer)) + answer)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    serve_jobs()
