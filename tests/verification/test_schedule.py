"""Imports begin again in their time, and none stays behind whose job was given up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest

from skillcore.runtime.clock import now
from skillcore.runtime.jobs import status
from skillcore.runtime.settings import Settings
from skillcore.verification import accounts
from skillcore.verification.asking import next_time
from skillcore.verification.schedule import begin_due, end_lost, service
from tests.conftest import Dsns
from tests.verification.archive import Archive, Shelves, made
from tests.verification.importers import Member, joined, patient, shelved, world_of
from tests.world import World


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return patient(settings)


@pytest.fixture
def shelves() -> Iterator[Shelves]:
    with shelved(3) as arranged:
        yield arranged


@pytest.fixture
async def world(database_dsns: Dsns, settings: Settings, shelves: Shelves) -> AsyncIterator[World]:
    async with world_of(database_dsns, settings, Archive()) as world:
        yield world


@pytest.fixture
async def member(world: World) -> Member:
    """A member whose past work was imported."""
    member = await joined(world)
    await member.run()
    await done(world, "update procrastinate_jobs set status = 'succeeded'")
    return member


async def done(world: World, statement: str) -> None:
    async with world.engine.transaction() as tx:
        await (await tx.psycopg()).execute(statement.encode())


async def a_day_later(world: World) -> None:
    await done(world, "update imports set next_at = next_at - interval '27 hours'")


async def test_new_work_is_imported_when_the_time_has_come(member: Member, shelves: Shelves) -> None:
    assert await begin_due(member.world.engine) == 0
    await a_day_later(member.world)
    first = await member.state()
    assert await begin_due(member.world.engine) == 1
    assert await begin_due(member.world.engine) == 0, "it waits already"
    waiting = await member.state()
    assert waiting.state == "waiting"
    assert waiting.job_id != first.job_id
    async with member.world.engine.transaction() as tx:
        job = await status(tx, waiting.job_id or 0)
    assert job is not None
    assert (job.user_id, job.platform_id) == (member.person.user_id, member.platform.platform_id)
    shelves.works.append(made(3))
    await member.run()
    assert await member.works() == ["w-0", "w-1", "w-2", "w-3"]


async def test_whoever_asks_comes_before_what_begins_by_itself(member: Member) -> None:
    await a_day_later(member.world)
    await begin_due(member.world.engine)
    await joined(member.world, "bob")
    async with member.world.engine.transaction() as tx:
        rows = await (await tx.psycopg()).execute("select priority from procrastinate_jobs where status = 'todo' order by id")
        assert await rows.fetchall() == [(-1,), (0,)]


async def test_an_account_that_is_not_linked_is_left_alone(member: Member) -> None:
    async with member.world.engine.transaction() as tx:
        await accounts.unlink(tx, member.person, "me", "archive")
    await a_day_later(member.world)
    assert await begin_due(member.world.engine) == 0


async def test_a_source_that_is_not_loaded_is_asked_another_day(
    member: Member, database_dsns: Dsns, settings: Settings
) -> None:
    class Another(Archive):
        name = "another"

    await a_day_later(member.world)
    async with world_of(database_dsns, settings, Another(), skills=()) as elsewhere:
        assert await begin_due(elsewhere.engine) == 0
    later = (await member.state()).next_at
    assert later is not None
    assert later > now() + timedelta(hours=23)


@pytest.mark.parametrize("end", ["update procrastinate_jobs set status = 'failed'", "delete from procrastinate_jobs"])
async def test_a_run_whose_job_was_given_up_ends_and_begins_again(member: Member, end: str) -> None:
    first = await member.start()
    await done(member.world, end)
    assert await end_lost(member.world.engine) == 0, "it has not rested yet"
    await done(member.world, "update imports set updated_at = now() - interval '301 seconds'")
    assert await end_lost(member.world.engine) == 1
    failed = await member.state()
    assert (failed.state, failed.reason) == ("failed", "its job failed too often; the log says why")
    await a_day_later(member.world)
    assert await begin_due(member.world.engine) == 1
    assert (await member.state()).job_id != first.job_id


@pytest.mark.parametrize("state", ["todo", "doing"])
async def test_a_run_whose_job_lives_is_left_alone(member: Member, state: str) -> None:
    await member.start()
    await done(member.world, f"update procrastinate_jobs set status = '{state}' where status = 'todo'")
    await done(member.world, "update imports set updated_at = now() - interval '301 seconds'")
    assert await end_lost(member.world.engine) == 0
    assert (await member.state()).state == "waiting"


async def test_a_row_that_somebody_holds_is_left_to_them(member: Member) -> None:
    await a_day_later(member.world)
    async with member.world.engine.transaction() as tx:
        await (await tx.psycopg()).execute("select from imports for update")
        assert await begin_due(member.world.engine) == 0
    async with member.world.engine.transaction() as tx:
        await (await tx.psycopg()).execute("select from source_accounts for update")
        assert await begin_due(member.world.engine) == 0
    assert await begin_due(member.world.engine) == 1


async def test_a_worker_looks_by_itself(member: Member) -> None:
    await a_day_later(member.world)
    async with service(member.world.engine):
        while (await member.state()).state != "waiting":  # noqa: ASYNC110 - the other side of the database says nothing
            await asyncio.sleep(0.01)


def test_imports_that_ended_together_are_spread_over_time() -> None:
    moments = {next_time(1000.0) for _ in range(50)}
    assert len(moments) == 50
    assert all(moment and timedelta(seconds=899) < moment - now() < timedelta(seconds=1101) for moment in moments)
    assert next_time(0) is None
