"""Being signed in: where, since when, until when, and how it ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt
import msgspec
import pytest
from sqlalchemy import delete, func, select, update

from skillcore.accounts import sessions
from skillcore.accounts.access import Actor
from skillcore.accounts.audit.tables import AuditRow
from skillcore.accounts.authentication import Known
from skillcore.accounts.tables import RefreshTokenRow, SessionRow, UserRow
from skillcore.runtime.clock import new_id
from skillcore.runtime.engine import Engine
from skillcore.runtime.problems import Unauthenticated
from tests.visitors import PASSWORD, Door, Visitor, door_of

AT_ONCE = 30.0


async def sign_in(door: Door, email: str = "ada@example.org", agent: str = "a phone") -> tuple[Visitor, dict[str, Any]]:
    answer = await door.anyone.post("/api/auth/login", {"email": email, "password": PASSWORD}, headers={"User-Agent": agent})
    assert answer.status_code == 200
    return Visitor(door.client, answer.json()["access_token"]), answer.json()


async def status(visitor: Visitor) -> int:
    """Ask for what does not look at sessions itself."""
    return (await visitor.get("/api/auth/profile")).status_code


async def change(engine: Engine, **values: Any) -> None:
    """Change all sessions behind the process's back."""
    async with engine.transaction() as tx:
        await tx.session.execute(update(SessionRow).values(values))


@pytest.fixture
async def elsewhere(engine: Engine) -> AsyncIterator[Door]:
    """Another process on the same database."""
    async with door_of(Engine(engine.settings, engine.plugins, engine.database)) as door:
        yield door


async def test_a_person_sees_where_they_are_signed_in(door: Door) -> None:
    await door.learner()
    await door.learner("bob@example.org")
    phone, signed = await sign_in(door, agent="a phone")
    await sign_in(door, agent="a desk")
    listed = (await phone.get("/api/auth/sessions")).json()["items"]
    assert [(one["agent"], one["how"], one["kept"], one["current"]) for one in listed] == [
        ("a desk", "password", "token", False),
        ("a phone", "password", "token", True),
        (listed[2]["agent"], "register", "token", False),
    ]
    assert listed[1]["id"] == signed["session_id"] == (await phone.get("/api/auth/session")).json()["session"]["id"]
    assert listed[1]["address"] == "127.0.0.1"
    created, ends = (datetime.fromisoformat(listed[1][name]) for name in ("created_at", "expires_at"))
    assert ends - created == timedelta(days=7)
    assert datetime.fromisoformat(signed["session_expires_at"]) - created == timedelta(days=30)


async def test_the_list_has_pages(door: Door) -> None:
    ada, _ = await door.learner()
    for number in range(3):
        await sign_in(door, agent=str(number))
    first = (await ada.get("/api/auth/sessions?limit=3")).json()
    rest = (await ada.get(f"/api/auth/sessions?limit=3&cursor={first['next_cursor']}")).json()
    assert [one["agent"] for one in first["items"]] == ["2", "1", "0"]
    assert [one["how"] for one in rest["items"]] == ["register"]
    assert rest["next_cursor"] is None


async def test_signing_out_ends_this_session_alone(door: Door) -> None:
    await door.learner()
    (phone, signed), (desk, _) = await sign_in(door), await sign_in(door)
    assert (await phone.post("/api/auth/logout")).status_code == 204
    assert (await status(phone), await status(desk)) == (401, 200)
    assert (await door.anyone.post("/api/auth/refresh", {"refresh_token": signed["refresh_token"]})).status_code == 401
    assert len((await desk.get("/api/auth/sessions")).json()["items"]) == 2


async def test_signing_out_everywhere_ends_all_of_ones_own(door: Door) -> None:
    await door.learner()
    bob, _ = await door.learner("bob@example.org")
    (phone, _), (desk, _) = await sign_in(door), await sign_in(door)
    assert (await phone.post("/api/auth/logout?everywhere=true")).status_code == 204
    assert [await status(one) for one in (phone, desk, bob)] == [401, 401, 200]


async def test_a_session_is_ended_from_another(door: Door) -> None:
    await door.learner()
    (phone, signed), (desk, _) = await sign_in(door), await sign_in(door)
    path = f"/api/auth/sessions/{signed['session_id']}"
    assert (await desk.send("DELETE", path)).status_code == 204
    assert (await status(phone), await status(desk)) == (401, 200)
    assert (await desk.send("DELETE", path)).status_code == 404


