"""The audit: what is noted with an act, in one chain that only grows."""

from __future__ import annotations

import asyncio
import hashlib
import struct
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import errors

from skillcore.accounts.access import Actor
from skillcore.accounts.audit import checks, note, note_apart
from skillcore.accounts.audit.erasure import strip_audit
from skillcore.ledger import record
from skillcore.runtime.clock import new_id
from skillcore.runtime.database import SERVICE_ROLE
from skillcore.runtime.engine import Engine
from skillcore.runtime.migrations import ERASER_ROLE
from tests.conftest import Dsns
from tests.ledger.facts import catalogue, joined, rows

ADA, BOB, CAROL, SCHOOL, KEY = (uuid4() for _ in range(5))
BLANK = ("", None, None, None, "", "", "", "null", None)
ENTRIES = """select position, at, act, actor_kind, actor_id, about_id, platform_id, address, agent, request_id, detail::text,
  salt, leaf, digest from audit order by position"""


def field(value: bytes | None) -> bytes:
    return struct.pack(">i", -1) if value is None else struct.pack(">i", len(value)) + value


def text(value: str) -> bytes:
    return field(value.encode())


def chained(entries: list[Any]) -> bytes:
    """Follow a chain by its published definition, and return its end."""
    digest = b""
    for number, (
        position,
        at,
        act,
        kind,
        actor,
        about,
        platform,
        address,
        agent,
        request,
        detail,
        salt,
        leaf,
        kept,
    ) in enumerate(entries, start=1):
        assert position == number
        content = text(kind)
        content += b"".join(field(id_.bytes if id_ else None) for id_ in (actor, about, platform))
        content += b"".join(map(text, (address, agent, request, detail)))
        assert hashlib.sha256(salt + content).digest() == leaf
        since = at - datetime(2000, 1, 1, tzinfo=UTC)
        micros = (since.days * 86400 + since.seconds) * 10**6 + since.microseconds
        fixed = field(struct.pack(">q", position)) + field(struct.pack(">q", micros)) + text(act)
        digest = hashlib.sha256(digest + fixed + leaf).digest()
        assert digest == kept
    return digest


async def findings(engine: Engine) -> list[str]:
    found = [finding async for finding in checks.audit(engine)]
    return [f"{finding.subject}: {finding.message}" if finding.subject else finding.message for finding in found]


def person(id_: UUID, role: Any = "learner") -> Actor:
    return Actor(kind="user", user_id=id_, role=role)


async def failing(engine: Engine) -> None:
    async with engine.transaction() as tx:
        await note(tx, "keys.rotated")
        raise RuntimeError("in between")


async def test_an_act_and_its_entry_are_one(engine: Engine, database_dsns: Dsns) -> None:
    async with engine.transaction() as tx:
        await note(tx, "role.changed", person(ADA, "admin"), BOB, before="learner", after="mentor")
        await note(tx, "key.created", Actor(kind="key", key_id=KEY, platform_id=SCHOOL), scopes=["users:read"])
        assert rows(database_dsns, ENTRIES) == []
    with pytest.raises(RuntimeError, match="in between"):
        await failing(engine)
    await note_apart(engine, "session.refused", said="ä\0")
    found = rows(database_dsns, ENTRIES)
    assert [(row[2], *row[3:7], row[10]) for row in found] == [
        ("role.changed", "admin", ADA, BOB, None, '{"after":"mentor","before":"learner"}'),
        ("key.created", "key", KEY, None, SCHOOL, '{"scopes":["users:read"]}'),
        ("session.refused", "system", None, None, None, '{"said":"ä\\u0000"}'),
    ]
    assert rows(database_dsns, "select position, digest from audit_head") == [(3, chained(found))]


