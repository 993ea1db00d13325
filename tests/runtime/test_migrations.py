"""Migrations: up, down, all at once from several processes, and only with the lock."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from skillcore.runtime.bundled import bundled
from skillcore.runtime.engine import Engine
from skillcore.runtime.migrations import MIGRATING, MigrationFailed, current, downgrade, migrate, pending
from tests.conftest import Dsns

LEFT = """
select relname from pg_class where relnamespace = 'public'::regnamespace and relname not like 'schema_version%'
union all select proname from pg_proc where pronamespace = 'public'::regnamespace
union all select typname from pg_type where typnamespace = 'public'::regnamespace and typname not like '%schema_version'
"""


def revisions() -> list[str]:
    return sorted(path.name.split("_")[0] for path in bundled("migrations").glob("versions/*.py"))


def test_up_down_and_up_again(empty_database_dsns: Dsns) -> None:
    owner = empty_database_dsns.owner_dsn
    assert current(owner) is None
    assert list(pending(owner)) == revisions()
    migrate(owner)
    assert current(empty_database_dsns.service_dsn) == revisions()[-1]
    assert pending(owner) == ()
    migrate(owner)
    downgrade(owner, "base")
    with psycopg.connect(owner) as connection:
        assert connection.execute(LEFT).fetchall() == []
    migrate(owner)
    assert pending(owner) == ()


def test_one_revision_at_a_time(empty_database_dsns: Dsns) -> None:
    owner = empty_database_dsns.owner_dsn
    for revision in revisions():
        migrate(owner, revision)
        assert current(owner) == revision
    for revision in reversed(revisions()[:-1]):
        downgrade(owner, revision)
        assert current(owner) == revision


def test_several_at_once_take_turns(empty_database_dsns: Dsns) -> None:
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(migrate, empty_database_dsns.owner_dsn) for _ in range(4)]:
            done.result(timeout=60)
    assert pending(empty_database_dsns.owner_dsn) == ()


def test_waits_for_whoever_migrates(empty_database_dsns: Dsns, cluster_owner: psycopg.Connection[Any]) -> None:
    owner = empty_database_dsns.owner_dsn
    with psycopg.connect(owner, autocommit=True) as other, ThreadPoolExecutor(1) as pool:
        other.execute("select pg_advisory_lock(%s)", (MIGRATING,))
        migration = pool.submit(migrate, owner)
        waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
        while other.execute(waiting).fetchone() == (0,):
            assert not migration.done()
        assert other.execute("select to_regclass('events')").fetchone() == (None,)
        other.execute("select pg_advisory_unlock(%s)", (MIGRATING,))
        migration.result(timeout=60)
    assert pending(owner) == ()


def test_an_owner_without_superuser_migrates_and_serves_with_one_url(
    cluster: dict[str, str], cluster_owner: psycopg.Connection[Any]
) -> None:
    name = f"owner_{uuid4().hex[:8]}"
    cluster_owner.execute(sql.SQL("create role {} login createrole password 'quiet'").format(sql.Identifier(name)))
    for role in ("skillcore_service", "skillcore_eraser"):  # made by another login of this server
        grant = sql.SQL("grant {} to {}").format(sql.Identifier(role), sql.Identifier(name))
        cluster_owner.execute(grant)
    cluster_owner.execute(sql.SQL("create database {0} owner {0}").format(sql.Identifier(name)))
    dsn = make_conninfo(cluster["owner"], user=name, password="quiet", dbname=name)
    try:
        migrate(dsn)
        with psycopg.connect(dsn, options="-c role=skillcore_service") as connection:
            assert connection.execute("select count(*) from events").fetchone() == (0,)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("delete from events")
    finally:
        cluster_owner.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
        cluster_owner.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


def test_a_database_of_a_later_version_is_refused(database_dsns: Dsns) -> None:
    with psycopg.connect(database_dsns.owner_dsn) as connection:
        connection.execute("update schema_version set version_num = '9999'")
    with pytest.raises(MigrationFailed, match=r"another version.*9999"):
        migrate(database_dsns.owner_dsn)


async def test_nothing_notifies_when_a_job_is_written(engine: Engine) -> None:
    async with engine.transaction() as tx:
        connection = await tx.psycopg()
        triggers = await (await connection.execute("select tgname from pg_trigger where tgname like '%notify%'")).fetchall()
    assert triggers == []


def test_bundled_files_are_found_and_a_missing_one_is_named() -> None:
    assert (bundled("migrations") / "env.py").is_file()
    with pytest.raises(FileNotFoundError, match=r"no\.such\.file"):
        bundled("no.such.file")
