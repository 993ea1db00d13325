"""Who gets in: nobody, unless a route says so."""

from __future__ import annotations

import base64
import hashlib
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from litestar import Litestar, get
from sqlalchemy import select, update

from skillcore.accounts import key_text
from skillcore.accounts.access import Actor, access, admin, check_declared, declared, public, user
from skillcore.accounts.authentication import Known
from skillcore.accounts.tables import ApiKeyRow, UserRow
from skillcore.app import create_app
from skillcore.runtime.engine import Engine
from skillcore.runtime.problems import Forbidden, Unauthenticated
from tests.visitors import Door, Visitor

PUBLIC = {
    "/.well-known/jwks.json",
    "/api/auth/email/confirm",
    "/api/auth/login",
    "/api/auth/password/forgotten",
    "/api/auth/password/reset",
    "/api/auth/refresh",
    "/api/auth/register",
    "/api/auth/oauth",
    "/api/auth/oauth/{provider:str}/callback",
    "/api/auth/oauth/{provider:str}/start",
    "/api/auth/register/confirm",
    "/api/docs",
    "/api/docs/openapi.json",
    "/api/docs/page.css",
    "/api/docs/page.js",
    "/api/health",
    "/api/health/db",
    "/api/health/live",
    "/api/health/mcp",
    "/api/health/plugins",
    "/api/health/ready",
    "/api/profiles/{user_id:uuid}",
    "/api/profiles/{user_id:uuid}/card.svg",
    "/api/setup",
    "/api/sources",
    "/metrics",
}


def test_a_route_that_declares_nothing_does_not_start() -> None:
    @get("/silent")
    async def silent() -> str:
        return "open by oversight"

    @get("/said", opt={"access": access(public())})
    async def said() -> str:
        return "open on purpose"

    check_declared(Litestar([said], openapi_config=None))
    with pytest.raises(ValueError, match="/silent"):
        check_declared(Litestar([silent, said], openapi_config=None))


def test_a_declaration_lets_somebody_in() -> None:
    with pytest.raises(ValueError, match="nobody"):
        access()


def test_only_these_routes_are_open_to_everybody(engine: Engine) -> None:
    app = create_app(engine)
    open_to_all = {
        route.path
        for route in app.routes
        for handler in getattr(route, "route_handlers", ())
        if (found := declared(handler)) is not None and found.is_public
    }
    assert open_to_all <= PUBLIC


LEARNER = Actor(kind="user", user_id=uuid4())
ADMIN = Actor(kind="user", user_id=uuid4(), role="admin")
WRITER = Actor(kind="key", platform_id=uuid4(), scopes=frozenset({"tasks:write"}))


@pytest.mark.parametrize(
    ("rule", "actor", "refusal"),
    [
        (access(public()), None, None),
        (access(user()), None, Unauthenticated),
        (access(user()), LEARNER, None),
        (access(user()), WRITER, Forbidden),
        (access(user(), key="tasks:write"), WRITER, None),
        (access(user(), key="tasks:read"), WRITER, Forbidden),
        (access(key="tasks:write"), LEARNER, Forbidden),
        (access(key="tasks:write"), ADMIN, Forbidden),
        (access(admin()), LEARNER, Forbidden),
        (access(admin()), ADMIN, None),
        (access(admin()), WRITER, Forbidden),
        (access(key="tasks:write"), None, Unauthenticated),
    ],
)
def test_a_declaration_is_kept(rule, actor, refusal) -> None:
    if refusal is None:
        rule.check(actor)
    else:
        with pytest.raises(refusal):
            rule.check(actor)


async def test_every_route_that_is_not_open_asks_for_credentials(door: Door) -> None:
    paths = door.app.routes
    asked = 0
    for route in paths:
        for handler in getattr(route, "route_handlers", ()):
            rule = declared(handler)
            if rule is None or rule.is_public:
                continue
            path = route.path_format
            for name in route.path_parameters:
                path = path.replace("{" + name + "}", "1" if name == "job_id" else str(uuid4()))
            for method in handler.http_methods:
                asked += 1
                assert (await door.anyone.send(method, path)).status_code == 401
    assert asked >= 11


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YTpi", "sk_x_y", "Bearer sk_", "Bearer sk_abcdefgh_", "Bearer \xff"]
)
async def test_other_headers_are_refused(door: Door, header: str) -> None:
    answer = await door.anyone.get("/api/users", headers={"Authorization": header.encode("latin-1")})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("name", ["access_token", "token", "api_key", "key", "Authorization"])
