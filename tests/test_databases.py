"""A database that another test has used is as a new one: the other tests take that for granted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from skillcore.runtime.database import SERVICE_ROLE
from tests.databases import Dsns, Shelf

TABLES = (
    "select c.oid::regclass::text from pg_class c where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace"
)
DEFINED = """select p.proname, pg_get_functiondef(p.oid), p.proacl::text, p.proowner::regrole::text from pg_proc p
  where p.pronamespace = 'public'::regnamespace and p.prokind = 'f' order by 1, 2"""
TRIGGERS = "select tgrelid::regclass::text, tgname, tgenabled from pg_trigger where not tgisinternal order by 1, 2"
FILL = """
insert into users (id) values ('01902d2e-7c1a-7d3a-9f5b-3c8a4d2b6e10');
insert into skills (id, name) select 'skill-' || number, 'skill' from generate_series(1, 30) number;
insert into streams (user_id) values ('01902d2e-7c1a-7d3a-9f5b-3c8a4d2b6e10');
insert into commits (users, heads, sizes) values ('{01902d2e-7c1a-7d3a-9f5b-3c8a4d2b6e10}', '{1}', '{1}');
insert into skill_signals (user_id, skill_id, source_type, source_id, signal_type, weight, rule, rule_version, created_at)
  values ('01902d2e-7c1a-7d3a-9f5b-3c8a4d2b6e10', 'skill-1', 'project', 'p', 'joined', 1, 'r', 1, now());
insert into procrastinate_jobs (queue_name, task_name, priority, args, status, attempts) values ('q', 't', 0, '{}', 'todo', 0);
update audit_head set position = 7;
"""


@pytest.fixture
def shelf(cluster: dict[str, str], cluster_owner: psycopg.Connection[Any]) -> Iterator[Shelf]:
    shelf = Shelf(cluster, cluster_owner)
    yield shelf
    shelf.close()


def looked_at(dsn: str) -> dict[str, object]:
    """Return all rows, where every sequence stands, and what guards the rows."""
    with psycopg.connect(dsn) as owner:
        tables = sorted(name for (name,) in owner.execute(TABLES))
        return {
            "rows": {
                name: owner.execute(sql.SQL("select t::text from {} t").format(sql.SQL(name))).fetchall() for name in tables
            },
            "sequences": owner.execute("select sequencename, last_value from pg_sequences order by 1").fetchall(),
            "functions": owner.execute(DEFINED).fetchall(),
            "triggers": owner.execute(TRIGGERS).fetchall(),
        }


def name_of(dsns: Dsns) -> object:
    return psycopg.conninfo.conninfo_to_dict(dsns.service_dsn)["dbname"]


def test_what_one_test_leaves_the_next_one_does_not_find(shelf: Shelf) -> None:
    (fresh,) = [looked_at(dsns.owner_dsn) for dsns in shelf.lend()]
    for dsns in shelf.lend():
        first = name_of(dsns)
        with psycopg.connect(dsns.service_dsn, options=f"-c role={SERVICE_ROLE}") as service:
            service.execute(FILL)
    for dsns in shelf.lend():
        assert name_of(dsns) == first
        assert looked_at(dsns.owner_dsn) == fresh


def test_whoever_came_as_the_owner_leaves_no_database_to_others(shelf: Shelf) -> None:
    for dsns in shelf.lend():
        first = name_of(dsns)
        psycopg.connect(dsns.owner_dsn).close()
    assert [name_of(dsns) == first for dsns in shelf.lend()] == [False]


def test_sessions_that_were_left_open_are_ended(shelf: Shelf) -> None:
    for dsns in shelf.lend():
        left = psycopg.connect(dsns.service_dsn, options=f"-c role={SERVICE_ROLE}")
        left.execute("select * from users for share")
    with pytest.raises(psycopg.OperationalError):
        left.execute("select 1")
    left.close()
    (after,) = shelf.lend()
    assert after
