"""Tasks whose job was given up are taken up again, and no others."""

from __future__ import annotations

import pytest

from skillcore.accounts.access import Actor
from skillcore.runtime.jobs import status
from skillcore.work.sweep import sweep
from skillcore.work.tasks import Task
from tests.work.test_completion import LOOPS, completing, created, seen, vouched
from tests.world import Arranged, World


@pytest.fixture
async def task(world: World) -> tuple[Actor, Task]:
    """A platform, and a task of its member that is being checked."""
    platform = await world.platform()
    person = await world.member(platform)
    await vouched(world, platform, person)
    made = await created(world, platform, person)
    return platform, (await completing(world, platform, made.id)).task


async def done(world: World, statement: str, *values: object) -> None:
    async with world.engine.transaction() as tx:
        await (await tx.psycopg()).execute(statement.encode(), values)


async def rested(world: World) -> None:
    await done(world, "update tasks set updated_at = now() - interval '301 seconds'")


@pytest.mark.parametrize("end", ["update procrastinate_jobs set status = 'failed'", "delete from procrastinate_jobs"])
async def test_a_task_left_behind_gets_another_job(world: World, task: tuple[Actor, Task], gym: Arranged, end: str) -> None:
    platform, given = task
    await done(world, end)
    assert await sweep(world.engine) == 0, "it has not rested yet"
    await rested(world)
    assert await sweep(world.engine) == 1
    now = await seen(world, platform, given.id)
    assert (now.state, now.attempt) == ("in_progress", 1)
    assert now.job_id not in {None, given.job_id}
    async with world.engine.transaction() as tx:
        job = await status(tx, now.job_id or 0)
    assert job is not None
    assert (job.state, job.platform_id) == ("waiting", platform.platform_id)
    await rested(world)
    assert await sweep(world.engine) == 0, "its job waits"
    gym.solved(LOOPS)
    await world.run(given.id)
    assert (await seen(world, platform, given.id)).state == "completed"


@pytest.mark.parametrize("status", ["todo", "doing", "succeeded"])
async def test_a_task_whose_job_lives_or_has_ended_well_is_left_alone(
    world: World, task: tuple[Actor, Task], status: str
) -> None:
    await done(world, "update procrastinate_jobs set status = %s::procrastinate_job_status", status)
    await rested(world)
    assert await sweep(world.engine) == 0
