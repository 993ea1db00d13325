"""Tells whether the service is well. Every answer is bounded in time, even when the database hangs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar, cast
from uuid import uuid4

import psycopg
import structlog
from msgspec import Struct
from psycopg import sql
from sqlalchemy.exc import SQLAlchemyError

from skillcore.operations.sources import SourceState, states
from skillcore.runtime.engine import Engine
from skillcore.runtime.problems import UnavailableNow
from skillcore.runtime.schema_version import VERSION_TABLE, latest

__all__ = ["DatabaseHealth", "Health", "Mcp", "PluginHealth", "Probe", "SourceHealth", "database", "mcp", "plugins", "summary"]

log = structlog.get_logger(__name__)

T = TypeVar("T")

PATIENCE = 2.0
"""Seconds after which the database counts as not answering."""

WRITE = """insert into idempotency_keys (actor, route, key_sha256, request_sha256, attempt, taken_at, expires_at)
values ('(readiness)', '', '', '', %s, now(), now())"""
LOOK = "select current_setting('server_version'), pg_is_in_recovery()"


class DatabaseHealth(Struct, frozen=True, kw_only=True):
    """The database.

    Attributes:
        revision: of its schema.
        milliseconds: that the check took, the opening of a connection included.
        connections: that this process keeps in its pool and is using now.
    """

    status: Literal["ok"] = "ok"
    server_version: str
    revision: str | None
    milliseconds: float
    connections: int


class SourceHealth(Struct, frozen=True, kw_only=True):
    """A source.

    Attributes:
        state: of the worst breaker of any worker; ``unknown`` if none has spoken lately.
        workers: what each said.
    """

    source: str
    state: Literal["closed", "half_open", "open", "unknown"]
    workers: list[SourceState]


class Mcp(Struct, frozen=True, kw_only=True):
    """The sources' servers."""

    status: Literal["ok", "degraded"]
    sources: list[SourceHealth]


class PluginHealth(Struct, frozen=True, kw_only=True):
    """A plugin.

    Attributes:
        error: why it failed.
    """

    name: str
    version: str
    distribution: str
    state: Literal["active", "failed", "blocked"]
    error: str | None


class Health(Struct, frozen=True, kw_only=True):
    """The whole."""

    status: Literal["ok", "degraded"]
    database: Literal["ok"]
    sources: dict[str, str]
    plugins: dict[str, str]


class Probe:
    """Asks, and goes away when the answer takes too long.

    Whoever asks meanwhile shares the answer: what anybody may ask as often as they like costs one question at a time.
    Cancelling does not help here: a driver that waits for a frozen server may not notice.
    """

    def __init__(self) -> None:
        self._asking: dict[str, asyncio.Task[Any]] = {}

    async def ask(self, name: str, question: Callable[[], Awaitable[T]], patience: float = PATIENCE) -> T:
        """Return the answer.

        Raises:
            UnavailableNow: there was none in time, or it was an error of the database.
        """
        task = self._asking.get(name)
        if task is None or task.done():
            task = self._asking[name] = asyncio.ensure_future(question())
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.wait({task}, timeout=patience)
        if not task.done():
            task.cancel()
            raise UnavailableNow(f"the database does not answer within {patience:g} s")
        try:
            return cast("T", task.result())
        except (psycopg.Error, SQLAlchemyError, OSError, asyncio.CancelledError) as error:
            log.warning("the database is not well", error=str(error))
            raise UnavailableNow("the database does not answer, or refuses what the service needs") from error


async def database(engine: Engine) -> DatabaseHealth:
    """Check that the database answers, takes writes and has the schema that this code needs.

    Raises:
        UnavailableNow: it doesn't.
    """
    health = await engine.cache(Probe).ask("database", lambda: _look(engine))
    if health.revision != latest():
        raise UnavailableNow(
            f"the database is at revision {health.revision}, and this code needs {latest()}: migrate, or run other code"
        )
    return health


async def mcp(engine: Engine) -> Mcp:
    """Return what the workers think of the sources.

    Raises:
        UnavailableNow: the database does not tell.
    """

    async def read() -> list[SourceState]:
        async with engine.transaction() as tx:
            return await states(tx)

    said = await engine.cache(Probe).ask("sources", read)
    names = sorted({*engine.plugins.sources, *(state.source for state in said)})
    sources = [_source(name, [state for state in said if state.source == name]) for name in names]
    degraded = any(source.state in {"open", "half_open"} for source in sources)
    return Mcp(status="degraded" if degraded else "ok", sources=sources)


def plugins(engine: Engine) -> list[PluginHealth]:
    """Return what became of the plugins."""
    return [
        PluginHealth(
            name=plugin.name,
            version=plugin.version,
            distribution=plugin.distribution,
            state=plugin.state,
            error=plugin.error,
        )
        for plugin in engine.plugins.plugins
    ]


async def summary(engine: Engine) -> Health:
    """Return everything in short.

    Raises:
        UnavailableNow: the database is not well.
    """
    await database(engine)
    sources, loaded = await mcp(engine), plugins(engine)
    degraded = sources.status == "degraded" or any(plugin.state == "failed" for plugin in loaded)
    return Health(
        status="degraded" if degraded else "ok",
        database="ok",
        sources={source.source: source.state for source in sources.sources},
        plugins={plugin.name: plugin.state for plugin in loaded},
    )


async def _look(engine: Engine) -> DatabaseHealth:
    """Look on a connection of one's own, so that no pool is emptied by checks that hang."""
    began = time.perf_counter()
    async with await engine.database.connect() as connection:
        row = await (await connection.execute(LOOK)).fetchone()
        revision = await (
            await connection.execute(sql.SQL("select version_num from {}").format(sql.Identifier(VERSION_TABLE)))
        ).fetchone()
        await connection.execute(WRITE, (uuid4(),))
        await connection.rollback()
    return DatabaseHealth(
        server_version=str(row[0]) if row else "",
        revision=revision[0] if revision else None,
        milliseconds=round((time.perf_counter() - began) * 1000, 2),
        connections=engine.database.sqlalchemy.pool.checkedout(),  # type: ignore[attr-defined]
    )


def _source(name: str, said: list[SourceState]) -> SourceHealth:
    for state in ("open", "half_open", "closed"):
        if any(one.state == state for one in said):
            return SourceHealth(source=name, state=state, workers=said)
    return SourceHealth(source=name, state="unknown", workers=[])
