"""What a source that misbehaves does to the verifications of another one, and to HTTP, beside how these go without it."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import psycopg

from benchmarks import hostile_source
from benchmarks.facts import populate
from benchmarks.ground import Ground, Place, Sizes
from benchmarks.hostile_source import SOURCES, Blocks
from benchmarks.installed import install, path_of
from benchmarks.load import Load, generator, request
from benchmarks.measuring import Comparison, Leg, Report, Sample, compared
from benchmarks.processes import free_port, listening, process
from benchmarks.servers import platform_key
from skillcore.accounts.access import Actor
from skillcore.app import opened
from skillcore.plugin.manager import Plugins
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine
from skillcore.verification.linking import Claim, link
from skillcore.work import tasks
from skillcore.work.tasks import NewTask

__all__ = ["measure"]

PATIENCE = 300.0
SOLVED = ("python-variables-1", "python-variables-2", "python-variables-3")
"""What practice-1, practice-2 and practice-3 have solved, each on the first page of their list."""

PEOPLE = len(SOLVED)
HOSTILE_TASKS = 20
QUIET = "verifications, undisturbed"
QUIET_HTTP = "levels over HTTP, undisturbed"
PRACTICE: Mapping[str, Any] = {
    "enabled": True,
    "server": {
        "command": sys.executable,
        "args": ["-m", "skillcore_practice.server"],
        "calls_per_second": 1000,
        "concurrency": 16,
    },
}
ENVIRONMENT = {
    "SKILLCORE__PLUGINS__PRACTICE__ENABLED": "true",
    "SKILLCORE__PLUGINS__PRACTICE__SERVER__CALLS_PER_SECOND": "1000",
    "SKILLCORE__PLUGINS__PRACTICE__SERVER__CONCURRENCY": "16",
    "SKILLCORE__VERIFICATION__ANSWER_REUSE": "0",
    "SKILLCORE__VERIFICATION__DEADLINE": "10",
    "SKILLCORE__SERVER__GRACE": "0.5",
}
APART = {"SKILLCORE__VERIFICATION__ISOLATED": f'["{Blocks.name}"]'}
FORGET = """
  delete from procrastinate_jobs where queue_name like 'verification:hostile%';
  update tasks set deleted_at = now() where source like 'hostile%' and deleted_at is null"""


async def measure(ground: Ground, sizes: Sizes) -> Report:
    """Measure verifications by a worker process, and reads over HTTP, while that worker has hostile tasks to do."""
    place = ground.place("isolation")
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(TemporaryDirectory(prefix="skillcore-hostile-"))
        install(Path(directory), "hostile", hostile_source.__name__)
        environment = {**place.environment(), **ENVIRONMENT, **path_of(Path(directory))}
        engine = await stack.enter_async_context(knowing_all(place))
        owner = await stack.enter_async_context(await psycopg.AsyncConnection.connect(place.owner, autocommit=True))
        load = await stack.enter_async_context(generator())
        scene = Scene(engine, owner, environment, sizes)
        await scene.people_arrive()
        comparisons = [*await verifying(scene), *await serving(scene, load)]
    return Report(
        name="isolation",
        measured=f"tasks of the practice source completed by `skillcore worker`, and levels read from `skillcore api`, while"
        f" {HOSTILE_TASKS} tasks of a source wait that hangs, answers 100 MB, leaks tasks, floods the log, or exits. One"
        " that blocks is isolated: a worker of its own has it",
        reference="the same without the hostile tasks",
        comparisons=tuple(comparisons),
        notes=("what a hostile source's own work costs the processor is in the figures: all processes share its cores",),
    )


@asynccontextmanager
async def knowing_all(place: Place) -> AsyncIterator[Engine]:
    """Open an engine that knows the practice source and the hostile ones."""
    plugins = Plugins.load(
        allow=("defaults", "practice", "hostile"),
        strict=True,
        sections={"practice": PRACTICE},
        extra=[("hostile", hostile_source)],
    )
    engine = Engine(place.settings, plugins, Database(place.service, place.settings.database))
    try:
        async with opened(engine, "api"):
            yield engine
    finally:
        await engine.database.close()


class Scene:
    """People with accounts everywhere, and workers for their tasks."""

    def __init__(
        self, engine: Engine, owner: psycopg.AsyncConnection[Any], environment: Mapping[str, str], sizes: Sizes
    ) -> None:
        self.engine = engine
        self.owner = owner
        self.environment = environment
        self.sizes = sizes
        self.people: Sequence[UUID] = ()

    async def people_arrive(self) -> None:
        """Bring people; each has an account at each source, and the practice source knows some of theirs."""
        self.people = await populate(self.engine, PEOPLE)
        for number, person in enumerate(self.people, start=1):
            for source in ("practice", *(one.name for one in SOURCES)):
                handle = f"practice-{number}"
                claim = Claim(
                    user_id=person, source=source, handle=handle, external_id=handle, handle_key=handle, method="challenge"
                )
                async with self.engine.transaction() as tx:
                    await link(tx, claim)

    async def set_tasks(self, source: str, count: int) -> list[UUID]:
        """Set tasks and have them completed, as soon as a worker comes to them; returns the tasks."""
        slots = asyncio.Semaphore(8)

        async def one(number: int) -> UUID:
            who = number % PEOPLE
            actor = Actor(kind="user", user_id=self.people[who])
            requirements = {"exercise": SOLVED[who]} if source == "practice" else {}
            async with slots:
                async with self.engine.transaction() as tx:
                    new = NewTask(description="Solve it", source=source, requirements=requirements)
                    task = await tasks.create(tx, actor, new)
                async with self.engine.transaction() as tx:
                    await tasks.complete(tx, actor, task.id)
            return task.id

        return list(await asyncio.gather(*(one(number) for number in range(count))))

    async def completed(self, ids: Sequence[UUID]) -> None:
        """Wait until tasks are completed."""
        await self.until("select count(*) = %s from tasks where id = any(%s) and state = 'completed'", len(ids), list(ids))

    async def until(self, query: str, *values: object) -> None:
        """Wait until a query answers true."""
        async with asyncio.timeout(PATIENCE):
            while (await (await self.owner.execute(query.encode(), values)).fetchone()) != (True,):  # noqa: ASYNC110 - rows change
                await asyncio.sleep(0.01)

    @asynccontextmanager
    async def workers(self, hostile: str | None) -> AsyncIterator[None]:
        """Run a worker that is warm and, if anything hostile is wanted, has begun with it."""
        apart = hostile == Blocks.name
        environment = {**self.environment, **(APART if apart else {})}
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(process("skillcore", "worker", environment=environment))
            if apart:
                alone = process("skillcore", "worker", "--source", Blocks.name, environment=environment)
                await stack.enter_async_context(alone)
            await self.completed(await self.set_tasks("practice", 1))
            if hostile is not None:
                await self.set_tasks(hostile, HOSTILE_TASKS)
                begun = (
                    "select exists (select from procrastinate_jobs where queue_name = %s and status <> 'todo' or attempts > 0)"
                )
                await self.until(begun, f"verification:{hostile}")
            yield
        await self.owner.execute(FORGET)


async def verifying(scene: Scene) -> Sequence[Comparison]:
    """Compare how many tasks of the practice source are completed."""

    def leg(hostile: str | None) -> Leg:
        async def run() -> Sample:
            async with scene.workers(hostile):
                count = scene.sizes.verifications
                start = time.perf_counter()
                await scene.completed(await scene.set_tasks("practice", count))
                return Sample(count, time.perf_counter() - start)

        return run

    legs = {QUIET: leg(None), **{f"verifications beside {one.name}": leg(one.name) for one in SOURCES[: scene.sizes.hostile]}}
    return await compared(legs, reference=QUIET, unit="tasks", rounds=scene.sizes.rounds, warming=scene.sizes.warming)


async def serving(scene: Scene, load: Load) -> Sequence[Comparison]:
    """Compare how fast levels are read from an API process."""
    key = await platform_key(scene.engine, scene.people)
    requests = [request("GET", f"/api/users/{person}/level", key=key) for person in scene.people]
    wanted = [requests[number % PEOPLE] for number in range(3 * scene.sizes.requests)]
    port = free_port()

    def leg(hostile: str | None) -> Leg:
        async def run() -> Sample:
            async with scene.workers(hostile):
                return await load.send(port, wanted, connections=scene.sizes.connections, status=200)

        return run

    legs = {QUIET_HTTP: leg(None), **{f"levels beside {one.name}": leg(one.name) for one in SOURCES[: scene.sizes.hostile]}}
    async with process("skillcore", "api", "--port", str(port), environment=scene.environment) as api:
        await listening(api, port)
        return await compared(
            legs, reference=QUIET_HTTP, unit="requests", rounds=scene.sizes.rounds, warming=scene.sizes.warming
        )
