"""The schema: the models say what the migrations make, and a filled database goes down and up without loss below."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Computed

from skillcore.app import ROOMS
from skillcore.ledger import checks, record
from skillcore.ledger.tables import TransactionId
from skillcore.runtime.bundled import bundled
from skillcore.runtime.clock import new_id
from skillcore.runtime.database import Base, Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.migrations import connect, downgrade, migrate
from skillcore.runtime.schema_version import VERSION_TABLE
from skillcore.runtime.settings import Settings
from tests.conftest import Dsns, default_plugins
from tests.ledger.facts import joined, rows

UNMAPPED = {
    VERSION_TABLE: "alembic's own",
    "procrastinate_jobs": "the job queue's own",
    "procrastinate_events": "the job queue's own",
    "procrastinate_workers": "the job queue's own",
    "procrastinate_periodic_defers": "the job queue's own",
}
TABLES = """select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
  and not relispartition order by 1"""
PARTITIONS = "select relname from pg_class where relispartition and relkind = 'r'"

# In an order in which each finds what it refers to. Ada is the person and the member, Bob the mentor.
ROWS = {
    "skill_aliases": "insert into skill_aliases values ('py', 'python')",
    "snapshots": "insert into snapshots values (ada(), 'level', 1, 'h', 1, now(), ada(), '{}', 1)",
    "checkpoints": "insert into checkpoints values (ada(), 'level', 1, 'h', now(), ada(), 1, '{}')",
    "subscriptions": "insert into subscriptions (name) values ('s')",
    "parked_events": "insert into parked_events (consumer, user_id, event_id, error) values ('c', ada(), ada(), 'e')",
    "erasures": "select erase(bob(), 'asked for it')",
    "procrastinate_workers": "insert into procrastinate_workers default values",
    "procrastinate_jobs": "insert into procrastinate_jobs (queue_name, task_name, args) values ('q', 't', '{}')",
    "procrastinate_events": "insert into procrastinate_events (job_id, type) select id, 'started' from procrastinate_jobs",
    "procrastinate_periodic_defers": "insert into procrastinate_periodic_defers (task_name, defer_timestamp) values ('t', 1)",
    "job_progress": "insert into job_progress (job_id, user_id, done) values (1, ada(), 5000000000)",
    "audit": "insert into audit (position, at, act, actor_kind, address, agent, request_id, detail, salt, leaf, digest,"
    " actor_id) values (1, now(), 'person.read', 'admin', '', '', '', '{}', 's', 'l', 'd', bob())",
    "audit_erasures": "select erase_audit(bob())",
    "users": "insert into users (id) values (ada()), (bob())",
    "sessions": "insert into sessions (id, user_id, how, kept, cookie_sha256, created_at, last_seen_at, idle_at, expires_at)"
    " values (ada(), ada(), 'password', 'cookie', 'h', now(), now(), now(), now())",
    "refresh_tokens": "insert into refresh_tokens values ('h', ada(), ada(), now(), now(), now(), 's')",
    "mails": "insert into mails (id, user_id, body, expires_at) values (ada(), ada(), 'x', now())",
    "rate_limits": "insert into rate_limits values ('h', now())",
    "erasure_requests": "insert into erasure_requests values (ada(), 'asked', now(), now())",
    "retention_runs": "insert into retention_runs values ('answers', now(), 7)",
    "shares": "insert into shares values (ada(), 'public_level', now())",
    "one_time_tokens": "insert into one_time_tokens (id, user_id, purpose, token_sha256, details, expires_at)"
    " values (ada(), ada(), 'reset', 'h', 'x', now())",
    "second_factors": "insert into second_factors (user_id, secret) values (ada(), 'x')",
    "recovery_codes": "insert into recovery_codes (id, user_id, code_sha256) values (ada(), ada(), 'h')",
    "devices": "insert into devices (id, user_id, token_sha256, last_used_at) values (ada(), ada(), 'h', now())",
    "platforms": "insert into platforms (id, name) values (ada(), 'School')",
    "api_keys": "insert into api_keys (id, platform_id, name, prefix, secret_sha256, scopes)"
    " values (ada(), ada(), 'k', 'p', 'x', '{a}')",
    "mentors": "insert into mentors values (bob(), ada())",
    "mentor_invitations": "insert into mentor_invitations values (ada(), bob(), 'h', 1, now())",
    "memberships": "insert into memberships (platform_id, external_id, user_id) values (ada(), 'ada', ada())",
    "membership_invitations": "insert into membership_invitations (id, platform_id, external_id, code_sha256, state, user_id,"
    " expires_at) values (ada(), ada(), 'ada', 'x', 'accepted', ada(), now())",
    "idempotency_keys": "insert into idempotency_keys (actor, route, key_sha256, request_sha256, attempt, taken_at, expires_at)"
    " values ('a', 'r', 'k', 'x', ada(), now(), now())",
    "identities": "insert into identities (id, user_id, issuer, subject) values (ada(), ada(), 'i', 's')",
    "sign_ins": "insert into sign_ins values (ada(), 's', 'b', 'p', null, null, 'v', 'n', 'r', now())",
    "sealing_keys": "insert into sealing_keys values ('a key')",
    "worker_sources": "insert into worker_sources (worker, source, state) values ('w', 's', 'open')",
    "source_accounts": "insert into source_accounts (id, user_id, platform_id, source, handle, handle_key, external_id, method)"
    " values (ada(), ada(), ada(), 'gym', 'Ada', 'ada', 'ada', 'vouched')",
    "source_tokens": "insert into source_tokens values (ada(), ada(), 'oauth', 't', now(), null, now(), null)",
    "token_revocations": "insert into token_revocations values (ada(), 'gym', 'oauth', 't', 0, now(), now())",
    "link_attempts": "insert into link_attempts (id, user_id, source, method, challenge_key, issued_at, expires_at, state)"
    " values (ada(), ada(), 'gym', 'challenge', 'k', now(), now(), 'open')",
    "imports": "insert into imports (account_id, user_id, state, cursor, unmapped) values (ada(), ada(), 'done', '7', '{a}')",
    "stats": "insert into stats values (ada(), ada(), 7, now(), now())",
    "topics": "insert into topics values ('gym', 'loops', 3)",
    "answers": "insert into answers values (ada(), 0, ada(), 'gym', 'a', 'h', 'verified', '{}', now(), now(), 't', '{}', false,"
    " 'x', 'body')",
    "definitions": "insert into definitions values (ada(), 'path', 'web', ada(), ada(), 1, now(), now())",
    "definition_versions": "insert into definition_versions values (ada(), 1, '{\"topics\": []}', now())",
    "training_sessions": "insert into training_sessions values (ada(), ada(), ada(), 's', 'web', now(), now(), null, false,"
    " 3, 7)",
    "projects": "insert into projects (id, owner_id, name, metadata) values (ada(), ada(), 'Bees', '{\"skill_ideas\": [1]}')",
    "project_skills": "insert into project_skills values (ada(), 'python')",
    "project_members": "insert into project_members values (ada(), ada(), now())",
    "progress_updates": "insert into progress_updates (id, project_id, user_id, content) values (ada(), ada(), ada(), 'c')",
    "mentorship_sessions": "insert into mentorship_sessions (id, mentor_id, intern_id, project_id, focus, status)"
    " values (ada(), bob(), ada(), ada(), 'f', 'held')",
    "path_enrolments": "insert into path_enrolments values (ada(), ada(), now())",
    "path_advice": "insert into path_advice (id, user_id, advisor, topics, reason, expires_at)"
    " values (ada(), ada(), 'library', '[]', '', now())",
    "reviewers": "insert into reviewers values (ada(), ada(), bob(), true, now())",
    "tasks": "insert into tasks (id, user_id, description, source, requirements, topic, skills, project_id, set_by, state,"
    " path_id) values (ada(), ada(), 'd', 'gym', '{}', 't', '{python}', ada(), 'learner', 'pending', ada())",
    "reviews": "insert into reviews (id, user_id, alias, reviewer_id, platform_id, task_id, quality, skills, content)"
    " values (ada(), ada(), ada(), bob(), ada(), ada(), 80, '{python}', 'c')",
}
NAMES = """create function pg_temp.ada() returns uuid language sql as $$ select '00000000-0000-7000-8000-00000000000a'::uuid $$;
create function pg_temp.bob() returns uuid language sql as $$ select '00000000-0000-7000-8000-00000000000b'::uuid $$;"""
RIGHTS = """select 'table', table_name, grantee, privilege_type from information_schema.role_table_grants
    where table_schema = 'public' and grantee in ('skillcore_service', 'skillcore_eraser', 'PUBLIC')
  union all select 'routine', routine_name, grantee, privilege_type from information_schema.role_routine_grants
    where routine_schema = 'public' and (grantee like 'skillcore%' or routine_name in ('erase', 'erase_audit'))
  union all select 'sequence', c.relname, r.rolname, 'USAGE' from pg_class c, pg_roles r
    where relkind = 'S' and rolname like 'skillcore%' and relnamespace = 'public'::regnamespace
    and has_sequence_privilege(r.oid, c.oid, 'USAGE')
  union all select 'owner', proname, rolname, '' from pg_proc p join pg_roles r on r.oid = proowner
    where proname in ('erase', 'erase_audit', 'refuse_change') and rolname = 'skillcore_eraser'
  union all select 'trigger', tgrelid::regclass::text, tgname, tgenabled::text from pg_trigger where not tgisinternal
  order by 1, 2, 3, 4"""


def revisions() -> list[str]:
    return sorted(path.name.split("_")[0] for path in bundled("migrations").glob("versions/*.py"))


def tables(dsns: Dsns) -> list[str]:
    return [name for (name,) in rows(dsns, TABLES)]


def contents(dsns: Dsns) -> dict[str, list[Any]]:
    """Return the rows of each table, as they can be compared with those of a schema that has further columns."""
    query = "select to_json(t) from {} t order by t::text"
    return {name: [row for (row,) in rows(dsns, query.format(name))] for name in tables(dsns) if name != VERSION_TABLE}


def within(full: list[Any], columns: list[Any]) -> list[Any]:
    """Return rows without the columns that others like them do not have."""
    return [{column: row[column] for column in columns[0]} for row in full] if columns else full


def described(dsns: Dsns) -> dict[str, list[Any]]:
    """Return what there is to be seen of the schema."""
    return {
        "columns": rows(
            dsns,
            "select table_name, column_name, data_type, collation_name, is_nullable, column_default, generation_expression"
            " from information_schema.columns where table_schema = 'public' order by table_name, column_name",
        ),
        "indexes": rows(dsns, "select indexdef from pg_indexes where schemaname = 'public' order by 1"),
        "constraints": rows(
            dsns,
            "select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint"
            " where connamespace = 'public'::regnamespace order by 1, 2, 3",
        ),
        "functions": rows(
            dsns,
            "select proname, oidvectortypes(proargtypes), prosecdef, prosrc from pg_proc where"
            " pronamespace = 'public'::regnamespace order by 1, 2",
        ),
        "rights": rows(dsns, RIGHTS),
    }


async def filled(dsns: Dsns, settings: Settings) -> None:
    """Put something into every table."""
    database = Database(dsns.service_dsn, settings.database)
    engine = Engine(settings, default_plugins(), database)
    with psycopg.connect(dsns.owner_dsn, autocommit=True) as owner:
        owner.execute("insert into skills (id, name) values ('python', 'Python')")
        owner.execute(NAMES)
        ((bob,),) = owner.execute("select pg_temp.bob()").fetchall()
        async with engine.transaction() as tx:
            await record(tx, [joined(person, "python") for person in (bob, *(new_id() for _ in range(60)))])
        for statement in ROWS.values():
            owner.execute(statement.replace("ada()", "pg_temp.ada()").replace("bob()", "pg_temp.bob()").encode())
    await database.close()


async def test_a_filled_database_goes_down_and_up(empty_database_dsns: Dsns, settings: Settings) -> None:
    dsns = empty_database_dsns
    seen: dict[str, tuple[dict[str, list[Any]], list[str]]] = {}
    for revision in revisions():
        migrate(dsns.owner_dsn, revision)
        seen[revision] = (described(dsns), tables(dsns))
    await filled(dsns, settings)
    full = contents(dsns)
    assert [name for name, rows_of in full.items() if not rows_of] == []
    assert all(rows(dsns, f"select count(*) from {part}")[0][0] for (part,) in rows(dsns, PARTITIONS))
    for revision in reversed(revisions()[:-1]):
        downgrade(dsns.owner_dsn, revision)
        schema, names = seen[revision]
        assert described(dsns) == schema, revision
        left = contents(dsns)
        assert left == {name: within(full[name], left[name]) for name in names if name != VERSION_TABLE}, revision
        if "closed" in left["streams"][0]:  # the check reads what is of the present
            assert await wrong(dsns, settings) == []
    downgrade(dsns.owner_dsn, "base")
    assert tables(dsns) == [VERSION_TABLE]
    migrate(dsns.owner_dsn)
    assert described(dsns) == seen[revisions()[-1]][0]
    await filled(dsns, settings)
    assert await wrong(dsns, settings) == []


async def test_what_was_kept_is_there_after_going_up_again(empty_database_dsns: Dsns, settings: Settings) -> None:
    dsns = empty_database_dsns
    migrate(dsns.owner_dsn)
    complete = described(dsns)
    await filled(dsns, settings)
    facts = ("events", "skill_signals", "commits", "streams", "erasures", "skills", "skill_aliases")
    before = contents(dsns)
    downgrade(dsns.owner_dsn, revisions()[0])
    migrate(dsns.owner_dsn)
    assert described(dsns) == complete
    after = contents(dsns)
    assert {name: after[name] for name in facts} == {name: before[name] for name in facts}
    assert await wrong(dsns, settings) == []


async def wrong(dsns: Dsns, settings: Settings) -> list[Any]:
    database = Database(dsns.service_dsn, settings.database)
    engine = Engine(settings, default_plugins(), database)
    try:
        return [finding async for finding in checks.streams(engine)]
    finally:
        await database.close()


def differences(dsns: Dsns) -> Iterator[Any]:
    """Yield what autogenerate would change to make the database what the models say."""
    partitions = {name for (name,) in rows(dsns, PARTITIONS)}

    def ours(thing: Any, name: str | None, kind: str, reflected: bool, other: Any) -> bool:
        table = name if kind == "table" else thing.table.name
        return table not in partitions and table not in UNMAPPED

    options = {"compare_type": True, "compare_server_default": True, "version_table": VERSION_TABLE, "include_object": ours}
    with connect(dsns.owner_dsn) as connection:
        connection.dialect.ischema_names["xid8"] = TransactionId  # type: ignore[attr-defined]
        yield from compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata)


def test_the_models_say_what_the_migrations_make(database_dsns: Dsns) -> None:
    assert ROOMS
    assert list(differences(database_dsns)) == []


def test_a_difference_would_be_seen(database_dsns: Dsns) -> None:
    with psycopg.connect(database_dsns.owner_dsn, autocommit=True) as owner:
        for change in (
            "alter table users alter time_zone set default 'Mars'",
            "alter table users alter display_name drop not null",
            "alter table tasks alter attempt type bigint",
            "alter table tasks add column surprise text",
            "alter table tasks drop column topic",
            "drop index commits_feed_idx",
            "alter table memberships drop constraint memberships_platform_id_user_id_key",
            "create table surprise (id int)",
        ):
            owner.execute(change.encode())
    found = str(list(differences(database_dsns)))
    for sign in ("time_zone", "display_name", "attempt", "surprise", "topic", "commits_feed_idx", "memberships"):
        assert sign in found, sign


def test_collations_and_generated_columns_agree(database_dsns: Dsns) -> None:
    """What autogenerate does not look at."""
    query = """select table_name, column_name, collation_name, is_generated from information_schema.columns
      where table_schema = 'public'"""
    made = {
        (table, column): (collation, generated == "ALWAYS")
        for table, column, collation, generated in rows(database_dsns, query)
    }
    for table in Base.metadata.tables.values():
        for column in table.columns:
            said = (getattr(column.type, "collation", None), isinstance(column.server_default, Computed))
            assert made[table.name, column.name] == said, f"{table.name}.{column.name}"


def test_every_table_declares_its_nature_and_is_mapped(database_dsns: Dsns) -> None:
    assert set(tables(database_dsns)) - set(Base.metadata.tables) == set(UNMAPPED)
    assert set(Base.metadata.tables) <= set(tables(database_dsns))
    for name, table in Base.metadata.tables.items():
        assert set(table.info) == {"nature", "person", "erase", "also", "through"}, name
        assert table.info["nature"] in {"fact", "record", "derived", "transient"}, name
        assert table.info["erase"] in {"strip", "delete", "keep"}, name
        person = table.info["person"]
        assert person is None or person in table.columns, name
        if person is None:
            assert table.info["erase"] == "keep", name
        for column, also in table.info["also"].items():
            assert column != person, name
            assert {column, *also.shows} <= set(table.columns.keys()), name
            assert also.erase != "clear" or table.columns[column].nullable, name
        if (through := table.info["through"]) is not None:
            assert person is None, name
            (key,) = table.columns[through].foreign_keys
            assert key.ondelete == "CASCADE", name
    natures = {name: (table.info["nature"], table.info["erase"]) for name, table in Base.metadata.tables.items()}
    assert natures["events"] == ("fact", "strip")
    assert natures["skill_signals"] == ("fact", "delete")
    assert {name for name, (nature, _) in natures.items() if nature == "fact"} == {
        "events",
        "skill_signals",
        "commits",
        "erasures",
        "audit",
    }
    assert {name for name, (nature, _) in natures.items() if nature == "derived"} == {
        "checkpoints",
        "streams",
        "snapshots",
        "topics",
        "training_sessions",
    }