async def test_a_session_of_somebody_else_is_answered_like_none(door: Door) -> None:
    await door.learner()
    bob, _ = await door.learner("bob@example.org")
    phone, signed = await sign_in(door)
    foreign = await bob.send("DELETE", f"/api/auth/sessions/{signed['session_id']}")
    absent = await bob.send("DELETE", f"/api/auth/sessions/{uuid4()}")
    assert foreign.status_code == absent.status_code == 404
    assert foreign.content == absent.content
    assert await status(phone) == 200


async def test_an_end_is_noted(door: Door) -> None:
    _, ada = await door.learner()
    phone, signed = await sign_in(door)
    await phone.post("/api/auth/logout")
    async with door.engine.transaction() as tx:
        rows = (
            await tx.session.scalars(select(AuditRow).where(AuditRow.act.like("session.%")).order_by(AuditRow.position))
        ).all()
    assert [(row.act, row.detail.get("how"), row.detail.get("why")) for row in rows] == [
        ("session.started", "register", None),
        ("session.started", "password", None),
        ("session.ended", None, "signed out"),
    ]
    assert {str(row.about_id) for row in rows} == {ada}
    assert rows[-1].detail["session"] == signed["session_id"]
    assert str(rows[-1].actor_id) == ada


async def test_all_but_one_end(door: Door, engine: Engine) -> None:
    _, ada = await door.learner()
    (phone, _), (desk, kept) = await sign_in(door), await sign_in(door)
    assert (await status(phone), await status(desk)) == (200, 200)
    async with engine.transaction() as tx:
        assert await sessions.end_all(tx, UUID(ada), but=UUID(kept["session_id"]), why="password changed") == 2
    assert (await status(phone), await status(desk)) == (401, 200)
    async with engine.transaction() as tx:
        why = (await tx.session.scalars(select(SessionRow.revoked_why).where(SessionRow.revoked_at.is_not(None)))).all()
    assert why == ["password changed"] * 2


