"""Sessions with real servers: children over stdio, and loopback and mocked servers over HTTP, with all their faults."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import httpx2
import psutil
import pytest
import respx
from structlog.testing import capture_logs

from skillcore.plugin import MCPServer, Refused, ServerSettings, SourceError, Tool, Unavailable
from skillcore.runtime.mcp import ServerSession
from skillcore.runtime.resilience import Overlong, Unsuitable
from skillcore.runtime.settings import ResilienceSettings
from skillcore.testing import MCP_URL, MCPResponder, ProtocolFault, ToolFault
from skillcore.testing.tools import THIS_MACHINE

PROGRAM = Path(__file__).with_name("talking_server.py")
SAY = (Tool("say", ("text",)),)
QUICK = ResilienceSettings(call_timeout=10.0, connect_timeout=30.0, result_limit=20_000)


def talking(
    *arguments: str, resilience: ResilienceSettings = QUICK, tools: tuple[Tool, ...] = SAY, **changes: Any
) -> ServerSession:
    settings = ServerSettings(command=sys.executable, args=(str(PROGRAM), *arguments), **changes)
    return ServerSession("talking", MCPServer(tools=tools, settings=settings), resilience, THIS_MACHINE)


def remote(resilience: ResilienceSettings = QUICK, url: str = MCP_URL, **changes: Any) -> ServerSession:
    return ServerSession("remote", MCPServer(tools=SAY, settings=ServerSettings(url=url, **changes)), resilience, THIS_MACHINE)


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - processes outside tell nobody
            await asyncio.sleep(0.01)


def gone(pid: int) -> bool:
    """Neither running nor a zombie."""
    return not psutil.pid_exists(pid)


def dead(pid: int) -> bool:
    """Not running: an orphan may wait for the reaper of the system."""
    return gone(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


# --- children ----------------------------------------------------------------------------------------------------------


async def test_a_child_is_opened_once_and_serves_concurrent_calls() -> None:
    async with talking() as session:
        assert session.pid is None
        answers = await asyncio.gather(*(session.call("say", {"text": str(number)}) for number in range(50)))
        assert [answer.text for answer in answers] == [str(number) for number in range(50)]
        assert (await session.call("process", {})).text == str(session.pid)


async def test_a_child_ends_with_its_session_and_leaves_no_zombie() -> None:
    async with talking() as session:
        pid = int((await session.call("process", {})).text)
        grandchild = int((await session.call("start_another", {})).text)
        assert not gone(pid)
    assert gone(pid)
    await until(lambda: dead(grandchild))


async def test_a_child_sees_the_variables_it_is_given_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKILLCORE_SECRET_OF_OURS", "hidden")
    async with talking(env={"GIVEN": "seen"}) as session:
        assert (await session.call("variable", {"name": "GIVEN"})).text == "seen"
        assert (await session.call("variable", {"name": "SKILLCORE_SECRET_OF_OURS"})).text == ""


async def test_a_killed_child_is_replaced_at_the_next_call() -> None:
    async with talking() as session:
        await session.call("say", {"text": "hello"})
        first = session.pid
        assert first
        psutil.Process(first).send_signal(signal.SIGKILL)
        await until(lambda: session.pid is None)
        assert (await session.call("say", {"text": "again"})).text == "again"
        assert session.pid != first
        assert gone(first)


async def test_a_child_that_dies_during_a_call_makes_it_unavailable() -> None:
    async with talking() as session:
        with pytest.raises(Unavailable, match="ended"):
            await session.call("die", {})
        assert (await session.call("say", {"text": "again"})).text == "again"


async def test_a_child_that_hangs_is_killed_with_its_group_and_replaced() -> None:
    async with talking(resilience=ResilienceSettings(call_timeout=1.0, connect_timeout=30.0)) as session:
        first = int((await session.call("process", {})).text)
        grandchild = int((await session.call("start_another", {})).text)
        with pytest.raises(Unavailable, match="within 1 s") as raised:
            await session.call("hang", {})
        assert raised.value.hung
        await until(lambda: gone(first) and dead(grandchild))
        assert (await session.call("say", {"text": "again"})).text == "again"


async def test_cancelling_a_call_leaves_the_session_to_others() -> None:
    async with talking() as session:
        await session.call("say", {"text": "hello"})
        first = session.pid
        caller = asyncio.create_task(session.call("say", {"text": "hello"}))
        await asyncio.sleep(0)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        assert (await session.call("say", {"text": "again"})).text == "again"
        assert session.pid == first


async def test_closing_a_session_that_is_still_opening_ends_its_child() -> None:
    session = talking("hang")
    caller = asyncio.create_task(session.call("say", {"text": "hello"}))
    await until(lambda: session.pid)
    pid = session.pid
    assert pid
    await session.aclose()
    assert gone(pid)
    with pytest.raises(Unavailable, match="closed"):
        await caller


@pytest.mark.parametrize(
    ("trouble", "seconds", "message"),
    [("die", 30.0, "ended with status 1"), ("hang", 1.0, "did not open a session within 1 s")],
)
async def test_a_child_that_does_not_start_is_unavailable_and_gone(trouble: str, seconds: float, message: str) -> None:
    async with talking(trouble, resilience=ResilienceSettings(connect_timeout=seconds)) as session:
        before = set(psutil.Process().children())
        with pytest.raises(Unavailable, match=message):
            await session.call("say", {"text": "hello"})
        assert set(psutil.Process().children()) <= before


async def test_a_command_that_does_not_exist_is_named() -> None:
    server = MCPServer(tools=SAY, settings=ServerSettings(command="no-such-server-program"))
    async with ServerSession("acme", server, QUICK, THIS_MACHINE) as session:
        with pytest.raises(Unsuitable, match="no-such-server-program"):
            await session.call("say", {"text": "hello"})


async def test_a_server_without_url_and_command_is_a_clear_error() -> None:
    async with ServerSession("acme", MCPServer(tools=SAY, settings=ServerSettings()), QUICK, THIS_MACHINE) as session:
        with pytest.raises(Unsuitable, match="neither a url nor a command"):
            await session.call("say", {"text": "hello"})


async def test_a_failed_call_is_an_answer_that_says_so() -> None:
    async with talking() as session:
        answer = await session.call("fail", {"text": "no such user"})
        assert answer.failed
        assert "no such user" in answer.text


async def test_an_answer_beyond_the_limit_is_unavailable_and_the_session_goes_on() -> None:
    async with talking() as session:
        assert len((await session.call("repeat", {"text": "x", "times": 20_000})).text) == 20_000
        with pytest.raises(Unavailable, match="more than 20000 bytes"):
            await session.call("repeat", {"text": "x", "times": 20_001})
        with pytest.raises(Unavailable, match="more than 20000 bytes"):
            await session.call("repeat", {"text": "é", "times": 10_001})
        assert (await session.call("say", {"text": "again"})).text == "again"


async def test_a_line_beyond_all_measure_is_not_kept_and_the_server_rests_ever_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    async with talking() as session:
        await session.call("say", {"text": "hello"})
        before = psutil.Process().memory_info().rss
        with pytest.raises(Overlong, match="more than 80000 bytes"):
            await session.call("repeat", {"text": "x", "times": 100_000_000})
        assert psutil.Process().memory_info().rss - before < 20_000_000
        with pytest.raises(Unsuitable, match="is started again in 10 s"):
            await session.call("say", {"text": "again"})

        moment = asyncio.get_running_loop().time
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: moment() + 10)
        with pytest.raises(Overlong):
            await session.call("repeat", {"text": "x", "times": 100_000_000})
        with pytest.raises(Unsuitable, match="is started again in 20 s") as caught:
            await session.call("say", {"text": "again"})
        assert caught.value.retry_after == pytest.approx(20, abs=1)

        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: moment() + 31)
        assert (await session.call("say", {"text": "again"})).text == "again"


async def test_lines_that_are_no_messages_are_skipped() -> None:
    async with talking() as session:
        for text in ('{"jsonrpc": "2.0", "id": 1', "<html>", "[" * 20_000, "\x00", ""):
            assert (await session.call("write_line", {"text": text, "times": 1})).text == "written"


async def test_what_a_child_complains_of_goes_to_the_log_in_bounds(capfd: pytest.CaptureFixture[str]) -> None:
    with capture_logs() as logs:
        async with talking() as session:
            await session.call("complain", {"text": "low on coffee"})
            await session.call("complain", {"text": "z" * 1_000_000})
            await until(lambda: any(str(entry.get("line", "")).endswith("z") for entry in logs))
    lines = [entry["line"] for entry in logs if entry["event"] == "mcp.child.stderr"]
    assert "low on coffee" in lines
    assert max(len(line) for line in lines) <= 2_000
    written = capfd.readouterr()
    assert "coffee" not in written.out + written.err


async def test_a_report_names_the_server_and_what_its_tools_lack() -> None:
    tools = (Tool("say", ("text", "loudly")), Tool("sing", ("song",)), Tool("repeat", ("text",)), Tool("process"))
    async with talking(tools=tools) as session:
        report = await session.check()
        assert (report.name, report.version) == ("talking", "2.5")
        assert set(report.problems) == {"say", "sing", "repeat"}
        assert "'loudly'" in report.problems["say"]
        assert "no tool 'sing'" in report.problems["sing"]
        assert "'times'" in report.problems["repeat"]
        with pytest.raises(Unsuitable, match="no tool 'sing'"):
            await session.call("sing", {"song": "la"})
        assert (await session.call("process", {})).text == str(session.pid)


# --- HTTP --------------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def responding(handler: Any, session: ServerSession | None = None, **options: Any) -> AsyncIterator[Any]:
    responder = MCPResponder(handler, tools=options.pop("tools", SAY))
    with respx.mock(using="httpcore2", assert_all_called=False) as router:
        router.route(url=MCP_URL).mock(side_effect=responder)
        async with session or remote(**options) as opened:
            yield opened


async def outcome(handler: Any) -> SourceError:
    """The error of a call whose first answer is what the handler says, after which the server answers again."""
    calls = iter([handler])

    def once(tool: str, arguments: dict[str, Any]) -> Any:
        return next(calls, lambda *_: "fine")(tool, arguments)

    async with responding(once) as session:
        with pytest.raises(SourceError) as raised:
            await session.call("say", {"text": "hello"})
        assert (await session.call("say", {"text": "hello"})).text == "fine"
        return raised.value


async def test_text_and_failures_come_back() -> None:
    def handler(tool: str, arguments: dict[str, Any]) -> str:
        if arguments["text"] == "tool":
            raise ToolFault("no such user")
        if arguments["text"] == "protocol":
            raise ProtocolFault("Not Found: Resource not found")
        return f"{tool} {arguments['text']}"

    async with responding(handler) as session:
        answers = [await session.call("say", {"text": text}) for text in ("hello", "tool", "protocol")]
    assert [(answer.text, answer.failed) for answer in answers] == [
        ("say hello", False),
        ("no such user", True),
        ("Not Found: Resource not found", True),
    ]


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected", "retry_after"),
    [
        (429, {"retry-after": "7"}, "slow", "limited", 7.0),
        (429, {}, "slow", "limited", None),
        (429, {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, "slow", "limited", 0.0),
        (429, {"retry-after": "soon"}, "slow", "limited", None),
        (403, {"retry-after": "60"}, '{"message": "You have exceeded a secondary rate limit"}', "limited", 60.0),
        (403, {"x-ratelimit-remaining": "0"}, "{}", "limited", None),
        (403, {}, '{"message": "Resource not accessible by personal access token"}', "refused", None),
        (403, {"content-type": "text/html"}, "<html>blocked</html>", "unavailable", None),
        (401, {"www-authenticate": "Bearer"}, "", "refused", None),
        (500, {}, "<html>", "unavailable", None),
        (503, {"retry-after": "30"}, "", "unavailable", 30.0),
        (200, {"content-type": "text/html"}, "<html>Temporarily unavailable</html>", "unavailable", None),
        (200, {"content-type": "application/json"}, '{"jsonrpc": "2.0", "id": 1, "resu', "unavailable", None),
        (200, {"content-type": "application/json"}, "[" * 100_000, "unavailable", None),
        (
            200,
            {"content-type": "application/json"},
            '{"jsonrpc":"2.0","id":1,"result":{"content":"\xff"}}',
            "unavailable",
            None,
        ),
        (200, {"content-type": "application/json"}, "x" * 100_000, "unavailable", None),
        (200, {"content-type": "text/event-stream"}, "event: message\ndata: {\n\n", "unavailable", None),
        (200, {"content-type": "text/event-stream"}, "data: " + "x" * 100_000, "unavailable", None),
        (302, {"location": "https://elsewhere.test/"}, "", "unavailable", None),
        (202, {}, "", "unavailable", None),
        (204, {}, "", "unavailable", None),
    ],
)
async def test_http_faults_keep_what_they_mean(
    status: int, headers: dict[str, str], body: str, expected: str, retry_after: float | None
) -> None:
    error = await outcome(lambda *_: httpx.Response(status, headers=headers, content=body.encode("latin-1")))
    kind = "refused" if isinstance(error, Refused) else "limited" if getattr(error, "limited", False) else "unavailable"
    assert kind == expected
    assert getattr(error, "retry_after", None) == retry_after


@pytest.mark.parametrize(
    ("fault", "hung"),
    [
        (httpx2.ConnectError("refused"), False),
        (httpx2.ReadTimeout("slow"), True),
        (httpx2.RemoteProtocolError("dropped"), False),
        (httpx2.ReadError("reset"), False),
    ],
)
async def test_network_faults_spare_the_session(fault: Exception, hung: bool) -> None:
    def raising(*_: object) -> str:
        raise fault

    error = await outcome(raising)
    assert isinstance(error, Unavailable)
    assert error.hung is hung


@pytest.mark.parametrize(
    "result", [{}, {"content": "text"}, {"content": [{"type": "text"}]}, [], {"resultType": "input_required"}]
)
async def test_results_that_are_no_results_are_unavailable(result: object) -> None:
    message = json.dumps({"jsonrpc": "2.0", "id": 1, "result": result})
    # In an event stream the answer's id need not be known.
    headers = {"content-type": "text/event-stream"}
    error = await outcome(lambda *_: httpx.Response(200, headers=headers, text=f"event: message\ndata: {message}\n\n"))
    assert isinstance(error, Unavailable)


async def test_an_answer_in_an_event_stream_is_an_answer() -> None:
    message = json.dumps({"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": "streamed"}]}})
    response = httpx.Response(200, headers={"content-type": "text/event-stream"}, text=f"event: message\ndata: {message}\n\n")
    async with responding(lambda *_: response) as session:
        assert (await session.call("say", {"text": "hello"})).text == "streamed"


async def test_headers_come_from_the_settings_and_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "headers.json"
    file.write_text('{"Authorization": "Bearer secret"}')
    with respx.mock(using="httpcore2", assert_all_called=False) as router:
        route = router.route(url=MCP_URL).mock(side_effect=MCPResponder(lambda *_: "fine", tools=SAY))
        async with remote(headers={"X-Toolsets": "repos"}, headers_file=str(file)) as session:
            await session.call("say", {"text": "hello"})
        for call in route.calls:
            assert call.request.headers["authorization"] == "Bearer secret"
            assert call.request.headers["x-toolsets"] == "repos"


@pytest.mark.parametrize("content", [None, "[]", '{"a": 1}', "Bearer secret"])
async def test_a_headers_file_that_cannot_be_used_is_named_and_not_shown(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "headers.json"
    if content is not None:
        file.write_text(content)
    async with remote(headers_file=str(file)) as session:
        with pytest.raises(Unsuitable, match=r"headers\.json") as raised:
            await session.call("say", {"text": "hello"})
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(("status", "expected"), [(401, Refused), (429, Unavailable), (500, Unavailable), (404, Unavailable)])
async def test_an_opening_that_fails_is_told_and_tried_anew(status: int, expected: type[SourceError]) -> None:
    fine = MCPResponder(lambda *_: "fine", tools=SAY)
    down = True
    with respx.mock(using="httpcore2", assert_all_called=False) as router:
        router.route(url=MCP_URL).mock(
            side_effect=lambda request: httpx.Response(status, headers={"retry-after": "9"}) if down else fine(request)
        )
        async with remote() as session:
            with pytest.raises(expected) as raised:
                await session.call("say", {"text": "hello"})
            if status == 429:
                assert (raised.value.limited, raised.value.retry_after) == (True, 9.0)  # type: ignore[attr-defined]
            down = False
            assert (await session.call("say", {"text": "hello"})).text == "fine"


async def test_a_session_that_the_server_forgot_is_reopened_within_the_call() -> None:
    """404 means: initialise anew. All callers that learn of it share the new session."""
    sessions: list[str] = []
    responder = MCPResponder(lambda *_: "fine", tools=SAY)
    known: set[str] = set()

    async def serve(request: httpx.Request) -> httpx.Response:
        message = json.loads(request.content) if request.content else {}
        if message.get("method") == "initialize":
            sessions.append(f"session-{len(sessions)}")
            known.add(sessions[-1])
            response = await responder(request)
            response.headers["mcp-session-id"] = sessions[-1]
            return response
        if message.get("method") == "server/discover":
            return await responder(request)
        if request.method == "POST" and request.headers.get("mcp-session-id") not in known:
            return httpx.Response(404, json={"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "gone"}})
        return await responder(request)

    with respx.mock(using="httpcore2", assert_all_called=False) as router:
        router.route(url=MCP_URL).mock(side_effect=serve)
        async with remote() as session:
            await session.call("say", {"text": "hello"})
            known.clear()
            answers = await asyncio.gather(*(session.call("say", {"text": "hello"}) for _ in range(5)))
            assert [answer.text for answer in answers] == ["fine"] * 5
            assert len(sessions) == 2


# --- a loopback server: real sockets ---------------------------------------------------------------------------------


@asynccontextmanager
async def loopback(answer: Callable[[asyncio.StreamWriter], Any]) -> AsyncIterator[str]:
    """Serve MCP on a free port; ``answer`` writes the HTTP response to each tools/call."""
    responder = MCPResponder(lambda *_: "fine", tools=SAY)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with_body = b""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(
                (int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-length")), 0
            )
            with_body = await reader.readexactly(length)
            if b'"tools/call"' in with_body:
                await answer(writer)
                return
            response = await responder(httpx.Request(head.split()[0], MCP_URL, content=with_body))
            writer.write(
                f"HTTP/1.1 {response.status_code} X\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(response.content)}\r\nConnection: close\r\n\r\n".encode()
            )
            writer.write(response.content)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client has left
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"
    finally:
        server.close()


@pytest.mark.parametrize("content_type", ["application/json", "text/event-stream"])
async def test_a_hundred_megabytes_over_http_are_not_kept(content_type: str) -> None:
    sent = 0

    async def flood(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: 100000000\r\n\r\ndata: ".encode())
        for _ in range(1000):
            writer.write(b"x" * 100_000)
            await writer.drain()
            sent += 100_000

    async with loopback(flood) as url, remote(url=url) as session:
        before = psutil.Process().memory_info().rss
        with pytest.raises(Unavailable):
            await session.call("say", {"text": "hello"})
        assert psutil.Process().memory_info().rss - before < 20_000_000
    assert sent < 50_000_000


async def test_a_server_that_accepts_and_says_nothing_is_left_at_the_time_out() -> None:
    never = asyncio.Event()

    async def hang(writer: asyncio.StreamWriter) -> None:
        await never.wait()

    async with loopback(hang) as url:
        async with remote(ResilienceSettings(call_timeout=0.5), url=url) as session:
            with pytest.raises(Unavailable, match=r"within 0\.5 s") as raised:
                await session.call("say", {"text": "hello"})
            assert raised.value.hung
        never.set()


async def test_a_header_that_cannot_be_sent_is_not_shown() -> None:
    async def unused(writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with loopback(unused) as url, remote(url=url, headers={"Authorization": "Bearer hush\n"}) as session:
        with pytest.raises(Unavailable, match="line breaks") as raised:
            await session.call("say", {"text": "hello"})
    assert "hush" not in str(raised.value)


async def test_a_body_that_breaks_off_is_unavailable() -> None:
    async def cut(writer: asyncio.StreamWriter) -> None:
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"jsonrpc": "2.0"')
        await writer.drain()

    async with loopback(cut) as url, remote(url=url) as session:
        with pytest.raises(Unavailable, match="connection failed"):
            await session.call("say", {"text": "hello"})


async def test_a_refused_connection_is_unavailable_until_somebody_listens(unused_tcp_port: int) -> None:
    responder = MCPResponder(lambda *_: "fine", tools=SAY)
    url = f"http://127.0.0.1:{unused_tcp_port}/mcp"
    async with remote(url=url) as session:
        with pytest.raises(Unavailable, match="connection failed"):
            await session.call("say", {"text": "hello"})
        with respx.mock(using="httpcore2", assert_all_called=False) as router:
            router.route(url=url).mock(side_effect=responder)
            assert (await session.call("say", {"text": "hello"})).text == "fine"


PARENT = """
import asyncio, os, signal, sys
from skillcore.plugin import MCPServer, ServerSettings, Tool
from skillcore.runtime.mcp import ServerSession
from skillcore.runtime.outbound import Network
from skillcore.runtime.settings import ResilienceSettings

async def main():
    server = MCPServer(tools=(), settings=ServerSettings(command=sys.executable, args=(sys.argv[1],)))
    session = ServerSession("talking", server, ResilienceSettings(), Network())
    print((await session.call("process", {})).text, flush=True)
    os.kill(os.getpid(), signal.SIGKILL) if sys.argv[2] == "killed" else os._exit(0)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only the Linux kernel tells children that their parent died")
@pytest.mark.parametrize("end", ["killed", "exited"])
async def test_a_child_outlives_no_parent_that_could_not_close_it(end: str) -> None:
    command = (sys.executable, "-c", PARENT, str(PROGRAM), end)
    parent = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await asyncio.wait_for(parent.communicate(), 30)
    pids = [int(line) for line in output.decode().splitlines() if line.isdigit()]
    assert len(pids) == 1
    await until(lambda: dead(pids[0]))
