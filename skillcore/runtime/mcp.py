"""Sessions with MCP servers: opened when first needed, shared by all callers, reopened when they die, bounded in every way.

A session belongs to the task that opened it, since only that task may close it; callers only call. A tool's answer comes
back as text with the server's own word on whether the call failed; what the text means is for others to say.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import mcp_types
import structlog
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from msgspec import json
from pydantic import ValidationError

from skillcore.plugin import MCPServer, SourceError, Tool, Unavailable
from skillcore.runtime.mcp_answers import Answer, ServerReport
from skillcore.runtime.mcp_http import FAULT, SessionLost, fault_of, http_client, judged
from skillcore.runtime.mcp_stdio import Child, child_streams
from skillcore.runtime.outbound import Network
from skillcore.runtime.resilience import Overlong, Unsuitable
from skillcore.runtime.settings import ResilienceSettings

__all__ = ["ServerSession"]

T = TypeVar("T")

log = structlog.get_logger(__name__)

WIRE_FACTOR = 4
"""Bytes on the wire for a byte of text: it is escaped inside JSON, and many servers send it twice."""

TOOL_PAGES = 20
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 10.0
FIRST_REST = 10.0
LONGEST_REST = 60.0
"""Seconds that a server is left alone after an answer too long to be read to its end: a start, and as much again, is dear."""

CLOSING = 10.0
"""Seconds that closing a session may take before it is abandoned."""


class ServerSession:
    """The session with one server. Use as an asynchronous context manager, or call `aclose`.

    Args:
        name: of the source, for messages.
        server: what the plugin declares; a URL wins over a command.
        resilience: time-outs and the limit on answers.
        network: where its server may be, if it is a remote one.
    """

    def __init__(self, name: str, server: MCPServer, resilience: ResilienceSettings, network: Network) -> None:
        self.name = name
        self.server = server
        self.resilience = resilience
        self.network = network
        self._connection: _Connection | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._failures = 0
        self._rest_until = 0.0
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    @property
    def pid(self) -> int | None:
        """The process id of the server, if it is a child that runs."""
        connection = self._connection
        return connection.child.pid if connection and connection.child and not connection.over else None

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> Answer:
        """Call a tool, opening the session if there is none.

        Raises:
            Unavailable: no answer, or none that may be used.
            Refused: the server does not accept our credentials.
        """
        limit = self.resilience.result_limit

        async def ask(connection: _Connection) -> Answer:
            if problem := connection.report.problems.get(tool):
                raise Unsuitable(f"{self.name}: {problem}")
            return await connection.call(tool, arguments)

        answer = await self._ask(ask)
        if len(answer.text) > limit or len(answer.text.encode("utf-8", "replace")) > limit:
            raise Overlong(f"{self.name} answered {tool} with more than {limit} bytes (resilience.result_limit)")
        return answer

    async def check(self) -> ServerReport:
        """Ask the server for its tools, opening the session if there is none.

        Raises:
            SourceError: as for `call`.
        """
        return await self._ask(lambda connection: connection.examine())

    async def aclose(self) -> None:
        """Close the session; its child process, if any, has ended then."""
        self._closed = True
        if connection := self._connection:
            connection.stop.set()
            if connection.task and not connection.ready.done():
                connection.task.cancel()
        if self._ending:
            _, stuck = await asyncio.wait(self._ending, timeout=CLOSING)
            for task in stuck:
                task.cancel()
            if stuck:
                await asyncio.wait(stuck, timeout=CLOSING)

    async def _ask(self, ask: Callable[[_Connection], Awaitable[T]]) -> T:
        connection = await self._connected()
        try:
            result = await self._ask_by(connection, ask)
        except SessionLost:
            self._leave(connection)
            result = await self._ask_by(await self._connected(), ask)
        self._failures = 0
        return result

    async def _ask_by(self, connection: _Connection, ask: Callable[[_Connection], Awaitable[T]]) -> T:
        connection.calls += 1
        try:
            async with self._judging(connection):
                return await ask(connection)
        finally:
            connection.calls -= 1
            if connection.left and not connection.calls:
                connection.stop.set()

    @contextlib.asynccontextmanager
    async def _judging(self, connection: _Connection) -> AsyncIterator[None]:
        """Bound what is asked of a connection in time, and turn what goes wrong into the error that it means."""
        seconds = self.resilience.call_timeout
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError as error:
            raise self._hung(connection) from error
        except MCPError as error:
            if error.code == mcp_types.REQUEST_TIMEOUT:
                raise self._hung(connection) from error
            raise self._judged(connection, error) from error
        except (ValidationError, RuntimeError, ValueError, RecursionError) as error:
            # The SDK's words for an answer that is none, or that contradicts the tool's own schema.
            raise Unavailable(f"{self.name} gave an answer that is not valid MCP: {_first_line(error)}") from error
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task and task.cancelling():
                raise
            # Nobody cancelled us: the session died under the call.
            raise Unavailable(f"{self.name}: the session ended during the call") from error

    def _judged(self, connection: _Connection, error: MCPError) -> SourceError:
        fault = fault_of(error.data) if error.code == FAULT else None
        if fault:
            return judged(self.name, fault, in_session=True)
        if connection.child and connection.child.overlong is not None:
            return Overlong(f"{self.name} answered with more than {connection.child.limit} bytes")
        if error.code == mcp_types.CONNECTION_CLOSED and connection.child:
            return Unavailable(f"{self.name}: {_ended(connection.child)} during the call")
        return Unavailable(f"{self.name}: {error.message}")

    def _hung(self, connection: _Connection) -> Unavailable:
        # A child that did not answer one call may answer none any more: it is replaced. A remote server serves others.
        if connection.child:
            connection.child.kill()
            self._leave(connection)
        return Unavailable(f"{self.name} did not answer within {self.resilience.call_timeout:g} s", hung=True)

    async def _connected(self) -> _Connection:
        """Return the open connection, opening one if there is none. Callers share the opening; none can abort it."""
        if self._closed:
            raise Unsuitable(f"{self.name}: the session is closed")
        if self._connection is None or self._connection.over:
            self._check_rested()
            pause = 0.0 if self._failures < 2 else min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (self._failures - 2))
            # Counted as failed until it has answered a call.
            self._failures += 1
            self._connection = _Connection(self.name, self.server, self.resilience, self.network)
            task = asyncio.create_task(self._connection.live(pause), name=f"mcp-{self.name}")
            self._connection.task = task
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
        connection = self._connection
        await asyncio.shield(connection.ready)
        return connection

    def _check_rested(self) -> None:
        """Refuse while the server has to rest."""
        ended, self._connection = self._connection, None
        if ended is not None and ended.child is not None and ended.child.overlong is not None:
            self._rest_until = ended.child.overlong + min(LONGEST_REST, FIRST_REST * 2**self._failures)
        if (seconds := self._rest_until - asyncio.get_running_loop().time()) > 0:
            raise Unsuitable(
                f"{self.name} answered with more than is read, and is started again in {math.ceil(seconds)} s",
                retry_after=seconds,
            )

    def _leave(self, connection: _Connection) -> None:
        """Let a connection close once its last call is over; the next call opens another."""
        connection.left = True
        if connection is self._connection:
            self._connection = None
        if not connection.calls:
            connection.stop.set()


class _Connection:
    """One life of a session, from opening to its end, owned by the task that runs `live`."""

    def __init__(self, name: str, server: MCPServer, resilience: ResilienceSettings, network: Network) -> None:
        self.name = name
        self.server = server
        self.resilience = resilience
        self.network = network
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # A failed opening that nobody waits for any more is no news.
        self.ready.add_done_callback(lambda ready: ready.cancelled() or ready.exception())
        self.stop = asyncio.Event()
        self.left = False
        self.calls = 0
        self.child: Child | None = None
        self.report = ServerReport()
        self.task: asyncio.Task[None] | None = None
        self._client: Client | None = None
        self._over = False

    @property
    def over(self) -> bool:
        """It can answer no further call."""
        return self._over or (self.child is not None and self.child.output_ended.is_set())

    @property
    def client(self) -> Client:
        """The SDK's client, once open."""
        if self._client is None:
            raise Unavailable(f"{self.name}: the session is not open")
        return self._client

    async def live(self, pause: float) -> None:
        """Open the session, hold it until told to stop or until it dies, and close it."""
        try:
            if pause:
                await asyncio.sleep(pause)
            async with contextlib.AsyncExitStack() as stack:
                async with asyncio.timeout(self.resilience.connect_timeout):
                    await self._open(stack)
                self.ready.set_result(None)
                log.debug("mcp.opened", server=self.name, version=self.report.version, problems=dict(self.report.problems))
                await self._until_over()
        except asyncio.CancelledError:
            self._fail(Unavailable(f"{self.name}: the session was closed"))
            raise
        except Exception as error:  # noqa: BLE001 - whatever ended the session is told to those who wait, and logged
            self._fail(self._meaning(error))
            log.info("mcp.ended", server=self.name, reason=_first_line(_leaf(error)))
        finally:
            self._over = True
            if self.child and not self.stop.is_set():
                log.warning("mcp.child.ended", server=self.name, status=self.child.exit_status)

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> Answer:
        """Call a tool; an error that the server itself reports is an answer too."""
        try:
            return _answer(await self.client.call_tool(tool, dict(arguments)))
        except MCPError as error:
            if error.code in _UNANSWERED:
                raise
            return Answer(error.message, failed=True)

    async def examine(self) -> ServerReport:
        """Ask for the tools and compare them with those that the source declares."""
        listed: dict[str, mcp_types.Tool] = {}
        cursor: str | None = None
        for _ in range(TOOL_PAGES):
            page = await self.client.list_tools(cursor=cursor, cache_mode="refresh")
            listed.update((tool.name, tool) for tool in page.tools)
            cursor = page.next_cursor
            if cursor is None:
                break
        info = self.client.server_info
        self.report = ServerReport(
            name=info.name if info else "",
            version=info.version if info else "",
            protocol=self.client.protocol_version,
            tools=tuple(sorted(listed)),
            problems={
                tool.name: problem for tool in self.server.tools if (problem := _problem(tool, listed.get(tool.name), listed))
            },
        )
        return self.report

    async def _open(self, stack: contextlib.AsyncExitStack) -> None:
        settings = self.server.settings
        limit = WIRE_FACTOR * self.resilience.result_limit
        if settings.url:
            http = await stack.enter_async_context(http_client(settings, self.resilience, self.network, limit=limit))
            transport: Any = streamable_http_client(settings.url, http_client=http, max_sse_event_size=limit)
        elif settings.command:
            self.child = await Child.start(self.name, settings, limit)
            transport = child_streams(self.child)
        else:
            raise Unsuitable(f"{self.name}: its server has neither a url nor a command")
        self._client = await stack.enter_async_context(Client(transport, cache=None))
        await self.examine()

    async def _until_over(self) -> None:
        stopping = asyncio.create_task(self.stop.wait())
        waiting: set[asyncio.Task[Any]] = {stopping}
        if self.child:
            waiting.add(asyncio.create_task(self.child.over.wait()))
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._over = True
            for task in waiting:
                task.cancel()

    def _fail(self, error: SourceError) -> None:
        if not self.ready.done():
            self.ready.set_exception(error)

    def _meaning(self, error: BaseException) -> SourceError:
        error = _leaf(error)
        if isinstance(error, SourceError):
            return error
        if isinstance(error, MCPError) and error.code == FAULT and (fault := fault_of(error.data)):
            return judged(self.name, fault, in_session=False)
        if isinstance(error, TimeoutError):
            return Unavailable(f"{self.name} did not open a session within {self.resilience.connect_timeout:g} s", hung=True)
        if self.child and self.child.overlong is not None:
            return Overlong(f"{self.name} answered with more than {self.child.limit} bytes")
        if self.child and self.child.output_ended.is_set():
            return Unavailable(f"{self.name}: {_ended(self.child)} before a session was open")
        return Unavailable(f"{self.name} opened no session: {_first_line(error)}")


