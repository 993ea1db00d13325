"""The database: the embedded server's programs and remains, and whatever the service needs of the server that answers."""

from __future__ import annotations

import os
import pwd
import subprocess
import time
from collections.abc import Generator, Iterator
from typing import Any

import psutil
import psycopg
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from psycopg.conninfo import make_conninfo
from sqlalchemy.exc import SQLAlchemyError

from skillcore.cli.diagnosis.report import Diagnosis, bad, fine, odd
from skillcore.plugin.sections import without_password
from skillcore.runtime.database import SERVICE_ROLE
from skillcore.runtime.logins import Logins, embedded, logins
from skillcore.runtime.migrations import ERASER_ROLE, pending
from skillcore.runtime.postgres import (
    ACCOUNT_FOR_ROOT,
    EmbeddedPostgres,
    PostgresFailed,
    installed_programs,
    is_server_in,
    short_directory,
)
from skillcore.runtime.settings import Settings

__all__ = ["clocks", "database", "own_server"]

PATIENCE = 5
OLDEST = 160_000
DRIFT = 5.0
"""Seconds that clocks may differ unnoticed."""

FACTS = ("events", "skill_signals", "commits")
TABLES = """select relname::text from pg_class where relname in ('events', 'skill_signals', 'commits')
  union select inhrelid::regclass::text from pg_inherits where inhparent in ('events'::regclass, 'skill_signals'::regclass)"""
RIGHTS = f"""select relname, privilege, has_table_privilege('{SERVICE_ROLE}', relname, privilege)
  from ({TABLES}) facts, unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) privilege"""  # noqa: S608 - constants
SERVER = """select current_setting('server_version'), current_setting('server_version_num')::int,
  current_setting('server_encoding'), pg_is_in_recovery(), current_setting('fsync') = 'on',
  current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"""
POWERS = """select rolsuper or exists (select from pg_class c where c.relname = 'events'
  and pg_has_role(session_user, c.relowner, 'MEMBER')) from pg_roles where rolname = session_user"""
MAY_MIGRATE = """select bool_and(case when r.oid is null then u.rolcreaterole or u.rolsuper
  else pg_has_role(session_user, r.oid, 'SET') end)
  from (values (%s::name), (%s::name)) wanted (role) left join pg_roles r on r.rolname = wanted.role,
  pg_roles u where u.rolname = session_user"""


def own_server(settings: Settings) -> Iterator[Diagnosis]:
    """Check that the embedded server's programs run here, and what of an earlier one is left."""
    server = embedded(settings)
    if server is None:
        return
    elsewhere = "set database.url to a PostgreSQL of version 16 or newer"
    try:
        program = installed_programs() / "postgres"
        asked = [str(program), "--version"]
        done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=PATIENCE, stdin=subprocess.DEVNULL)
        short_directory(public=os.geteuid() == 0)
    except PostgresFailed as error:
        yield bad(
            "embedded PostgreSQL", str(error), f"install it on glibc Linux or macOS, set TMPDIR to a short path, or {elsewhere}"
        )
        return
    except OSError as error:
        yield bad("embedded PostgreSQL", f"its programs do not run here: {error}", elsewhere)
        return
    if done.returncode:
        yield bad("embedded PostgreSQL", f"its programs do not run here: {done.stderr.strip()[:300]}", elsewhere)
        return
    yield fine("embedded PostgreSQL", done.stdout.strip())
    yield from _remains(server)


def database(settings: Settings) -> Iterator[Diagnosis]:
    """Check that the database answers, and is what the service needs."""
    found = _logins(settings)
    if found is None:
        yield fine("database", "the embedded server does not run; `skillcore serve` starts it")
        return
    connection = yield from _connected("database", found.service, "database.url")
    if connection is None:
        return
    with connection:
        yield from _server(connection, settings)
        migrated = yield from _revision(found)
        if migrated:
            yield from _service(connection, found)
    if not embedded(settings):
        yield from _owner(found)


def clocks(settings: Settings) -> Iterator[Diagnosis]:
    """Check that this machine and the database agree on the time."""
    found = _logins(settings)
    if found is None:
        return
    try:
        with psycopg.connect(_patient(found.service), autocommit=True) as connection:
            before = time.time()
            row = connection.execute("select extract(epoch from clock_timestamp())::float8").fetchone()
            after = time.time()
    except psycopg.Error:
        return  # said of the database
    apart = abs((row[0] if row else before) - (before + after) / 2)
    words = f"this machine and the database are {apart:.1f} s apart"
    remedy = "let NTP set both clocks"
    if apart > settings.ledger.future_tolerance:
        yield bad("clocks", words, f"{remedy}: events would be refused as lying in the future")
    elif apart > DRIFT + (after - before):
        yield odd("clocks", words, remedy)
    else:
        yield fine("clocks", words)


def _logins(settings: Settings) -> Logins | None:
    server = embedded(settings)
    return logins(settings) if server is None or server.running else None


def _remains(server: EmbeddedPostgres) -> Iterator[Diagnosis]:
    """Look at the cluster that an earlier start left: whose it is, and whether a server of it still runs."""
    if not server.cluster.exists():
        return
    wanted = pwd.getpwnam(ACCOUNT_FOR_ROOT).pw_uid if os.geteuid() == 0 else os.geteuid()
    owner = server.cluster.stat().st_uid
    if owner != wanted:
        remedy = f"run skillcore as the user that made it, or with skillcore stopped: chown -R {wanted} '{server.cluster}'"
        yield bad("cluster", f"{server.cluster} belongs to user id {owner}, and PostgreSQL would run as {wanted}", remedy)
        return
    lock = server.cluster / "postmaster.pid"
    if not lock.exists():
        yield fine("cluster", f"{server.cluster} was shut down properly")
    elif server.running:
        yield fine("cluster", f"a server runs on {server.cluster}")
    elif running := [process.pid for process in psutil.process_iter() if is_server_in(process, server.cluster)]:
        found = f"a server runs on {server.cluster} (process {min(running)}) and does not answer"
        yield bad("cluster", found, f"look into {server.log}; `skillcore serve` ends what a killed one left running")
    else:
        found = f"{lock} was left behind by a server that was killed"
        yield odd("cluster", found, "nothing: the next `skillcore serve` clears it away, and PostgreSQL recovers")


