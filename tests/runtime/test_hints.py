"""Hints: after the commit, at most one per channel and interval, and heard again after a lost connection."""

from __future__ import annotations

import asyncio
import contextlib

import psycopg

from skillcore.runtime.engine import Engine
from skillcore.runtime.hints import Hints, hint
from tests.conftest import Dsns

CUT = """select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid()"""


async def test_a_hint_follows_its_commit_and_no_rollback(engine: Engine) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    async with Hints(engine.database).run() as hints, engine.open(hints), asyncio.timeout(20):
        with hints.heard("test", heard.put_nowait):
            assert await heard.get() == ""  # listening: whatever came before may be lost
            with contextlib.suppress(ZeroDivisionError):
                async with engine.transaction() as tx:
                    hint(tx, "test", "rolled back")
                    raise ZeroDivisionError
            async with engine.transaction() as tx:
                hint(tx, "test", "committed")
            assert await heard.get() == "committed"


async def test_many_become_few(engine: Engine) -> None:
    queue: asyncio.Queue[str] = asyncio.Queue()
    async with Hints(engine.database).run() as hints, asyncio.timeout(20):
        with hints.heard("test", queue.put_nowait):
            heard = [await queue.get()]
            for number in range(1000):
                hints.send("test", str(number))
            while heard[-1] != "999":
                heard.append(await queue.get())
    assert len(heard) <= 3


async def test_it_listens_again_after_a_lost_connection_and_says_so(engine: Engine, database_dsns: Dsns) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    async with Hints(engine.database).run() as hints, asyncio.timeout(20):
        with hints.heard("one", heard.put_nowait), hints.heard("two", heard.put_nowait):
            assert [await heard.get(), await heard.get()] == ["", ""]
            async with await psycopg.AsyncConnection.connect(database_dsns.owner_dsn, autocommit=True) as owner:
                await owner.execute(CUT)
            assert [await heard.get(), await heard.get()] == ["", ""]
            hints.send("two", "again")
            assert await heard.get() == "again"


async def test_without_hints_in_a_process_nothing_breaks(engine: Engine) -> None:
    async with engine.transaction() as tx:
        hint(tx, "test")