async def test_what_another_process_ended_ends_here_within_seconds(
    door: Door, elsewhere: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Known.LIFETIME <= 5.0
    await door.learner()
    phone, signed = await sign_in(door)
    there = Visitor(elsewhere.client, signed["access_token"])
    monkeypatch.setattr(Known, "LIFETIME", 0.2)
    assert (await status(phone), await status(there)) == (200, 200)
    assert (await phone.post("/api/auth/logout")).status_code == 204
    assert await status(phone) == 401
    async with asyncio.timeout(AT_ONCE):
        while await status(there) != 401:  # noqa: ASYNC110 - the other side tells nobody
            await asyncio.sleep(0.02)


async def test_of_too_many_sessions_the_one_not_used_for_longest_ends(engine: Engine) -> None:
    settings = msgspec.structs.replace(engine.settings, auth=msgspec.structs.replace(engine.settings.auth, most_sessions=3))
    async with door_of(Engine(settings, engine.plugins, engine.database)) as door:
        first, ada = await door.learner()
        second, _ = await sign_in(door)
        third, _ = await sign_in(door)
        bob, _ = await door.learner("bob@example.org")
        async with door.engine.transaction() as tx:  # the first one is in daily use, and the third was not heard of for longest
            for number, visitor in enumerate((third, second, first)):
                seen = datetime.now(UTC) - timedelta(hours=9 - number)
                of = SessionRow.id == UUID((await visitor.get("/api/auth/session")).json()["session"]["id"])
                await tx.session.execute(update(SessionRow).where(of).values(last_seen_at=seen))
        fourth, _ = await sign_in(door)
        assert [await status(one) for one in (first, second, third, fourth, bob)] == [200, 200, 401, 200, 200]
        async with door.engine.transaction() as tx:
            ended = select(AuditRow.detail).where(AuditRow.act == "session.ended", AuditRow.about_id == UUID(ada))
            (noted,) = (await tx.session.scalars(ended)).all()
        assert isinstance(noted, dict)
        assert noted["why"] == "too many sessions"


async def test_what_ends_while_it_is_looked_up_is_not_remembered() -> None:
    known, somebody = Known(), Actor(kind="user", user_id=uuid4())
    before = known.changes
    known.forget()
    known.put(b"session", somebody, since=before)
    assert known.get(b"session") is None
    known.put(b"session", somebody, since=known.changes)
    assert known.get(b"session") == somebody


@pytest.mark.parametrize("end", ["idle_at", "expires_at"])
async def test_a_session_ends_in_time(door: Door, end: str) -> None:
    await door.learner()
    phone, _ = await sign_in(door)
    await change(door.engine, **{end: datetime.now(UTC) - timedelta(seconds=1)})
    door.engine.cache(Known).forget()
    assert await status(phone) == 401


@pytest.mark.parametrize("end", ["expires_at", "idle_at"])
async def test_a_session_that_is_about_to_end_is_not_remembered_beyond_that(
    end: str, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Known, "LIFETIME", 3600.0)
    phone, _ = await door.learner()
    await change(door.engine, **{end: datetime.now(UTC) + timedelta(minutes=10)})
    assert await status(phone) == 200
    ((_, until),) = door.engine.cache(Known)._actors.values()
    assert 0 < until - time.monotonic() <= 600


async def test_use_is_noted_to_the_minute_and_puts_off_the_end(door: Door) -> None:
    await door.learner()
    phone, _ = await sign_in(door)
    long_ago = datetime.now(UTC) - timedelta(seconds=61)
    await change(door.engine, last_seen_at=long_ago, idle_at=long_ago + timedelta(days=1))
    door.engine.cache(Known).forget()
    shown = (await phone.get("/api/auth/session")).json()["session"]
    assert datetime.fromisoformat(shown["last_seen_at"]) > long_ago + timedelta(seconds=30)
    assert datetime.fromisoformat(shown["expires_at"]) > long_ago + timedelta(days=6)
    just_now = datetime.now(UTC) - timedelta(seconds=30)
    await change(door.engine, last_seen_at=just_now)
    door.engine.cache(Known).forget()
    shown = (await phone.get("/api/auth/session")).json()["session"]
    assert datetime.fromisoformat(shown["last_seen_at"]) == just_now


async def test_nobody_is_signed_in_whose_account_is_gone(door: Door) -> None:
    ada = new_id()
    async with door.engine.transaction() as tx:
        tx.session.add(UserRow(id=ada))
        await tx.session.flush()
        session = await sessions.begin(tx, ada, "password")
    visitor = Visitor(door.client, session.access_token)
    assert await status(visitor) == 200
    async with door.engine.transaction() as tx:
        for table in (RefreshTokenRow, SessionRow):
            await tx.session.execute(delete(table).where(table.user_id == ada))
        await tx.session.execute(delete(UserRow).where(UserRow.id == ada))
    door.engine.cache(Known).forget()
    assert await status(visitor) == 401
    with pytest.raises(Unauthenticated, match="does not exist"):
        async with door.engine.transaction() as tx:
            await sessions.begin(tx, ada, "password")


async def test_a_change_of_role_is_seen(door: Door) -> None:
    await door.learner()
    phone, signed = await sign_in(door)
    assert (await phone.get("/api/platforms")).status_code == 403
    async with door.engine.transaction() as tx:
        await tx.session.execute(update(UserRow).values(role="admin"))
    door.engine.cache(Known).forget()
    assert (await phone.get("/api/platforms")).status_code == 200
    assert "role" not in jwt.decode(signed["access_token"], options={"verify_signature": False})


async def test_platform_keys_have_no_sessions(door: Door) -> None:
    key = (await door.platform("users:read")).key
    for method, path in (("GET", "/api/auth/sessions"), ("GET", "/api/auth/session"), ("POST", "/api/auth/logout")):
        assert (await key.send(method, path)).status_code == 403


async def test_sessions_that_are_over_are_forgotten_some_at_a_time(door: Door, engine: Engine) -> None:
    _, ada = await door.learner()
    moment = datetime.now(UTC)
    over = [{"idle_at": -2}, {"expires_at": -2}, {"revoked_at": -2}, {"idle_at": 5}, {"revoked_at": 0}]
    async with engine.transaction() as tx:
        for ages in over:
            one = (await sessions.begin(tx, UUID(ada), "password")).id
            values: dict[str, Any] = {name: moment + timedelta(days=days) for name, days in ages.items()}
            values |= {"revoked_why": "a test"} if "revoked_at" in ages else {}
            await tx.session.execute(update(SessionRow).where(SessionRow.id == one).values(values))
    gone = []
    for _ in range(3):
        async with engine.transaction() as tx:
            gone.append(await sessions.forget_expired(tx, moment - timedelta(days=1), 2))
    assert gone == [2, 1, 0]
    async with engine.transaction() as tx:
        assert await tx.session.scalar(select(func.count()).select_from(SessionRow)) == 3
        assert await tx.session.scalar(select(func.count()).select_from(RefreshTokenRow)) == 3


async def test_a_session_that_is_printed_shows_no_secret(door: Door, engine: Engine) -> None:
    _, ada = await door.learner()
    async with engine.transaction() as tx:
        for kept in ("token", "cookie"):
            session = await sessions.begin(tx, UUID(ada), "password", kept)  # type: ignore[arg-type]
            secrets = [session.access_token, session.refresh_token, session.cookie]
            assert sum(map(bool, secrets)) == (2 if kept == "token" else 1)
            assert not any(secret and secret in f"{session} {session!r}" for secret in secrets)
