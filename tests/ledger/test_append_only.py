"""Facts cannot be changed: not by the service, and not by the owner short of disabling the triggers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import errors, sql
from psycopg.conninfo import make_conninfo

from skillcore.ledger import record
from skillcore.ledger.writer import PersonErased
from skillcore.runtime.clock import new_id
from skillcore.runtime.database import SERVICE_ROLE
from skillcore.runtime.engine import Engine
from skillcore.runtime.migrations import ERASER_ROLE
from tests.conftest import Dsns
from tests.ledger.facts import PARTITIONS, catalogue, clean, evidence, joined, note, rows

FACTS = ("events", "skill_signals")
PARTS = [f"{table}_{number}" for table in FACTS for number in range(PARTITIONS)]
EVERY = [*FACTS, *PARTS]

EVENT = """insert into {table}
  (user_id, version, recorded_at, digest, leaf, id, occurred_at, kind, subject_id, via, skills, data)
  select user_id, version, recorded_at, digest, leaf, id, occurred_at, kind, subject_id, via, skills, data from {table}"""
SIGNAL = """insert into {table} (user_id, skill_id, source_type, source_id, signal_type, weight, rule, rule_version, created_at)
  select user_id, skill_id, source_type, source_id, signal_type, weight, rule, rule_version, created_at from {table}"""


def upsert(table: str, conflict: str, change: str) -> str:
    insert = EVENT if table.startswith("events") else SIGNAL
    return f"{insert.format(table=table)} on conflict {conflict} do update set {change}"


def changes(table: str) -> dict[str, str]:
    """Return statements that change or remove a row of a fact table, each by another way."""
    key, other = ("version", "id") if table.startswith("events") else ("id", "id")
    change = "subject_id = 'forged'" if table.startswith("events") else "weight = 9"
    return {
        "update": f"update {table} set {change}",
        "update only": f"update only {table} set {change}",
        "update to another partition": f"update {table} set user_id = gen_random_uuid()",
        "delete": f"delete from {table}",
        "delete only": f"delete from only {table}",
        "update in a query": f"with changed as (update {table} set {change} returning 1) select * from changed",
        "merge and update": f"merge into {table} t using (select 1) s on true when matched then update set {change}",
        "merge and delete": f"merge into {table} t using (select 1) s on true when matched then delete",
        "insert or update": upsert(table, f"(user_id, {key})", change),
        "insert or update by the other key": upsert(table, f"(user_id, {other})", change),
    }


def truncations(table: str) -> list[str]:
    return [
        f"truncate {table}",
        f"truncate {table} cascade",
        f"truncate {table} restart identity",
        f"truncate snapshots, {table}",
    ]


DEFINITIONS = [
    "alter table {table} disable trigger all",
    "alter table {table} disable trigger user",
    "alter table {table} disable trigger no_truncate",
    "alter table {table} enable replica trigger no_truncate",
    "drop trigger no_truncate on {table}",
    "drop trigger append_only on {table}",
    "create trigger mine before insert on {table} for each row execute function suppress_redundant_updates_trigger()",
    "create rule mine as on insert to {table} do instead nothing",
    "alter table {table} add column mine text",
    "alter table {table} owner to current_user",
    "alter table {table} rename to mine",
    "alter table {table} enable row level security",
    "drop table {table}",
    "drop table {table} cascade",
    "create index mine on {table} (user_id)",
]


class Ledger:
    """A ledger with facts in every partition, and the rows it had."""

    def __init__(self, dsns: Dsns, people: list[UUID]) -> None:
        self.dsns, self.people = dsns, people
        self.before = self.contents()

    def contents(self) -> list[Any]:
        return [rows(self.dsns, f"select f::text from {table} f order by 1") for table in FACTS]

    def unchanged(self) -> bool:
        return self.contents() == self.before

    @contextmanager
    def service(self) -> Iterator[psycopg.Connection[Any]]:
        with psycopg.connect(self.dsns.service_dsn, autocommit=True, options=f"-c role={SERVICE_ROLE}") as connection:
            yield connection

    @contextmanager
    def owner(self, options: str = "") -> Iterator[psycopg.Connection[Any]]:
        with psycopg.connect(self.dsns.owner_dsn, autocommit=True, options=options) as connection:
            yield connection


@pytest.fixture
async def ledger(engine: Engine, database_dsns: Dsns) -> Ledger:
    await catalogue(engine, "python")
    people = [new_id() for _ in range(80)]
    events = [event for person in people for event in (joined(person, "python"), evidence(person, skills=("python",)))]
    async with engine.transaction() as tx:
        await record(tx, events)
    made = Ledger(database_dsns, people)
    for part in PARTS:  # otherwise the statements would meet no row, and row triggers have nothing to refuse
        assert rows(database_dsns, f"select count(*) from {part}")[0][0] > 0
    return made


def refused(connection: psycopg.Connection[Any], statement: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        connection.execute(statement.encode())


async def test_the_service_changes_nothing(ledger: Ledger) -> None:
    with ledger.service() as service:
        assert service.execute("select current_user").fetchone() == (SERVICE_ROLE,)
        for table in EVERY:
            for statement in (*changes(table).values(), *truncations(table)):
                refused(service, statement, errors.InsufficientPrivilege)
    assert ledger.unchanged()


async def test_the_service_does_not_touch_the_guards(ledger: Ledger) -> None:
    with ledger.service() as service:
        for table in EVERY:
            for statement in DEFINITIONS:
                refused(service, statement.format(table=table), errors.InsufficientPrivilege)
        for part in PARTS:
            whole = part.rpartition("_")[0]
            refused(service, f"alter table {whole} detach partition {part}", errors.InsufficientPrivilege)
            refused(service, f"alter table {whole} detach partition {part} concurrently", errors.InsufficientPrivilege)
        for statement in (
            "set session_replication_role = replica",
            "select set_config('session_replication_role', 'replica', false)",
            "alter system set session_replication_role = 'replica'",
            f"alter role {SERVICE_ROLE} superuser",
            f"set role {ERASER_ROLE}",
            "drop function refuse_change() cascade",
            "drop function erase(uuid, text)",
            "alter function refuse_change() owner to current_user",
            "create or replace function refuse_change() returns trigger language plpgsql as 'begin return new; end'",
            "create table public.mine ()",
            "create function public.mine() returns int language sql as 'select 1'",
            "drop schema public cascade",
            "update pg_trigger set tgenabled = 'D'",
            "update pg_class set relowner = 1",
            "insert into erasures (user_id, reason, events, signals) values (gen_random_uuid(), 'x', 0, 0)",
            "update commits set heads = '{}'",
            "delete from commits",
            "truncate commits",
            "delete from streams",
            "truncate streams",
        ):
            refused(service, statement, errors.InsufficientPrivilege)
    assert ledger.unchanged()


async def test_the_service_writes_no_partition_by_itself(ledger: Ledger) -> None:
    with ledger.service() as service:
        for part in PARTS:
            refused(service, (EVENT if part.startswith("events") else SIGNAL).format(table=part), errors.InsufficientPrivilege)
            refused(service, f"copy {part} from stdin", errors.InsufficientPrivilege)
            refused(service, f"copy {part} to stdout", errors.InsufficientPrivilege)
        for table in FACTS:
            refused(service, f"copy {table} from '/dev/null'", errors.InsufficientPrivilege)
            refused(service, f"copy {table} from program 'true'", errors.InsufficientPrivilege)
            refused(service, f"copy (delete from {table} returning 1) to stdout", errors.InsufficientPrivilege)
    assert ledger.unchanged()


async def test_copy_replaces_no_row(ledger: Ledger) -> None:
    for table in FACTS:
        columns = "user_id, version, recorded_at, digest, leaf, id, occurred_at, kind, subject_id, via, skills, data"
        if table == "skill_signals":
            columns = "user_id, skill_id, source_type, source_id, signal_type, weight, rule, rule_version, created_at"
        with ledger.service() as service:
            with service.cursor().copy(f"copy (select {columns} from {table}) to stdout".encode()) as copy:
                lines = b"".join(bytes(block) for block in copy)
            for options in ("", "with (freeze)"):
                statement = f"copy {table} ({columns}) from stdin {options}".encode()
                with (
                    pytest.raises((errors.UniqueViolation, errors.FeatureNotSupported)),
                    service.cursor().copy(statement) as copy,
                ):
                    copy.write(lines)
    assert ledger.unchanged()


@pytest.mark.parametrize("replication", ["origin", "local", "replica"])
async def test_the_owner_changes_nothing_in_passing(ledger: Ledger, replication: str) -> None:
    with ledger.owner(f"-c session_replication_role={replication}") as owner:
        for table in EVERY:
            for name, statement in changes(table).items():
                if "only" in name and table in FACTS:
                    owner.execute(statement.encode())  # the parent itself has no rows
                else:
                    refused(owner, statement, errors.RestrictViolation)
            for statement in truncations(table):
                refused(owner, statement, errors.RestrictViolation)
    assert ledger.unchanged()


async def test_the_owner_does_not_pass_with_the_setting_alone(ledger: Ledger) -> None:
    person = ledger.people[0]
    for connect in (ledger.owner, ledger.service):
        with connect() as connection:
            connection.execute("select set_config('skillcore.erasing', %s, false)", (str(person),))
            for statement in (f"update events set kind = 'x' where user_id = '{person}'", "delete from skill_signals"):
                refused(connection, statement, (errors.RestrictViolation, errors.InsufficientPrivilege))  # type: ignore[arg-type]
    assert ledger.unchanged()


async def test_the_eraser_passes_with_the_setting_of_that_person_only(ledger: Ledger) -> None:
    one, other = ledger.people[:2]
    with ledger.owner() as owner:
        owner.execute(f"set role {ERASER_ROLE}".encode())
        refused(owner, f"delete from skill_signals where user_id = '{one}'", errors.RestrictViolation)
        owner.execute("select set_config('skillcore.erasing', %s, false)", (str(one),))
        refused(owner, f"delete from skill_signals where user_id = '{other}'", errors.RestrictViolation)
        refused(owner, "truncate skill_signals", errors.InsufficientPrivilege)
        refused(owner, f"delete from events where user_id = '{one}'", errors.InsufficientPrivilege)
    assert ledger.unchanged()


async def test_every_partition_has_both_triggers_always_enabled(ledger: Ledger) -> None:
    found = rows(
        ledger.dsns,
        "select tgrelid::regclass::text, tgname, tgenabled::text from pg_trigger where not tgisinternal order by 1, 2",
    )
    guards = {(table, name): enabled for table, name, enabled in found if table in EVERY}
    assert guards == {(table, name): "A" for table in EVERY for name in ("append_only", "no_truncate")}
    partitions = rows(
        ledger.dsns,
        "select inhrelid::regclass::text from pg_inherits join pg_class c on c.oid = inhrelid where c.relkind = 'r' order by 1",
    )
    assert [name for (name,) in partitions] == sorted(PARTS)


async def test_the_service_has_these_rights_and_owns_nothing(ledger: Ledger) -> None:
    with ledger.service() as service:  # PostgreSQL warns and grants nothing
        for table in FACTS:
            service.execute(f"grant all on {table} to public".encode())
    held = rows(
        ledger.dsns,
        "select table_name, string_agg(privilege_type, ' ' order by privilege_type) from information_schema.role_table_grants"
        " where grantee in (%s, 'PUBLIC') and table_schema = 'public' group by table_name",
        SERVICE_ROLE,
    )
    rights = dict(held)
    assert {table: rights.get(table) for table in EVERY} == dict.fromkeys(PARTS) | dict.fromkeys(FACTS, "INSERT SELECT")
    assert rights["commits"] == "INSERT SELECT"
    assert rights["erasures"] == "SELECT"
    owned = """select relname from pg_class where relowner = %s::regrole
      union all select proname from pg_proc where proowner = %s::regrole"""
    assert rows(ledger.dsns, owned, SERVICE_ROLE, SERVICE_ROLE) == []
    assert rows(
        ledger.dsns, "select rolsuper, rolcreaterole, rolbypassrls, rolcanlogin from pg_roles where rolname = %s", SERVICE_ROLE
    ) == [(False, False, False, False)]


async def test_erasing_strips_one_person_and_the_chain_holds(ledger: Ledger, engine: Engine) -> None:
    gone, stays = ledger.people[:2]
    async with engine.transaction() as tx:
        await record(tx, [note(gone, 1, said="my secret"), note(stays, 1)])
    leaves = rows(ledger.dsns, "select version, leaf, digest from events where user_id = %s order by version", gone)
    with ledger.service() as service:
        assert service.execute("select erase(%s, 'asked for it')", (gone,)).fetchone() == (3,)
    kept = rows(ledger.dsns, "select version, leaf, digest from events where user_id = %s order by version", gone)
    assert kept == leaves
    stripped = rows(
        ledger.dsns,
        "select distinct kind, subject_id, via, skills, data::text, salt, origin, origin_seq from events where user_id = %s",
        gone,
    )
    assert stripped == [("erased", "", "", [], "null", None, None, None)]
    assert rows(ledger.dsns, "select count(*) from skill_signals where user_id = %s", gone) == [(0,)]
    assert rows(ledger.dsns, "select count(*), count(salt) from events where user_id = %s", stays) == [(3, 3)]
    assert rows(ledger.dsns, "select count(*) from skill_signals where user_id = %s", stays) == [(2,)]
    assert rows(ledger.dsns, "select user_id, reason, events, signals from erasures") == [(gone, "asked for it", 3, 2)]
    assert await clean(engine) == []
    with ledger.service() as service:  # and the guard stands again
        for table in FACTS:
            refused(service, f"delete from {table}", errors.InsufficientPrivilege)
        assert service.execute("select current_setting('skillcore.erasing', true)").fetchone() in {("",), (None,)}
    with pytest.raises(PersonErased):
        async with engine.transaction() as tx:
            await record(tx, [note(gone, 2), note(stays, 2)])
    assert rows(ledger.dsns, "select count(*), count(salt) from events where user_id = %s", gone) == [(3, 0)]
    assert rows(ledger.dsns, "select count(*) from events where user_id = %s", stays) == [(3,)]
    assert await clean(engine) == []


async def test_nothing_of_an_erased_event_can_be_guessed_from_its_id_or_its_time(ledger: Ledger, engine: Engine) -> None:
    gone = ledger.people[0]
    before = rows(ledger.dsns, "select id, occurred_at from events where user_id = %s", gone)
    with ledger.service() as service:
        service.execute("select erase(%s, 'asked for it')", (gone,))
    after = rows(ledger.dsns, "select id, occurred_at, recorded_at from events where user_id = %s", gone)
    assert not {id_ for id_, _ in before} & {id_ for id_, _, _ in after}
    assert not {at for _, at in before} & {at for _, at, _ in after}
    assert all(at == recorded for _, at, recorded in after)


async def test_erasing_twice_is_noted_once(ledger: Ledger) -> None:
    gone = ledger.people[0]
    with ledger.service() as service:
        for number in (2, 0):
            assert service.execute("select erase(%s, 'asked for it')", (gone,)).fetchone() == (number,)
    assert rows(ledger.dsns, "select count(*) from erasures") == [(1,)]


async def test_who_derives_or_parks_for_an_erased_person_writes_nothing(ledger: Ledger) -> None:
    gone, stays = ledger.people[:2]
    with ledger.service() as service:
        service.execute("select erase(%s, 'asked for it')", (gone,))
        for person in (gone, stays):
            service.execute("insert into snapshots values (%s, 'level', 1, 'h', 1, now(), %s, '{}', 0)", (person, person))
            service.execute(
                "insert into parked_events (consumer, user_id, event_id, error) values ('c', %s, %s, 'e')", (person, person)
            )
    for table in ("snapshots", "parked_events"):
        assert rows(ledger.dsns, f"select user_id from {table}") == [(stays,)]


async def test_nobody_else_erases(ledger: Ledger, cluster_owner: psycopg.Connection[Any]) -> None:
    name = f"stranger_{uuid4().hex[:8]}"
    cluster_owner.execute(sql.SQL("create role {} login password 'quiet'").format(sql.Identifier(name)))
    try:
        stranger = make_conninfo(ledger.dsns.owner_dsn, user=name, password="quiet")
        with psycopg.connect(stranger, autocommit=True) as connection:
            refused(connection, f"select erase('{ledger.people[0]}', 'spite')", errors.InsufficientPrivilege)
            refused(connection, "select * from events", errors.InsufficientPrivilege)
    finally:
        cluster_owner.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))
    allowed = rows(
        ledger.dsns,
        "select rolname from pg_roles where not rolsuper and"
        " has_function_privilege(oid, 'erase(uuid, text)', 'execute') and rolname like 'skillcore%%'"
        " and not pg_has_role(oid, %s, 'member')",
        SERVICE_ROLE,
    )
    assert allowed == [(ERASER_ROLE,)]  # its owner
    eraser = rows(ledger.dsns, "select rolcanlogin, rolsuper, rolbypassrls from pg_roles where rolname = %s", ERASER_ROLE)
    assert eraser == [(False, False, False)]
    with pytest.raises(psycopg.OperationalError, match=ERASER_ROLE):
        psycopg.connect(make_conninfo(ledger.dsns.owner_dsn, user=ERASER_ROLE, password="quiet"))
    assert ledger.unchanged()


async def test_an_erasure_needs_a_reason_and_is_all_or_nothing(ledger: Ledger) -> None:
    with ledger.service() as service:
        for reason in ("''", "null"):
            refused(service, f"select erase('{ledger.people[0]}', {reason})", errors.IntegrityError)
    assert ledger.unchanged()
