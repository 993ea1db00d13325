"""`skillcore rebuild` and `skillcore signals backfill`: equal byte for byte, corrected where wrong, stopped and run again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from skillcore.ledger import checks, maintenance, record, scores, skills
from skillcore.ledger.maintenance import Backfilled, backfill, rebuild
from skillcore.runtime.clock import new_id
from skillcore.runtime.definitions import Definitions
from skillcore.runtime.engine import Engine
from skillcore.runtime.events import NewEvent
from tests.conftest import Dsns
from tests.ledger.facts import NOON, evidence, joined, note

PEOPLE = [new_id() for _ in range(6)]


def solved(user: UUID, number: int, difficulty: float) -> NewEvent:
    event = evidence(user, f"work {number}", skills=("arrays",), difficulty=difficulty)
    return NewEvent(
        user_id=user,
        kind=event.kind,
        data=event.data,
        subject_id=event.subject_id,
        skills=event.skills,
        occurred_at=NOON + timedelta(days=random.Random(number).uniform(-100, 100)),
    )


@pytest.fixture
def owner(database_dsns: Dsns) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_dsns.owner_dsn, autocommit=True) as connection:
        for table in ("events", "skill_signals"):
            connection.execute(f"alter table {table} disable trigger all")
        yield connection


@pytest.fixture(autouse=True)
async def _definitions(engine: Engine) -> AsyncIterator[None]:
    async with engine.open(Definitions(())):
        yield


@pytest.fixture(autouse=True)
async def _people(engine: Engine, _definitions: None) -> None:
    """People whose works came in batches and out of order, with a reading after each."""
    async with engine.transaction() as tx:
        await skills.create(tx, skills.NewSkill(name="Arrays"))
    chance = random.Random(7)
    for batch in range(4):
        async with engine.transaction() as tx:
            events = [solved(user, 10 * batch + n, chance.uniform(1, 10)) for user in PEOPLE for n in range(3)]
            await record(tx, [*events, *(note(user, batch) for user in PEOPLE)])
        if batch < 3:
            await read(engine)
    async with engine.transaction() as tx:
        await record(tx, [joined(user, "arrays") for user in PEOPLE])
    await read(engine)


async def read(engine: Engine) -> list[float | None]:
    values = []
    for user in PEOPLE:
        async with engine.transaction() as tx:
            found = {name: (await scores.read(tx, user, name)).score.value for name in engine.plugins.formulas}
            values.append(found["level"])
    return values


def derived(owner: psycopg.Connection[Any]) -> list[Any]:
    """Return heads and snapshots, byte for byte."""
    heads = owner.execute("select user_id, version, digest from streams order by user_id").fetchall()
    columns = "user_id, formula, formula_version, parameters_hash, head, upto_at, upto_id, states::text"
    return [heads, owner.execute(f"select {columns} from snapshots order by user_id, formula").fetchall()]


def silent(_: str) -> None:
    """Tell nobody."""


async def test_everything_derived_comes_back_byte_for_byte(engine: Engine, owner: psycopg.Connection[Any]) -> None:
    before = derived(owner)
    assert len(before[1]) == len(PEOPLE) * len(engine.plugins.formulas)
    lines: list[str] = []
    await rebuild(engine, lines.append)
    assert derived(owner) == before
    assert lines == ["heads: 0 corrected", f"scores: {len(PEOPLE)} people, done"]
    owner.execute("delete from snapshots")
    owner.execute("delete from streams")
    await rebuild(engine, lines.append)
    assert derived(owner) == before
    assert lines[2] == f"heads: {len(PEOPLE)} corrected"


@pytest.mark.parametrize(
    "corruption",
    [
        "update streams set version = version - 1 where user_id = %s",
        "update streams set version = version + 5 where user_id = %s",
        "update streams set digest = '' where user_id = %s",
        "delete from streams where user_id = %s",
        'update snapshots set states = \'{"":{"known":1e9}}\' where user_id = %s',
        "update snapshots set states = '[]' where user_id = %s",
        "update snapshots set head = 1000 where user_id = %s",
        "update snapshots set upto_at = '1999-01-01' where user_id = %s",
        "delete from snapshots where user_id = %s",
    ],
)
async def test_what_is_corrupted_is_corrected(corruption: str, engine: Engine, owner: psycopg.Connection[Any]) -> None:
    before = derived(owner)
    owner.execute(corruption, (PEOPLE[3],))
    assert derived(owner) != before
    await rebuild(engine, silent)
    assert derived(owner) == before


async def test_a_head_without_events_goes_back_to_the_start(engine: Engine, owner: psycopg.Connection[Any]) -> None:
    nobody = new_id()
    owner.execute("insert into streams values (%s, 5, 'x')", (nobody,))
    await rebuild(engine, silent)
    assert owner.execute("select version, digest from streams where user_id = %s", (nobody,)).fetchone() == (0, b"")
    assert [finding async for finding in checks.streams(engine)] == []


async def test_a_snapshot_that_does_not_fit_is_made_anew_on_reading(engine: Engine, owner: psycopg.Connection[Any]) -> None:
    before, values = derived(owner), await read(engine)
    owner.execute("update snapshots set states = '{\"\":{\"known\":null}}' where formula = 'level'")
    assert await read(engine) == values
    assert derived(owner) == before


@pytest.mark.parametrize("seed", [1, 2, *(pytest.param(n, marks=pytest.mark.soak) for n in range(3, 60))])
async def test_stopped_at_any_moment_it_can_be_run_again(
    seed: int, engine: Engine, owner: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = derived(owner)
    owner.execute("update streams set version = 1, digest = ''")
    owner.execute("update snapshots set states = '{}'")
    running: asyncio.Task[None]
    left = random.Random(seed).randrange(len(PEOPLE))
    folded = maintenance.folded

    async def interrupted(*arguments: Any) -> Any:
        nonlocal left
        if left == 0:
            running.cancel()
        left -= 1
        return await folded(*arguments)

    monkeypatch.setattr(maintenance, "folded", interrupted)
    running = asyncio.create_task(rebuild(engine, silent))
    with pytest.raises(asyncio.CancelledError):
        await running
    assert derived(owner) != before
    monkeypatch.undo()
    await rebuild(engine, silent)
    assert derived(owner) == before


async def test_writers_go_on_during_a_rebuild(engine: Engine, owner: psycopg.Connection[Any]) -> None:
    owner.execute("update streams set digest = '' where user_id = %s", (PEOPLE[0],))
    writing = True

    async def write() -> int:
        number = 100
        while writing:
            number += 1
            async with engine.transaction() as tx:
                await record(tx, [solved(user, number, 2.0) for user in PEOPLE[1:]])
        return number

    writer = asyncio.create_task(write())
    for _ in range(3):
        await rebuild(engine, silent)
    writing = False
    assert await writer > 100
    assert [finding async for finding in checks.streams(engine)] == []
    values = await read(engine)
    owner.execute("delete from snapshots")
    assert await read(engine) == values


async def test_backfill_adds_what_is_missing_once(engine: Engine, owner: psycopg.Connection[Any]) -> None:
    assert await backfill(engine) == Backfilled(len(PEOPLE), 0, 0)
    owner.execute("delete from skill_signals where user_id = %s", (PEOPLE[2],))
    owner.execute("delete from skill_signals where user_id = %s and source_type = 'project'", (PEOPLE[5],))
    assert await backfill(engine, ["joined"]) == Backfilled(len(PEOPLE), 2, 0)
    assert await backfill(engine) == Backfilled(len(PEOPLE), 12, 0)
    assert await backfill(engine) == Backfilled(len(PEOPLE), 0, 0)
    assert [finding async for finding in checks.signals(engine)] == []


async def test_a_backfill_that_is_stopped_can_be_run_again(
    engine: Engine, owner: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    owner.execute("delete from skill_signals")
    insert, left = maintenance.insert_signals, 5
    running: asyncio.Task[Backfilled]

    async def interrupted(*arguments: Any) -> int:
        nonlocal left
        left -= 1
        if left == 0:
            running.cancel()
        return await insert(*arguments)

    monkeypatch.setattr(maintenance, "insert_signals", interrupted)
    running = asyncio.create_task(backfill(engine))
    with pytest.raises(asyncio.CancelledError):
        await running
    monkeypatch.undo()
    there = owner.execute("select count(*) from skill_signals").fetchone()
    assert there == (4 * 13,)
    assert await backfill(engine) == Backfilled(len(PEOPLE), 2 * 13, 0)
    assert [finding async for finding in checks.signals(engine)] == []
