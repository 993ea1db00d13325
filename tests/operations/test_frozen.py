"""A database that is frozen: it accepts connections, and never says a word."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from skillcore.app import create_app
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.migrations import migrate
from skillcore.runtime.postgres import EmbeddedPostgres
from skillcore.runtime.settings import Settings
from tests.conftest import default_plugins
from tests.visitors import client_of


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path / "own", parameters={"fsync": "off"})
    server.start()
    migrate(server.owner_dsn)
    yield server
    server.stop()


def family(server: EmbeddedPostgres) -> list[int]:
    assert server.process is not None
    return [server.process.pid, *(child.pid for child in psutil.Process(server.process.pid).children(recursive=True))]


async def test_health_answers_while_the_database_is_frozen(server: EmbeddedPostgres, settings: Settings) -> None:
    database = Database(server.service_dsn, settings.database)
    engine = Engine(settings, default_plugins(), database)
    async with client_of(create_app(engine)) as client:
        assert (await client.get("/api/health/ready")).status_code == 200
        assert (await client.get("/metrics")).status_code == 200
        frozen = family(server)
        for process in frozen:
            os.kill(process, signal.SIGSTOP)
        try:
            for path in ("ready", "db", "mcp", ""):
                began = time.monotonic()
                answers = await asyncio.gather(*(client.get(f"/api/health/{path}") for _ in range(5)))
                assert {answer.status_code for answer in answers} == {503}
                assert time.monotonic() - began < 6
            assert (await client.get("/api/health/live")).status_code == 200
            assert "skillcore_database_up 0.0" in (await client.get("/metrics")).text
        finally:
            for process in frozen:
                os.kill(process, signal.SIGCONT)
        async with asyncio.timeout(30):
            status = 0
            while status != 200:
                status = (await client.get("/api/health/ready")).status_code
    await database.close()
