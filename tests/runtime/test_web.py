"""What every request gets, whatever its route: problems, strict bodies, ids, headers, a line in the log."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import httpx
import msgspec
import pytest
import structlog
from litestar import Litestar, get, post
from litestar.exceptions import HTTPException
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Meta, Struct

from skillcore.runtime import problems
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.logs import configure_logging, hide_secrets
from skillcore.runtime.pages import cursor_of, page, position
from skillcore.runtime.problems import Problem
from skillcore.runtime.settings import LogSettings, Settings
from skillcore.runtime.web import routed, web
from tests.conftest import default_plugins
from tests.visitors import client_of

PROBLEM = "application/problem+json"
LIMIT = 300_000


class Inner(Struct, frozen=True, forbid_unknown_fields=True):
    contest_id: Annotated[int, Meta(ge=1)]


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    title: Annotated[str, Meta(max_length=20)]
    requirements: Inner | None = None
    items: list[Inner] = []
    anything: Any = None


@post("/strict", status_code=200)
async def strict(data: JSONBody[Body]) -> Body:
    return data


@get("/numbers")
async def numbers(limit: FromQuery[int] = 5) -> dict[str, int]:
    return {"limit": limit}


@get("/raise/{what:str}")
async def raise_it(what: FromPath[str]) -> None:
    if what == "unexpected":
        raise RuntimeError("sk_abcdefgh_topsecret and postgresql://u:hunter2@h/d")
    if what == "teapot":
        raise HTTPException("short and stout", status_code=418)
    raise getattr(problems, what)("the detail", **({} if what == "Unauthenticated" else {"field": "a.b"}))


async def admit_all(*_: object) -> None:
    return None


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    engine = Engine(settings, default_plugins(), Database("", settings.database))

    @asynccontextmanager
    async def nothing(_: Litestar) -> AsyncIterator[None]:
        yield

    shared = routed(routes=[strict, numbers, raise_it], guard=admit_all, lifespan=nothing, body_limit=LIMIT)
    async with client_of(web(shared, engine)) as client:
        yield client
    await engine.database.close()


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """The log as configured for a service."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    stream = io.StringIO()
    configure_logging(LogSettings(), stream)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


async def send(client: httpx.AsyncClient, body: bytes, kind: str = "application/json") -> httpx.Response:
    return await client.post("/strict", content=body, headers={"Content-Type": kind})


def problem(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    assert answer.headers["content-type"] == PROBLEM
    document: dict[str, Any] = answer.json()
    assert (answer.status_code, document["status"], document["type"]) == (status, status, f"urn:skillcore:problem:{kind}")
    assert document["title"]
    assert document["detail"]
    return document


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"title":"a","anything":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"unknown":' + b"[" * 100_000,
        b'{"title":"\xff"}',
        b'{"title":"\xc3"}',
        b'{"title":"\\ud800"}',
        b'{"title":"a"}x',
        b"nonsense",
        b"",
        "{}".encode("utf-16"),
    ],
    ids=lambda body: repr(body[:20]),
)
async def test_what_is_no_json_is_a_bad_request(client: httpx.AsyncClient, body: bytes) -> None:
    problem(await send(client, body), 400, "bad-request")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"title":"a","other":1}', "other"),
        (b'{"title":"a","requirements":{"contest_id":1,"oops":2}}', "requirements.oops"),
        (b"{}", "title"),
        (b'{"title":5}', "title"),
        (b'{"title":"a","requirements":{"contest_id":"5"}}', "requirements.contest_id"),
        (b'{"title":"a","requirements":{"contest_id":0}}', "requirements.contest_id"),
        (b'{"title":"a","items":[{"contest_id":1},{}]}', "items[1].contest_id"),
        (b'{"title":"a\\u0000b"}', "title"),
        (b'{"title":"a","anything":[{"b":"\\u0000"}]}', "anything[0].b"),
        (b'{"title":"a","anything":{"b\\u0000":1}}', "anything.b\0"),
        (b'{"title":"' + b"x" * 21 + b'"}', "title"),
    ],
)
async def test_the_field_at_fault_is_named(client: httpx.AsyncClient, body: bytes, field: str) -> None:
    document = problem(await send(client, body), 422, "invalid-field")
    assert document["field"] == field
    assert [error["field"] for error in document["errors"]] == [field]


async def test_a_list_is_no_object(client: httpx.AsyncClient) -> None:
    assert "field" not in problem(await send(client, b"[]"), 422, "invalid-field")


async def test_what_fits_is_taken(client: httpx.AsyncClient) -> None:
    answer = await send(client, b'{"title":"\\\\u0000","requirements":{"contest_id":1}}', "application/json; charset=UTF-8")
    assert answer.status_code == 200
    assert answer.json()["title"] == "\\u0000"


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml", "application/json; charset=latin-1", ""]
)
async def test_only_json_is_read(client: httpx.AsyncClient, kind: str) -> None:
    problem(await send(client, b'{"title":"a"}', kind), 415, "unsupported-media-type")


