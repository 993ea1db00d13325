"""What a source's calls come to: decoded values, errors that say what happened, and raw answers for keeping."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import httpx2
import pytest
import respx
from msgspec import Struct

from skillcore.plugin import MCPServer, NotFound, ServerSettings, SourceError, Tool, Unavailable
from skillcore.runtime.mcp import ServerSession
from skillcore.runtime.outbound import Network
from skillcore.runtime.resilience import Guard, Open
from skillcore.runtime.settings import ResilienceSettings
from skillcore.testing import MCP_URL, MCPResponder, ProtocolFault, ToolFault
from skillcore.verification.tools import GuardedTools

ONCE = ResilienceSettings(retries=0, call_timeout=5.0)


class Row(Struct):
    exercise: str
    points: int


@asynccontextmanager
async def tools(handler: Any, settings: ResilienceSettings = ONCE, *, kept: int = 1000) -> AsyncIterator[GuardedTools]:
    server = MCPServer(tools=(Tool("solved", ("handle",)),), settings=ServerSettings(url=MCP_URL))
    with respx.mock(using="httpcore2", assert_all_called=False) as router:
        router.route(url=MCP_URL).mock(side_effect=MCPResponder(handler, tools=server.tools))
        async with ServerSession("gym", server, settings, Network()) as session:
            yield GuardedTools(session, Guard("gym", settings), kept=kept)


async def call(handler: Any, returns: Any = list[Row], **options: Any) -> Any:
    async with tools(handler) as given:
        return await given.call("solved", {"handle": "ada"}, returns, **options)


async def test_an_answer_is_decoded_and_may_hold_more_than_is_read() -> None:
    text = '[{"exercise": "loops-1", "points": 3, "added in the next release": true}]'
    assert await call(lambda *_: text) == [Row("loops-1", 3)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Sorry, something went wrong",
        "<!DOCTYPE html><html></html>",
        '{"error": "Failed to fetch", "message": "HTTP 500"}',
        '[{"exercise": "loops-1", "points": 3}',
        '[{"exercise": "loops-1", "points": "3"}]',
        '[{"exercise": "loops-1", "points": 3.5}]',
        '[{"exercise": "loops-1"}]',
        '[{"exercise": null, "points": 3}]',
        "null",
        "[" * 100_000,
        '[{"exercise": "loops-1", "points": 3}] trailing',
    ],
)
async def test_what_does_not_decode_is_unavailable_and_counts(text: str) -> None:
    async with tools(lambda *_: text) as given:
        with pytest.raises(Unavailable, match="solved") as raised:
            await given.call("solved", {"handle": "ada"}, list[Row])
    assert not raised.value.limited
    assert len(str(raised.value)) < 400


async def test_an_answer_that_does_not_decode_is_asked_for_again() -> None:
    texts = iter(["<html>", '[{"exercise": "loops-1", "points": 3}]'])
    again = ResilienceSettings(retries=1, retry_wait=0.001)
    async with tools(lambda *_: next(texts), again) as given:
        assert await given.call("solved", {"handle": "ada"}, list[Row]) == [Row("loops-1", 3)]
    assert [answer.body for answer in given.answers] == ["<html>", '[{"exercise": "loops-1", "points": 3}]']


async def test_nonsense_opens_the_breaker_like_an_outage() -> None:
    strict = ResilienceSettings(retries=0, breaker_failures=2)
    async with tools(lambda *_: "nonsense", strict) as given:
        for _ in range(2):
            with pytest.raises(Unavailable):
                await given.call("solved", {"handle": "ada"}, list[Row])
        with pytest.raises(Open, match="gym"):
            await given.call("solved", {"handle": "ada"}, list[Row])


@pytest.mark.parametrize("fault", [ToolFault, ProtocolFault])
async def test_a_reported_failure_is_unavailable_unless_its_text_says_more(fault: type[Exception]) -> None:
    def handler(tool: str, arguments: dict[str, Any]) -> str:
        raise fault("no user of this name")

    def failure(text: str) -> SourceError:
        return NotFound(text) if "no user" in text else Unavailable(text)

    with pytest.raises(Unavailable, match="no user of this name"):
        await call(handler)
    with pytest.raises(NotFound, match="no user of this name"):
        await call(handler, failure=failure)


async def test_a_failure_that_its_plugin_cannot_read_is_unavailable() -> None:
    def handler(tool: str, arguments: dict[str, Any]) -> str:
        raise ToolFault("odd")

    def raising(text: str) -> SourceError:
        raise KeyError(text)

    def refusing(text: str) -> SourceError:
        raise NotFound(text)

    with pytest.raises(Unavailable, match="cannot read"):
        await call(handler, failure=raising)
    with pytest.raises(NotFound):
        await call(handler, failure=refusing)
    with pytest.raises(Unavailable, match="odd"):
        await call(handler, failure=lambda text: text)


async def test_prose_is_parsed_inside_the_guard() -> None:
    def parse(text: str) -> int:
        if text == "nobody":
            raise NotFound("nobody")
        return int(text)

    for text, expected in (("12", 12), ("nobody", NotFound), ("twelve", Unavailable)):
        async with tools(lambda *_, text=text: text) as given:
            if isinstance(expected, int):
                assert await given.read("solved", {"handle": "ada"}, parse) == expected
            else:
                with pytest.raises(expected):
                    await given.read("solved", {"handle": "ada"}, parse)


async def test_rationing_and_network_faults_come_through() -> None:
    def refused(*_: object) -> str:
        raise httpx2.ConnectError("refused")

    with pytest.raises(Unavailable) as raised:
        await call(lambda *_: httpx.Response(429, headers={"retry-after": "30"}))
    assert (raised.value.limited, raised.value.retry_after) == (True, 30.0)
    with pytest.raises(Unavailable, match="connection failed"):
        await call(refused)


async def test_raw_answers_are_kept_with_their_digest_also_where_they_are_cut() -> None:
    texts = iter(["é" * 40, '"second"', '"third"'])
    before = datetime.now(UTC)
    async with tools(lambda *_: next(texts), kept=75) as given:
        for _ in range(3):
            await given.read("solved", {"handle": "ada"}, str)
    first, second, third = given.answers
    assert first.body == "é" * 37  # 75 bytes, cut at a whole character
    assert first.sha256 == hashlib.sha256(("é" * 40).encode()).hexdigest()
    assert (first.tool, first.arguments, first.failed) == ("solved", {"handle": "ada"}, False)
    assert before <= first.received_at <= datetime.now(UTC)
    assert (second.body, third.body) == ("", "")
    assert third.sha256 == hashlib.sha256(b'"third"').hexdigest()


async def test_failures_are_kept_too() -> None:
    def handler(tool: str, arguments: dict[str, Any]) -> str:
        raise ToolFault("no user of this name")

    async with tools(handler) as given:
        with pytest.raises(Unavailable):
            await given.call("solved", {"handle": "ada"}, list[Row])
    assert [(answer.failed, answer.body) for answer in given.answers] == [(True, "no user of this name")]
