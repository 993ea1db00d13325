"""What tests of imports stand on: an engine with the archive, and members whose accounts there are linked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import respx
from sqlalchemy import select

from skillcore.accounts.access import Actor
from skillcore.ledger.skills import NewSkill, create
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.jobs import JobContext, Jobs
from skillcore.runtime.settings import ResilienceSettings, Settings, VerificationSettings
from skillcore.testing import MCP_URL
from skillcore.verification import accounts, imports
from skillcore.verification.accounts import Vouch
from skillcore.verification.importing import import_history
from skillcore.verification.imports import Import
from skillcore.verification.room import ROOM
from skillcore.verification.sources import Sources
from skillcore.verification.tables import SourceAccountRow
from skillcore.work.room import ROOM as WORK
from tests.conftest import Dsns
from tests.verification.archive import Shelves, loaded, made
from tests.world import World


def patient(settings: Settings) -> Settings:
    """Return settings under which a source that is down is waited for as in earnest, and no breaker opens."""
    return msgspec.structs.replace(
        settings,
        resilience=ResilienceSettings(retries=0, call_timeout=5.0, breaker_failures=1000),
        verification=VerificationSettings(deadline=10.0, retry_base=1.0, retry_attempts=3, retry_every=300.0),
    )


@contextmanager
def shelved(count: int) -> Iterator[Shelves]:
    """Serve so many works."""
    arranged = Shelves([made(number) for number in range(count)])
    with respx.mock(using="httpcore2", assert_all_called=False) as router:
        router.route(url=MCP_URL).mock(side_effect=arranged)
        arranged.forget = lambda: (router.reset(), arranged.responder.calls.clear())
        yield arranged


@asynccontextmanager
async def world_of(
    dsns: Dsns, settings: Settings, *sources: Any, skills: tuple[str, ...] = ("Loops", "SQL")
) -> AsyncIterator[World]:
    database = Database(dsns.service_dsn, settings.database)
    engine = Engine(settings, loaded(*sources), database)
    async with Sources(engine.plugins, settings) as opened, engine.open(opened), engine.open(Jobs([ROOM, WORK])):
        async with engine.transaction() as tx:
            for name in skills:
                await create(tx, NewSkill(name=name))
        yield World(engine)
    await database.close()


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
