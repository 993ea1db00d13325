"""How a command that runs once reaches the database: it connects first, and says in one line what is in the way."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import uvloop
from sqlalchemy.exc import DBAPIError

from skillcore.accounts.audit import BY_COMMAND
from skillcore.cli.commands import configuration, for_people, plugins
from skillcore.plugin.sections import without_password
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.logins import EMBEDDED, reachable
from skillcore.runtime.logs import configure_logging
from skillcore.runtime.postgres import PostgresFailed
from skillcore.runtime.processes import InUse
from skillcore.runtime.schema_version import VERSION_TABLE, latest
from skillcore.runtime.settings import Settings

__all__ = ["UNREACHABLE", "Unreachable", "on_database"]

UNREACHABLE = 3
"""The exit code of commands that could not use the database."""

REVISION = f"select version_num from {VERSION_TABLE}"  # noqa: S608 - a constant
PATIENCE = 5.0
"""Seconds beyond ``database.connect_timeout`` after which a server that says nothing counts as out of reach."""


class Unreachable(Exception):
    """The database cannot be used; the message says why, and what to do."""


def on_database(options: argparse.Namespace, work: Callable[[Engine], Awaitable[int]]) -> int:
    """Run a command's work on the database of the configuration; an embedded server is started for it if none runs.

    Args:
        options: the command line.
        work: returns the exit code.

    Returns:
        that code; ``UNREACHABLE``, with a line on standard error, if the database cannot be used.

    Raises:
        ConfigurationError: ends the command with exit code 2.
        PluginsFailed: likewise.
    """
    loaded = configuration(options)
    settings = loaded.settings
    configure_logging(for_people(settings.log))
    found = plugins(loaded)
    try:
        with _dsn(settings) as dsn:
            return uvloop.run(_run(Engine(settings, found, Database(dsn, settings.database)), work))
    except Unreachable as error:
        print(error, file=sys.stderr)
        return UNREACHABLE


@contextmanager
def _dsn(settings: Settings) -> Iterator[str]:
    if settings.database.url == EMBEDDED and not (Path(settings.data_dir) / "pg-made").exists():
        # Starting the server would make a database, and every check of an empty one is content.
        where = Path(settings.data_dir).resolve()
        raise Unreachable(f"there is no database in {where}: set data_dir, or let `skillcore serve` make one there first")
    try:
        with reachable(settings) as logins:
            yield logins.service
    except InUse as error:
        raise Unreachable(
            f"the embedded database belongs to a service that is starting or stopping just now: {error}"
        ) from error
    except PostgresFailed as error:
        raise Unreachable(f"the embedded database does not start: {error}") from error


async def _run(engine: Engine, work: Callable[[Engine], Awaitable[int]]) -> int:
    BY_COMMAND.set(True)
    try:
        await _check_schema(engine)
        return await work(engine)
    except (psycopg.Error, DBAPIError, OSError) as error:
        raise Unreachable(_words(error)) from error
    finally:
        await engine.database.close()


async def _check_schema(engine: Engine) -> None:
    """Connect, and see that this code and the database mean the same tables.

    Raises:
        Unreachable: it does not answer in time, or is at another revision.
    """
    asking = asyncio.ensure_future(_revision(engine))
    # A server that is frozen may keep even the cancelling of a wait from ending.
    await asyncio.wait({asking}, timeout=engine.settings.database.connect_timeout + PATIENCE)
    if not asking.done():
        asking.cancel()
        raise Unreachable("the database does not answer")
    revision = asking.result()
    if revision != latest():
        at = f"at revision {revision}" if revision else "empty"
        raise Unreachable(f"the database is {at}, and this code needs {latest()}: run `skillcore migrate`")


async def _revision(engine: Engine) -> str | None:
    async with await engine.database.connect(autocommit=True) as connection:
        try:
            row = await (await connection.execute(REVISION.encode())).fetchone()
        except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege):
            return None
    return str(row[0]) if row else None


def _words(error: psycopg.Error | DBAPIError | OSError) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    text = " ".join(without_password(str(cause)).split()) or type(cause).__name__
    unanswered = isinstance(cause, psycopg.OperationalError | OSError)
    return f"the database {'does not answer' if unanswered else 'refused'}: {text}"
