"""Databases for tests: copies of a template, which are emptied and lent again where only rows can have changed.

Copying a database and dropping it takes many times as long as most tests. Whoever has the service's login cannot change
anything but rows and sequences, so a database that nobody else has come to is as new once it holds what the template holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

TURNS = 50
"""How often a database is lent: what deletions leave behind in its files does not pile up further."""

MANY = 20_000
"""Rows after which a database is dropped, so that no later test reads over what they leave behind."""

OTHERS = """select pg_terminate_backend(pid, 5000) from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid()"""
TABLES = """select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg_toast%'
  order by 1"""
GUARDS = """select t.tgrelid::regclass::text, p.oid::regprocedure::text, pg_get_functiondef(p.oid)
  from pg_trigger t join pg_proc p on p.oid = t.tgfoid where t.tgenabled = 'A' and not t.tgisinternal"""
SEQUENCES = """select setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false) from pg_sequences
  where last_value is not null"""
ROWS = "select coalesce(json_agg(t order by t::text), '[]')::text from {} t"
RESTORED = "insert into {0} overriding system value select * from json_populate_recordset(null::{0}, %s)"
LET_GO = "create or replace function {} returns trigger language plpgsql as $$ begin return old; end $$"


class Dsns:
    """How to connect to one test's database. It notes whether anybody took the owner's way, who may change anything."""

    def __init__(self, owner_dsn: str, service_dsn: str) -> None:
        self._owner_dsn = owner_dsn
        self.service_dsn = service_dsn
        self.owner_came = False

    @property
    def owner_dsn(self) -> str:
        self.owner_came = True
        return self._owner_dsn

    def __iter__(self) -> Iterator[str]:
        yield self.owner_dsn
        yield self.service_dsn


class database_like:  # noqa: N801 - a context manager reads as a verb
    """A copy of a database for the duration of the block."""

    def __init__(self, template: str, cluster: Mapping[str, str], owner: psycopg.Connection[Any]) -> None:
        self.name = f"skillcore_test_{uuid4().hex[:12]}"
        self.template, self.cluster, self.owner = template, cluster, owner

    def __enter__(self) -> Dsns:
        # By files: through the log, as a server does that has work to do meanwhile, it takes twice as long.
        query = sql.SQL("create database {} template {} strategy file_copy")
        self.owner.execute(query.format(sql.Identifier(self.name), sql.Identifier(self.template)))
        return self.dsns()

    def __exit__(self, *_: object) -> None:
        self.owner.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(self.name)))

    def dsns(self) -> Dsns:
        return Dsns(*(make_conninfo(self.cluster[login], dbname=self.name) for login in ("owner", "service")))


class Shelf:
    """The migrated databases of one test process, of which each test has its own."""

    def __init__(self, cluster: Mapping[str, str], owner: psycopg.Connection[Any]) -> None:
        self.cluster, self.owner = cluster, owner
        self.free: list[Used] = []
        # Guards that refuse even the owner are let go for the moment of emptying, which takes one who may do anything.
        row = owner.execute("select rolsuper from pg_roles where rolname = current_user").fetchone()
        self.lends_again = row == (True,)
        with psycopg.connect(make_conninfo(cluster["owner"], dbname=cluster["template"]), autocommit=True) as template:
            self.contents = Contents(template)

    def lend(self) -> Iterator[Dsns]:
        """Give a database, and take it back; for a fixture."""
        used = self.free.pop() if self.free else Used(database_like(self.cluster["template"], self.cluster, self.owner))
        dsns, is_new = used.lent(), False
        try:
            yield dsns
            is_new = self.lends_again and not dsns.owner_came and used.turns < TURNS and used.emptied(self.contents)
        finally:
            if is_new:
                self.free.append(used)
            else:
                used.drop()

    def close(self) -> None:
        """Drop what is left."""
        while self.free:
            self.free.pop().drop()


class Used:
    """A database that may have been lent before."""

    def __init__(self, database: database_like) -> None:
        self.database = database
        self.turns = 0
        self.connection: psycopg.Connection[Any] | None = None

    def lent(self) -> Dsns:
        self.turns += 1
        return self.database.__enter__() if self.turns == 1 else self.database.dsns()

    def emptied(self, contents: Contents) -> bool:
        """Bring it back to what the template holds; tells whether that could be done."""
        try:
            if self.connection is None:
                self.connection = psycopg.connect(self.database.dsns().owner_dsn, autocommit=True, prepare_threshold=0)
            self.connection.execute(OTHERS)
            return contents.restore(self.connection)
        except psycopg.OperationalError:  # a test has ended all sessions, or the server
            return False

    def drop(self) -> None:
        if self.connection is not None:
            self.connection.close()
        self.database.__exit__()


class Contents:
    """What the template holds: a few rows in a few tables, and nothing in all others."""

    def __init__(self, template: psycopg.Connection[Any]) -> None:
        self.rows = {name: rows for (name,) in template.execute(TABLES) if (rows := _rows(template, name)) != "[]"}
        self.guarded, self.guards = set(), {}
        for table, name, text in template.execute(GUARDS):
            self.guarded.add(table)
            self.guards[name] = text
        empty = [name for (name,) in template.execute(TABLES) if name not in self.rows]
        asked = ",".join(f"case when exists (select from {name}) then '{name}' end" for name in empty)
        self.filled = f"select array_remove(array[{asked}], null)"

    def restore(self, connection: psycopg.Connection[Any]) -> bool:
        """Bring a database back to it; tells whether few enough rows were in the way."""
        (filled,) = connection.execute(self.filled.encode()).fetchone() or ([],)
        changed = [name for name, rows in self.rows.items() if _rows(connection, name) != rows]
        with connection.transaction():
            connection.execute("set local session_replication_role = replica")
            guards = self.guards if self.guarded & {*filled, *changed} else {}
            for name in guards:
                connection.execute(LET_GO.format(name).encode())
            gone = sum(connection.execute(f"delete from {name}".encode()).rowcount for name in (*filled, *changed))
            for name in changed:
                connection.execute(RESTORED.format(name).encode(), (self.rows[name],))
            for text in guards.values():
                connection.execute(text.encode(), prepare=False)
            connection.execute(SEQUENCES)
        return gone < MANY


def _rows(connection: psycopg.Connection[Any], table: str) -> str:
    row = connection.execute(ROWS.format(table).encode()).fetchone()
    return str(row[0]) if row else ""
