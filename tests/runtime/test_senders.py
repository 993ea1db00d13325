"""What senders may do: bodies have a deadline, answers too, and headers mean one thing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from skillcore.runtime.problems import BadRequest, RequestTimeout, UnsupportedMediaType
from skillcore.runtime.senders import Bounded, Exchange, misshapen


def scope(*headers: tuple[bytes, bytes], version: str = "1.1") -> Any:
    return {"type": "http", "http_version": version, "headers": [(b"host", b"x"), *headers]}


async def nothing(*_: Any) -> Any:
    raise AssertionError("nobody should come here")


async def hang(*_: Any) -> Any:
    await asyncio.Event().wait()


class Sent:
    def __init__(self, *messages: dict[str, Any]) -> None:
        self.messages = [*messages]

    async def __call__(self) -> Any:
        return self.messages.pop(0) if self.messages else await hang()


PART = {"type": "http.request", "body": b"a", "more_body": True}
LAST = {"type": "http.request", "body": b"b", "more_body": False}
GONE = {"type": "http.disconnect"}


async def test_a_body_that_arrives_in_time_is_passed_on() -> None:
    exchange = Exchange(Sent(PART, LAST, GONE), nothing, 30)
    assert [await exchange.receive() for _ in range(3)] == [PART, LAST, GONE]


async def test_a_body_that_does_not_is_a_problem_and_ends_the_connection() -> None:
    exchange = Exchange(Sent(PART), nothing, 0.05)
    await exchange.receive()
    with pytest.raises(RequestTimeout, match=r"within 0\.05 s") as caught:
        await exchange.receive()
    assert (caught.value.status, caught.value.headers) == (408, {"Connection": "close"})


async def test_the_deadline_is_for_the_whole_body() -> None:
    """Whoever sends a byte now and then does not move it."""

    async def endless() -> Any:
        return PART

    exchange = Exchange(endless, nothing, 0.05)

    async def read() -> None:
        while True:
            await exchange.receive()
            await asyncio.sleep(0.001)

    with pytest.raises(RequestTimeout):
        await asyncio.wait_for(read(), 20)


async def test_after_the_body_the_end_of_the_connection_may_take_as_long_as_it_likes() -> None:
    exchange = Exchange(Sent(LAST), nothing, 0.01)
    await exchange.receive()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(exchange.receive(), 0.1)


async def test_a_body_that_breaks_off_is_the_senders_fault() -> None:
    exchange = Exchange(Sent(PART, GONE), nothing, 30)
    await exchange.receive()
    with pytest.raises(BadRequest):
        await exchange.receive()


async def test_an_answer_that_nobody_takes_is_cut() -> None:
    seen: list[str] = []

    async def app(_: Any, __: Any, send: Any) -> None:
        try:
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
        except TimeoutError as error:
            seen.append("cut")
            raise RuntimeError("as the framework does") from error

    await Bounded(app, 0.05)(scope(), nothing, hang)
    assert seen == ["cut"]


async def test_other_faults_are_not_swallowed() -> None:
    async def app(*_: Any) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await Bounded(app, 30)(scope(), nothing, nothing)


@pytest.mark.parametrize(
    "name",
    [
        b"authorization",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"host",
        b"idempotency-key",
        b"origin",
        b"transfer-encoding",
        b"x-csrf-token",
    ],
)
def test_headers_that_count_are_there_once(name: bytes) -> None:
    value = b"chunked" if name == b"transfer-encoding" else b"identity"
    once = misshapen(scope((name, value)))
    assert once is None or name == b"host"
    assert isinstance(misshapen(scope((name, value), (name, value))), BadRequest)


@pytest.mark.parametrize("coding", [b"gzip", b"br", b"deflate, gzip", b"zstd", b"identity, gzip", b"GZIP"])
def test_compressed_bodies_are_refused(coding: bytes) -> None:
    assert isinstance(misshapen(scope((b"content-encoding", coding))), UnsupportedMediaType)


@pytest.mark.parametrize("coding", [b"gzip, chunked", b"identity", b"chunked, chunked", b"\x0bchunked", b""])
def test_no_transfer_coding_but_chunked(coding: bytes) -> None:
    assert isinstance(misshapen(scope((b"transfer-encoding", coding))), BadRequest)


def test_a_request_names_its_host() -> None:
    assert misshapen({"http_version": "1.1", "headers": [(b"host", b"")]}) is not None  # type: ignore[typeddict-item]
    assert misshapen({"http_version": "1.1", "headers": []}) is not None  # type: ignore[typeddict-item]
    assert misshapen({"http_version": "1.0", "headers": []}) is None  # type: ignore[typeddict-item]


def test_what_is_well_formed_passes() -> None:
    headers = [(b"transfer-encoding", b"Chunked"), (b"accept", b"a"), (b"accept", b"b"), (b"x_forwarded_for", b"1")]
    assert misshapen(scope(*headers)) is None
