"""What holds for every route there is, and so for those that are still to come."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.cookies import SimpleCookie
from typing import NamedTuple

import httpx
import pytest
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from sqlalchemy import text

from skillcore.accounts.access import Access, answers_options, declared
from skillcore.accounts.cookies import COOKIE, CSRF_HEADER
from skillcore.operations.documentation import openapi
from skillcore.runtime.database import Base
from tests.visitors import PASSWORD, Door, Visitor

SAFE = {"GET", "HEAD", "OPTIONS"}
EVERYWHERE = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}
STATIC = {"/api/docs", "/api/docs/page.js", "/api/docs/page.css", "/.well-known/jwks.json"}
"""What may be kept by browsers and caches: the same for everybody."""

ASKED_AGAIN = {f"/api/charts/{name}.svg" for name in ("progress", "radar", "heatmap", "weeks")} | {"/api/analytics/profile"}
"""What a browser may keep for its person alone, and must ask for again each time."""

KEEPS_COUNT = {"audit", "limits", "sessions"}
"""Tables into which reading writes by intention: who read whom, how often somebody called, when a session was in use."""


class Route(NamedTuple):
    """A method of a route."""

    method: str
    path: str
    handler: HTTPRouteHandler

    @property
    def access(self) -> Access:
        found = declared(self.handler)
        assert found is not None, f"{self.method} {self.path} does not say who may use it"
        return found

    @property
    def address(self) -> str:
        """An address at which nothing stands."""
        names = dict.fromkeys(self.handler_parameters, "1")
        names |= {name: "01902d2e-7c1a-7d3a-9f5b-3c8a4d2b6e10" for name in names if name.endswith("_id") and name != "job_id"}
        return self.path.format(**names | {"person": "me", "source": "leetcode"})

    @property
    def handler_parameters(self) -> list[str]:
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]


def routes(door: Door) -> Iterator[Route]:
    """Yield every route, those outside of the description included."""
    for route in door.app.routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                if not answers_options(handler):
                    yield from (Route(method, route.path_format, handler) for method in handler.http_methods)


async def plainly(visitor: Visitor, method: str, address: str) -> httpx.Response:
    """Send a request whose refusal may be a page."""
    headers = {} if visitor.credentials is None else {"Authorization": f"Bearer {visitor.credentials}"}
    return await visitor.client.request(method, address, headers=headers)


async def cookie_of_root(door: Door) -> str:
    await door.admin()
    body = {"email": "root@example.org", "password": PASSWORD, "keep": "cookie"}
    answer = await door.anyone.post("/api/auth/login", body, headers={"Origin": "http://skillcore.test"})
    assert answer.status_code == 200, answer.text
    found = SimpleCookie()
    for header in answer.headers.get_list("set-cookie"):
        found.load(header)
    return found[COOKIE].value


async def test_every_route_says_who_may_use_it(door: Door) -> None:
    found = list(routes(door))
    assert len(found) > 70
    assert all(route.access for route in found)


async def test_every_answer_tells_browsers_to_be_careful(door: Door) -> None:
    admin = await door.admin()
    found = [(route.method, route.address) for route in routes(door) if not route.path.endswith("/logout")]
    for method, address in [*found, ("GET", "/nowhere"), ("PUT", "/api/health/live"), ("OPTIONS", "/api/users")]:
        for visitor in (door.anyone, admin):
            answer = await plainly(visitor, method, address)
            where = f"{method} {address} {answer.status_code}"
            assert {name: answer.headers.get(name) for name in EVERYWHERE} == EVERYWHERE, where
            policy = answer.headers["content-security-policy"]
            assert policy.startswith("default-src 'none'"), where
            assert "frame-ancestors 'none'" in policy, where
            assert "base-uri 'none'" in policy, where
            assert "unsafe" not in policy, where
            assert answer.headers["cross-origin-opener-policy"] == "same-origin", where
            assert "permissions-policy" in answer.headers, where
            assert "x-request-id" in answer.headers, where
            assert not any(character.isdigit() for character in answer.headers.get("server", "")), where
            assert "access-control-allow-origin" not in answer.headers, where
            if address in ASKED_AGAIN and answer.status_code == 200:
                assert answer.headers["cache-control"] == "private, no-cache", where
            elif address not in STATIC:
                assert answer.headers["cache-control"] == "no-store", where


async def test_no_change_by_cookie_without_its_token(door: Door) -> None:
    cookie = await cookie_of_root(door)
    page = {"Cookie": f"{COOKIE}={cookie}", "Origin": "http://skillcore.test"}
    tried = 0
    for route in routes(door):
        if route.access.is_public or route.method in SAFE:
            continue
        tried += 1
        for wrong in ({}, {CSRF_HEADER: ""}, {CSRF_HEADER: cookie}):
            answer = await door.anyone.send(route.method, route.address, json={}, headers=page | wrong)
            assert answer.status_code == 403, f"{route.method} {route.path}: {answer.text}"
            if route.access.who is not None and "admin" in (route.access.who.roles or ()):
                assert CSRF_HEADER in answer.json()["detail"], f"{route.method} {route.path}: {answer.text}"
    assert tried > 20
    assert (await door.anyone.get("/api/auth/profile", headers=page)).status_code == 200


async def test_reading_is_by_get_and_changing_is_not(door: Door) -> None:
    admin = await door.admin()
    await door.learner()

    async def rows() -> dict[str, str]:
        names = [table.name for table in Base.metadata.sorted_tables if not any(word in table.name for word in KEEPS_COUNT)]
        query = " union all ".join(
            f"select '{name}', string_agg(t::text, '|' order by t::text) from {name} t" for name in names
        )
        async with door.engine.transaction() as tx:
            return {name: kept for name, kept in await tx.session.execute(text(query))}  # noqa: C416 - rows are no pairs

    before = await rows()
    for route in routes(door):
        if route.method in SAFE:
            assert (await plainly(admin, route.method, route.address)).status_code < 500
    assert await rows() == before


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "BREW"])
async def test_trace_is_not_possible(door: Door, method: str) -> None:
    for address in {route.address for route in routes(door)}:
        answer = await door.anyone.send(method, address)
        assert answer.status_code == 405, address
        assert "allow" in answer.headers


async def test_no_list_is_longer_than_its_limit(door: Door) -> None:
    admin = await door.admin()
    await door.learner()
    await door.learner("bo@example.org")
    document = json.loads(openapi(door.app))
    paged = 0
    for route in routes(door):
        described = document["paths"].get(route.path, {}).get(route.method.lower(), {"parameters": [], "responses": {}})
        answer = described["responses"].get("200", {}).get("content", {}).get("application/json", {}).get("schema", {})
        is_page = answer.get("$ref", "").rpartition("/")[2].startswith("Page")
        limit = next((one for one in described["parameters"] if one["name"] == "limit"), None)
        assert (limit is not None) >= is_page, f"{route.method} {route.path} has pages without a limit"
        if limit is None:
            continue
        assert limit["schema"]["maximum"] <= 1000, route.path
        if is_page:
            paged += 1
            too_many = await admin.get(route.address, params={"limit": limit["schema"]["maximum"] + 1})
            assert too_many.status_code in {400, 403, 404}, f"{route.path}: {too_many.text}"
            one = await admin.get(route.address, params={"limit": 1})
            assert one.status_code != 200 or len(one.json()["items"]) <= 1, route.path
    assert paged >= 8


async def test_options_name_every_method_of_an_address(door: Door) -> None:
    methods: dict[str, set[str]] = {}
    for route in routes(door):
        methods.setdefault(route.address, {"OPTIONS"}).add(route.method)
    for address, named in methods.items():
        answer = await door.anyone.send("OPTIONS", address)
        assert set(answer.headers["allow"].split(", ")) == named, address
