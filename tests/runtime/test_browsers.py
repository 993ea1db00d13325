"""What browsers are told: every answer has all of the headers, and only listed origins hear more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import msgspec
import pytest
from litestar import Litestar, Response, get, post
from litestar.params import JSONBody

from skillcore.runtime.browsers import EXPOSED, HEADERS, headers_for
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.settings import ServerSection, Settings
from skillcore.runtime.web import routed, web
from tests.conftest import default_plugins
from tests.visitors import client_of

APP, EVIL = "https://app.example.org", "https://evil.example"
Serve = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@get("/fine", sync_to_thread=False)
def fine() -> dict[str, str]:
    return {}


@get("/varied", sync_to_thread=False)
def varied() -> Response[str]:
    return Response("", headers={"Vary": "Accept", "Cache-Control": "max-age=60"})


@get("/broken", sync_to_thread=False)
def broken() -> None:
    raise RuntimeError


@post("/take", status_code=200, sync_to_thread=False)
def take(data: JSONBody[dict[str, int]]) -> dict[str, int]:
    return data


async def admit_all(*_: object) -> None:
    return None


@asynccontextmanager
async def nothing(_: Litestar) -> AsyncIterator[None]:
    yield


@pytest.fixture
def serve(settings: Settings) -> Serve:
    @asynccontextmanager
    async def served(**server: Any) -> AsyncIterator[httpx.AsyncClient]:
        changed = msgspec.structs.replace(settings, server=ServerSection(**server))
        engine = Engine(changed, default_plugins(), Database("", settings.database))
        shared = routed(routes=[fine, varied, broken, take], guard=admit_all, lifespan=nothing, body_limit=100)
        async with client_of(web(shared, engine)) as client:
            yield client
        await engine.database.close()

    return served


async def test_refusals_carry_all_headers_too(serve: Serve) -> None:
    async with serve() as client:
        answers = {
            200: await client.get("/fine"),
            404: await client.get("/nowhere"),
            405: await client.delete("/fine"),
            413: await client.post("/take", content=b"x" * 101, headers={"Content-Type": "application/json"}),
            415: await client.post("/take", content=b"{}", headers={"Content-Encoding": "gzip"}),
            500: await client.get("/broken"),
        }
    for status, answer in answers.items():
        assert answer.status_code == status
        for name, value in HEADERS.items():
            assert answer.headers.get_list(name) == [value], (status, name)
        assert "x-request-id" in answer.headers


async def test_an_answer_may_bring_its_own(serve: Serve) -> None:
    async with serve() as client:
        assert (await client.get("/varied")).headers.get_list("cache-control") == ["max-age=60"]


def test_no_policy_has_anything_unsafe() -> None:
    policies = [HEADERS["Content-Security-Policy"], headers_for("script-src 'self'")["Content-Security-Policy"]]
    for policy in policies:
        assert policy.startswith("default-src 'none'; ")
        assert "unsafe" not in policy
        assert "*" not in policy
        for directive in ("base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"):
            assert directive in policy


@pytest.mark.parametrize(
    ("server", "address", "proto", "bound"),
    [
        ({}, "http://x", None, False),
        ({}, "https://x", None, True),
        ({}, "http://x", "https", False),  # anybody can say so
        ({"trusted_proxies": ("127.0.0.0/8",)}, "http://x", "https", True),
        ({"trusted_proxies": ("127.0.0.0/8",)}, "http://x", "http", False),
        ({"public_url": "https://skills.example.org"}, "http://x", None, True),
        ({"public_url": "http://skills.example.org"}, "https://x", None, False),
        ({"hsts": ""}, "https://x", None, False),
    ],
)
async def test_browsers_are_bound_to_tls_where_there_is_tls(
    serve: Serve, server: dict[str, Any], address: str, proto: str | None, bound: bool
) -> None:
    async with serve(**server) as client:
        for path in ("/fine", "/nowhere"):
            headers = {} if proto is None else {"X-Forwarded-Proto": proto}
            found = (await client.get(f"{address}{path}", headers=headers)).headers.get("strict-transport-security")
            assert found == ("max-age=31536000; includeSubDomains" if bound else None)


# Other origins


def shared(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


async def test_no_other_origin_hears_anything_unless_it_is_listed(serve: Serve) -> None:
    async with serve() as client:
        answer = await client.get("/fine", headers={"Origin": APP})
        assert shared(answer) == {}
        assert "vary" not in answer.headers
    async with serve(cors_origins=(APP,)) as client:
        for origin in (EVIL, "null", f"{APP}.evil.example", "https://APP.example.org", f"{APP}:8443", "http://app.example.org"):
            answer = await client.get("/fine", headers={"Origin": origin})
            assert (shared(answer), answer.headers["vary"]) == ({}, "Origin"), origin
            asked = {"Origin": origin, "Access-Control-Request-Method": "PUT"}
            assert shared(await client.options("/fine", headers=asked)) == {}, origin


async def test_a_listed_origin_may_call_and_read_what_is_exposed(serve: Serve) -> None:
    async with serve(cors_origins=(APP,)) as client:
        for path in ("/fine", "/nowhere", "/broken"):
            answer = await client.get(path, headers={"Origin": APP})
            assert answer.headers["access-control-allow-origin"] == APP
            assert answer.headers["access-control-expose-headers"] == EXPOSED
            assert "access-control-allow-credentials" not in answer.headers
        for name in ("RateLimit", "Idempotent-Replayed", "X-Request-ID", "Retry-After"):
            assert name in EXPOSED
        assert (await client.get("/varied", headers={"Origin": APP})).headers["vary"] == "Accept, Origin"
        assert (await client.get("/fine")).headers["vary"] == "Origin"  # a cache must not hand this to the origin


async def test_a_preflight_is_answered(serve: Serve) -> None:
    async with serve(cors_origins=(APP,)) as client:
        asked = {"Origin": APP, "Access-Control-Request-Method": "DELETE", "Access-Control-Request-Headers": "authorization"}
        answer = await client.options("/take", headers=asked)
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["access-control-allow-origin"] == APP
        assert "DELETE" in answer.headers["access-control-allow-methods"]
        assert {"Authorization", "Idempotency-Key"} <= {*answer.headers["access-control-allow-headers"].split(", ")}
        assert "Cookie" not in answer.headers["access-control-allow-headers"]
        assert answer.headers["access-control-max-age"] == "600"
        plain = await client.options("/take", headers={"Origin": APP})
        assert plain.headers["allow"] == "OPTIONS, POST"


async def test_everybody_may_call_where_everybody_is_listed(serve: Serve) -> None:
    async with serve(cors_origins=("*",)) as client:
        answer = await client.get("/fine", headers={"Origin": EVIL, "Cookie": "a=b"})
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers
