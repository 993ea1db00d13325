"""Refresh tokens: each good for one successor; a second use ends the session."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import jwt
import psycopg
import pytest
from sqlalchemy import func, select, update

from skillcore.accounts.audit.tables import AuditRow
from skillcore.accounts.tables import RefreshTokenRow, SessionRow
from skillcore.runtime.engine import Engine
from tests.conftest import Dsns
from tests.visitors import PASSWORD, Door, Visitor

ADA = {"email": "ada@example.org", "password": PASSWORD}


async def refresh(door: Door, token: str) -> httpx.Response:
    return await door.anyone.post("/api/auth/refresh", {"refresh_token": token})


async def signed_in(door: Door) -> dict[str, Any]:
    answer = await door.anyone.post("/api/auth/register", ADA)
    assert answer.status_code == 201
    body: dict[str, Any] = answer.json()
    return body


async def set_back(engine: Engine, **ages: timedelta) -> None:
    """Have something of every refresh token lie longer ago, as if time had passed."""
    async with engine.transaction() as tx:
        await tx.session.execute(
            update(RefreshTokenRow).values({name: getattr(RefreshTokenRow, name) - age for name, age in ages.items()})
        )


async def works(door: Door, access_token: str) -> bool:
    return (await Visitor(door.client, access_token).get("/api/auth/profile")).status_code == 200


async def test_a_token_is_exchanged_for_new_ones_of_the_same_session(door: Door) -> None:
    first = await signed_in(door)
    second = (await refresh(door, first["refresh_token"])).json()
    third = (await refresh(door, second["refresh_token"])).json()
    assert len({one["refresh_token"] for one in (first, second, third)}) == 3
    assert len({one["access_token"] for one in (first, second, third)}) == 3
    assert first["session_id"] == second["session_id"] == third["session_id"]
    assert first["session_expires_at"] == second["session_expires_at"] == third["session_expires_at"]
    assert third["user"]["email"] == ADA["email"]
    assert await works(door, third["access_token"])


async def test_within_the_grace_a_token_gives_the_same_successor(door: Door) -> None:
    token = (await signed_in(door))["refresh_token"]
    second, again = (await refresh(door, token)).json(), (await refresh(door, token)).json()
    assert second["refresh_token"] == again["refresh_token"]
    assert await works(door, again["access_token"])
    async with door.engine.transaction() as tx:
        assert await tx.session.scalar(select(func.count()).select_from(RefreshTokenRow)) == 2


async def test_parallel_requests_get_the_same_successor(door: Door) -> None:
    token = (await signed_in(door))["refresh_token"]
    answers = await asyncio.gather(*(refresh(door, token) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    assert (await refresh(door, answers[0].json()["refresh_token"])).status_code == 200


async def test_one_that_waited_for_the_other_gets_the_same_successor(door: Door, database_dsns: Dsns) -> None:
    """One transaction has used the token and not committed yet, and the other is already waiting for it."""
    token = (await signed_in(door))["refresh_token"]
    async with door.engine.transaction() as tx:
        held = RefreshTokenRow.sha256 == hashlib.sha256(token.encode()).digest()
        await tx.session.execute(select(RefreshTokenRow).where(held).with_for_update())
        waiting = [asyncio.create_task(refresh(door, token)) for _ in range(2)]
        while await blocked(database_dsns) < 2:  # noqa: ASYNC110 - the other side tells nobody
            await asyncio.sleep(0.01)
    one, other = await asyncio.gather(*waiting)
    assert one.json()["refresh_token"] == other.json()["refresh_token"]


async def blocked(dsns: Dsns) -> int:
    """Return how many wait for a lock in this database; its owner sees that, the service does not."""
    query = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    async with await psycopg.AsyncConnection.connect(dsns.owner_dsn, autocommit=True) as connection:
        row = await (await connection.execute(query)).fetchone()
    assert row is not None
    return int(row[0])


async def test_a_second_use_after_the_grace_ends_the_session(door: Door) -> None:
    first = await signed_in(door)
    second = (await refresh(door, first["refresh_token"])).json()
    await set_back(door.engine, used_at=timedelta(seconds=11))
    assert (await refresh(door, first["refresh_token"])).status_code == 401
    assert (await refresh(door, second["refresh_token"])).status_code == 401
    assert not await works(door, first["access_token"])
    assert not await works(door, second["access_token"])
    async with door.engine.transaction() as tx:
        session = (await tx.session.scalars(select(SessionRow))).one()
        noted = (await tx.session.scalars(select(AuditRow).where(AuditRow.act == "session.ended"))).one()
    assert session.revoked_why == "a refresh token was used twice"
    assert (noted.about_id, noted.detail["session"]) == (UUID(first["user"]["id"]), first["session_id"])


async def test_within_the_grace_a_second_use_after_that_of_the_successor_ends_the_session(door: Door) -> None:
    first = await signed_in(door)
    second = (await refresh(door, first["refresh_token"])).json()
    third = (await refresh(door, second["refresh_token"])).json()
    assert (await refresh(door, first["refresh_token"])).status_code == 401
    assert (await refresh(door, third["refresh_token"])).status_code == 401
    assert not await works(door, third["access_token"])


async def test_reuse_ends_that_session_alone(door: Door) -> None:
    first = await signed_in(door)
    other = (await door.anyone.post("/api/auth/login", ADA)).json()
    await refresh(door, first["refresh_token"])
    await set_back(door.engine, used_at=timedelta(minutes=1))
    assert (await refresh(door, first["refresh_token"])).status_code == 401
    assert (await refresh(door, other["refresh_token"])).status_code == 200


@pytest.mark.parametrize("token", ["sr_", "sr_unknown", "x", "sk_abcdefgh_secret", "\N{SNOWMAN}"])
async def test_what_nobody_issued_is_refused(door: Door, token: str) -> None:
    assert (await refresh(door, token)).status_code == 401


async def test_an_access_token_refreshes_nothing_and_a_refresh_token_opens_nothing(door: Door) -> None:
    body = await signed_in(door)
    assert (await refresh(door, body["access_token"])).status_code == 422
    assert not await works(door, body["refresh_token"])


async def test_a_token_expires(door: Door) -> None:
    token = (await signed_in(door))["refresh_token"]
    await set_back(door.engine, expires_at=timedelta(days=7))
    assert (await refresh(door, token)).status_code == 401


@pytest.mark.parametrize("end", ["idle_at", "expires_at", "revoked_at"])
async def test_a_token_ends_with_its_session(door: Door, end: str) -> None:
    body = await signed_in(door)
    second = (await refresh(door, body["refresh_token"])).json()
    async with door.engine.transaction() as tx:
        why = {"revoked_why": "a test"} if end == "revoked_at" else {}
        await tx.session.execute(update(SessionRow).values({end: datetime.now(UTC)} | why))
    assert (await refresh(door, second["refresh_token"])).status_code == 401
    assert (await refresh(door, body["refresh_token"])).status_code == 401
    async with door.engine.transaction() as tx:
        noted = (await tx.session.scalars(select(AuditRow).where(AuditRow.act == "session.refused"))).all()
    assert {str(row.about_id) for row in noted} == {body["user"]["id"]}
    assert len(noted) == 2


async def test_use_puts_off_the_end_for_want_of_use_and_not_the_last_one(door: Door) -> None:
    body = await signed_in(door)
    soon = datetime.now(UTC) + timedelta(minutes=5)
    async with door.engine.transaction() as tx:
        await tx.session.execute(update(SessionRow).values(idle_at=soon, expires_at=soon))
    answer = (await refresh(door, body["refresh_token"])).json()
    claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
    assert claims["exp"] <= soon.timestamp()
    assert answer["expires_in"] <= 300
    async with door.engine.transaction() as tx:
        session = (await tx.session.scalars(select(SessionRow))).one()
        newest = await tx.session.scalar(select(RefreshTokenRow.expires_at).where(RefreshTokenRow.used_at.is_(None)))
    assert session.idle_at > soon + timedelta(days=6)
    assert session.expires_at == newest == soon


async def test_no_token_can_be_read_in_the_database(door: Door) -> None:
    first = await signed_in(door)
    second = (await refresh(door, first["refresh_token"])).json()
    async with door.engine.transaction() as tx:
        rows = (await tx.session.scalars(select(RefreshTokenRow).order_by(RefreshTokenRow.issued_at))).all()
    tokens = [first["refresh_token"], second["refresh_token"]]
    assert [row.sha256 for row in rows] == [hashlib.sha256(token.encode()).digest() for token in tokens]
    assert [row.seed is None for row in rows] == [False, True]
