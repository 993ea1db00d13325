"""An erasure amid work on that person: nothing reappears, and what was under way ends quietly and says nothing of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest
from structlog.testing import capture_logs

from skillcore.app import ROOMS
from skillcore.ledger import ingest
from skillcore.ledger.skills import NewSkill, create
from skillcore.ledger.writer import PersonErased
from skillcore.privacy.duties import Duties
from skillcore.privacy.erasure import erase
from skillcore.runtime.engine import Engine
from skillcore.runtime.hints import Hints
from skillcore.runtime.settings import Settings
from skillcore.runtime.worker import Pace, run_worker
from skillcore.work import tasks
from skillcore.work.tasks import NewTask
from tests.conftest import Dsns
from tests.ledger.facts import rows
from tests.privacy.filling import CANARY, facts, traces
from tests.verification.archive import Archive, Shelves
from tests.verification.importers import Member, joined, patient, shelved, world_of
from tests.visitors import Door
from tests.world import World

PATIENCE = 30
IMPORT, TASK = "verification.import_history", "work.complete_task"


class Gate:
    """Holds a source's answer about the works behind so many."""

    def __init__(self, shelves: Shelves, behind: int) -> None:
        self.asked, self.open = asyncio.Event(), asyncio.Event()
        self.behind = behind
        shelves.before = self.hold

    async def hold(self, behind: int) -> None:
        if behind == self.behind:
            self.asked.set()
            await self.open.wait()


@pytest.fixture
def shelves() -> Iterator[Shelves]:
    with shelved(25) as arranged:
        yield arranged


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return patient(settings)


@pytest.fixture
async def world(database_dsns: Dsns, settings: Settings, shelves: Shelves) -> AsyncIterator[World]:
    async with world_of(database_dsns, settings, Archive()) as world, world.engine.open(Duties(ROOMS)):
        yield world


@asynccontextmanager
async def working(engine: Engine) -> AsyncIterator[None]:
    """Run a worker."""
    async with Hints(engine.database).run() as hints, engine.open(hints):
        worker = asyncio.create_task(run_worker(engine, pace=Pace(poll=0.05, heartbeat=1.0, stalled=5.0, rescue=1.0)))
        try:
            yield
        finally:
            worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await worker


async def ended(dsns: Dsns, job: str) -> str:
    """Wait until a kind of job is under way no longer; returns how it ended."""
    async with asyncio.timeout(PATIENCE):
        while True:
            states = {
                state for (state,) in rows(dsns, f"select status::text from procrastinate_jobs where task_name = '{job}'")
            }
            if not states & {"todo", "doing"}:
                return "".join(states) or "succeeded"  # one that ended first goes with its person
            await asyncio.sleep(0.02)


async def waiting(dsns: Dsns, number: int) -> None:
    """Wait until so many statements wait for a lock."""
    query = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    async with asyncio.timeout(PATIENCE):
        while rows(dsns, query) != [(number,)]:  # noqa: ASYNC110 - others wait
            await asyncio.sleep(0.01)


async def a_task(member: Member) -> None:
    """Have a task of the member's completed."""
    given = NewTask(user=str(member.person.user_id), description=f"do {CANARY}", source="archive", requirements={"work": "w-3"})
    async with member.world.engine.transaction() as tx:
        task = await tasks.create(tx, member.platform, given)
    async with member.world.engine.transaction() as tx:
        await tasks.complete(tx, member.platform, task.id)


async def begun(world: World, job: str) -> UUID:
    """Have a job deferred for somebody; returns whom."""
    if job == TASK:
        verification = msgspec.structs.replace(world.engine.settings.verification, import_on_link=False)
        world.engine.settings = msgspec.structs.replace(world.engine.settings, verification=verification)
    member = await joined(world, f"ada-{CANARY}")
    if job == TASK:
        await a_task(member)
    assert member.person.user_id is not None
    return member.person.user_id