_UNANSWERED = frozenset(
    {FAULT, mcp_types.REQUEST_TIMEOUT, mcp_types.CONNECTION_CLOSED, mcp_types.PARSE_ERROR, mcp_types.INVALID_REQUEST}
)
"""Codes by which a transport, ours or the SDK's, says that no answer of the server came; any other is the server's own."""


def _answer(result: mcp_types.CallToolResult) -> Answer:
    texts = [block.text for block in result.content if isinstance(block, mcp_types.TextContent)]
    if not texts and result.structured_content is not None:
        texts = [json.encode(result.structured_content).decode()]
    return Answer("\n".join(texts), failed=bool(result.is_error))


def _problem(declared: Tool, listed: mcp_types.Tool | None, all_tools: Mapping[str, Any]) -> str | None:
    if listed is None:
        return f"the server has no tool {declared.name!r}; it has {', '.join(sorted(all_tools)) or 'none'}"
    properties = listed.input_schema.get("properties")
    if isinstance(properties, Mapping):
        unknown = [argument for argument in declared.arguments if argument not in properties]
        if unknown and listed.input_schema.get("additionalProperties") is not True:
            return f"the server's tool {declared.name!r} takes no argument {', '.join(map(repr, unknown))}"
    required = listed.input_schema.get("required")
    missing = [name for name in required if name not in declared.arguments] if isinstance(required, list) else []
    if missing:
        return f"the server's tool {declared.name!r} also wants {', '.join(map(repr, missing))}, which is not passed to it"
    return None


def _ended(child: Child) -> str:
    status = child.exit_status
    if status is None:
        return "the server closed its output"
    return f"the server was ended by signal {-status}" if status < 0 else f"the server ended with status {status}"


def _leaf(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0][:200] or type(error).__name__
