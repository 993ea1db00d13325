"""Whoever reads of other people leaves an entry, before they are answered; what cannot be noted is not shown."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import msgspec
import psycopg
import pytest

from skillcore.accounts.audit.checks import audit
from skillcore.accounts.audit.lane import Lane
from skillcore.accounts.audit.noting import Draw
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.problems import UnavailableNow
from skillcore.runtime.settings import AuditSettings, Settings
from tests.conftest import Dsns
from tests.ledger.facts import rows
from tests.visitors import Door, Platform, door_of

READS = """select actor_kind, coalesce(actor_id, '00000000-0000-0000-0000-000000000000')::text, about_id::text,
  platform_id::text, detail->>'route' from audit where act = 'person.read' order by position"""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return msgspec.structs.replace(settings, audit=AuditSettings(platform_reads=1))


async def member(school: Platform, name: str) -> str:
    made = await school.key.post("/api/users", {"external_id": name})
    assert made.status_code == 201
    id_: str = made.json()["id"]
    return id_


async def test_each_read_of_another_person_is_noted(door: Door, database_dsns: Dsns) -> None:
    admin = await door.admin()
    root = (await admin.get("/api/auth/profile")).json()["id"]
    ada, ada_id = await door.learner()
    school = await door.platform("users:read", "users:write", "scores:read")
    bob = await member(school, "bob")
    assert rows(database_dsns, READS) == []

    for path in ("/api/users/me", f"/api/users/{ada_id}", "/api/auth/profile", "/api/users/me/level", "/api/auth/activity"):
        assert (await ada.get(path)).status_code == 200, path
    assert (await admin.get(f"/api/users/{root}")).status_code == 200
    assert (await school.key.get(f"/api/users/{ada_id}")).status_code == 404
    assert (await admin.get(f"/api/users/{uuid4()}")).status_code == 404
    assert rows(database_dsns, READS) == []

    assert (await admin.get(f"/api/users/{ada_id}")).status_code == 200
    assert (await school.key.get("/api/users/ext:bob")).status_code == 200
    assert (await school.key.get("/api/users")).status_code == 200
    assert (await admin.get("/api/users?limit=3")).status_code == 200
    of_admin = ("admin", root, ada_id, None, "GET /api/users/{person}")
    of_school = ("key", school.key_id, bob, school.id)
    found = rows(database_dsns, READS)
    assert found[:3] == [of_admin, (*of_school, "GET /api/users/{person}"), (*of_school, "GET /api/users")]
    assert sorted(row[2] for row in found[3:]) == sorted([ada_id, bob])  # and not of root itself
    assert [finding async for finding in audit(door.engine)] == []


async def test_what_is_written_about_a_person_is_no_read(door: Door, database_dsns: Dsns) -> None:
    school = await door.platform("users:write", "events:write", "tasks:write")
    await member(school, "bob")
    assert (await school.key.post("/api/events", {"user": "ext:bob", "kind": "x.own", "data": {}})).status_code == 201
    assert rows(database_dsns, READS) == []


async def test_many_readers_share_the_heads_lock(door: Door, database_dsns: Dsns) -> None:
    school = await door.platform("users:read", "users:write")
    await member(school, "bob")
    before = rows(database_dsns, "select count(distinct xmin::text) from audit")[0][0]
    answers = await asyncio.gather(*(school.key.get("/api/users/ext:bob") for _ in range(100)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(rows(database_dsns, READS)) == 100
    after = rows(database_dsns, "select count(distinct xmin::text) from audit")[0][0]
    assert after - before < 50
    assert [finding async for finding in audit(door.engine)] == []


@pytest.mark.parametrize("obstacle", ["revoke insert on audit from skillcore_service", "alter table audit rename to gone"])
async def test_nothing_is_shown_that_cannot_be_noted(door: Door, database_dsns: Dsns, obstacle: str) -> None:
    admin = await door.admin()
    ada, ada_id = await door.learner()
    school = await door.platform("users:read", "users:write")
    await member(school, "bob")
    with psycopg.connect(database_dsns.owner_dsn, autocommit=True) as owner:
        owner.execute(obstacle.encode())
        for visitor, path in ((admin, f"/api/users/{ada_id}"), (school.key, "/api/users/ext:bob"), (school.key, "/api/users")):
            answer = await visitor.get(path)
            assert (answer.status_code, answer.json()["type"]) == (503, "urn:skillcore:problem:unavailable")
            assert ada_id not in answer.text
            assert "bob" not in answer.text
        assert (await ada.get("/api/users/me")).status_code == 200
        mended = (
            obstacle.replace("revoke", "grant").replace("from", "to").replace("audit rename to gone", "gone rename to audit")
        )
        owner.execute(mended.encode())
    assert (await admin.get(f"/api/users/{ada_id}")).status_code == 200


async def test_a_connection_that_was_lost_is_opened_again(door: Door, database_dsns: Dsns) -> None:
    admin = await door.admin()
    _, ada_id = await door.learner()
    for _ in range(3):
        assert (await admin.get(f"/api/users/{ada_id}")).status_code == 200
        cut = (
            "select count(pg_terminate_backend(pid)) from pg_stat_activity where query like '%%audit_head%%' and state = 'idle'"
        )
        with psycopg.connect(database_dsns.owner_dsn, autocommit=True) as owner:
            owner.execute(f"{cut} and pid <> pg_backend_pid() and datname = current_database()".encode())
    assert len(rows(database_dsns, READS)) == 3


async def test_who_waits_for_the_lane_when_it_closes_is_answered(engine: Engine, database_dsns: Dsns) -> None:
    async with Lane.opened(engine) as lane:
        pass
    with pytest.raises(UnavailableNow):
        await lane.append([])


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
async def test_of_what_platforms_read_a_share_is_noted(
    database_dsns: Dsns, settings: Settings, engine: Engine, share: float
) -> None:
    sampled = msgspec.structs.replace(settings, audit=AuditSettings(platform_reads=share))
    database = Database(database_dsns.service_dsn, settings.database)
    async with door_of(Engine(sampled, engine.plugins, database)) as door:
        school = await door.platform("users:read", "users:write")
        people = {await member(school, name) for name in ("ada", "bob")}
        for number in range(40):
            answer = await school.key.get("/api/users", headers={"X-Request-ID": f"request-{number}"})
            assert answer.status_code == 200
        admin = await door.admin()
        assert (await admin.get(f"/api/users/{min(people)}")).status_code == 200
        noted: dict[Any, set[str]] = {}
        for request, about in rows(
            database_dsns, "select request_id, about_id::text from audit where act = 'person.read' and actor_kind = 'key'"
        ):
            noted.setdefault(request, set()).add(about)
    await database.close()
    assert all(whom == people for whom in noted.values())  # all of a request's, or none
    assert {0.0: len(noted) == 0, 0.25: 1 <= len(noted) <= 25, 1.0: len(noted) == 40}[share]
    assert rows(database_dsns, "select count(*) from audit where act = 'person.read' and actor_kind = 'admin'") == [(1,)]


def test_the_draw_is_fair_steady_and_not_foreseeable() -> None:
    draw = Draw()
    names = [f"request-{number}" for number in range(4000)]
    drawn = [draw(name, 0.25) for name in names]
    assert drawn == [draw(name, 0.25) for name in names]
    assert 850 < sum(drawn) < 1150
    assert [Draw()(name, 0.25) for name in names] != drawn
    assert all(draw(name, 1) for name in names)
    assert not any(draw(name, 0) for name in names)
