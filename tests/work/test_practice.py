"""A task verified through a real MCP server: the practice source's, started by the engine as a child process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from skillcore.plugin.manager import Plugins
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.jobs import Jobs
from skillcore.runtime.settings import Settings
from skillcore.verification import accounts
from skillcore.verification.accounts import Vouch
from skillcore.verification.room import ROOM as VERIFICATION
from skillcore.verification.sources import Sources
from skillcore.work import tasks
from skillcore.work.room import ROOM
from skillcore.work.tasks import NewTask, Task
from tests.conftest import Dsns
from tests.world import World


@pytest.fixture
async def world(database_dsns: Dsns, settings: Settings) -> AsyncIterator[World]:
    plugins = Plugins.load(allow=("practice",), strict=True, sections={"practice": {"enabled": True}})
    database = Database(database_dsns.service_dsn, settings.database)
    engine = Engine(settings, plugins, database)
    async with Sources(plugins, settings) as sources, engine.open(sources), engine.open(Jobs([VERIFICATION, ROOM])):
        yield World(engine)
    await database.close()


async def attempt(world: World, handle: str, exercise: str) -> tuple[Task, list[str]]:
    platform = await world.platform()
    person = await world.member(platform, handle)
    async with world.engine.transaction() as tx:
        await accounts.vouch(tx, platform, f"ext:{handle}", "practice", Vouch(handle=handle))
    async with world.engine.transaction() as tx:
        new = NewTask(user=f"ext:{handle}", description="Solve it", source="practice", requirements={"exercise": exercise})
        task = await tasks.create(tx, platform, new)
    async with world.engine.transaction() as tx:
        await tasks.complete(tx, platform, task.id)
    await world.run(task.id)
    async with world.engine.transaction() as tx:
        return await tasks.get(tx, platform, task.id), [
            row.subject_id for row in await world.events(person, "evidence.accepted")
        ]


async def test_what_was_solved_is_completed_and_what_was_not_fails(world: World) -> None:
    async with asyncio.TaskGroup() as group:  # one session serves both
        solved = group.create_task(attempt(world, "practice-1", "python-loops-2"))
        unsolved = group.create_task(attempt(world, "practice-4", "python-loops-2"))
    task, evidence = solved.result()
    assert (task.state, evidence) == ("completed", ["practice:practice-1:python-loops-2"])
    task, evidence = unsolved.result()
    assert (task.state, evidence) == ("failed", [])
    assert task.failure is not None
    assert (task.failure.looked_for, task.failure.found) == ("exercise python-loops-2 solved", "0 other solved exercises")
    async with world.engine.transaction() as tx:
        kept = await tx.session.execute(text("select outcome, count(*) from answers group by outcome order by outcome"))
        assert [tuple(row) for row in kept] == [("not_verified", 1), ("verified", 3)]  # 24 exercises are three pages
