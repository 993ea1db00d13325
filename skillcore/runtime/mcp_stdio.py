"""An MCP server as a child process: bounded lines, its stderr in our log, and no process left behind.

The SDK's own transport keeps a line however long it grows, and takes seconds to end a server that hangs. This one carries
the SDK's sessions just as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Mapping

import anyio
import mcp_types
import structlog
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client.stdio import get_default_environment
from mcp.shared.message import SessionMessage

from skillcore.plugin import ServerSettings, Unavailable
from skillcore.runtime.processes import dying_with_parent
from skillcore.runtime.resilience import Unsuitable

__all__ = ["Child", "child_streams"]

log = structlog.get_logger(__name__)

Incoming = SessionMessage | Exception
Streams = tuple[MemoryObjectReceiveStream[Incoming], MemoryObjectSendStream[SessionMessage]]

CHUNK = 65_536
LOGGED = 2_000
"""Bytes of a line of stderr that are logged."""

LAST_WORDS = 0.5
"""Seconds for the exit status to follow the end of the output."""

GRACE = 2.0
"""Seconds for a child to end by itself once its input is closed."""


class Child:
    """The process of a server, with all that it started: they share a process group.

    Attributes:
        overlong: when it wrote a line beyond the limit, which ended the session, by the loop's clock.
        output_ended: it will say nothing more.
        over: its output ended, and how it ended itself is known, unless it takes its time.
    """

    def __init__(
        self, name: str, process: asyncio.subprocess.Process, transport: asyncio.SubprocessTransport, limit: int
    ) -> None:
        self.name = name
        self.limit = limit
        self.overlong: float | None = None
        self.output_ended = asyncio.Event()
        self.over = asyncio.Event()
        self._process = process
        self._transport = transport

    @classmethod
    async def start(cls, name: str, settings: ServerSettings, limit: int) -> Child:
        """Start a server.

        Args:
            name: of the server, for messages.
            settings: with the command; its environment is a short list of harmless variables and ``env``.
            limit: bytes of one line of its output.

        Raises:
            Unsuitable: the command does not exist.
            Unavailable: it cannot be started.
        """
        environment: Mapping[str, str] = {**get_default_environment(), **settings.env}
        loop = asyncio.get_running_loop()
        try:
            # What create_subprocess_exec does, but for its keeping the transport, which alone can close the pipes.
            transport, protocol = await loop.subprocess_exec(
                lambda: asyncio.subprocess.SubprocessStreamProtocol(limit=CHUNK, loop=loop),
                settings.command,
                *settings.args,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=environment,
                start_new_session=True,
                preexec_fn=dying_with_parent(signal.SIGKILL),
            )
        except (FileNotFoundError, PermissionError) as error:
            raise Unsuitable(f"{name}: the command {settings.command!r} cannot be run: {error.strerror}") from error
        except (OSError, ValueError) as error:
            raise Unavailable(f"{name}: the command {settings.command!r} did not start: {error}") from error
        return cls(name, asyncio.subprocess.Process(transport, protocol, loop), transport, limit)

    @property
    def pid(self) -> int:
        """The process id, which is that of its group too."""
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """How it ended; negative for a signal, None while it runs."""
        return self._process.returncode

    def kill(self) -> None:
        """End it and all that it started, now."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    async def stop(self) -> None:
        """Close its input, give it a moment, end what is left, and wait until it is reaped."""
        if self._process.stdin:
            self._process.stdin.close()
        if not await self._ended(GRACE):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGTERM)
            await self._ended(GRACE)
        self.kill()
        if not await self._ended(GRACE):
            log.warning("mcp.child.unkillable", server=self.name, pid=self.pid)
        # A descendant that left the group may hold the other ends; and what is unread would keep ours open.
        self._transport.close()

    async def read_messages(self, into: MemoryObjectSendStream[Incoming]) -> None:
        """Hand on what the server writes, line by line, until its output ends or a line exceeds the limit."""
        async with into:
            try:
                async for line in self._lines():
                    if message := self._message(line):
                        with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
                            await into.send(message)
            finally:
                self.output_ended.set()
                # Those whose calls fail when the stream closes will want to say how the child ended.
                await self._ended(LAST_WORDS)
                self.over.set()

    async def write_messages(self, source: MemoryObjectReceiveStream[SessionMessage]) -> None:
        """Hand the session's messages to the server until either is gone."""
        stdin = self._process.stdin
        if stdin is None:
            raise ValueError("the child was started without a pipe")
        async with source:
            async for message in source:
                stdin.write(message.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")
                try:
                    await stdin.drain()
                except OSError:
                    return

    async def log_stderr(self) -> None:
        """Log what the server writes beside the protocol, at debug, cut to a bearable length."""
        stderr = self._process.stderr
        while stderr and (chunk := await stderr.read(CHUNK)):
            for line in chunk.splitlines():
                if line.strip():
                    log.debug("mcp.child.stderr", server=self.name, line=line[:LOGGED].decode("utf-8", "replace"))

    def _message(self, line: bytes) -> SessionMessage | None:
        try:
            return SessionMessage(mcp_types.jsonrpc_message_adapter.validate_json(line, by_name=False))
        except ValueError:
            if line.strip():
                log.debug("mcp.child.stdout", server=self.name, line=line[:LOGGED].decode("utf-8", "replace"))
            return None

    async def _lines(self) -> AsyncIterator[bytes]:
        stdout = self._process.stdout
        pending = bytearray()
        while stdout and (chunk := await stdout.read(CHUNK)):
            *ended, rest = chunk.split(b"\n")
            for part in ended:
                pending += part
                yield bytes(pending)
                pending.clear()
            pending += rest
            if len(pending) > self.limit:
                self.overlong = asyncio.get_running_loop().time()
                self.kill()
                return

    async def _ended(self, seconds: float) -> bool:
        # Process.wait() also waits until the pipes are closed, which a grandchild can put off; the status comes earlier.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._process.returncode is None:  # noqa: ASYNC110 - asyncio has no event for the status alone
                    await asyncio.sleep(0.01)
        return self._process.returncode is not None


@contextlib.asynccontextmanager
async def child_streams(child: Child) -> AsyncIterator[Streams]:
    """Carry an SDK session over a child's input and output; on leaving, the child and its descendants have ended."""
    to_session, incoming = anyio.create_memory_object_stream[Incoming](0)
    outgoing, from_session = anyio.create_memory_object_stream[SessionMessage](0)
    pumps = [
        asyncio.create_task(child.read_messages(to_session), name=f"{child.name}-stdout"),
        asyncio.create_task(child.write_messages(from_session), name=f"{child.name}-stdin"),
        asyncio.create_task(child.log_stderr(), name=f"{child.name}-stderr"),
    ]
    try:
        yield incoming, outgoing
    finally:
        stopping = asyncio.create_task(child.stop())
        try:
            await asyncio.shield(stopping)
        finally:
            child.kill()
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for stream in (to_session, incoming, outgoing, from_session):
                stream.close()
