"""The export: one's own data and nobody else's, whole or recognisably cut off, in memory that does not grow with it."""

from __future__ import annotations

import json
import tracemalloc
from contextlib import aclosing
from typing import Any
from uuid import UUID

import psycopg
import pytest

from skillcore.privacy.export import AT_ONCE, Exports, document
from tests.conftest import Dsns
from tests.visitors import Door, Visitor

FILLED = """insert into events (user_id, version, recorded_at, digest, leaf, salt, id, occurred_at, kind, subject_id, via,
    skills, data)
  select %s, n, now(), sha256('d'), sha256('l'), '\\x00', gen_random_uuid(), now(), 'x.note', 's', 'engine', '{a}',
    ('{"text": "' || repeat('x', 200) || '", "n": ' || n || '.10}')::json from generate_series(1, %s) n"""


async def exported(visitor: Visitor, query: str = "") -> Any:
    answer = await visitor.get(f"/api/export{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    return json.loads(answer.content)


async def test_an_export_shows_ones_own_account(door: Door) -> None:
    ada, ada_id = await door.learner("ada@example.org")
    await door.learner("bob@example.org")
    document = await exported(ada)
    (user,) = document["tables"]["users"]
    assert user["id"] == ada_id
    assert user["email"] == "ada@example.org"
    assert "password_hash" not in user
    assert "bob" not in json.dumps(document)


async def test_nobody_exports_others_but_administrators_and_that_is_noted(door: Door, database_dsns: Dsns) -> None:
    _, ada_id = await door.learner("ada@example.org")
    bob, _ = await door.learner("bob@example.org")
    platform = await door.platform("users:read", "events:read")
    admin = await door.admin()
    assert (await bob.get(f"/api/export?user={ada_id}")).status_code == 404
    assert (await platform.key.get("/api/export?user=me")).status_code == 403
    assert (await door.anyone.get("/api/export")).status_code == 401
    assert (await exported(admin, f"?user={ada_id}"))["user_id"] == ada_id
    with psycopg.connect(database_dsns.owner_dsn) as owner:
        noted = owner.execute("select actor_kind, about_id from audit where act = 'person.exported'").fetchall()
    assert noted == [("admin", UUID(ada_id))]


@pytest.mark.parametrize("events", [10_000, pytest.param(100_000, marks=[pytest.mark.soak, pytest.mark.timeout(1200)])])
async def test_many_events_take_no_more_memory_than_a_few(events: int, door: Door, database_dsns: Dsns) -> None:
    _, ada = await door.learner()

    async def peak() -> tuple[int, int]:
        size = 0
        tracemalloc.start()
        async for piece in document(door.engine, UUID(ada)):
            size += len(piece)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return size, most

    small, few = await peak()
    with psycopg.connect(database_dsns.owner_dsn, autocommit=True) as owner:
        owner.execute(FILLED.encode(), (ada, events))
    large, many = await peak()
    assert small < 100_000
    assert large > 400 * events
    assert many < few + 2_000_000


async def test_numbers_are_exported_as_they_are_stored(door: Door, database_dsns: Dsns) -> None:
    ada, ada_id = await door.learner()
    with psycopg.connect(database_dsns.owner_dsn, autocommit=True) as owner:
        owner.execute(FILLED.encode(), (ada_id, 1))
    assert '"n": 1.10}' in (await ada.get("/api/export")).text


async def test_everything_is_as_of_one_moment(door: Door, database_dsns: Dsns) -> None:
    _, ada = await door.learner()
    with psycopg.connect(database_dsns.owner_dsn, autocommit=True) as owner:
        owner.execute(FILLED.encode(), (ada, 2000))
        async with aclosing(document(door.engine, UUID(ada))) as pieces:  # type: ignore[type-var]
            first = await anext(pieces)
            owner.execute("update users set display_name = 'later' where id = %s", (ada,))  # which comes last of the tables
            rest = b"".join([piece async for piece in pieces])
    assert json.loads(first + rest)["tables"]["users"][0]["display_name"] == ""


async def test_what_was_cut_off_lacks_its_end(door: Door, database_dsns: Dsns) -> None:
    _, ada = await door.learner()
    with psycopg.connect(database_dsns.owner_dsn, autocommit=True) as owner:
        owner.execute(FILLED.encode(), (ada, 2000))
        async with aclosing(document(door.engine, UUID(ada))) as pieces:  # type: ignore[type-var]
            written = await anext(pieces)
            owner.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and state = 'active'"
                " and pid <> pg_backend_pid()"
            )
            with pytest.raises(psycopg.OperationalError):
                written += b"".join([piece async for piece in pieces])
    assert b'"complete"' not in written


async def test_a_process_writes_only_some_at_a_time(door: Door) -> None:
    ada, _ = await door.learner()
    places = door.engine.cache(Exports).places
    for _ in range(AT_ONCE):
        await places.acquire()
    answer = await ada.get("/api/export")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "60"
    places.release()
    await exported(ada)
