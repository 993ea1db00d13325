"""Past work becomes evidence: page by page, once, from where it was left, and as a task would have recorded it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import pytest
import respx
from sqlalchemy import select

from skillcore.accounts.access import Actor
from skillcore.ledger.skills import NewSkill, create
from skillcore.runtime.clock import now
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.jobs import JobContext, Jobs, Retry, status
from skillcore.runtime.settings import ResilienceSettings, Settings, VerificationSettings
from skillcore.testing import MCP_URL
from skillcore.verification import ROOM, accounts, imports
from skillcore.verification.accounts import Vouch
from skillcore.verification.importing import import_history
from skillcore.verification.imports import Import
from skillcore.verification.sources import Sources
from skillcore.verification.tables import AnswerRow, SourceAccountRow
from skillcore.work import ROOM as WORK
from tests.conftest import Dsns
from tests.verification.archive import Archive, Shelves, Work, loaded, made
from tests.world import World


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return msgspec.structs.replace(
        settings,
        resilience=ResilienceSettings(retries=0, call_timeout=5.0, breaker_failures=1000),
        verification=VerificationSettings(deadline=10.0, retry_base=1.0, retry_attempts=3, retry_every=300.0),
    )


@pytest.fixture
def shelves() -> Iterator[Shelves]:
    arranged = Shelves([made(number) for number in range(34)])
    with respx.mock(using="httpcore2", assert_all_called=False) as router:
        router.route(url=MCP_URL).mock(side_effect=arranged)
        yield arranged


@asynccontextmanager
async def world_of(dsns: Dsns, settings: Settings, *sources: Any) -> AsyncIterator[World]:
    database = Database(dsns.service_dsn, settings.database)
    engine = Engine(settings, loaded(*sources), database)
    async with Sources(engine.plugins, settings) as opened, engine.open(opened), engine.open(Jobs([ROOM, WORK])):
        async with engine.transaction() as tx:
            for name in ("Loops", "SQL"):
                await create(tx, NewSkill(name=name))
        yield World(engine)
    await database.close()


@pytest.fixture
async def world(database_dsns: Dsns, settings: Settings, shelves: Shelves) -> AsyncIterator[World]:
    async with world_of(database_dsns, settings, Archive()) as world:
        yield world


class Member(NamedTuple):
    """A member for whose account their platform vouches."""

    world: World
    platform: Actor
    person: Actor

    async def account(self) -> UUID:
        async with self.world.engine.transaction() as tx:
            query = select(SourceAccountRow.id).where(
                SourceAccountRow.user_id == self.person.user_id, SourceAccountRow.unlinked_at.is_(None)
            )
            return (await tx.session.scalars(query)).one()

    async def start(self, actor: Actor | None = None) -> Import:
        async with self.world.engine.transaction() as tx:
            return await imports.start(tx, actor or self.platform, "archive", user=str(self.person.user_id))

    async def state(self, actor: Actor | None = None) -> Import:
        async with self.world.engine.transaction() as tx:
            return await imports.get(tx, actor or self.platform, "archive", user=str(self.person.user_id))

    async def run(self) -> None:
        """Run the import's job once, as a worker would."""
        context = JobContext(self.world.engine, (await self.state()).job_id or 0, 1)
        await import_history(self.world.engine, context, account=str(await self.account()))

    async def works(self) -> list[str]:
        return [row.data["work"] for row in await self.world.events(self.person, "evidence.accepted")]


async def joined(world: World, handle: str = "ada") -> Member:
    platform = await world.platform()
    person = await world.member(platform)
    async with world.engine.transaction() as tx:
        await accounts.vouch(tx, platform, str(person.user_id), "archive", Vouch(handle=handle))
    return Member(world, platform, person)


@pytest.fixture
async def member(world: World) -> Member:
    return await joined(world)


async def test_an_account_that_is_linked_is_imported_at_once(member: Member, shelves: Shelves) -> None:
    waiting = await member.state()
    assert (waiting.state, waiting.seen) == ("waiting", 0)
    async with member.world.engine.transaction() as tx:
        job = await status(tx, waiting.job_id or 0)
    assert job is not None
    assert (job.name, job.queue, job.state) == ("verification.import_history", "imports:archive", "waiting")
    assert (job.user_id, job.platform_id) == (member.person.user_id, member.platform.platform_id)
    await member.run()
    done = await member.state()
    assert (done.state, done.pages, done.seen, done.new, done.done, done.total) == ("done", 4, 34, 34, 34, 34)
    assert (done.unmapped_topics, done.unmapped) == (2, ["graph theory", "unheard of"])
    assert done.next_at is not None
    assert timedelta(hours=21) < done.next_at - now() < timedelta(hours=27)
    assert await member.works() == [f"w-{number}" for number in range(34)]
    assert shelves.asked == [0, 10, 20, 30]
    async with member.world.engine.transaction() as tx:
        progress = await status(tx, waiting.job_id or 0)
    assert progress is not None
    assert (progress.message, progress.done, progress.total) == ("34 works were read, 34 of them new", 34, 34)


