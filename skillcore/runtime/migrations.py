"""Brings a database to a version of the schema, one process at a time, as its owner."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from psycopg import sql
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random

from skillcore.runtime.bundled import bundled
from skillcore.runtime.database import SERVICE_ROLE
from skillcore.runtime.schema_version import VERSION_TABLE

__all__ = [
    "ERASER_ROLE",
    "OWNER_OPTIONS",
    "MigrationFailed",
    "current",
    "downgrade",
    "ensure_roles",
    "migrate",
    "pending",
]

ERASER_ROLE = "skillcore_eraser"
"""Owns the one way past append-only facts; nobody logs in as it."""

OWNER_OPTIONS = "-c timezone=UTC"
MIGRATING = 0x736B_6C6C_636F_7265
"""Key of the advisory lock that a migration holds."""

WAIT_FOR_OTHERS = "10min"
WAIT_FOR_TABLES = "15s"


class MigrationFailed(Exception):
    """The schema could not be brought to the revision; the message says why. What was begun is rolled back."""


def migrate(owner_dsn: str, revision: str = "head") -> None:
    """Upgrade the schema, and make the roles it grants rights to. Waits while another process migrates.

    Args:
        owner_dsn: libpq connection string or URL of the owner's login.
        revision: how far.

    Raises:
        MigrationFailed: the server refused, such as for a lock on a table that was not to be had within 15 s; or the
            database was made by a later version.
        psycopg.OperationalError: the server does not answer.
    """
    ensure_roles(owner_dsn)
    with exclusive(owner_dsn) as connection:
        try:
            command.upgrade(configuration(connection), revision)
        except DBAPIError as error:
            raise MigrationFailed(f"the database could not be migrated: {error.orig}") from error
        except CommandError as error:
            raise MigrationFailed(f"the database was made by another version of skillcore, install that: {error}") from error
        connection.exec_driver_sql(f"grant select on {VERSION_TABLE} to {SERVICE_ROLE}")  # readiness compares it
        connection.commit()


def downgrade(owner_dsn: str, revision: str) -> None:
    """Take the schema back to an earlier revision; ``base`` leaves nothing but the roles."""
    with exclusive(owner_dsn) as connection:
        command.downgrade(configuration(connection), revision)


def current(dsn: str) -> str | None:
    """Return the revision that a database is at; None for an empty one. Any login will do."""
    with connect(dsn) as connection:
        return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()


def pending(dsn: str) -> tuple[str, ...]:
    """Return the revisions that a database lacks, the next one first."""
    scripts = ScriptDirectory(str(bundled("migrations")))
    lacking = [script.revision for script in scripts.iterate_revisions("head", current(dsn) or "base")]
    return tuple(reversed(lacking))


@retry(
    retry=retry_if_exception_type(
        (psycopg.errors.InternalError_, psycopg.errors.UniqueViolation, psycopg.errors.DuplicateObject)
    ),
    wait=wait_random(0, 0.1),
    stop=stop_after_attempt(20),
    reraise=True,
)
def ensure_roles(owner_dsn: str) -> None:
    """Make the roles that nobody logs in as, and let the owner act as them.

    Roles belong to the whole server, so databases that are migrated at once meet here; whoever loses looks again.
    """
    with psycopg.connect(owner_dsn, autocommit=True) as connection:
        for role in (SERVICE_ROLE, ERASER_ROLE):
            name = sql.Identifier(role)
            if not connection.execute("select 1 from pg_roles where rolname = %s", (role,)).fetchone():
                connection.execute(sql.SQL("create role {} nologin").format(name))
            member = connection.execute("select pg_has_role(current_user, %s, 'SET')", (role,)).fetchone()
            if member == (False,):
                connection.execute(sql.SQL("grant {} to current_user").format(name))


@contextmanager
def exclusive(owner_dsn: str) -> Iterator[Connection]:
    """Open a connection that holds the migration lock for as long as the block lasts."""
    with connect(owner_dsn) as connection:
        connection.exec_driver_sql(f"set lock_timeout = '{WAIT_FOR_OTHERS}'")
        connection.exec_driver_sql(f"select pg_advisory_lock({MIGRATING})")
        connection.exec_driver_sql(f"set lock_timeout = '{WAIT_FOR_TABLES}'")
        connection.commit()
        yield connection


@contextmanager
def connect(dsn: str) -> Iterator[Connection]:
    """Open one SQLAlchemy connection to a libpq connection string; closing it gives up its locks."""
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(dsn, options=OWNER_OPTIONS), poolclass=NullPool
    )
    with engine.connect() as connection:
        yield connection


def configuration(connection: Connection) -> Config:
    """Return what alembic needs to know: the scripts and an open connection; there is no ini file."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(bundled("migrations")).replace("%", "%%"))
    return config
