"""What benchmarks stand on: an embedded PostgreSQL as the service runs it, a fresh database each, and engines on these."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
from msgspec import Struct
from msgspec.structs import fields
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from skillcore.app import opened
from skillcore.plugin.manager import Plugins
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.migrations import migrate
from skillcore.runtime.postgres import DATABASE, EmbeddedPostgres
from skillcore.runtime.settings import LimitsSettings, Settings

__all__ = ["Ground", "Place", "Sizes", "ground"]


class Sizes(Struct, frozen=True, kw_only=True):
    """How much each benchmark does. A round is short, so that what is compared lies close together in time.

    Attributes:
        rounds: that count.
        warming: rounds before them, that do not.
        people: with a stream.
        batch: events in one.
        batches: a round and leg.
        callers: who write single events at the same time, each on a connection of its own where there is no intake.
        singles: a round and leg.
        requests: over HTTP, a round and leg.
        connections: that these come over.
        histories: lengths of streams whose levels are read.
        readers: people with a history of each length.
        reads: a round and leg.
        signing_in: who try a password at the same time.
        verifications: a round and leg.
        hostile: sources that misbehave, each in its own way.
        plugins: installed for a start.
    """

    rounds: int = 7
    warming: int = 1
    people: int = 2000
    batch: int = 1000
    batches: int = 16
    callers: int = 64
    singles: int = 4000
    requests: int = 1500
    connections: int = 32
    histories: tuple[int, ...] = (100, 10_000)
    readers: int = 8
    reads: int = 400
    signing_in: int = 500
    verifications: int = 300
    hostile: int = 6
    plugins: int = 40


class Place(Struct, frozen=True):
    """A migrated database of a benchmark's own.

    Attributes:
        owner: how its owner connects.
        service: how API and workers connect.
        settings: which name it.
    """

    owner: str
    service: str
    settings: Settings

    @asynccontextmanager
    async def engine(self) -> AsyncIterator[Engine]:
        """Open an engine with all that an API process runs beside HTTP."""
        engine = Engine(
            self.settings, Plugins.load(allow=("defaults",), strict=True), Database(self.service, self.settings.database)
        )
        try:
            async with opened(engine, "api"):
                yield engine
        finally:
            await engine.database.close()

    def environment(self) -> dict[str, str]:
        """Return the environment by which a process of skillcore comes to this database, and refuses nobody for their pace."""
        return {
            "SKILLCORE__DATA_DIR": self.settings.data_dir,
            "SKILLCORE__DATABASE__URL": url_of(self.service),
            **{f"SKILLCORE__LIMITS__{limit.name.upper()}__REQUESTS": "0" for limit in fields(LimitsSettings)},
        }


class Ground:
    """A running server. Its own database is the migrated template of those that benchmarks get."""

    def __init__(self, directory: Path, server: EmbeddedPostgres) -> None:
        self.directory = directory
        self.server = server
        self.postgresql = ""

    def place(self, name: str) -> Place:
        """Make a fresh database."""
        with psycopg.connect(make_conninfo(self.server.owner_dsn, dbname="postgres"), autocommit=True) as connection:
            made = sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(DATABASE))
            connection.execute(made)
        return Place(
            make_conninfo(self.server.owner_dsn, dbname=name),
            make_conninfo(self.server.service_dsn, dbname=name),
            Settings(data_dir=str(self.directory)),  # one for all: its signing key takes long to make
        )


@contextmanager
def ground(parameters: Mapping[str, str] | None = None) -> Iterator[Ground]:
    """Run a server with the service's own settings in a temporary directory for the duration of the block.

    Args:
        parameters: of the server, over those that it is served with; none where figures are wanted.
    """
    with TemporaryDirectory(prefix="skillcore-benchmarks-") as directory:
        found = Ground(Path(directory), EmbeddedPostgres(Path(directory) / "server", parameters=parameters))
        found.server.start()
        try:
            migrate(found.server.owner_dsn)
            with psycopg.connect(found.server.owner_dsn) as connection:
                found.postgresql = _described(connection)
            yield found
        finally:
            found.server.stop()


def url_of(dsn: str) -> str:
    """Return a connection string as a URL, which is what settings take."""
    parts: dict[str, Any] = conninfo_to_dict(dsn)
    database = quote(str(parts.pop("dbname")))
    return f"postgresql:///{database}?{urlencode(parts)}"


def _described(connection: psycopg.Connection[Any]) -> str:
    names = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size")
    shown = {name: connection.execute(sql.SQL("show {}").format(sql.Identifier(name))).fetchone() for name in names}
    return json.dumps({name: row[0] if row else "" for name, row in shown.items()})
