"""An engine with the gym, a source on which everything can be arranged."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest
import respx

from skillcore.ledger.tables import SkillRow
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.jobs import Jobs
from skillcore.runtime.settings import ResilienceSettings, Settings, VerificationSettings
from skillcore.testing import MCP_URL
from skillcore.verification.sources import Sources
from skillcore.work.room import ROOM
from tests.conftest import Dsns
from tests.world import Arranged, World, plugins


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return msgspec.structs.replace(
        settings,
        resilience=ResilienceSettings(retries=0, call_timeout=5.0, breaker_failures=1000),
        verification=VerificationSettings(deadline=10.0, retry_base=0.05, retry_attempts=2, retry_every=0.1),
    )


@pytest.fixture
def gym() -> Iterator[Arranged]:
    arranged = Arranged()
    with respx.mock(using="httpcore2", assert_all_called=False) as router:
        router.route(url=MCP_URL).mock(side_effect=arranged)
        yield arranged


@pytest.fixture
async def engine(database_dsns: Dsns, settings: Settings, gym: Arranged) -> AsyncIterator[Engine]:
    """An engine with the gym and its sources, on a database of its own that knows some skills."""
    database = Database(database_dsns.service_dsn, settings.database)
    opened = Engine(settings, plugins(), database)
    async with Sources(opened.plugins, settings) as sources, opened.open(sources):
        async with opened.transaction() as tx:
            tx.session.add_all(SkillRow(id=id_, name=id_) for id_ in ("loops", "python", "sql"))
        yield opened
    await database.close()


@pytest.fixture
async def world(engine: Engine) -> AsyncIterator[World]:
    """People and platforms, and the jobs of work."""
    async with engine.open(Jobs([ROOM])):
        yield World(engine)