@pytest.mark.parametrize(
    "statement",
    [
        "update audit set act = 'forged'",
        "update only audit set detail = '{}'",
        "delete from audit",
        "truncate audit",
        "truncate audit cascade",
        "insert into audit select * from audit on conflict (position) do update set act = 'forged'",
        "merge into audit a using (select 1) s on true when matched then delete",
    ],
)
async def test_entries_are_never_changed(engine: Engine, database_dsns: Dsns, statement: str) -> None:
    await note_apart(engine, "keys.rotated")
    before = rows(database_dsns, ENTRIES)
    with psycopg.connect(database_dsns.owner_dsn, autocommit=True) as owner:
        owner.execute("set session_replication_role = replica")  # triggers that are not always enabled sleep then
        with pytest.raises(errors.RestrictViolation):
            owner.execute(statement.encode())
        owner.execute(f"set role {ERASER_ROLE}")
        with pytest.raises((errors.RestrictViolation, errors.InsufficientPrivilege)):
            owner.execute(statement.encode())
        owner.execute(f"set role {SERVICE_ROLE}")
        with pytest.raises(errors.InsufficientPrivilege):
            owner.execute(statement.encode())
        for guarded in (
            "insert into audit_erasures (user_id, entries) values (gen_random_uuid(), 1)",
            "delete from audit_head",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                owner.execute(guarded.encode())
    assert rows(database_dsns, ENTRIES) == before


async def test_the_eraser_changes_nothing_but_what_an_erasure_strips(engine: Engine, database_dsns: Dsns) -> None:
    await note_apart(engine, "role.changed", person(ADA, "admin"), BOB)
    with psycopg.connect(database_dsns.owner_dsn) as owner:
        (erasure,) = owner.execute(
            "insert into audit_erasures (user_id, entries) values (%s, 1) returning id", (CAROL,)
        ).fetchone() or (0,)
        owner.execute(f"set role {ERASER_ROLE}")
        for whose, change in (
            (CAROL, f"salt = null, erasure_id = {erasure}"),
            (ADA, f"salt = null, erasure_id = {erasure}, act = 'forged'"),
            (ADA, f"salt = null, erasure_id = {erasure}, at = now()"),
            (ADA, f"salt = null, erasure_id = {erasure}, digest = ''"),
            (ADA, "detail = '{}'"),
        ):
            with owner.transaction(force_rollback=True):
                owner.execute("select set_config('skillcore.erasing', %s, true)", (str(whose),))
                with pytest.raises(errors.RestrictViolation):
                    owner.execute(f"update audit set {change}".encode())


async def test_an_erased_person_is_gone_from_the_audit_and_the_chain_holds(engine: Engine, database_dsns: Dsns) -> None:
    await note_apart(engine, "role.changed", person(ADA, "admin"), BOB, before="learner")
    await note_apart(engine, "session.started", person(CAROL), CAROL, how="password")
    await note_apart(engine, "session.started", person(BOB), BOB, how="password")
    before = rows(database_dsns, ENTRIES)
    async with engine.transaction() as tx:
        await strip_audit(tx, BOB)
    after = rows(database_dsns, ENTRIES)
    assert [(row[0], row[1], row[2], row[12], row[13]) for row in after] == [
        (row[0], row[1], row[2], row[12], row[13]) for row in before
    ]
    assert [row[3:12] for row in after] == [BLANK, before[1][3:12], BLANK]
    assert rows(database_dsns, "select user_id, entries from audit_erasures") == [(BOB, 2)]
    assert await findings(engine) == []
    async with engine.transaction() as tx:
        await strip_audit(tx, BOB)
    assert rows(database_dsns, "select count(*) from audit_erasures") == [(1,)]


async def test_two_erasures_that_meet_in_entries_both_end(engine: Engine, database_dsns: Dsns) -> None:
    for number in range(60):
        actor, about = (ADA, BOB) if number % 2 else (BOB, ADA)
        await note_apart(engine, "person.read", person(actor, "admin"), about)

    async def erase(whom: UUID) -> None:
        async with engine.transaction() as tx:
            await strip_audit(tx, whom)

    await asyncio.gather(*(erase(whom) for whom in (ADA, BOB, ADA, BOB)))
    assert rows(database_dsns, "select sum(entries) from audit_erasures") == [(60,)]
    assert await findings(engine) == []


async def test_order_and_no_gap_among_many_who_note_and_some_who_fail(engine: Engine, database_dsns: Dsns) -> None:
    async def one(number: int) -> None:
        with suppress(RuntimeError):
            if number % 3 == 0:
                await failing(engine)
        async with engine.transaction() as tx:
            await note(tx, "key.created", number=number)
            await note(tx, "key.revoked", number=number)

    await asyncio.gather(*(one(number) for number in range(60)))
    found = rows(database_dsns, ENTRIES)
    assert len(found) == 120
    assert rows(database_dsns, "select position, digest from audit_head") == [(120, chained(found))]
    details = [row[10] for row in found]
    assert [details[place] for place in range(0, 120, 2)] == [details[place] for place in range(1, 120, 2)]
    assert await findings(engine) == []


async def test_the_heads_lock_is_the_last_that_a_transaction_takes(engine: Engine, database_dsns: Dsns) -> None:
    """However early something is noted: otherwise two transactions would wait for each other, at a stream and the head."""
    await catalogue(engine, "python")
    people = [new_id(), new_id()]
    async with engine.transaction() as tx:
        await record(tx, [joined(person, "python") for person in people])

    async def one(number: int) -> None:
        async with engine.transaction() as tx:
            if number % 2:
                await note(tx, "account.linked", about=people[0])
            await record(tx, [joined(person, "python") for person in people[:: -1 if number % 4 else 1]])
            if not number % 2:
                await note(tx, "account.linked", about=people[0])

    await asyncio.wait_for(asyncio.gather(*(one(number) for number in range(40))), 60)
    async with engine.transaction() as tx:
        await note(tx, "account.linked")
        await (await tx.psycopg()).execute("select 1")
        assert rows(database_dsns, LOCKED) == []
        async with engine.transaction() as other:  # would wait if the first one held the head
            await note(other, "account.linked")
    assert await findings(engine) == []


LOCKED = "select 1 from pg_locks where relation = 'audit_head'::regclass and mode <> 'AccessShareLock'"


async def forged(database_dsns: Dsns, *statements: str) -> None:
    """Do what the owner can do who disables the triggers."""
    with psycopg.connect(database_dsns.owner_dsn, autocommit=True) as owner:
        owner.execute("alter table audit disable trigger all")
        for statement in statements:
            owner.execute(statement.encode())


FORGERIES = {
    "gap": ("delete from audit where position = 3", ["entry 4: entry 3 is missing"]),
    "content": (
        "update audit set actor_kind = 'nobody' where position = 2",
        ["entry 2: the content does not match its leaf"],
    ),
    "detail": (
        "update audit set detail = '{\"number\": 2}' where position = 2",
        ["entry 2: the content does not match its leaf"],
    ),
    "act": (
        "update audit set act = 'key.revoked' where position = 2",
        ["entry 2: the digest does not follow from the one before"],
    ),
    "time": (
        "update audit set at = at - interval '1 microsecond' where position = 2",
        ["entry 2: the digest does not follow from the one before"],
    ),
    "order": (
        "update audit set position = case position when 2 then -3 else -2 end where position in (2, 3);"
        "update audit set position = -position where position < 0",
        [f"entry {number}: the digest does not follow from the one before" for number in (2, 3, 4)],
    ),
    "end": ("delete from audit where position = 5", ["the head does not match the last entry (4)"]),
    "all": ("delete from audit", ["the head does not match the last entry (0)"]),
    "head": ("update audit_head set digest = 'x'", ["the head does not match the last entry (5)"]),
    "no head": ("delete from audit_head", ["the head does not match the last entry (5)"]),
    "a forged entry": (
        "insert into audit select 6, at, act, actor_kind, actor_id, about_id, platform_id, address, agent, request_id, detail,"
        " salt, leaf, digest from audit where position = 5; update audit_head set position = 6",
        ["entry 6: the digest does not follow from the one before"],
    ),
    "erased without an erasure": (
        "alter table audit drop constraint audit_erased_check;"
        "update audit set actor_kind = '', detail = 'null', salt = null where position = 2",
        ["entry 2: the content is gone, and no erasure is recorded"],
    ),
    "erased with another's erasure": (
        "select erase_audit(actor_id) from audit where position = 1;"
        "update audit set actor_kind = '', detail = 'null', salt = null, erasure_id = 1 where position = 2",
        ["erasure 1: it says 1 entries, and there are 2"],
    ),
    "erased, and rewritten": (
        "select erase_audit(actor_id) from audit where position = 1;update audit set detail = '{}' where position = 1",
        ["entry 1: the entry is erased, and says something"],
    ),
    "an erasure too many": (
        "insert into audit_erasures (user_id, entries) values (gen_random_uuid(), 2)",
        ["erasure 1: it says 2 entries, and there are 0"],
    ),
}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("actor_kind", "'nobody'"),
        ("actor_id", "gen_random_uuid()"),
        ("about_id", "gen_random_uuid()"),
        ("platform_id", "gen_random_uuid()"),
        ("address", "'192.0.2.7'"),
        ("agent", "'another program'"),
        ("request_id", "'another request'"),
        ("detail", "'{}'"),
        ("salt", "sha256('another')"),
        ("leaf", "sha256('another')"),
    ],
)
async def test_no_column_of_an_entry_can_be_changed_alone(engine: Engine, database_dsns: Dsns, column: str, value: str) -> None:
    for number in range(3):
        await note_apart(engine, "key.created", person(ADA, "admin"), BOB, number=number)
    await forged(database_dsns, f"update audit set {column} = {value} where position = 2")
    assert await findings(engine) == ["entry 2: the content does not match its leaf"]


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_forgery_is_found_where_it_is(engine: Engine, database_dsns: Dsns, forgery: str) -> None:
    for number in range(5):
        await note_apart(engine, "key.created", person(ADA, "admin") if number == 0 else None, number=number)
    assert await findings(engine) == []
    statement, expected = FORGERIES[forgery]
    await forged(database_dsns, statement)
    assert await findings(engine) == expected
