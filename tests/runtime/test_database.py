"""Transactions: what ends them comes out, and nothing of them is left on a connection."""

from __future__ import annotations

import asyncio

import pytest
from litestar import Request
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from skillcore.runtime.database import LOST, Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.refusals import problem_of
from skillcore.runtime.settings import DatabaseSettings
from tests.conftest import Dsns


async def busy(engine: Engine, error: BaseException) -> None:
    """Raise in a transaction whose connection is in the middle of a statement, as one that was interrupted is."""
    async with engine.transaction() as tx:
        connection = await tx.psycopg()
        await connection.execute("insert into subscriptions (name) values ('left over')")
        connection.pgconn.send_query(b"select pg_sleep(60)")
        raise error


@pytest.mark.parametrize("error", [asyncio.CancelledError(), ValueError("a reason")], ids=["cancelled", "failed"])
async def test_a_connection_that_cannot_roll_back_does_not_hide_what_happened(error: BaseException, engine: Engine) -> None:
    with pytest.raises(type(error)) as raised:
        await busy(engine, error)
    assert raised.value is error
    async with engine.transaction() as tx:
        connection = await tx.psycopg()
        cursor = await connection.execute("select from subscriptions")
        assert await cursor.fetchall() == []


async def lose(engine: Engine) -> None:
    async with engine.transaction() as tx:
        (await tx.psycopg()).pgconn.finish()
        raise ValueError("a reason")


async def test_a_connection_that_is_lost_does_not_hide_what_happened(engine: Engine) -> None:
    with pytest.raises(ValueError, match="a reason"):
        await lose(engine)
    async with engine.transaction() as tx:
        assert await (await (await tx.psycopg()).execute("select 1")).fetchone() == (1,)


async def idle(database: Database, next_one: AsyncSession) -> None:
    """Ask for nothing in a transaction until another one has the lock of this one."""
    lock = text("select pg_advisory_xact_lock(1)")
    async with database.session() as session:
        await session.execute(lock)
        await next_one.execute(lock)
        await session.execute(text("select 1"))


async def test_who_asks_for_nothing_in_a_transaction_keeps_no_lock(database_dsns: Dsns) -> None:
    database = Database(database_dsns.service_dsn, DatabaseSettings(idle_transaction_timeout=1))
    async with database.session() as next_one:
        with pytest.raises(DBAPIError, match="idle-in-transaction") as ended:
            await idle(database, next_one)
    assert isinstance(ended.value.orig, LOST)
    assert problem_of(Request({"type": "http"}), ended.value).status == 503
    async with database.session() as session:  # the pool is none the worse for it
        assert (await session.execute(text("select 1"))).scalar() == 1
    await database.close()


async def test_an_error_shows_its_statement_and_no_value(engine: Engine) -> None:
    """PostgreSQL itself quotes nothing here: what could show the value is what was put around its error."""
    secret = "-".join(("canary", "of", "a", "token"))
    with pytest.raises(DBAPIError, match="select 1 / length") as raised:
        async with engine.transaction() as tx:
            await tx.session.execute(text("select 1 / length(:secret) * 0 / 0"), {"secret": secret})
    assert secret not in f"{raised.value} {raised.value!r}"
