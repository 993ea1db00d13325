"""Sessions kept in a cookie: what browsers are told, and that other sites' pages can do nothing with them."""

from __future__ import annotations

import hashlib
from http.cookies import SimpleCookie
from typing import Any, NamedTuple

import httpx
import msgspec
import pytest
from litestar.datastructures import Headers
from sqlalchemy import select

from skillcore.accounts.cookies import COOKIE, check_token, csrf_token
from skillcore.accounts.tables import SessionRow
from skillcore.runtime.engine import Engine
from skillcore.runtime.problems import Forbidden
from tests.visitors import PASSWORD, Door, Visitor, door_of

ADA = {"email": "ada@example.org", "password": PASSWORD}
OURS = {"Origin": "http://skillcore.test"}
"""What browsers send from our own pages; the tests' client calls this host."""


class Page(NamedTuple):
    """A page in somebody's browser."""

    door: Door
    cookie: str
    csrf: str
    answer: httpx.Response

    async def send(self, method: str, path: str, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        return await self.door.anyone.send(
            method, path, headers={"Cookie": f"{COOKIE}={self.cookie}"} | (headers or {}), **more
        )

    async def change(self, headers: dict[str, str] | None = None) -> int:
        """Send a request that changes nothing if it succeeds, by a method that may."""
        return (await self.send("DELETE", "/api/auth/sessions/00000000-0000-0000-0000-000000000000", headers)).status_code


def cookie_line(answer: httpx.Response) -> str:
    """Return the line by which an answer sets our cookie; it may set others."""
    (line,) = [line for line in answer.headers.get_list("set-cookie") if line.startswith(f"{COOKIE}=")]
    return line


async def opened(door: Door, **headers: str) -> Page:
    """Register, and keep the session in a cookie."""
    answer = await door.anyone.post("/api/auth/register", ADA | {"keep": "cookie"}, headers=headers or OURS)
    assert answer.status_code == 201, answer.text
    cookie = SimpleCookie(cookie_line(answer))[COOKIE]
    return Page(door, cookie.value, answer.json()["csrf_token"], answer)


@pytest.fixture
async def page(door: Door) -> Page:
    return await opened(door)


async def test_browsers_are_told_to_keep_it_close(page: Page) -> None:
    name, _, attributes = cookie_line(page.answer).partition("=")
    value, *rest = attributes.split("; ")
    assert name == "__Host-skillcore"
    assert len(value) == 43
    assert {one.lower() for one in rest if not one.lower().startswith("max-age")} == {
        "httponly",
        "secure",
        "samesite=lax",
        "path=/",
    }
    (age,) = [int(one.split("=")[1]) for one in rest if one.lower().startswith("max-age")]
    assert 30 * 86400 - 60 <= age <= 30 * 86400
    assert page.answer.headers["cache-control"] == "no-store"


async def test_the_answer_has_no_tokens_and_the_database_no_cookie(page: Page) -> None:
    body = page.answer.json()
    assert [body[name] for name in ("access_token", "refresh_token", "token_type", "expires_in")] == [None] * 4
    assert page.cookie not in page.answer.text
    async with page.door.engine.transaction() as tx:
        row = (await tx.session.scalars(select(SessionRow))).one()
    assert row.cookie_sha256 == hashlib.sha256(page.cookie.encode()).digest()
    assert row.kept == "cookie"


async def test_it_opens_what_a_token_opens(page: Page) -> None:
    shown = (await page.send("GET", "/api/auth/session")).json()
    assert shown["session"]["kept"] == "cookie"
    assert shown["session"]["current"] is True
    assert shown["csrf_token"] == page.csrf
    assert shown["user"]["email"] == "ada@example.org"
    assert (await page.send("GET", "/api/platforms")).status_code == 403
    assert (await page.send("GET", "/api/auth/session", {"Origin": "https://evil.test"})).status_code == 200


async def test_another_or_no_cookie_opens_nothing(page: Page) -> None:
    flipped = page.cookie[:-2] + ("AA" if page.cookie[-2:] != "AA" else "BB")
    for cookie in (flipped, "", page.cookie + "x", page.csrf):
        assert (await page._replace(cookie=cookie).send("GET", "/api/auth/profile")).status_code == 401
    assert (await page.door.anyone.get("/api/auth/profile", headers={"Cookie": f"skillcore={page.cookie}"})).status_code == 401


async def test_signing_in_takes_over_nothing_that_the_browser_brought(page: Page) -> None:
    """Else whoever puts a cookie into somebody's browser would be signed in with them."""
    answers = [
        await page.send("POST", "/api/auth/login", headers, json=ADA | {"keep": "cookie"})
        for headers in (OURS, OURS | {"Cookie": f"{COOKIE}={'p' * 43}"}, OURS)
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    cookies = [SimpleCookie(cookie_line(answer))[COOKIE].value for answer in answers]
    assert len({*cookies, page.cookie, "p" * 43}) == 5
    assert len({answer.json()["session_id"] for answer in (page.answer, *answers)}) == 4
    assert (await page._replace(cookie="p" * 43).send("GET", "/api/auth/profile")).status_code == 401


async def test_several_cookies_are_refused(page: Page) -> None:
    twice = {"Cookie": f"{COOKIE}={page.cookie}; other=1; {COOKIE}={page.cookie}"}
    assert (await page.door.anyone.get("/api/auth/profile", headers=twice)).status_code == 401
    beside = {"Cookie": f"other=1; {COOKIE}={page.cookie}; {COOKIE}x=2"}
    assert (await page.door.anyone.get("/api/auth/profile", headers=beside)).status_code == 200


SAME_SITE = {"Sec-Fetch-Site": "same-origin"}


@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        (OURS, False),
        (SAME_SITE, False),
        (OURS | SAME_SITE, False),
        ({"Origin": "http://SKILLCORE.test:80"}, False),
        ({}, True),
        ({"Origin": ""}, True),
        ({"Origin": "null"}, True),
        ({"Origin": "http://evil.test"}, True),
        ({"Origin": "http://skillcore.test.evil.test"}, True),
        ({"Origin": "http://skillcore.test@evil.test"}, True),
        ({"Origin": "http://evil.test/http://skillcore.test"}, True),
        ({"Origin": "http://sub.skillcore.test"}, True),
        ({"Origin": "http://skillcore.test:8080"}, True),
        ({"Origin": "ftp://skillcore.test"}, True),
        ({"Origin": "http://[::1"}, True),
        ({"Origin": "http://skillcore.test:port"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, True),
        ({"Sec-Fetch-Site": "same-site"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        (OURS | {"Sec-Fetch-Site": "cross-site"}, True),
        ({"Origin": "http://evil.test"} | SAME_SITE, True),
        ({"Referer": "http://skillcore.test/"}, True),
    ],
)
async def test_changes_must_come_from_a_page_of_ours(page: Page, headers: dict[str, str], refused: bool) -> None:
    assert await page.change(headers | {"X-CSRF-Token": page.csrf}) == (403 if refused else 404)


async def test_changes_need_the_token_of_this_cookie(page: Page) -> None:
    assert await page.change(OURS | {"X-CSRF-Token": page.csrf}) == 404
    answer = await page.door.anyone.post("/api/auth/login", ADA | {"keep": "cookie"}, headers=OURS)
    other = answer.json()["csrf_token"]
    for token in (other, page.cookie, page.csrf[:-1], page.csrf + "=", "", "null"):
        assert await page.change(OURS | {"X-CSRF-Token": token}) == 403
    assert await page.change(OURS) == 403
    assert await page.change(OURS | {"Cookie": f"{COOKIE}={page.cookie}; csrf={page.csrf}"}) == 403


def test_of_two_tokens_none_counts() -> None:
    """Each reader would take another one for the one that counts."""
    sent = [(b"x-csrf-token", csrf_token("secret").encode()), (b"x-csrf-token", b"another")]
    for headers in (sent, sent[::-1], []):
        with pytest.raises(Forbidden):
            check_token(Headers.from_scope({"headers": headers}), "secret")  # type: ignore[typeddict-item, arg-type]
    check_token(Headers.from_scope({"headers": sent[:1]}), "secret")  # type: ignore[typeddict-item, arg-type]


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/auth/logout"), ("DELETE", "/api/auth/sessions/{session}"), ("POST", "/api/auth/logout?everywhere=true")],
)
async def test_a_refused_change_did_not_happen(page: Page, method: str, path: str) -> None:
    path = path.format(session=page.answer.json()["session_id"])
    for headers in (OURS, {"X-CSRF-Token": page.csrf}, OURS | {"Idempotency-Key": "k"}):
        assert (await page.send(method, path, headers)).status_code == 403
    assert (await page.send("GET", "/api/auth/profile")).status_code == 200
    assert (await page.send(method, path, OURS | {"X-CSRF-Token": page.csrf})).status_code == 204
    assert (await page.send("GET", "/api/auth/profile")).status_code == 401


async def test_a_header_counts_and_the_cookie_beside_it_is_not_looked_at(page: Page) -> None:
    bob, _ = await page.door.learner("bob@example.org")
    bearer = {"Authorization": f"Bearer {bob.credentials}"}
    seen = (await page.send("GET", "/api/auth/session", bearer)).json()
    assert (seen["user"]["email"], seen["csrf_token"]) == ("bob@example.org", None)
    assert await page.change(bearer) == 404  # no browser sends it by itself, so no page could have tricked anybody
    assert await page.change(bearer | {"Origin": "https://evil.test"}) == 404
    for broken in ("Bearer junk", "Basic YTpi", ""):
        assert (await page.send("GET", "/api/auth/session", {"Authorization": broken})).status_code == 401
    both = [("Authorization", f"Bearer {bob.credentials}"), ("Authorization", "Bearer other")]
    assert (await page.door.client.get("/api/auth/profile", headers=both)).status_code == 400


async def test_a_cookie_is_no_token_and_a_token_no_cookie(page: Page) -> None:
    bob, _ = await page.door.learner("bob@example.org")
    assert (await Visitor(page.door.client, page.cookie).get("/api/auth/session")).status_code == 401
    assert bob.credentials is not None
    assert (await page._replace(cookie=bob.credentials).send("GET", "/api/auth/profile")).status_code == 401
    assert (await page.door.anyone.post("/api/auth/refresh", {"refresh_token": page.cookie})).status_code == 401


@pytest.mark.parametrize("path", ["/api/auth/login", "/api/auth/register"])
async def test_no_other_site_signs_a_browser_in(door: Door, path: str) -> None:
    """Else a page could have somebody work in an account of its choice."""
    for headers in ({}, {"Origin": "https://evil.test"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        answer = await door.anyone.post(path, ADA | {"keep": "cookie"}, headers=headers)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
    async with door.engine.transaction() as tx:
        assert (await tx.session.scalars(select(SessionRow))).all() == []


async def test_a_form_of_another_site_cannot_be_sent_as_json(door: Door) -> None:
    await door.learner()
    content = msgspec.json.encode(ADA | {"keep": "cookie"})
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answer = await door.anyone.post("/api/auth/login", headers=OURS | {"Content-Type": kind}, content=content)
        assert answer.status_code == 415
        assert "set-cookie" not in answer.headers


async def test_signing_out_has_the_browser_forget_it(page: Page) -> None:
    answer = await page.send("POST", "/api/auth/logout", OURS | {"X-CSRF-Token": page.csrf})
    cookie = SimpleCookie(cookie_line(answer))[COOKIE]
    assert (cookie.value, cookie["max-age"], cookie["path"], cookie["secure"]) == ("", "0", "/", True)
    assert answer.headers["clear-site-data"] == '"cache", "storage"'


async def test_a_program_that_signs_out_is_told_nothing_of_cookies(page: Page) -> None:
    bob, _ = await page.door.learner("bob@example.org")
    answer = await page.send("POST", "/api/auth/logout", {"Authorization": f"Bearer {bob.credentials}"})
    assert (answer.status_code, "set-cookie" in answer.headers) == (204, False)
    assert (await page.send("GET", "/api/auth/profile")).status_code == 200


async def test_behind_a_proxy_the_public_address_counts(engine: Engine) -> None:
    server = msgspec.structs.replace(engine.settings.server, public_url="https://skills.example.org/")
    settings = msgspec.structs.replace(engine.settings, server=server)
    async with door_of(Engine(settings, engine.plugins, engine.database)) as door:
        public = {"Origin": "https://skills.example.org"}
        page = await opened(door, **public)
        token = {"X-CSRF-Token": page.csrf}
        assert await page.change(public | token) == 404
        assert await page.change({"Origin": "https://skills.example.org:443"} | token) == 404
        assert await page.change(OURS | token) == 403
        assert await page.change({"Origin": "http://skills.example.org"} | token) == 403


async def test_where_the_way_is_encrypted_plain_pages_are_others(door: Door) -> None:
    """Whoever sits on the line can make a page of http://skillcore.test; that one must not act on https://skillcore.test."""
    page = await opened(door)
    token = {"X-CSRF-Token": page.csrf}
    path = "https://skillcore.test/api/auth/sessions/00000000-0000-0000-0000-000000000000"
    assert (await page.send("DELETE", path, {"Origin": "https://skillcore.test"} | token)).status_code == 404
    assert (await page.send("DELETE", path, OURS | token)).status_code == 403
