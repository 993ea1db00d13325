"""`skillcore verify-ledger`: each way of tampering is found, with whose and where; a sound ledger is silent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest

from skillcore.defaults.kinds import EvidenceAccepted, ProjectJoined
from skillcore.ledger import checks, record, skills
from skillcore.ledger.maintenance import rebuild
from skillcore.runtime.clock import new_id
from skillcore.runtime.engine import Engine
from skillcore.runtime.events import NewEvent
from skillcore.runtime.rooms import Finding
from tests.conftest import Dsns

ADA, BOB = sorted(new_id() for _ in range(2))
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def solved(user: UUID, work: str) -> NewEvent:
    data = EvidenceAccepted(source="gym", account="gym:ada", work=work, strength="judged", difficulty=2.0)
    return NewEvent(
        user_id=user, kind="evidence.accepted", data=data, subject_id=f"gym:ada:{work}", skills=("arrays",), occurred_at=NOON
    )


def joined(user: UUID) -> NewEvent:
    data = ProjectJoined(name="bees")
    return NewEvent(user_id=user, kind="project.joined", data=data, subject_id="p-1", skills=("arrays",), occurred_at=NOON)


@pytest.fixture(autouse=True)
async def _people(engine: Engine) -> None:
    """Two people with five events and three signals each."""
    async with engine.transaction() as tx:
        await skills.create(tx, skills.NewSkill(name="Arrays"))
    for user in (ADA, BOB):
        async with engine.transaction() as tx:
            await record(tx, [joined(user), solved(user, "1")])
        async with engine.transaction() as tx:
            await record(tx, [solved(user, "2"), *(NewEvent(user_id=user, kind="x.note", data={"n": n}) for n in range(2))])


@pytest.fixture
def owner(database_dsns: Dsns) -> Iterator[psycopg.Connection[Any]]:
    """The owner, who has disabled what guards facts."""
    with psycopg.connect(database_dsns.owner_dsn, autocommit=True) as connection:
        for table in ("events", "skill_signals"):
            connection.execute(f"alter table {table} disable trigger all")
        yield connection


async def found(engine: Engine, check: str) -> list[Finding]:
    return [finding async for finding in checks.CHECKS[check](engine)]


async def test_a_sound_ledger_yields_nothing(engine: Engine) -> None:
    assert await found(engine, "streams") == []
    assert await found(engine, "signals") == []


async def test_erased_people_are_in_order(engine: Engine) -> None:
    async with engine.transaction() as tx:
        await (await tx.psycopg()).execute("select erase(%s, 'asked')", (ADA,))
    assert await found(engine, "streams") == []
    assert await found(engine, "signals") == []


@pytest.mark.parametrize(
    ("tampering", "place"),
    [
        ("update events set data = '{\"n\":7}' where user_id = %s and version = 4", "version 4"),
        ("update events set occurred_at = occurred_at + interval '1 us' where user_id = %s and version = 4", "version 4"),
        ("update events set subject_id = 'x' where user_id = %s and version = 4", "version 4"),
        ("update events set skills = '{a}' where user_id = %s and version = 4", "version 4"),
        ("update events set kind = 'x.other' where user_id = %s and version = 4", "version 4"),
        ("update events set via = 'page' where user_id = %s and version = 4", "version 4"),
        ("update events set origin = 'platform:1' where user_id = %s and version = 4", "version 4"),
        ("update events set origin_seq = 1 where user_id = %s and version = 4", "version 4"),
        ("update events set id = gen_random_uuid() where user_id = %s and version = 4", "version 4"),
        ("update events set salt = decode(repeat('00', 16), 'hex') where user_id = %s and version = 4", "version 4"),
        ("update events set leaf = decode(repeat('00', 32), 'hex') where user_id = %s and version = 4", "version 4"),
        ("update events set digest = decode(repeat('00', 32), 'hex') where user_id = %s and version = 4", "version 4"),
        ("update events set salt = null where user_id = %s and version = 4", "version 4"),
        ("delete from events where user_id = %s and version = 1", "version 2"),
        ("delete from events where user_id = %s and version = 4", "version 5"),
    ],
)
async def test_a_changed_stream_is_found_in_its_place(
    tampering: str, place: str, engine: Engine, owner: psycopg.Connection[Any]
) -> None:
    owner.execute(tampering, (BOB,))
    findings = await found(engine, "streams")
    assert {finding.user_id for finding in findings} == {BOB}
    assert findings[0].subject == place


async def test_content_that_is_gone_without_an_erasure_is_found(engine: Engine, owner: psycopg.Connection[Any]) -> None:
    blank = "kind = 'erased', subject_id = '', via = '', skills = '{}', data = 'null', salt = null"
    owner.execute(f"update events set {blank} where user_id = %s and version = 4", (BOB,))
    (finding,) = await found(engine, "streams")
    assert (finding.user_id, finding.subject) == (BOB, "version 4")


async def test_content_put_into_an_erased_event_is_found(engine: Engine, owner: psycopg.Connection[Any]) -> None:
    async with engine.transaction() as tx:
        await (await tx.psycopg()).execute("select erase(%s, 'asked')", (BOB,))
    owner.execute("update events set kind = 'x.note', data = '{\"n\":9}' where user_id = %s and version = 4", (BOB,))
    (finding,) = await found(engine, "streams")
    assert (finding.user_id, finding.subject) == (BOB, "version 4")


@pytest.mark.parametrize(("erased", "closed", "wrong"), [(True, False, "open, and"), (False, True, "closed, and")])
async def test_a_stream_that_is_open_or_closed_and_should_not_be_is_found(
    erased: bool, closed: bool, wrong: str, engine: Engine, owner: psycopg.Connection[Any]
) -> None:
    if erased:
        async with engine.transaction() as tx:
            await (await tx.psycopg()).execute("select erase(%s, 'asked')", (BOB,))
    owner.execute("update streams set closed = %s where user_id = %s", (closed, BOB))
    (finding,) = await found(engine, "streams")
    assert finding.user_id == BOB
    assert wrong in finding.message
    await rebuild(engine, lambda _: None)
    assert await found(engine, "streams") == []


async def test_swapped_events_are_found(engine: Engine, owner: psycopg.Connection[Any]) -> None:
    for old, new in ((4, 99), (5, 4), (99, 5)):
        owner.execute("update events set version = %s where user_id = %s and version = %s", (new, BOB, old))
    findings = await found(engine, "streams")
    assert [(finding.user_id, finding.subject) for finding in findings[:2]] == [(BOB, "version 4"), (BOB, "version 5")]


@pytest.mark.parametrize(
    "tampering",
    [
        "update streams set version = 4 where user_id = %s",
        "update streams set digest = '' where user_id = %s",
        "delete from streams where user_id = %s",
        "delete from events where user_id = %s and version = 5",
        "delete from events where user_id = %s",
    ],
)
async def test_a_head_without_its_event_is_found(tampering: str, engine: Engine, owner: psycopg.Connection[Any]) -> None:
    owner.execute(tampering, (BOB,))
    assert [finding.user_id for finding in await found(engine, "streams")] == [BOB]


@pytest.mark.parametrize(
    ("tampering", "place"),
    [
        ("delete from skill_signals where user_id = %s and source_id = 'gym:ada:1'", "arrays/evidence/gym:ada:1/completed"),
        ("update skill_signals set weight = 9 where user_id = %s and source_id = 'p-1'", "arrays/project/p-1/joined"),
        (
            "update skill_signals set created_at = now() where user_id = %s and source_id = 'p-1'",
            "arrays/project/p-1/joined",
        ),
        ("update skill_signals set source_id = 'p-2' where user_id = %s and source_id = 'p-1'", "arrays/project/p-2/joined"),
        (
            "insert into skill_signals (user_id, skill_id, source_type, source_id, signal_type, weight, event_id, rule, "
            "rule_version, created_at) select user_id, skill_id, source_type, 'p-9', signal_type, weight, event_id, rule, "
            "rule_version, created_at from skill_signals where user_id = %s and source_id = 'p-1'",
            "arrays/project/p-9/joined",
        ),
    ],
)
async def test_a_signal_that_its_event_does_not_give_is_found(
    tampering: str, place: str, engine: Engine, owner: psycopg.Connection[Any]
) -> None:
    owner.execute(tampering, (BOB,))
    findings = await found(engine, "signals")
    assert (BOB, place) in {(finding.user_id, finding.subject) for finding in findings}
    assert {finding.user_id for finding in findings} == {BOB}


async def test_a_signal_of_somebody_without_events_is_found(engine: Engine, owner: psycopg.Connection[Any]) -> None:
    stranger = new_id()
    owner.execute(
        "insert into skill_signals (user_id, skill_id, source_type, source_id, signal_type, weight, event_id, rule, "
        "rule_version, created_at) values (%s, 'arrays', 'project', 'p-1', 'joined', 1, null, 'joined', 1, now())",
        (stranger,),
    )
    assert [finding.user_id for finding in await found(engine, "signals")] == [stranger]


async def test_signals_of_another_version_of_a_rule_are_left_alone(engine: Engine, owner: psycopg.Connection[Any]) -> None:
    owner.execute("update skill_signals set rule_version = 7, weight = 9 where user_id = %s and source_id = 'p-1'", (BOB,))
    assert await found(engine, "signals") == []


async def test_content_that_cannot_be_read_is_found_and_the_rest_is_checked(
    engine: Engine, owner: psycopg.Connection[Any]
) -> None:
    owner.execute("update events set data = '{\"nonsense\":1}' where user_id = %s and version = 2", (ADA,))
    owner.execute("delete from skill_signals where user_id = %s and source_id = 'p-1'", (BOB,))
    findings = await found(engine, "signals")
    assert (ADA, "version 2") in {(finding.user_id, finding.subject) for finding in findings}
    assert (BOB, "arrays/project/p-1/joined") in {(finding.user_id, finding.subject) for finding in findings}


@pytest.mark.parametrize("check", ["streams", "signals"])
async def test_what_is_recorded_meanwhile_raises_no_alarm(check: str, engine: Engine) -> None:
    """Writers go on while the ledger is read: each step of the check is followed by new facts of everybody."""
    writing = True

    async def write() -> None:
        number = 0
        while writing:
            number += 1
            async with engine.transaction() as tx:
                await record(tx, [solved(user, f"new {number}") for user in (ADA, BOB, new_id())])

    writer = asyncio.create_task(write())
    try:
        for _ in range(15):
            assert await found(engine, check) == []
    finally:
        writing = False
        await writer
