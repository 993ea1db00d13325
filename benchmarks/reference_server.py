"""``python -m benchmarks.reference_server PORT``: Litestar under Granian, one worker, one bare statement a request.

It decodes the same bodies into the same kind of Struct as the service, asks nobody who they are, and takes a connection
from a pool. The connection string stands in the environment.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import uvloop
from litestar import Litestar, Request, Response, get, post
from litestar.datastructures import State
from msgspec import Struct
from psycopg_pool import AsyncConnectionPool

from benchmarks.plain_table import INSERT, SELECT
from skillcore.runtime.clock import new_id
from skillcore.runtime.http import serve

__all__ = ["DSN"]

DSN = "BENCHMARK_DSN"
POOL = 20
"""Connections; as many as the service's own pool opens under load."""

Pool = AsyncConnectionPool[psycopg.AsyncConnection[Any]]


class Report(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An event as it is sent to the service."""

    user: str
    kind: str
    data: Mapping[str, Any]
    subject: str
    skills: Sequence[str]
    occurred_at: str


class Written(Struct, frozen=True):
    """What the service answers too."""

    id: UUID
    new: bool


class Read(Struct, frozen=True):
    """A value."""

    user_id: UUID
    value: float


@post("/insert")
async def insert(request: Request[Any, Any, State], data: Report) -> Response[Written]:
    """Insert a row and commit."""
    id_ = new_id()
    pool: Pool = request.app.state.pool
    async with pool.connection() as connection:
        row = (id_, UUID(data.user), data.kind, msgspec.json.encode(data.data).decode())
        await connection.execute(INSERT, row, prepare=True)
    return Response(Written(id_, new=True), status_code=201)


@get("/values/{user_id:uuid}")
async def read(request: Request[Any, Any, State], user_id: UUID) -> Read:
    """Read a value by its key."""
    pool: Pool = request.app.state.pool
    async with pool.connection() as connection:
        row = await (await connection.execute(SELECT, (user_id,), prepare=True)).fetchone()
    return Read(user_id, row[0] if row else 0.0)


@asynccontextmanager
async def pooled(app: Litestar) -> AsyncIterator[None]:
    """Open the pool for as long as the application lives."""
    pool: Pool
    async with AsyncConnectionPool(os.environ[DSN], kwargs={"autocommit": True}, min_size=POOL, open=False) as pool:
        await pool.wait()
        app.state.pool = pool
        yield


async def main(port: int) -> None:
    """Serve until terminated."""
    app = Litestar([insert, read], lifespan=[pooled], logging_config=None, openapi_config=None)
    await serve(app, host="127.0.0.1", port=port, grace=1.0, stop=asyncio.Event())


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
