"""The town: built once for all tests of a process; those that change it get copies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import psycopg
import pytest
import pytest_asyncio

from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.settings import Settings, VerificationSettings
from tests.attacks.town import Town, built, plugins
from tests.attacks.wire import Wire
from tests.conftest import LIFTED, Dsns, database_like
from tests.services import serving
from tests.visitors import Door, Visitor, door_of


class Built(NamedTuple):
    """A town on the database from which tests copy theirs."""

    town: Town
    database: str
    settings: Settings


class Visited(NamedTuple):
    """A copy of the town, with its application."""

    town: Town
    door: Door

    def by(self, caller: str) -> Visitor:
        """Return a caller."""
        return Visitor(self.door.client, self.town.callers[caller])


@asynccontextmanager
async def opened(dsns: Dsns, settings: Settings) -> AsyncIterator[Door]:
    database = Database(dsns.service_dsn, settings.database)
    try:
        async with door_of(Engine(settings, plugins(), database)) as door:
            yield door
    finally:
        await database.close()


@pytest.fixture(scope="session")
def built_town(
    cluster: dict[str, str],
    cluster_owner: psycopg.Connection[Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Built]:
    settings = town_settings(tmp_path_factory.mktemp("town"))

    async def build(dsns: Dsns) -> Town:
        async with opened(dsns, settings) as door, built(door) as town:
            return town

    home = database_like(cluster["template"], cluster, cluster_owner)
    with home as dsns:
        yield Built(asyncio.run(build(dsns)), home.name, settings)


def town_settings(data_dir: Path) -> Settings:
    """Return settings under which tokens outlive the tests, and people can come back from a sign-in."""
    settings = Settings(data_dir=str(data_dir), limits=LIFTED)
    auth = msgspec.structs.replace(settings.auth, bcrypt_cost=4, access_minutes=1440)
    verification = VerificationSettings(redirect_uri="https://skillcore.test/back", proof_starts_per_hour=1000)
    return msgspec.structs.replace(settings, auth=auth, verification=verification)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def visited(built_town: Built, cluster: dict[str, str], cluster_owner: psycopg.Connection[Any]) -> AsyncIterator[Visited]:
    """One copy for all tests that leave it as it is; they run in one loop, ``asyncio(loop_scope="session")``."""
    with database_like(built_town.database, cluster, cluster_owner) as dsns:
        async with opened(dsns, built_town.settings) as door:
            yield Visited(built_town.town, door)


@pytest_asyncio.fixture(loop_scope="session")
async def copied(built_town: Built, cluster: dict[str, str], cluster_owner: psycopg.Connection[Any]) -> AsyncIterator[Visited]:
    """A town of the test's own."""
    with database_like(built_town.database, cluster, cluster_owner) as dsns:
        async with opened(dsns, built_town.settings) as door:
            yield Visited(built_town.town, door)


@pytest.fixture(scope="session")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """The whole service, with little patience, behind a proxy at 127.0.0.2, where a stranger may call twice."""
    variables = {
        "SKILLCORE__SERVER__BODY_TIMEOUT": "1.5",
        "SKILLCORE__SERVER__TRUSTED_PROXIES": '["127.0.0.2/32"]',
        "SKILLCORE__LIMITS__ANONYMOUS": '{"requests": 1, "seconds": 3600, "burst": 2}',
        "SKILLCORE__LIMITS__ANONYMOUS__REQUESTS": "1",
    }
    with serving(tmp_path_factory.mktemp("wire") / "here", variables=variables) as served:
        yield Wire(int(served.address.rpartition(":")[2]))