async def test_no_credential_counts_in_an_address(door: Door, name: str) -> None:
    """Addresses stand in logs and histories."""
    ada, _ = await door.learner()
    key = (await door.platform("users:read")).key
    for path, somebody in (("/api/auth/profile", ada), ("/api/users", key)):
        assert (await somebody.get(path)).status_code == 200
        for value in (somebody.credentials, f"Bearer {somebody.credentials}"):
            assert (await door.anyone.get(path, params={name: value})).status_code == 401


async def test_a_key_needs_the_scope(door: Door) -> None:
    reader = (await door.platform("users:read")).key
    assert (await reader.get("/api/users")).status_code == 200
    refusal = await reader.post("/api/users", {"external_id": "a"})
    assert (refusal.status_code, refusal.json()["scope"]) == (403, "users:write")
    assert (await reader.get("/api/platforms")).status_code == 403


async def test_a_key_is_for_its_own_platform(door: Door) -> None:
    ours, theirs = await door.platform("users:read"), await door.platform("users:read")
    assert (await ours.key.get(f"/api/platforms/{ours.id}")).json()["id"] == ours.id
    foreign, absent = await ours.key.get(f"/api/platforms/{theirs.id}"), await ours.key.get(f"/api/platforms/{uuid4()}")
    assert foreign.status_code == absent.status_code == 404
    assert foreign.content == absent.content


async def test_a_revoked_key_is_dead_at_once(door: Door) -> None:
    platform = await door.platform("users:read")
    admin = await door.admin()
    assert (await platform.key.get("/api/users")).status_code == 200
    path = f"/api/platforms/{platform.id}/keys/{platform.key_id}"
    assert (await admin.send("DELETE", path)).status_code == 204
    assert (await platform.key.get("/api/users")).status_code == 401
    assert (await admin.send("DELETE", path)).status_code == 204
    (shown,) = (await admin.get(f"/api/platforms/{platform.id}/keys")).json()["items"]
    assert shown["revoked_at"] is not None


async def test_an_expired_key_is_dead(door: Door) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    platform = await door.platform("users:read", expires_at=soon.isoformat())
    assert (await platform.key.get("/api/users")).status_code == 200
    async with door.engine.transaction() as tx:
        await tx.session.execute(update(ApiKeyRow).values(expires_at=datetime.now(UTC)))
    door.engine.cache(Known).forget()
    assert (await platform.key.get("/api/users")).status_code == 401


async def test_a_key_that_expires_is_not_remembered_beyond_that(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Known, "LIFETIME", 3600.0)
    platform = await door.platform("users:read", expires_at=(datetime.now(UTC) + timedelta(minutes=10)).isoformat())
    assert (await platform.key.get("/api/users")).status_code == 200
    known = door.engine.cache(Known)
    (until,) = [until for actor, until in known._actors.values() if actor.kind == "key"]
    assert 0 < until - time.monotonic() <= 600
    known.put(b"dead", WRITER, datetime.now(UTC) - timedelta(seconds=1))
    known.put(b"alive", WRITER, datetime.now(UTC) + timedelta(hours=1))
    assert known.get(b"dead") is None
    assert known.get(b"alive") == WRITER


async def test_another_secret_is_refused(door: Door) -> None:
    """A well-formed one: what was mistyped is refused for its checksum already."""
    platform = await door.platform("users:read")
    assert platform.key.credentials is not None
    begins, other = platform.key.credentials[: len("sk_aaaaaaaa_")], key_text.drawn().secret[:52]
    forged = f"{begins}{other}{key_text._checksum(begins + other)}"
    assert key_text.read(forged) is not None
    assert (await Visitor(door.client, forged).get("/api/users")).status_code == 401
    assert (await platform.key.get("/api/users")).status_code == 200


async def test_secrets_are_kept_as_hashes_and_shown_once(door: Door) -> None:
    platform = await door.platform("users:read")
    assert platform.key.credentials is not None
    await door.learner()
    await platform.key.get("/api/users")
    admin = await door.admin()
    listed = await admin.get(f"/api/platforms/{platform.id}/keys")
    _, prefix, secret = platform.key.credentials.split("_", 2)
    assert secret not in listed.text
    (shown,) = listed.json()["items"]
    assert shown["prefix"] == prefix
    assert shown["last_used_at"] is not None
    assert len(base64.b32decode(f"{secret[:52].upper()}====")) == 32
    async with door.engine.transaction() as tx:
        row = (await tx.session.scalars(select(ApiKeyRow))).one()
        hashes = (await tx.session.scalars(select(UserRow.password_hash))).all()
    assert row.secret_sha256 == hashlib.sha256(secret.encode()).digest()
    assert all(kept is not None and kept.startswith("$2b$") for kept in hashes)
