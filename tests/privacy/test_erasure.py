"""Erasure: of everything that is declared of a person nothing is left, the chains hold, and nobody else loses anything."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pyotp
import pytest
from sqlalchemy import func, select

from skillcore.accounts.tables import UserRow
from skillcore.app import ROOMS
from skillcore.ledger import ingest, record
from skillcore.ledger.tables import ErasureRow, StreamRow
from skillcore.ledger.writer import PersonErased
from skillcore.privacy.declared import portions
from skillcore.privacy.erasure import erase, erase_again, sweep
from skillcore.privacy.requests import command, erase_due
from skillcore.privacy.tables import ErasureRequestRow
from skillcore.runtime.database import Base
from skillcore.runtime.engine import Engine
from skillcore.runtime.rooms import Finding
from tests.conftest import Dsns
from tests.privacy.filling import CANARY, People, empty_for, facts, fill, rows_of, traces
from tests.visitors import PASSWORD, Door


@pytest.fixture
async def people(door: Door, database_dsns: Dsns) -> People:
    return await fill(door, database_dsns)


async def wrong(engine: Engine) -> list[Finding]:
    return [finding for room in ROOMS for check in room.checks.values() async for finding in check(engine)]


async def test_every_table_is_filled_so_that_nothing_new_is_forgotten(people: People, database_dsns: Dsns) -> None:
    assert empty_for(database_dsns, people.ada_id) == []


async def test_an_export_has_every_row_that_is_declared(people: People, database_dsns: Dsns, door: Door) -> None:
    document = json.loads((await people.ada.get("/api/export")).content)
    shown = document["tables"] | document["named_in"]
    for portion in portions(Base.metadata):
        there = rows_of(database_dsns, portion, people.ada_id)
        if portion.table == "audit":  # it grows by this export, and shows what she did to herself once
            assert 0 < len(shown[portion.name]) <= len(there)
        else:
            assert len(shown[portion.name]) == len(there), portion.name
        for row in shown[portion.name]:
            assert set(row) == {*portion.columns, *(name for name, _ in portion.coded)}
    assert document["complete"] == {"rows": sum(len(rows) for rows in shown.values())}
    assert list(document)[-1] == "complete"
    text = json.dumps(document)
    for name in ("password_hash", "secret_sha256", "cookie_sha256"):
        assert f'"{name}":' not in text
    del document["named_in"]["mentors.mentor_id"]  # whom a mentor sees, they know
    assert str(people.bob_id) not in json.dumps(document["named_in"])


async def test_what_she_did_to_herself_is_exported_once(people: People) -> None:
    document = json.loads((await people.ada.get("/api/export")).content)
    own = {row["position"]: row["act"] for row in document["tables"]["audit"]}
    about = {row["position"]: row["act"] for row in document["named_in"]["audit.about_id"]}
    assert "person.exported" in own.values()
    assert set(about.values()) == {"person.registered", "session.started", "person.read"}  # not by her
    assert not own.keys() & about.keys()


async def test_export_then_erase_leaves_nothing_and_nobody_else_is_touched(
    people: People, database_dsns: Dsns, door: Door, capfd: pytest.CaptureFixture[str]
) -> None:
    engine, bob = door.engine, people.bob_id
    kept = {portion.name: rows_of(database_dsns, portion, bob) for portion in portions(Base.metadata)}
    await people.ada.get("/api/export")
    capfd.readouterr()
    assert await erase(engine, people.ada_id, "asked")
    assert traces(database_dsns, people.ada_id, "ada@example.org", f"ada-{CANARY}") == []
    assert await wrong(engine) == []
    after = {portion.name: rows_of(database_dsns, portion, bob) for portion in portions(Base.metadata)}
    assert {name for name in kept if kept[name] != after[name]} <= {
        "mentorship_sessions",  # the mentor's name is gone
        "mentorship_sessions.mentor_id",  # the session was hers
        "mentors",
        "mentors.mentor_id",
        "reviewers",  # who reviewed him is gone
        "reviewers.reviewer_id",  # and whom he reviewed
        "reviews",  # her words are gone
        "reviews.reviewer_id",
        "source_accounts",  # displaced by nobody any more
        "projects",
        "project_skills",
        "audit",
        "audit.about_id",
    }
    assert [json.loads(json.dumps(row)) for row in after["projects"]]  # it was handed over to him
    assert (await people.ada.get("/api/auth/profile")).status_code == 401
    logged = "".join(capfd.readouterr())
    for word in (CANARY, str(people.ada_id), "ada@example.org"):
        assert word not in logged.lower()


async def test_from_where_her_events_came_is_gone_too(people: People, database_dsns: Dsns, door: Door) -> None:
    query = "select count(*) from events where user_id = %s and (origin is not null or origin_seq is not null)"
    with psycopg.connect(database_dsns.owner_dsn, autocommit=True) as owner:
        owner.execute("alter table events disable trigger all")
        owner.execute("update events set origin = 'pocket of ada', origin_seq = version where user_id = %s", (people.ada_id,))
        owner.execute("alter table events enable trigger all")
        assert (owner.execute(query, (people.ada_id,)).fetchone() or (0,))[0] > 0
        assert await erase(door.engine, people.ada_id, "asked")
        assert owner.execute(query, (people.ada_id,)).fetchone() == (0,)


async def test_what_is_rebuilt_is_what_there_is(people: People, database_dsns: Dsns, door: Door) -> None:
    await erase(door.engine, people.ada_id, "asked")
    derived = ("streams", "snapshots", "skill_signals")

    def contents() -> dict[str, list[Any]]:
        with psycopg.connect(database_dsns.owner_dsn) as owner:
            return {name: owner.execute(f"select t::text from {name} t order by 1".encode()).fetchall() for name in derived}

    before = contents()
    for room in ROOMS:
        for rebuild in room.rebuild:
            await rebuild(door.engine, lambda _: None)
    after = contents()
    assert after["streams"] == before["streams"]
    assert after["skill_signals"] == before["skill_signals"]
    assert not [row for (row,) in after["snapshots"] if str(people.ada_id) in row]


async def test_nothing_is_recorded_of_the_erased(people: People, door: Door) -> None:
    await erase(door.engine, people.ada_id, "asked")
    with pytest.raises(PersonErased):
        async with door.engine.transaction() as tx:
            await record(tx, facts(people.ada_id, "late"))
    with pytest.raises(PersonErased):
        await ingest(door.engine, facts(people.ada_id, "later"))
    with pytest.raises(PersonErased):
        await ingest(door.engine, [event for n in range(50) for event in facts(people.ada_id, f"many{n}")])


@pytest.mark.parametrize("table", ["snapshots", "checkpoints", "parked_events", "training_sessions"])
async def test_nothing_is_derived_of_the_erased_or_parked(table: str, people: People, database_dsns: Dsns, door: Door) -> None:
    with psycopg.connect(database_dsns.owner_dsn, autocommit=True) as owner:
        copied = f"create table copied as select * from {table} where user_id = '{people.ada_id}'"
        assert owner.execute(copied.encode()).rowcount > 0
        await erase(door.engine, people.ada_id, "asked")
        assert owner.execute(f"insert into {table} select * from copied".encode()).rowcount == 0
        assert owner.execute(f"select from {table} where user_id = '{people.ada_id}'".encode()).fetchall() == []


@pytest.mark.parametrize("table", ["snapshots", "checkpoints", "parked_events", "training_sessions"])
async def test_an_erasure_waits_for_what_is_being_derived(table: str, people: People, database_dsns: Dsns, door: Door) -> None:
    with psycopg.connect(database_dsns.owner_dsn) as owner:
        owner.execute(f"create temporary table copied as select * from {table}".encode())
        owner.execute(f"delete from {table}".encode())
        owner.commit()
        assert owner.execute(f"insert into {table} select * from copied".encode()).rowcount > 0
        erasing = asyncio.create_task(erase(door.engine, people.ada_id, "asked"))
        await waits(database_dsns)
    assert await erasing
    assert traces(database_dsns, people.ada_id) == []


async def test_two_erasures_at_once_are_one(people: People, door: Door) -> None:
    done = await asyncio.gather(*(erase(door.engine, people.ada_id, "asked") for _ in range(4)))
    assert sorted(done) == [False, False, False, True]
    async with door.engine.transaction() as tx:
        mine = select(func.count()).where(ErasureRow.user_id == people.ada_id, ErasureRow.reason == "asked")
        assert await tx.session.scalar(mine) == 1


async def test_an_erasure_that_dies_in_between_has_done_nothing_and_is_done_later(
    people: People, database_dsns: Dsns, door: Door
) -> None:
    before = {portion.name: rows_of(database_dsns, portion, people.ada_id) for portion in portions(Base.metadata)}
    with psycopg.connect(database_dsns.owner_dsn) as owner:
        owner.execute("select from users where id = %s for key share", (people.ada_id,))  # it waits for this
        erasing = asyncio.create_task(erase(door.engine, people.ada_id, "asked"))
        await waits(database_dsns)
        erasing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await erasing
    assert before == {portion.name: rows_of(database_dsns, portion, people.ada_id) for portion in portions(Base.metadata)}
    assert await erase_due(door.engine) == 1
    assert traces(database_dsns, people.ada_id) == []


async def waits(dsns: Dsns) -> None:
    """Wait until a statement of this database waits for a lock."""
    with psycopg.connect(dsns.owner_dsn, autocommit=True) as owner:
        query = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        async with asyncio.timeout(30):
            while owner.execute(query.encode()).fetchone() == (0,):  # noqa: ASYNC110 - another process waits
                await asyncio.sleep(0.01)


async def test_nothing_reappears_under_writers_that_go_on(people: People, database_dsns: Dsns, door: Door) -> None:
    """Events and answers come in all the while; whichever comes first, nothing is there in the end."""
    engine, stop, refused = door.engine, asyncio.Event(), 0

    async def events() -> None:
        nonlocal refused
        for number in range(10_000):
            if stop.is_set():
                return
            try:
                await ingest(engine, facts(people.ada_id, f"{CANARY}{number}"))
            except PersonErased:
                refused += 1
                if refused > 20:
                    return

    writing = [asyncio.create_task(events()) for _ in range(4)]
    while True:
        async with engine.transaction() as tx:
            if (await tx.session.scalar(select(StreamRow.version).where(StreamRow.user_id == people.ada_id)) or 0) > 30:
                break
    assert await erase(engine, people.ada_id, "asked")
    async with asyncio.timeout(30):
        while refused < 20:  # noqa: ASYNC110 - counted by many
            await asyncio.sleep(0.01)
    stop.set()
    await asyncio.gather(*writing)
    assert traces(database_dsns, people.ada_id) == []
    assert await wrong(engine) == []


async def test_what_comes_late_is_swept_up(people: People, database_dsns: Dsns, door: Door) -> None:
    await erase(door.engine, people.ada_id, "asked")
    with psycopg.connect(database_dsns.owner_dsn, autocommit=True) as owner:
        owner.execute(
            "insert into idempotency_keys (actor, route, key_sha256, request_sha256, attempt, taken_at, expires_at, body)"
            " values ('user:' || %s, 'POST /late', 'k', 'x', gen_random_uuid(), now(), now() + interval '1 day', %s)",
            (str(people.ada_id), CANARY.encode()),
        )
    assert traces(database_dsns, people.ada_id)
    await sweep(door.engine)
    assert traces(database_dsns, people.ada_id) == []


async def test_whom_a_restore_brings_back_is_erased_again(people: People, database_dsns: Dsns, door: Door) -> None:
    stranger = UUID(int=7)
    assert await erase_again(door.engine, [people.ada_id, stranger]) == 2
    assert traces(database_dsns, people.ada_id) == []
    assert await wrong(door.engine) == []


async def ask(people: People, **body: str) -> Any:
    return await people.ada.send("DELETE", "/api/auth/profile", json=body)


@pytest.fixture
async def fresh(door: Door) -> People:
    """Two people of whom there is nothing but their accounts."""
    ada, ada_id = await door.learner("ada@example.org")
    bob, bob_id = await door.learner("bob@example.org")
    return People(ada, UUID(ada_id), bob, UUID(bob_id))


async def test_asking_takes_the_password_and_ends_all_sessions(fresh: People, door: Door) -> None:
    for body in ({}, {"password": "not this one"}):
        assert (await ask(fresh, **body)).status_code == 422
    answer = await ask(fresh, password=PASSWORD)
    assert answer.status_code == 202
    assert (await fresh.ada.get("/api/auth/profile")).status_code == 401
    assert await erase_due(door.engine) == 0  # there are days to think better of it
    assert (await fresh.bob.get("/api/auth/erasure")).status_code == 404


async def test_a_second_factor_is_asked_for_as_well(door: Door) -> None:
    ada, _ = await door.learner("ada@example.org")
    totp = pyotp.TOTP((await ada.post("/api/auth/second-factor", {"password": PASSWORD})).json()["secret"])
    before = datetime.now(UTC) - timedelta(seconds=30)
    shown = await ada.post("/api/auth/second-factor/confirm", {"code": totp.at(before)})
    codes = shown.json()["recovery_codes"]
    right = {"password": PASSWORD, "code": codes[0]}
    for body in ({"password": PASSWORD}, {"password": PASSWORD, "code": "nonsense"}, {**right, "password": "a guess"}):
        refused = await ada.send("DELETE", "/api/auth/profile", json=body)
        assert refused.status_code == 422
        assert refused.json()["field"] == ("password" if body["password"] != PASSWORD else "code")
    assert (await ada.get("/api/auth/erasure")).status_code == 404
    assert (await ada.send("DELETE", "/api/auth/profile", json=right)).status_code == 202


async def test_without_a_password_a_recent_sign_in_confirms(fresh: People, door: Door, database_dsns: Dsns) -> None:
    with psycopg.connect(database_dsns.owner_dsn, autocommit=True) as owner:
        owner.execute("update users set password_hash = null where id = %s", (fresh.ada_id,))
        owner.execute("update sessions set created_at = now() - interval '11 min'")
        assert (await ask(fresh)).status_code == 403
        owner.execute("update sessions set created_at = now() - interval '9 min'")
    assert (await ask(fresh)).status_code == 202


async def test_who_signs_in_again_may_take_it_back(fresh: People, door: Door) -> None:
    due = (await ask(fresh, password=PASSWORD)).json()
    credentials = {"email": "ada@example.org", "password": PASSWORD}
    token = (await door.anyone.post("/api/auth/login", credentials)).json()["access_token"]
    ada = type(fresh.ada)(door.client, token)
    assert (await ada.get("/api/auth/erasure")).json() == due
    assert (await ada.send("DELETE", "/api/auth/erasure")).status_code == 204
    assert (await ada.get("/api/auth/erasure")).status_code == 404
    assert (await ada.send("DELETE", "/api/auth/erasure")).status_code == 404
    assert (await ada.get("/api/auth/profile")).status_code == 200


async def test_what_an_operator_has_decided_the_person_does_not_take_back(fresh: People, door: Door) -> None:
    """Not even where they had asked for it themselves before."""
    for person, visitor, email in ((fresh.ada_id, fresh.ada, "ada@example.org"), (fresh.bob_id, fresh.bob, "bob@example.org")):
        if person == fresh.bob_id:
            assert (await visitor.send("DELETE", "/api/auth/profile", json={"password": PASSWORD})).status_code == 202
        async with door.engine.transaction() as tx:
            due = await command(tx, person)
        credentials = {"email": email, "password": PASSWORD}
        token = (await door.anyone.post("/api/auth/login", credentials)).json()["access_token"]
        again = type(visitor)(door.client, token)
        assert (await again.send("DELETE", "/api/auth/erasure")).status_code == 403
        left = (await again.get("/api/auth/erasure")).json()["due_at"]
        assert datetime.fromisoformat(left) == due.due_at


async def test_a_request_is_carried_out_when_its_time_has_come(fresh: People, door: Door, database_dsns: Dsns) -> None:
    await ask(fresh, password=PASSWORD)
    with psycopg.connect(database_dsns.owner_dsn, autocommit=True) as owner:
        owner.execute("update erasure_requests set due_at = now() - interval '1 s'")
    assert await erase_due(door.engine) == 1
    assert await erase_due(door.engine) == 0
    async with door.engine.transaction() as tx:
        assert await tx.session.get(UserRow, fresh.ada_id) is None
        assert await tx.session.get(UserRow, fresh.bob_id) is not None


async def test_who_has_thought_better_of_it_since_the_list_was_made_is_let_be(fresh: People, door: Door) -> None:
    """Of those whose time had come; by now the request is gone, or a later one stands in its place."""
    assert not await erase(door.engine, fresh.ada_id, "asked", due=True)
    await ask(fresh, password=PASSWORD)
    assert not await erase(door.engine, fresh.ada_id, "asked", due=True)
    async with door.engine.transaction() as tx:
        assert await tx.session.get(UserRow, fresh.ada_id) is not None


async def test_an_administrator_has_somebody_erased_at_once_and_nobody_else_may(fresh: People, door: Door) -> None:
    path = f"/api/users/{fresh.ada_id}"
    assert (await fresh.bob.send("DELETE", path)).status_code == 403
    admin = await door.admin()
    assert (await admin.send("DELETE", path)).status_code == 202
    assert (await fresh.ada.get("/api/auth/profile")).status_code == 401
    assert (await admin.send("DELETE", f"/api/users/{UUID(int=9)}")).status_code == 404
    async with door.engine.transaction() as tx:
        assert (await tx.session.get_one(ErasureRequestRow, fresh.ada_id)).reason == "administrator"
    assert await erase_due(door.engine) == 1


async def test_the_only_administrator_stays(fresh: People, door: Door) -> None:
    admin = await door.admin()
    answer = await admin.send("DELETE", "/api/auth/profile", json={"password": PASSWORD})
    assert answer.status_code == 409
    assert (await admin.get("/api/auth/profile")).status_code == 200


async def test_of_two_administrators_only_one_may_be_leaving(door: Door) -> None:
    """Else both would be signed out, and what is left for whoever comes first would be refused when its time has come."""
    admin = await door.admin()
    other, other_id = await door.learner("eve@example.org")
    await admin.send("PUT", f"/api/users/{other_id}/role", json={"role": "admin"})
    asked = [await who.send("DELETE", "/api/auth/profile", json={"password": PASSWORD}) for who in (admin, other)]
    assert [answer.status_code for answer in asked] == [202, 409]
    assert (await other.get("/api/auth/profile")).status_code == 200


async def test_the_only_administrator_stays_also_once_their_time_has_come(door: Door, database_dsns: Dsns) -> None:
    """Another one was there when they asked, and is not now."""
    admin = await door.admin()
    _, other_id = await door.learner("eve@example.org")
    await admin.send("PUT", f"/api/users/{other_id}/role", json={"role": "admin"})
    assert (await admin.send("DELETE", "/api/auth/profile", json={"password": PASSWORD})).status_code == 202
    with psycopg.connect(database_dsns.owner_dsn, autocommit=True) as owner:
        owner.execute("update users set role = 'learner' where id = %s", (other_id,))
        owner.execute("update erasure_requests set due_at = now() - interval '1 s'")
        assert await erase_due(door.engine) == 0
        owner.execute("update users set role = 'admin' where id = %s", (other_id,))
    assert await erase_due(door.engine) == 1
