"""Many writers at once: versions without gaps, one chain a person, nothing lost, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator
from uuid import UUID

import psycopg
import pytest

from skillcore.ledger import ingest, maintenance, record
from skillcore.ledger.intake import open_intake
from skillcore.ledger.recording import FEW
from skillcore.ledger.scores import read
from skillcore.runtime.clock import new_id
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.events import NewEvent
from skillcore.runtime.settings import Settings
from tests.conftest import Dsns, default_plugins
from tests.ledger.facts import catalogue, clean, completed, evidence, joined, note, rows

DEADLOCKS = "select deadlocks from pg_stat_database where datname = current_database()"
COVERED = """select u, h - s + n from commits, unnest(users, heads, sizes) c(u, h, s), generate_series(1, s) n order by 1, 2"""
VERSIONS = "select user_id, version from events order by 1, 2"


class RolledBack(Exception):
    """A caller's transaction that comes to nothing."""


@pytest.fixture
async def processes(database_dsns: Dsns, settings: Settings) -> AsyncIterator[list[Engine]]:
    """Two processes' worth of engines on one database, each with its own intake."""
    databases = [Database(database_dsns.service_dsn, settings.database) for _ in range(2)]
    one, two = (Engine(settings, default_plugins(), database) for database in databases)
    async with open_intake(one), open_intake(two):
        yield [one, two]
    for database in databases:
        await database.close()


def batch(chance: random.Random, people: list[UUID], skills: tuple[str, ...], size: int) -> list[NewEvent]:
    """Return events of several people in any order, some of them of works and projects that others record too."""
    events = []
    for _ in range(size):
        person, number = chance.choice(people), chance.randrange(6)
        events.append(
            chance.choice(
                [
                    note(person, number),
                    evidence(person, f"work {number}", skills=skills),
                    completed(person, *chance.sample(skills, len(skills)), work=f"work {number}"),
                    joined(person, *chance.sample(skills, len(skills)), project=f"p-{number}"),
                ]
            )
        )
    return events


async def by_record(engine: Engine, events: list[NewEvent], *, fails: bool) -> int:
    with contextlib.suppress(RolledBack):
        async with engine.transaction() as tx:
            recorded = await record(tx, events)
            if fails:
                raise RolledBack
        return sum(recorded.new)
    return 0


async def by_ingest(engine: Engine, events: list[NewEvent]) -> int:
    return sum((await ingest(engine, events)).new)


@pytest.mark.parametrize("seed", range(3))
async def test_everything_at_once(processes: list[Engine], database_dsns: Dsns, seed: int) -> None:
    chance = random.Random(seed)
    skills = await catalogue(processes[0], "python", "rust", "sql")
    people = [new_id() for _ in range(12)]
    calls = []
    for number in range(120):
        engine = processes[number % 2]
        some = chance.sample(people, chance.randint(1, len(people)))
        size = chance.choice([1, 2, 7, FEW, FEW + 1, 150])
        events = batch(chance, some, skills, size)
        if number % 3 == 0:
            calls.append(by_record(engine, events, fails=number % 4 == 0))
        else:
            calls.append(by_ingest(engine, events))
    async with asyncio.timeout(90):
        repairs = asyncio.gather(*(maintenance.backfill(engine) for engine in processes for _ in range(2)))
        written = sum(await asyncio.gather(*calls))
        await repairs
    assert rows(database_dsns, "select count(*) from events") == [(written,)]
    versions = rows(database_dsns, VERSIONS)
    for person, count in Counter(person for person, _ in versions).items():
        assert [version for whose, version in versions if whose == person] == list(range(1, count + 1))
    assert rows(database_dsns, COVERED) == versions
    assert (
        rows(
            database_dsns,
            "select count(*) from events where kind = 'evidence.accepted' group by user_id, subject_id having count(*) > 1",
        )
        == []
    )
    for engine in processes:
        assert await clean(engine) == []
    assert rows(database_dsns, DEADLOCKS) == [(0,)]


async def test_people_in_opposite_orders(processes: list[Engine], database_dsns: Dsns) -> None:
    """New and known people mixed, named in every order, by both doors and both ways of writing."""
    known, new = [new_id() for _ in range(4)], [new_id() for _ in range(4)]
    async with processes[0].transaction() as tx:
        await record(tx, [note(person) for person in known])
    calls = []
    for number in range(60):
        people = [*known, *new]
        random.Random(number).shuffle(people)
        events = [note(person, number) for person in people for _ in range(10 if number % 4 == 0 else 1)]
        engine = processes[number % 2]
        calls.append(by_record(engine, events, fails=number % 5 == 0) if number % 2 else by_ingest(engine, events))
    async with asyncio.timeout(60):
        await asyncio.gather(*calls)
    assert await clean(processes[0]) == []
    assert rows(database_dsns, COVERED) == rows(database_dsns, VERSIONS)
    assert rows(database_dsns, DEADLOCKS) == [(0,)]


@pytest.mark.parametrize("size", [1, FEW + 20])
async def test_the_same_event_from_everywhere_is_recorded_once(processes: list[Engine], database_dsns: Dsns, size: int) -> None:
    ada = new_id()
    events = [note(ada, number) for number in range(size)]
    calls = [
        by_ingest(processes[n % 2], events) if n % 3 else by_record(processes[n % 2], events, fails=False) for n in range(24)
    ]
    async with asyncio.timeout(60):
        outcomes = await asyncio.gather(*calls)
    assert sorted(outcomes) == [0] * 23 + [size]
    assert rows(database_dsns, VERSIONS) == [(ada, version) for version in range(1, size + 1)]
    assert await clean(processes[0]) == []


async def test_a_transaction_that_waits_sees_the_head_that_was_left(engine: Engine, database_dsns: Dsns) -> None:
    ada = new_id()
    async with engine.transaction() as tx:
        await record(tx, [note(ada)])
    waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    async with await psycopg.AsyncConnection.connect(database_dsns.owner_dsn, autocommit=True) as observer:
        for fails in (True, False):
            async with asyncio.TaskGroup() as group, engine.transaction() as tx:
                await record(tx, [note(ada, 1)])
                second = group.create_task(by_record(engine, [note(ada, 2)], fails=fails))
                while await (await observer.execute(waiting)).fetchone() != (1,):
                    assert not second.done()
            assert second.result() == (0 if fails else 1)
    assert [version for _, version in rows(database_dsns, VERSIONS)] == [1, 2, 3, 4]
    assert await clean(engine) == []


async def test_scores_are_read_while_their_person_is_written_to(processes: list[Engine], database_dsns: Dsns) -> None:
    """Whoever keeps a snapshot and whoever adds to the stream must not come to wait for each other."""
    person = new_id()
    async with processes[0].transaction() as tx:
        await record(tx, [note(person)])

    async def write(engine: Engine) -> None:
        for number in range(40):
            async with engine.transaction() as tx:
                await record(tx, [evidence(person, f"work {new_id()}", skills=()), note(person, number)])

    async def look(engine: Engine) -> None:
        for _ in range(40):
            async with engine.transaction() as tx:
                await read(tx, person, "level")

    async with asyncio.timeout(60):
        await asyncio.gather(*(act(engine) for engine in processes for act in (write, write, write, look, look, look)))
    assert rows(database_dsns, DEADLOCKS) == [(0,)]
