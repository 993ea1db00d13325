"""Lanes: jobs about a source wait in a lane of its own, so that a source that hangs keeps no job about another waiting.

A queue whose jobs are about sources has one lane for each, called ``<queue>:<source>``; the queue's limits hold in each of
them. A worker attends to all lanes but those of isolated sources, which have workers of their own.
"""

from __future__ import annotations

from collections.abc import Collection

from msgspec import Struct

from skillcore.runtime.engine import Engine, Transaction

__all__ = ["ALL", "Work", "is_lane", "lane", "queue_of", "waiting_lanes"]

BETWEEN = ":"
WAITING = "select distinct queue_name from procrastinate_jobs where status = 'todo' and strpos(queue_name, ':') > 0"


def lane(queue: str, source: str) -> str:
    """Return the name of a source's lane of a queue."""
    return f"{queue}{BETWEEN}{source}"


def is_lane(name: str) -> bool:
    """Say whether jobs about one source wait there."""
    return BETWEEN in name


def queue_of(name: str) -> str:
    """Return the queue to which a lane belongs; a queue belongs to itself."""
    return name.partition(BETWEEN)[0]


async def waiting_lanes(tx: Transaction) -> set[str]:
    """Return the lanes in which a job waits, whether a plugin offers their source or not."""
    return {name for (name,) in await (await (await tx.psycopg()).execute(WAITING)).fetchall()}


class Work(Struct, frozen=True, kw_only=True):
    """Which jobs a worker runs.

    Attributes:
        queues: of these queues only; of all without.
        source: about this source only, whether it is isolated or not.
    """

    queues: tuple[str, ...] | None = None
    source: str | None = None

    def attended(
        self, engine: Engine, queues: Collection[str], by_source: Collection[str], waiting: Collection[str]
    ) -> set[str]:
        """Return the queues and lanes to attend to, by name.

        Args:
            engine: of this process, for its sources and its settings.
            queues: that there are.
            by_source: those of them that have lanes.
            waiting: lanes in which a job waits; sources that no plugin offers any more have some.
        """
        chosen = set(queues if self.queues is None else self.queues)
        with_lanes = chosen & set(by_source)
        if self.source is not None:
            return {lane(queue, self.source) for queue in with_lanes}
        lanes = {lane(queue, source) for queue in with_lanes for source in engine.plugins.sources}
        lanes |= {name for name in waiting if queue_of(name) in with_lanes}
        isolated = {lane(queue, source) for queue in with_lanes for source in engine.settings.verification.isolated}
        return chosen | lanes - isolated


ALL = Work()
