"""One PostgreSQL for a whole test run, a fresh database for each test that asks, and an engine on it.

With ``SKILLCORE_TEST_DATABASE_URL`` (the owner's URL on a server of version 16 or newer) the same tests run there.
"""

from __future__ import annotations

import copy
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import psycopg
import pytest
from cryptography.hazmat.primitives import serialization
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from skillcore.accounts.signing_keys import FIRST, ensure_first
from skillcore.plugin.manager import Plugins
from skillcore.runtime.database import SERVICE_ROLE, Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.migrations import migrate
from skillcore.runtime.postgres import EmbeddedPostgres
from skillcore.runtime.settings import AuthSettings, LimitSettings, LimitsSettings, OutboundSettings, Settings
from tests.databases import Dsns, Shelf, database_like
from tests.statements import Compiling
from tests.visitors import Door, door_of

FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "scram_iterations": "1",
    "max_wal_size": "256MB",
}
STEADY = {"autovacuum": "off", "max_connections": "300"}
LIFTED = LimitsSettings(
    **{field.name: LimitSettings(requests=0, seconds=60, burst=1) for field in msgspec.structs.fields(LimitsSettings)}
)
"""Tests of limits set their own: all others may ask as often as they need."""

MEMORY = Path("/dev/shm")
ROOM = 4_000_000_000
"""Bytes that must be free there; what a run needs is a tenth of it."""

CLUSTER = pytest.StashKey["Cluster"]()


def memory() -> str | None:
    """Return where files cost next to nothing: a database is a thousand of them. None where there is no such place."""
    if not os.access(MEMORY, os.W_OK | os.X_OK):
        return None
    found = os.statvfs(MEMORY)
    return str(MEMORY) if found.f_bavail * found.f_frsize >= ROOM else None


def lighten(dsn: str) -> None:
    """Have a login's password hashed as often as the server's parameters say, who did not know of them when it was made."""
    own = conninfo_to_dict(dsn)
    with psycopg.connect(dsn, autocommit=True) as connection:
        changed = sql.SQL("alter role {} password {}")
        connection.execute(changed.format(sql.Identifier(str(own["user"])), sql.Literal(own["password"])))


@cache
def _default_plugins() -> Plugins:
    return Plugins.load(allow=("defaults",))


def default_plugins() -> Plugins:
    """Return the default plugins, loaded once for all tests of a process; what a test puts in their place is its own."""
    return copy.copy(_default_plugins())


class Cluster:
    """The server of a test run, with a migrated database to copy."""

    def __init__(self) -> None:
        self.directory = tempfile.TemporaryDirectory(prefix="skillcore tests ", dir=memory(), ignore_cleanup_errors=True)
        self.server: EmbeddedPostgres | None = None
        url = os.environ.get("SKILLCORE_TEST_DATABASE_URL")
        self.login = f"skillcore_test_login_{uuid4().hex[:8]}" if url else None
        if url:  # the service gets a login of its own, since an owner could become anybody again
            password = uuid4().hex
            owner = url
            service = make_conninfo(url, user=self.login, password=password, options=f"-c role={SERVICE_ROLE}")
        else:
            self.server = EmbeddedPostgres(Path(self.directory.name), parameters=FAST | STEADY)
            self.server.start()
            owner, service = self.server.owner_dsn, self.server.service_dsn
        self.template = f"skillcore_template_{uuid4().hex[:8]}"
        with psycopg.connect(owner, autocommit=True) as connection:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(self.template)))
        migrate(make_conninfo(owner, dbname=self.template))
        if self.server:
            lighten(owner)
        if self.login:
            with psycopg.connect(owner, autocommit=True) as connection:
                connection.execute(f"create role {self.login} login password '{password}' in role {SERVICE_ROLE}".encode())
        self.dsns = {"owner": owner, "service": service, "template": self.template}

    def stop(self) -> None:
        if self.server:
            self.server.stop()
        else:
            with psycopg.connect(self.dsns["owner"], autocommit=True) as connection:
                connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(self.template)))
                connection.execute(f"drop role {self.login}".encode())
        self.directory.cleanup()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Start the server in the process that starts all others, and tell each of them where it is."""
    if CLUSTER not in node.config.stash:
        node.config.stash[CLUSTER] = Cluster()
    node.workerinput["skillcore_database"] = node.config.stash[CLUSTER].dsns


def pytest_unconfigure(config: pytest.Config) -> None:
    if CLUSTER in config.stash:
        config.stash[CLUSTER].stop()
        del config.stash[CLUSTER]


@pytest.fixture(scope="session", autouse=True)
def _compiling() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skillcore.runtime.database.create_async_engine", Compiling().create_async_engine)
        yield


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> dict[str, str]:
    """The logins of the run's server and the name of its migrated template."""
    if hasattr(request.config, "workerinput"):
        given: dict[str, str] = request.config.workerinput["skillcore_database"]
        return given
    if CLUSTER not in request.config.stash:
        request.config.stash[CLUSTER] = Cluster()
    return request.config.stash[CLUSTER].dsns


@pytest.fixture(scope="session")
def cluster_owner(cluster: dict[str, str]) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(cluster["owner"], autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def databases(cluster: dict[str, str], cluster_owner: psycopg.Connection[Any]) -> Iterator[Shelf]:
    shelf = Shelf(cluster, cluster_owner)
    yield shelf
    shelf.close()


@pytest.fixture
def empty_database_dsns(cluster: dict[str, str], cluster_owner: psycopg.Connection[Any]) -> Iterator[Dsns]:
    """A database without anything in it."""
    with database_like("template0", cluster, cluster_owner) as dsns:
        yield dsns


@pytest.fixture
def database_dsns(databases: Shelf) -> Iterator[Dsns]:
    """A migrated database of the test's own."""
    yield from databases.lend()


@pytest.fixture(scope="session")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One signing key for all tests of a process: making one takes longer than most of them, as does finding it sound."""
    directory = tmp_path_factory.mktemp("key")
    ensure_first(directory)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serialization, "load_pem_private_key", cache(serialization.load_pem_private_key))
        yield directory / FIRST


@pytest.fixture
def settings(tmp_path: Path, key_file: Path) -> Settings:
    return Settings(
        data_dir=str(tmp_path),
        auth=AuthSettings(bcrypt_cost=4, keys_dir=str(key_file.parent)),
        limits=LIFTED,
        outbound=OutboundSettings(allow=("127.0.0.0/8", "::1/128")),
    )


@pytest.fixture
async def engine(database_dsns: Dsns, settings: Settings) -> AsyncIterator[Engine]:
    """An engine with the default plugins on a database of its own."""
    database = Database(database_dsns.service_dsn, settings.database)
    yield Engine(settings, default_plugins(), database)
    await database.close()


@pytest.fixture
async def door(engine: Engine) -> AsyncIterator[Door]:
    """The HTTP application, with somebody at its door."""
    async with door_of(engine) as door:
        yield door
