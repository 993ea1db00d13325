"""The shared lane: nobody pays for another's fault, nothing is lost with a connection, and everybody gets an answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any, cast

import msgspec
import psycopg
import pytest

from skillcore.ledger import Recorded, ingest
from skillcore.ledger.intake import Intake, open_intake
from skillcore.ledger.preparation import Key, Prepared, RecordedOtherwise
from skillcore.ledger.recording import FEW
from skillcore.runtime.clock import new_id
from skillcore.runtime.engine import Engine
from skillcore.runtime.problems import InvalidField, Problem, UnavailableNow
from tests.conftest import Dsns
from tests.ledger.facts import clean, note, rows

CUT = """select count(pg_terminate_backend(pid)) from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid()"""
WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
COUNT = "select count(*), count(distinct id) from events"


@pytest.fixture
async def intake(engine: Engine) -> AsyncIterator[Intake]:
    async with open_intake(engine) as intake:
        yield intake


@pytest.fixture
async def owner(database_dsns: Dsns) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    async with await psycopg.AsyncConnection.connect(database_dsns.owner_dsn, autocommit=True) as connection:
        yield connection


async def until(owner: psycopg.AsyncConnection[Any], query: str, answer: int) -> None:
    async with asyncio.timeout(30):
        while await (await owner.execute(query.encode())).fetchone() != (answer,):
            pass


async def outcomes(calls: Sequence[Any]) -> list[Any]:
    async with asyncio.timeout(60):
        return list(await asyncio.gather(*calls, return_exceptions=True))


async def test_requests_that_wait_share_one_commit(intake: Intake, engine: Engine, database_dsns: Dsns) -> None:
    people = [new_id() for _ in range(20)]
    await ingest(engine, [note(person) for person in people])  # the streams exist now
    before = rows(database_dsns, "select count(*) from commits")[0][0]
    done = await outcomes([ingest(engine, [note(person, number)]) for number, person in enumerate(people)])
    assert [outcome.new for outcome in done] == [(True,)] * 20
    assert rows(database_dsns, "select count(*) from commits")[0][0] - before < 5
    assert await clean(engine) == []


async def test_only_the_bad_one_of_a_group_fails(intake: Intake, engine: Engine, database_dsns: Dsns) -> None:
    ada, bob = new_id(), new_id()
    there = note(ada, 1)
    await ingest(engine, [there])
    good = [note(bob if number % 2 else ada, 10 + number) for number in range(8)]
    calls = [ingest(engine, [event]) for event in good]
    calls.insert(3, ingest(engine, [note(bob, 90), msgspec.structs.replace(there, subject_id="other")]))
    calls.insert(5, ingest(engine, [note(ada, 91), msgspec.structs.replace(there, kind="unheard.of")]))
    calls.insert(7, ingest(engine, [there]))
    calls.insert(9, ingest(engine, [good[0]]))
    done = await outcomes(calls)
    assert isinstance(done.pop(9), Recorded)
    assert done.pop(7) == Recorded((there.id,), (False,))  # type: ignore[arg-type]
    assert isinstance(done.pop(5), InvalidField)
    assert isinstance(done.pop(3), RecordedOtherwise)
    assert [outcome.ids for outcome in done] == [(event.id,) for event in good]
    assert rows(database_dsns, COUNT) == [(9, 9)]
    assert await clean(engine) == []


async def test_a_fault_within_the_group_does_not_stop_the_lane(
    intake: Intake, engine: Engine, database_dsns: Dsns, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bob = new_id(), new_id()
    bad, good = note(bob, 2), [note(ada, number) for number in range(4)]
    write = intake.write

    async def broken(prepared: Prepared) -> Collection[Key]:
        """Let one request be such that no encoder takes it: what breaks only while a group is written."""
        for key, row in prepared.rows.items():
            if row.id == bad.id:
                prepared.rows[key] = msgspec.structs.replace(row, data=cast("bytes", object()))
        return await write(prepared)

    monkeypatch.setattr(intake, "write", broken)
    done = await outcomes([*(ingest(engine, [event]) for event in good[:2]), ingest(engine, [bad]), ingest(engine, [good[2]])])
    assert [isinstance(outcome, Recorded) for outcome in done] == [True, True, False, True]
    assert (await ingest(engine, [good[3]])).new == (True,)
    assert rows(database_dsns, COUNT) == [(4, 4)]


@pytest.mark.parametrize("size", [1, FEW + 20])
async def test_a_connection_that_dies_loses_and_doubles_nothing(
    intake: Intake, engine: Engine, owner: psycopg.AsyncConnection[Any], database_dsns: Dsns, size: int
) -> None:
    people = [new_id() for _ in range(6)]
    calls = [[note(person, number) for number in range(size)] for person in people for _ in range(3)]
    await ingest(engine, [note(person, 999) for person in people])
    acknowledged: list[Any] = []

    async def busy() -> None:
        async def one(events: list[Any]) -> None:
            for _ in range(4):
                fresh = [msgspec.structs.replace(event, id=new_id()) for event in events]
                try:
                    done = await ingest(engine, fresh)
                except UnavailableNow:
                    done = await ingest(engine, fresh)
                assert done.ids == tuple(event.id for event in fresh)
                acknowledged.extend(done.ids)
                again = await ingest(engine, fresh)
                assert not any(again.new)

        await asyncio.gather(*map(one, calls))

    running = asyncio.create_task(busy())
    cuts = 0
    async with asyncio.timeout(60):
        while not running.done():
            cuts += 1
            if cuts <= 8:
                await owner.execute(CUT)
            await asyncio.wait([running], timeout=0.05)
    await running
    assert cuts > 1
    kept = {id_ for (id_,) in rows(database_dsns, "select id from events")}
    assert len(kept) == len(acknowledged) + len(people) == rows(database_dsns, COUNT)[0][0]
    assert kept >= set(acknowledged)
    assert await clean(engine) == []


@pytest.mark.parametrize("size", [1, FEW + 20])
async def test_a_request_whose_connection_is_cut_while_it_waits_is_written_once(
    intake: Intake, engine: Engine, owner: psycopg.AsyncConnection[Any], database_dsns: Dsns, size: int
) -> None:
    ada = new_id()
    await ingest(engine, [note(ada, 999)])
    events = [note(ada, number) for number in range(size)]
    async with await psycopg.AsyncConnection.connect(database_dsns.owner_dsn) as holder:
        await holder.execute("select * from streams where user_id = %s for update", (ada,))
        running = asyncio.create_task(ingest(engine, events))
        await until(owner, WAITING, 1)
        await owner.execute(CUT.replace("and pid <>", "and wait_event_type = 'Lock' and pid <>").encode())
        await until(owner, WAITING, 1)  # it tries again
        assert not running.done()
    async with asyncio.timeout(30):
        assert all((await running).new)
    assert not any((await ingest(engine, events)).new)
    assert rows(database_dsns, COUNT) == [(size + 1, size + 1)]
    assert await clean(engine) == []


async def test_a_caller_that_goes_away_disturbs_nobody(
    intake: Intake, engine: Engine, owner: psycopg.AsyncConnection[Any], database_dsns: Dsns
) -> None:
    ada = new_id()
    await ingest(engine, [note(ada, 999)])
    async with await psycopg.AsyncConnection.connect(database_dsns.owner_dsn) as holder:
        await holder.execute("select * from streams where user_id = %s for update", (ada,))
        few = [asyncio.create_task(ingest(engine, [note(ada, number)])) for number in range(3)]
        many = [asyncio.create_task(ingest(engine, [note(ada, number) for number in range(FEW + 9)])) for _ in range(3)]
        await until(owner, WAITING, 4)
        few[0].cancel()
        many[0].cancel()
        await asyncio.wait([few[0], many[0]], timeout=20)
        assert few[0].cancelled()
        assert many[0].cancelled()
    done = await outcomes([*few[1:], *many[1:]])
    assert all(isinstance(outcome, Recorded) and all(outcome.new) for outcome in done)
    assert (await ingest(engine, [note(ada, 5)])).new == (True,)
    assert await clean(engine) == []


async def test_closing_writes_what_waits(engine: Engine, owner: psycopg.AsyncConnection[Any], database_dsns: Dsns) -> None:
    ada = new_id()
    async with open_intake(engine) as intake:
        await ingest(engine, [note(ada, 999)])
        holder = await psycopg.AsyncConnection.connect(database_dsns.owner_dsn)
        await holder.execute("select * from streams where user_id = %s for update", (ada,))
        few = [asyncio.create_task(intake.ingest([note(ada, number)])) for number in range(3)]
        many = [asyncio.create_task(intake.ingest([note(ada, number) for number in range(FEW + 9)])) for _ in range(9)]
        await until(owner, WAITING, 1 + engine.settings.ledger.writers)
        freeing = asyncio.get_running_loop().call_later(0.1, lambda: asyncio.create_task(holder.close()))
    assert freeing.when()
    done = await outcomes([*few, *many])
    assert all(isinstance(outcome, Recorded) and all(outcome.new) for outcome in done)
    assert await clean(engine) == []


async def test_closing_in_trouble_answers_everybody(
    engine: Engine, owner: psycopg.AsyncConnection[Any], database_dsns: Dsns
) -> None:
    ada = new_id()
    calls: list[asyncio.Task[Recorded]] = []
    there, held = asyncio.Event(), asyncio.Event()

    async def serve() -> None:
        async with open_intake(engine) as intake:
            await ingest(engine, [note(ada, 999)])
            there.set()
            await held.wait()
            calls.extend(asyncio.create_task(intake.ingest([note(ada, number)])) for number in range(FEW + 30))
            calls.extend(asyncio.create_task(intake.ingest([note(ada, number) for number in range(FEW + 9)])) for _ in range(9))
            await until(owner, WAITING, 1 + engine.settings.ledger.writers)
            raise ZeroDivisionError

    async with await psycopg.AsyncConnection.connect(database_dsns.owner_dsn) as holder:
        serving = asyncio.create_task(serve())
        await there.wait()
        await holder.execute("select * from streams where user_id = %s for update", (ada,))
        held.set()
        async with asyncio.timeout(40):
            with pytest.raises(ZeroDivisionError):
                await serving
        done = await outcomes(calls)
    assert all(isinstance(outcome, UnavailableNow) for outcome in done), {type(outcome) for outcome in done}
    assert rows(database_dsns, COUNT) == [(1, 1)]


async def test_a_closed_intake_takes_nothing(engine: Engine) -> None:
    async with open_intake(engine) as intake:
        pass
    for size in (1, FEW + 9):
        async with asyncio.timeout(10):
            with pytest.raises(UnavailableNow):
                await intake.ingest([note(new_id(), number) for number in range(size)])


async def test_a_database_that_stays_away_is_unavailable(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skillcore.ledger.intake.ATTEMPTS", 2)
    async with open_intake(engine):
        monkeypatch.setattr(engine.database, "dsn", "host=127.0.0.1 port=1 user=nobody dbname=nothing")
        for size in (1, FEW + 9):
            with pytest.raises(Problem) as refused:
                await ingest(engine, [note(new_id(), number) for number in range(size)])
            assert refused.value.status == 503