def troubles(logs: list[Any]) -> list[str]:
    """Return what was logged of an error, or of one that stood in another's way."""
    grave = {"warning", "error", "critical"}
    return [entry["event"] for entry in logs if entry["log_level"] in grave or "is tried again" in entry["event"]]


def untold(logs: object, capfd: pytest.CaptureFixture[str], person: UUID) -> bool:
    """Tell whether neither the log nor what was printed names somebody."""
    said = (repr(logs) + "".join(capfd.readouterr())).lower()
    return not any(word in said for word in (CANARY, str(person), person.hex))


@pytest.mark.parametrize("meanwhile", [False, True], ids=["before the answer", "with the answer"])
@pytest.mark.parametrize(("job", "behind"), [(IMPORT, 0), (IMPORT, 10), (TASK, 0)])
async def test_a_job_whose_person_goes_ends_quietly(
    job: str,
    behind: int,
    meanwhile: bool,
    world: World,
    shelves: Shelves,
    database_dsns: Dsns,
    capfd: pytest.CaptureFixture[str],
) -> None:
    gate = Gate(shelves, behind)
    person = await begun(world, job)
    with capture_logs() as logs:
        async with working(world.engine), asyncio.timeout(PATIENCE):
            await gate.asked.wait()
            if meanwhile:
                gate.open.set()
            assert await erase(world.engine, person, "asked")
            gate.open.set()
            assert await ended(database_dsns, job) == "succeeded"
    assert traces(database_dsns, person) == []
    assert troubles(logs) == []
    assert untold(logs, capfd, person)


@pytest.mark.parametrize(("job", "table"), [(IMPORT, "source_accounts"), (TASK, "tasks")])
async def test_an_erasure_waits_for_what_is_being_written_down(
    job: str, table: str, world: World, shelves: Shelves, database_dsns: Dsns, capfd: pytest.CaptureFixture[str]
) -> None:
    """The answer is kept already, and what follows from it is not yet: neither of the two stands in the other's way."""
    gate = Gate(shelves, 0)
    person = await begun(world, job)
    with capture_logs() as logs:
        async with working(world.engine), asyncio.timeout(PATIENCE):
            await gate.asked.wait()
            with psycopg.connect(database_dsns.owner_dsn) as owner:
                owner.execute(f"select from {table} for update".encode())
                gate.open.set()
                await waiting(database_dsns, 1)
                erasing = asyncio.create_task(erase(world.engine, person, "asked"))
                await waiting(database_dsns, 2)
            assert await erasing
            assert await ended(database_dsns, job) == "succeeded"
    assert traces(database_dsns, person) == []
    assert troubles(logs) == []
    assert untold(logs, capfd, person)


@pytest.mark.parametrize("first", ["ingest", "erasure"])
async def test_what_comes_in_with_an_erasure_goes_with_it(
    first: str, door: Door, database_dsns: Dsns, capfd: pytest.CaptureFixture[str]
) -> None:
    engine, person = door.engine, UUID((await door.learner(f"{CANARY}@example.org"))[1])
    async with engine.transaction() as tx:
        await create(tx, NewSkill(name="Python"))
    await ingest(engine, facts(person, f"{CANARY}-before"))

    async def coming_in() -> bool:
        try:
            await ingest(engine, facts(person, f"{CANARY}-amid"))
        except PersonErased:
            return False
        return True

    both = [coming_in, lambda: erase(engine, person, "asked")]
    with capture_logs() as logs, psycopg.connect(database_dsns.owner_dsn) as owner:
        owner.execute("select from streams where user_id = %s for update", (person,))
        begun: list[asyncio.Task[bool]] = []
        for begin in both if first == "ingest" else reversed(both):
            begun.append(asyncio.create_task(begin()))
            await waiting(database_dsns, len(begun))
        owner.rollback()
        done = await asyncio.gather(*begun)
    assert done == ([True, True] if first == "ingest" else [True, False])
    assert traces(database_dsns, person) == []
    assert troubles(logs) == []
    assert untold(logs, capfd, person)
