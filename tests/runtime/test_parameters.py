"""Queries are taken as they are described: one value where one is described, and each of its kind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import httpx
import pytest
from litestar import Litestar, Request, get
from litestar.params import FromPath, FromQuery, QueryParameter

from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.openapi import describe
from skillcore.runtime.settings import Settings
from skillcore.runtime.web import routed, web
from tests.conftest import default_plugins
from tests.visitors import client_of

ID = "01902d2e-7c1a-7d3a-9f5b-3c8a4d2b6e10"


@get("/all/{person:str}")
async def everything(
    person: FromPath[str],
    request: Request[Any, Any, Any],
    word: FromQuery[str | None] = None,
    standing: Annotated[Literal["open", "done"] | None, QueryParameter(name="status")] = None,
    number: Annotated[int, QueryParameter(ge=1, le=9)] = 5,
    some: FromQuery[bool | None] = None,
    by: FromQuery[UUID | None] = None,
    day: FromQuery[date | None] = None,
    at: FromQuery[datetime | None] = None,
    tags: FromQuery[list[str] | None] = None,
    ids: FromQuery[tuple[UUID, ...] | None] = None,
) -> dict[str, Any]:
    """Tell what was read."""
    seen = {
        "word": word,
        "status": standing,
        "number": number,
        "some": some,
        "by": by,
        "day": day,
        "at": at,
        "tags": tags,
        "ids": ids,
    }
    return {name: value for name, value in seen.items() if name in request.query_params}


async def admit_all(*_: object) -> None:
    return None


@asynccontextmanager
async def nothing(_: Litestar) -> AsyncIterator[None]:
    yield


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[Litestar]:
    engine = Engine(settings, default_plugins(), Database("", settings.database))
    shared = routed(routes=[everything], guard=admit_all, lifespan=nothing, body_limit=settings.server.body_limit)
    yield web(shared, engine)
    await engine.database.close()


@pytest.fixture
async def client(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as client:
        yield client


@pytest.mark.parametrize(
    ("query", "read"),
    [
        ("", {}),
        ("word=null", {"word": "null"}),
        ("word=", {"word": ""}),
        ("status=open&number=7&some=false", {"status": "open", "number": 7, "some": False}),
        (f"by={ID}&day=2026-03-01", {"by": ID, "day": "2026-03-01"}),
        ("at=2026-03-01T12:00:00Z", {"at": "2026-03-01T12:00:00Z"}),
        ("at=2026-03-01T12:00:00.25%2B02:00", {"at": "2026-03-01T12:00:00.250000+02:00"}),
        ("tags=a&tags=b&tags=a", {"tags": ["a", "b", "a"]}),
        (f"ids={ID}&ids={ID}", {"ids": [ID, ID]}),
        ("another=1&another=2&person=a&person=b&state=x", {}),  # what is no parameter says nothing
    ],
)
async def test_what_is_described_is_taken(client: httpx.AsyncClient, query: str, read: dict[str, Any]) -> None:
    answer = await client.get(f"/all/ada?{query}")
    assert (answer.status_code, answer.json()) == (200, read), answer.text


@pytest.mark.parametrize(
    ("query", "field"),
    [
        *[(f"{name}={value}&{name}={value}", name) for name, value in {"word": "a", "status": "open", "number": 1}.items()],
        *[(f"{name}=null", name) for name in ("status", "number", "some", "by", "day", "at", "ids")],
        *[(f"{name}=", name) for name in ("status", "number", "some", "by", "day", "at")],
        *[
            (f"number={value}", "number")
            for value in ("0", "10", "1.0", "1e0", "%2B1", "%D9%A3", "0x1", "1_0", "1%0A", "9" * 30)
        ],
        *[(f"some={value}", "some") for value in ("1", "0", "True", "yes")],
        *[(f"by={value}", "by") for value in (ID.replace("-", ""), "{" + ID + "}", f"urn:uuid:{ID}")],
        *[(f"day={value}", "day") for value in ("20260301", "2026-02-30", "2026-03-01T00:00:00Z", "0")],
        *[(f"at={value}", "at") for value in ("1772366400", "2026-03-01T12:00:00", "2026-03-01", "2026-03-01T25:00:00Z")],
        (f"ids={ID}&ids=x", "ids"),
        ("status=other", "status"),
    ],
)
async def test_anything_else_is_refused_and_named(client: httpx.AsyncClient, query: str, field: str) -> None:
    answer = await client.get(f"/all/ada?{query}")
    assert answer.status_code == 400, answer.text
    problem = answer.json()
    assert problem["field"] == field
    assert problem["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("address", "field"),
    [("ada?word=a%00b", "word"), ("ada?other=%00", "other"), ("ada?a%00b=1", None), ("ada%00", None), ("%00?word=a", None)],
)
async def test_an_address_with_what_no_text_can_hold_is_refused(
    client: httpx.AsyncClient, address: str, field: str | None
) -> None:
    answer = await client.get(f"/all/{address}")
    assert (answer.status_code, answer.json().get("field")) == (400, field), answer.text
    assert "U+0000" in answer.json()["detail"]


def test_what_may_be_left_out_is_not_described_as_null(app: Litestar) -> None:
    document = describe(app, version="1", security={}, adjust=lambda *_: None)
    schemas = {one["name"]: one["schema"] for one in document["paths"]["/all/{person}"]["get"]["parameters"]}
    assert schemas == {
        "person": {"type": "string"},
        "word": {"type": "string"},
        "status": {"enum": ["done", "open"]},
        "number": {"type": "integer", "minimum": 1, "maximum": 9, "default": 5},
        "some": {"type": "boolean"},
        "by": {"type": "string", "format": "uuid"},
        "day": {"type": "string", "format": "date"},
        "at": {"type": "string", "format": "date-time"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "ids": {"type": "array", "items": {"type": "string", "format": "uuid"}},
    }