def _connected(check: str, dsn: str, setting: str) -> Generator[Diagnosis, None, psycopg.Connection[Any] | None]:
    """Yield why there is no connection, if there is none; return it otherwise."""
    try:
        return psycopg.connect(_patient(dsn), autocommit=True)
    except psycopg.OperationalError as error:
        words = " ".join(without_password(str(error)).split())
        yield bad(check, f"it does not answer: {words}", f"start it, or mend {setting}: host, port, name, user and password")
    return None


def _server(connection: psycopg.Connection[Any], settings: Settings) -> Iterator[Diagnosis]:
    row = connection.execute(SERVER).fetchone()
    version, number, encoding, standby, durable, slots = row or ("", 0, "", False, True, 0)
    if number < OLDEST:
        yield bad("database", f"PostgreSQL {version}", "use version 16 or newer")
    else:
        yield fine("database", f"PostgreSQL {version} answers")
    if encoding != "UTF8":
        yield bad("database", f"its encoding is {encoding}", "make the database with: create database … encoding 'UTF8'")
    if standby:
        yield bad("database", "it is a standby, which takes no writes", "set database.url to the primary")
    if not durable:
        yield bad("database", "fsync is off: what was acknowledged is lost when the machine fails", "set fsync = on")
    each = 2 * settings.database.pool_size + settings.ledger.writers + 4
    if slots < 2 * each:
        found = f"it lets {slots} connections in, and an API and a worker may open {each} each"
        yield odd("database", found, "raise max_connections, or lower database.pool_size")


def _revision(found: Logins) -> Generator[Diagnosis, None, bool]:
    """Yield how the schema stands; return whether it is as this code needs it."""
    try:
        lacking = pending(_patient(found.service))
    except (CommandError, RevisionError) as error:
        yield bad(
            "migrations", f"the database was made by a later version: {error}", "install that version of skillcore, or newer"
        )
        return False
    except SQLAlchemyError as error:
        words = " ".join(without_password(str(error)).split())[:300]
        yield bad(
            "migrations", f"the revision cannot be read: {words}", "let `skillcore serve` migrate, with the owner's login"
        )
        return False
    if lacking:
        found_words = f"not applied yet: {', '.join(lacking)}"
        yield odd("migrations", found_words, "start `skillcore serve`, which migrates; API and workers alone do not")
        return False
    yield fine("migrations", "the schema is what this code needs")
    return True


def _service(connection: psycopg.Connection[Any], found: Logins) -> Iterator[Diagnosis]:
    """Look at the role that the service acts as: all it needs, and nothing by which facts could be changed."""
    options = f"-c role={SERVICE_ROLE} -c timezone=UTC"
    try:
        psycopg.connect(_patient(found.service), options=options).close()
    except psycopg.OperationalError as error:
        words = " ".join(without_password(str(error)).split())
        remedy = f"grant {SERVICE_ROLE} to the login, and connect to PostgreSQL itself, not to a pooler that drops options"
        yield bad("role", f"the login cannot act as {SERVICE_ROLE}: {words}", remedy)
        return
    rights = connection.execute(RIGHTS.encode()).fetchall()
    needed = {(table, right) for table in FACTS for right in ("SELECT", "INSERT")}  # partitions follow their table
    missing = sorted(f"{right} on {table}" for table, right, has in rights if (table, right) in needed and not has)
    loose = sorted(f"{right} on {table}" for table, right, has in rights if right not in {"SELECT", "INSERT"} and has)
    if missing:
        yield bad("role", f"{SERVICE_ROLE} lacks {', '.join(missing)}", f"grant that to {SERVICE_ROLE}")
    if loose:
        yield bad("role", f"{SERVICE_ROLE} has {', '.join(loose)}: facts could be changed", f"revoke that from {SERVICE_ROLE}")
    if connection.execute(POWERS).fetchone() == (True,):
        found_words = (
            "the service logs in as a superuser or as the owner of the tables: whoever has its password can undo facts"
        )
        yield odd(
            "role", found_words, f"give database.url a login of its own, a member of {SERVICE_ROLE}, and owner_url the owner's"
        )
    if not missing and not loose:
        yield fine("role", f"{SERVICE_ROLE} may add facts, and change none")


def _owner(found: Logins) -> Iterator[Diagnosis]:
    connection = yield from _connected("database owner", found.owner, "database.owner_url or database.url")
    if connection is None:
        return
    with connection:
        if connection.execute(MAY_MIGRATE, (SERVICE_ROLE, ERASER_ROLE)).fetchone() == (True,):
            yield fine("database owner", "it can migrate")
        else:
            remedy = (
                f"as a superuser, create the roles {SERVICE_ROLE} and {ERASER_ROLE} and grant them to it, or give it CREATEROLE"
            )
            yield bad("database owner", "it may not act as the roles that migrations grant rights to", remedy)


def _patient(dsn: str) -> str:
    return make_conninfo(dsn, connect_timeout=PATIENCE)
