"""A worker whose archive is made by number, to be killed: ``python -m tests.verification.importing_worker DSN WORKS``."""

from __future__ import annotations

import asyncio
import sys

import msgspec
import pytest_httpx2  # noqa: F401 - brings the mocker of httpcore2, which pytest loads by itself

from skillcore.plugin import ServerSettings
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.hints import Hints
from skillcore.runtime.jobs import Jobs
from skillcore.runtime.settings import Settings
from skillcore.runtime.worker import Pace, run_worker
from skillcore.testing import MCP_URL
from skillcore.verification.room import ROOM
from skillcore.verification.sources import Sources
from tests.verification.archive import SERVER, Archive, loaded
from tests.verification.importers import patient, shelved

PACE = Pace(poll=0.05, heartbeat=0.1, stalled=0.5, rescue=0.1)


class Paced(Archive):
    """An archive that gives the one who kills some time: pages of 10 works, 40 of them a second."""

    server = msgspec.structs.replace(SERVER, settings=ServerSettings(url=MCP_URL, calls_per_second=40.0, concurrency=4))


async def work(dsn: str, count: int) -> None:
    settings = patient(Settings())
    engine = Engine(settings, loaded(Paced()), Database(dsn, settings.database))
    with shelved(count):  # before anything connects
        async with (
            Sources(engine.plugins, settings) as sources,
            Hints(engine.database).run() as hints,
            engine.open(sources),
            engine.open(hints),
            engine.open(Jobs([ROOM])),
        ):
            await run_worker(engine, pace=PACE)


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], int(sys.argv[2])))