async def test_a_large_body_is_refused(client: httpx.AsyncClient) -> None:
    document = problem(await send(client, b'{"title":"' + b"x" * LIMIT + b'"}'), 413, "too-large")
    assert document["limit"] == LIMIT

    async def unannounced() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"x" * (LIMIT // 5)

    answer = await client.post("/strict", content=unannounced(), headers={"Content-Type": "application/json"})
    problem(answer, 413, "too-large")


async def test_unknown_addresses_and_methods(client: httpx.AsyncClient) -> None:
    problem(await client.get("/nowhere"), 404, "not-found")
    problem(await client.get("/strict/further"), 404, "not-found")
    refused = await client.put("/strict")
    problem(refused, 405, "method-not-allowed")
    assert refused.headers["allow"] == "OPTIONS, POST"
    refused = await client.request("BREW", "/raise/coffee")
    problem(refused, 405, "method-not-allowed")
    assert refused.headers["allow"] == "GET, OPTIONS"


async def test_a_query_is_checked(client: httpx.AsyncClient) -> None:
    document = problem(await client.get("/numbers", params={"limit": "many"}), 400, "bad-request")
    assert document["field"] == "limit"
    assert (await client.get("/numbers")).json() == {"limit": 5}


KINDS = [
    kind for kind in vars(problems).values() if isinstance(kind, type) and issubclass(kind, Problem) and kind is not Problem
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
async def test_every_kind_of_problem_is_told(client: httpx.AsyncClient, kind: type[Problem]) -> None:
    document = problem(await client.get(f"/raise/{kind.__name__}"), kind.status, kind.type)
    assert (document["title"], document["detail"]) == (kind.title, "the detail")
    if kind is not problems.Unauthenticated:
        assert (document["field"], document["errors"]) == ("a.b", [{"field": "a.b", "detail": "the detail"}])


def test_types_are_stable_and_unlike() -> None:
    assert len({kind.type for kind in KINDS}) == len(KINDS) == 13
    assert set(problems.__all__) == {kind.__name__ for kind in KINDS} | {"Problem"}


async def test_the_unexpected_shows_nothing_and_is_logged(client: httpx.AsyncClient, log: io.StringIO) -> None:
    answer = await client.get("/raise/unexpected", headers={"X-Request-ID": "abc-1"})
    document = problem(answer, 500, "internal-error")
    assert "RuntimeError" not in answer.text
    assert "secret" not in json.dumps(document)
    entry = next(line for line in lines(log) if line["level"] == "error")
    assert entry["request_id"] == "abc-1"
    assert "RuntimeError" in entry["exception"]
    assert "raise_it" in entry["exception"]
    problem(await client.get("/raise/teapot"), 500, "internal-error")


async def test_no_secret_reaches_the_log(client: httpx.AsyncClient, log: io.StringIO) -> None:
    await client.get("/raise/unexpected", headers={"Authorization": "Bearer sk_abcdefgh_topsecret"})
    token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"
    structlog.get_logger("a").warning("seen", token=token, header=f"Bearer {token}", nested={"password": "hunter2"})
    logging.getLogger("library").warning("Authorization: Bearer %s", "topsecret")
    written = log.getvalue()
    for secret in ("topsecret", "hunter2", token):
        assert secret not in written
    assert "library" in written


async def test_each_request_leaves_a_line(client: httpx.AsyncClient, log: io.StringIO) -> None:
    answer = await client.get("/raise/NotFound?token=topsecret", headers={"X-Request-ID": "mine"})
    (entry,) = lines(log)
    assert answer.headers["x-request-id"] == entry["request_id"] == "mine"
    assert (entry["method"], entry["endpoint"], entry["status"]) == ("GET", "/raise/{what}", 404)
    assert (entry["message"], entry["level"]) == ("request", "info")
    assert entry["ms"] >= 0
    assert "topsecret" not in log.getvalue()


@pytest.mark.parametrize("given", ["", "a" * 129, "a b", "<script>", '"', "-x"])
async def test_an_id_that_is_not_presentable_is_replaced(client: httpx.AsyncClient, given: str) -> None:
    made = (await client.get("/numbers", headers={"X-Request-ID": given})).headers["x-request-id"]
    assert made != given
    assert len(made) == 36


@pytest.mark.parametrize("path", ["/numbers", "/nowhere", "/raise/unexpected"])
async def test_browsers_are_told_to_be_careful(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    policy = headers["content-security-policy"]
    assert policy == "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    assert "strict-transport-security" not in headers
    assert headers["server"] == "skillcore"


def test_text_logs_are_for_people() -> None:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    stream = io.StringIO()
    try:
        configure_logging(LogSettings(format="text", level="warning"), stream)
        structlog.get_logger("a").info("not this")
        structlog.get_logger("a").warning("but this", place="here")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        structlog.reset_defaults()
    (line,) = stream.getvalue().splitlines()
    assert "but this" in line
    assert "here" in line


def test_pages_follow_one_another() -> None:
    rows = list(range(1, 8))
    seen: list[int] = []
    cursor = None
    while True:
        after = position(cursor, int) or 0
        found = page([row for row in rows if row > after][:4], 3, lambda row: row, lambda row: row)
        seen += found.items
        cursor = found.next_cursor
        if cursor is None:
            break
    assert seen == rows
    exact = page(rows[:3], 3, str, lambda row: row)
    assert (exact.items, exact.next_cursor) == (["1", "2", "3"], None)


@pytest.mark.parametrize(
    ("cursor", "kind"),
    [
        *[
            (cursor, int)
            for cursor in (cursor_of("text"), "", "ä", "!", "bm90IGpzb24", cursor_of(10**30), cursor_of(-(10**30)))
        ],
        (cursor_of("a\0b"), str),  # which no text in the database holds, and the driver refuses to send
    ],
)
def test_a_cursor_of_another_list_is_refused(cursor: str, kind: type[Any]) -> None:
    with pytest.raises(problems.BadRequest) as caught:
        position(cursor, kind)
    assert caught.value.field == "cursor"


def test_a_line_with_foreign_text_is_not_lost() -> None:
    event = hide_secrets(None, "", {"error": "a \ud800 in it", "inner": ["\udfff"]})
    assert msgspec.json.encode(event) == rb'{"error":"a \\ud800 in it","inner":["\\udfff"]}'
