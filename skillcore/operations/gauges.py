"""Values that are read from the database when somebody scrapes."""

from __future__ import annotations

from collections.abc import Iterable

from skillcore.operations.health import Probe
from skillcore.operations.sources import SourceState, states
from skillcore.runtime import jobs, metrics
from skillcore.runtime.engine import Engine
from skillcore.runtime.problems import UnavailableNow
from skillcore.runtime.rooms import Room

__all__ = ["Gauges", "refresh"]

BREAKER = metrics.gauge(
    "skillcore_source_breaker_state", "The worst breaker of any worker: 0 closed, 1 half open, 2 open.", ("source",)
)
JOBS = metrics.gauge("skillcore_jobs", "Jobs in the queue's table.", ("queue", "status"))
DATABASE_UP = metrics.gauge("skillcore_database_up", "Whether the database answered this scrape.")
LEVELS = {"closed": 0, "half_open": 1, "open": 2}


class Gauges:
    """Those of all rooms, which this one does not know."""

    def __init__(self, rooms: Iterable[Room]) -> None:
        self.all = tuple(gauge for room in rooms for gauge in room.gauges)


async def refresh(engine: Engine) -> None:
    """Read them; what a database that does not answer would have said is left out."""

    async def read() -> tuple[list[SourceState], dict[tuple[str, str], int]]:
        async with engine.transaction() as tx:
            for gauge in engine.service(Gauges).all:
                await gauge(tx)
            return await states(tx), await jobs.counts(tx)

    BREAKER.clear()
    JOBS.clear()
    try:
        said, counted = await engine.cache(Probe).ask("metrics", read)
    except UnavailableNow:
        DATABASE_UP.set(0)
        return
    DATABASE_UP.set(1)
    for source in {state.source for state in said}:
        BREAKER.labels(source).set(max(LEVELS[state.state] for state in said if state.source == source))
    for (queue, status), number in counted.items():
        JOBS.labels(queue, status).set(number)
