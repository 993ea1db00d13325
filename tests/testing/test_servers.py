"""Servers that say and fail as a test wants: over HTTP behind the whole guard, and recited, with the same outcome."""

import asyncio
import json

import httpx
import httpx2
import pytest

from skillcore.plugin import Account, NotFound, Refused, SourceError, Unavailable, Verified
from skillcore.runtime.settings import ResilienceSettings
from skillcore.testing import (
    HTML_PAGE,
    MCP_URL,
    Drop,
    Hang,
    HTTPFault,
    ProtocolFault,
    Recital,
    Slow,
    ToolFault,
    huge,
)
from skillcore.testing.fixtures import __doc__ as how
from tests.testing.gym import Gym, Solved, answer

ANN = Account("gym", "ann")
HASTY = ResilienceSettings(retries=0, breaker_failures=1_000_000, call_timeout=0.2)
PATIENT = ResilienceSettings(retries=2, retry_wait=0.001, retry_wait_max=0.01)
WHOLE = answer("solved", {"handle": "ann", "page": 1})

FAULTS = [
    (ToolFault("out of memory"), Unavailable, {"hung": False}),
    (ToolFault("nobody of this name"), NotFound, {}),
    (ProtocolFault("Internal error"), Unavailable, {}),
    (ProtocolFault("nobody of this name"), NotFound, {}),
    (Drop(), Unavailable, {"limited": False}),
    (Hang(), Unavailable, {"hung": True}),
    (Slow(WHOLE, 30), Unavailable, {"hung": True}),
    (HTTPFault(429, retry_after=7), Unavailable, {"limited": True, "retry_after": 7.0}),
    (HTTPFault(429), Unavailable, {"limited": True, "retry_after": None}),
    (HTTPFault(503, body=HTML_PAGE), Unavailable, {"limited": False}),
    (HTTPFault(401), Refused, {}),
    (httpx.Response(500), Unavailable, {"limited": False}),
    (httpx.Response(401), Refused, {}),
    (HTML_PAGE, Unavailable, {}),
    (huge(), Unavailable, {}),
    ("", Unavailable, {}),
]


@pytest.mark.parametrize(("fault", "kind", "words"), FAULTS)
async def test_a_fault_means_the_same_over_http_and_recited(mcp_server, fault, kind, words):
    mcp_server.answer("solved", fault)
    async with mcp_server.tools(Gym(), HASTY) as tools:
        for each in (tools, Recital(mcp_server, name="gym", resilience=HASTY)):
            with pytest.raises(SourceError) as caught:
                await Gym().verify(each, ANN, Solved("loops-1"))
            assert isinstance(caught.value, kind)
            assert words == {name: getattr(caught.value, name) for name in words}
    assert mcp_server.calls == [("solved", {"handle": "ann", "page": 1})] * 2


async def test_answers_may_follow_from_the_arguments(mcp_server):
    mcp_server.answer("solved", lambda arguments: answer("solved", arguments))
    async with mcp_server.tools(Gym()) as tools:
        verdict = await Gym().verify(tools, ANN, Solved("trees-2"))
    assert isinstance(verdict, Verified)
    assert [arguments["page"] for _, arguments in mcp_server.calls] == [1, 2, 3]


async def test_faults_strike_as_often_as_they_should_and_end(mcp_server):
    mcp_server.answer("solved", WHOLE.replace("true", "false"))
    mcp_server.fail(Drop(), times=2)
    mcp_server.fail(HTML_PAGE, tool="note")
    async with mcp_server.tools(Gym(), PATIENT) as tools:
        assert isinstance(await Gym().verify(tools, ANN, Solved("loops-1")), Verified)
        assert len(mcp_server.calls) == 3
        mcp_server.fail(ToolFault("closed"))
        with pytest.raises(Unavailable, match="closed"):
            await Gym().verify(tools, ANN, Solved("loops-1"))
        mcp_server.recover()
        assert isinstance(await Gym().verify(tools, ANN, Solved("loops-1")), Verified)


async def test_a_tool_without_a_script_is_unknown(mcp_server):
    async with mcp_server.tools(Gym()) as tools:
        with pytest.raises(Unavailable, match="Unknown tool: solved"):
            await Gym().health_check(tools)


async def test_other_sites_are_mocked_beside_the_server(mcp_server, httpx2_mock):
    httpx2_mock.get("https://site.test/").respond(text="hello")
    mcp_server.answer("solved", Slow(WHOLE, 0.01))
    async with mcp_server.tools(Gym()) as tools:
        assert await Gym().health_check(tools) is None
    async with httpx2.AsyncClient() as client:
        assert (await client.get("https://site.test/")).text == "hello"
    assert {str(call.request.url) for call in httpx2_mock.calls} == {MCP_URL, "https://site.test/"}


async def test_a_recital_can_change_nothing_of_a_source():
    def greedy(tool, arguments):
        arguments.clear()
        return json.dumps(arguments)

    asked = {"handle": "ann", "page": 1}
    tools = Recital(greedy)
    assert await tools.call("solved", asked, dict) == {}
    assert asked == {"handle": "ann", "page": 1}
    assert tools.calls == [("solved", asked)]


async def test_a_recital_awaits_what_a_handler_awaits():
    opened = asyncio.Event()

    async def patient(tool, arguments):
        await opened.wait()
        return "[]"

    tools = Recital(patient)
    asking = asyncio.ensure_future(tools.call("solved", {}, list))
    await asyncio.sleep(0)
    assert not asking.done()
    opened.set()
    assert await asking == []


async def test_a_recital_with_retries_has_the_whole_guard():
    answers = iter([Drop(), HTML_PAGE, "[]"])
    tools = Recital(lambda tool, arguments: next(answers), resilience=PATIENT)
    assert await tools.call("solved", {}, list) == []
    assert len(tools.calls) == 3


def test_the_fixtures_say_how_to_ask_for_them():
    assert 'pytest_plugins = ["skillcore.testing.fixtures"]' in (how or "")