async def test_evidence_is_what_a_task_would_have_recorded(member: Member, shelves: Shelves) -> None:
    shelves.works = [Work("w", made(0).at, topics=("Loops", "nowhere", "sql"), difficulty=4.5)]
    await member.run()
    (accepted,) = await member.world.events(member.person, "evidence.accepted")
    (digest,) = accepted.data["answers"]
    assert accepted.data == {
        "source": "archive",
        "account": "archive:ada",
        "work": "w",
        "strength": "judged",
        "difficulty": 4.5,
        "topics": ["Loops", "nowhere", "sql"],
        "answers": [digest],
        "vouched_by": str(member.platform.platform_id),
    }
    assert (accepted.subject_id, accepted.skills, accepted.occurred_at) == ("archive:ada:w", ["loops", "sql"], made(0).at)
    assert accepted.origin == f"platform:{member.platform.platform_id}"
    assert await member.world.signals(member.person) == {
        ("loops", "evidence", "archive:ada:w", "completed"),
        ("sql", "evidence", "archive:ada:w", "completed"),
    }
    async with member.world.engine.transaction() as tx:
        (row,) = await tx.session.scalars(select(AnswerRow))
    assert (row.sha256.hex(), row.outcome, row.account, row.user_id) == (
        digest,
        "history",
        "archive:ada",
        member.person.user_id,
    )
    assert msgspec.json.decode(row.body)["total"] == 1


async def test_a_second_import_brings_what_is_new_and_nothing_else(member: Member, shelves: Shelves) -> None:
    await member.run()
    before = await member.world.events(member.person)
    again = await member.start()
    assert (again.state, again.pages, again.new) == ("waiting", 0, 0)
    await member.run()
    assert [row.id for row in await member.world.events(member.person)] == [row.id for row in before]
    done = await member.state()
    assert (done.state, done.pages, done.seen, done.new, done.done) == ("done", 1, 0, 0, 34)
    shelves.works += [made(34), made(35)]
    await member.start()
    await member.run()
    assert (await member.works())[34:] == ["w-34", "w-35"]
    done = await member.state()
    assert (done.seen, done.new, done.done, done.total) == (2, 2, 36, 36)
    assert shelves.asked[4:] == [34, 34]


async def test_an_import_under_way_is_joined(member: Member) -> None:
    first = await member.start()
    assert first.job_id == (await member.start()).job_id == (await member.start(member.person)).job_id
    await member.run()
    assert (await member.start()).job_id == first.job_id, "its job still waits, and does it"


async def test_answers_that_make_several_pages_stand_behind_each(
    database_dsns: Dsns, settings: Settings, shelves: Shelves
) -> None:
    async with world_of(database_dsns, settings, Archive(part=20, leaf=5)) as world:
        member = await joined(world)
        await member.run()
        assert (await member.state()).pages == 7
        evidence = await world.events(member.person, "evidence.accepted")
        async with world.engine.transaction() as tx:
            stored = [row.sha256.hex() for row in await tx.session.scalars(select(AnswerRow).order_by(AnswerRow.received_at))]
    assert len(stored) == 2
    assert [row.data["answers"] for row in evidence] == [[stored[0]]] * 20 + [[stored[1]]] * 14


async def test_a_source_that_is_down_is_waited_for_and_what_was_kept_is_kept(member: Member, shelves: Shelves) -> None:
    def fail(behind: int) -> None:
        if behind == 20:
            shelves.down()

    shelves.before = fail
    waits = []
    for _ in range(4):
        with pytest.raises(Retry) as again:
            await member.run()
        waits.append(again.value.after)
    assert waits == [1.0, 2.0, 4.0, 300.0]
    waiting = await member.state()
    assert (waiting.state, waiting.pages, waiting.seen, waiting.done, waiting.total) == ("waiting", 2, 20, 20, 34)
    assert waiting.reason.startswith("archive gives no answer: ")
    assert waiting.next_at is not None
    assert timedelta(seconds=290) < waiting.next_at - now() < timedelta(seconds=301)
    async with member.world.engine.transaction() as tx:
        job = await status(tx, waiting.job_id or 0)
    assert job is not None
    assert job.message == f"waits until {waiting.next_at:%Y-%m-%d %H:%M:%S} UTC for archive"
    assert (job.done, job.total) == (20, 34)
    assert (await member.start()).job_id == waiting.job_id

    shelves.before, shelves.answer = None, None
    await member.run()
    assert shelves.asked == [0, 10, 20, 20, 20, 20, 20, 30]
    assert await member.works() == [f"w-{number}" for number in range(34)]
    done = await member.state()
    assert (done.state, done.reason, done.seen) == ("done", "", 34)
