"""Fills every table that may name a person, for Ada, with words that must not be found again; and Bob, who stays."""

from __future__ import annotations

from typing import Any, NamedTuple
from unittest.mock import patch
from uuid import UUID

import psycopg

from skillcore.defaults.kinds import EvidenceAccepted, ProjectJoined
from skillcore.ledger import record, scores, snapshots
from skillcore.privacy.declared import portions
from skillcore.runtime.clock import new_id
from skillcore.runtime.database import Base
from skillcore.runtime.events import NewEvent
from tests.conftest import Dsns
from tests.visitors import Door, Visitor

__all__ = ["CANARY", "People", "empty_for", "fill", "rows_of", "traces"]

CANARY = "zq7canary"
"""Part of everything that Ada says or is called."""

KEPT = {"events", "streams", "commits", "erasures", "audit_erasures"}
"""Where the id of an erased person stays, as docs/privacy.md says."""

# What no request of this test brings about. Each says of Ada what such a row would; `{c}` is the canary.
INSERTED = """
insert into skills (id, name) values ('python', 'Python'), ('loops', 'Loops') on conflict do nothing;
update users set display_name = 'Ada {c}', email = 'ada-{c}@example.org', email_key = 'ada-{c}@example.org'
  where id = {ada};
insert into answers values (gen_random_uuid(), 0, {ada}, 'gym', 'gym:{c}', 'h', 'verified', '{{"of": "{c}"}}', now(),
  now() + interval '1 day', 't', '{{"handle": "{c}"}}', false, 'x', convert_to('it says {c}', 'UTF8'));
insert into source_accounts (id, user_id, source, handle, handle_key, external_id, method)
  values ({account}, {ada}, 'gym', 'Ada-{c}', 'ada-{c}', 'ada-{c}', 'challenge');
insert into source_accounts (id, user_id, source, handle, handle_key, external_id, method, displaced_by, platform_id)
  values (gen_random_uuid(), {bob}, 'gym', 'bob', 'bob', 'bob', 'vouched', {account}, {platform});
insert into source_tokens values ({account}, {ada}, 'oauth', convert_to('{c}', 'UTF8'), now(), null, now(), null);
insert into link_attempts (id, user_id, source, method, handle, challenge_key, issued_at, expires_at, state, instructions)
  values (gen_random_uuid(), {ada}, 'gym', 'challenge', 'Ada-{c}', 'k', now(), now(), 'proved', 'put {c} there');
insert into imports (account_id, user_id, state, cursor, unmapped) values ({account}, {ada}, 'done', '{c}', '{{{c}}}');
insert into stats (account_id, user_id, read_at) values ({account}, {ada}, now());
insert into topics values ('gym', 'loops', 2) on conflict do nothing;
insert into parked_events (consumer, user_id, event_id, error) values ('rule:r', {ada}, gen_random_uuid(), 'at {c}');
insert into procrastinate_jobs (id, queue_name, task_name, lock, args) overriding system value
  values (990, 'verification', 't', 'of {c}', '{{"account": "{c}"}}');
insert into job_progress (job_id, user_id, reason) values (990, {ada}, '{c} is not there');
insert into idempotency_keys (actor, route, key_sha256, request_sha256, attempt, taken_at, expires_at, body)
  values ('user:' || {ada}, 'POST /x', 'k', 'x', gen_random_uuid(), now(), now() + interval '1 day', convert_to('{c}', 'UTF8')),
  ('platform:' || {platform}, 'POST /x', 'k', 'x', gen_random_uuid(), now(), now() + interval '1 day',
    convert_to('{{"user_id": "' || {ada} || '", "said": "{c}"}}', 'UTF8')),
  ('user:' || {bob}, 'POST /x', 'k', 'x', gen_random_uuid(), now(), now() + interval '1 day', convert_to('bob', 'UTF8'));
insert into memberships (platform_id, external_id, user_id) values ({platform}, 'ada-{c}', {ada}), ({platform}, 'bob', {bob});
insert into membership_invitations (id, platform_id, external_id, code_sha256, state, user_id, expires_at)
  values (gen_random_uuid(), {platform}, 'ada-{c}', 'x', 'accepted', {ada}, now());
insert into projects (id, owner_id, name, metadata) values ({own}, {ada}, 'mine {c}', '{{"idea": "{c}"}}'),
  ({shared}, {ada}, 'ours', '{{}}');
insert into project_skills values ({own}, 'python'), ({shared}, 'python');
insert into project_members values ({own}, {ada}, now()), ({shared}, {ada}, now()), ({shared}, {bob}, now());
insert into progress_updates (id, project_id, user_id, content) values (gen_random_uuid(), {shared}, {ada}, 'did {c}'),
  (gen_random_uuid(), {shared}, {bob}, 'did it');
insert into mentorship_sessions (id, mentor_id, intern_id, focus, status)
  values (gen_random_uuid(), {bob}, {ada}, 'about {c}', 'planned'), (gen_random_uuid(), {ada}, {bob}, 'loops', 'planned');
insert into tasks (id, user_id, description, source, requirements, topic, skills, set_by, state)
  values (gen_random_uuid(), {ada}, 'do {c}', 'gym', '{{}}', '{c}', '{{python}}', 'learner', 'pending');
insert into definitions values ({definition}, 'path', 'to {c}', null, {ada}, 1, now(), now()),
  ({shared}, 'path', 'ours', null, {bob}, 1, now(), now());
insert into definition_versions values ({definition}, 1, '{{"title": "{c}"}}', now()), ({shared}, 1, '{{}}', now());
insert into reviewers values (gen_random_uuid(), {ada}, {bob}, false, now()), (gen_random_uuid(), {bob}, {ada}, true, now());
insert into reviews (id, user_id, alias, reviewer_id, quality, skills, content)
  select gen_random_uuid(), user_id, alias, reviewer_id, 80, '{{python}}', 'it has {c} in it' from reviewers;
insert into training_sessions values (gen_random_uuid(), {ada}, null, 'lesson {c}', '{c}', now(), now(), null, false, 1, 1),
  (gen_random_uuid(), {bob}, null, 'lesson', '', now(), now(), null, false, 1, 1);
insert into path_enrolments values ({ada}, {definition}, now()), ({bob}, {shared}, now());
insert into path_advice (id, user_id, advisor, topics, reason, outcome, expires_at)
  values (gen_random_uuid(), {ada}, 'library', '[{{"name": "{c}"}}]', 'at {c}', '{{"reason": "{c}"}}', now());
insert into shares (user_id, share) values ({ada}, 'public_profile'), ({bob}, 'public_profile');
insert into erasure_requests values ({ada}, 'asked', now(), now());
insert into mails (id, user_id, body, expires_at) values (gen_random_uuid(), {ada}, convert_to('{c}', 'UTF8'), now());
insert into mentors values ({ada}, {bob}), ({bob}, {ada});
insert into one_time_tokens (id, user_id, purpose, token_sha256, details, expires_at)
  values (gen_random_uuid(), {ada}, 'reset', 'h', convert_to('{c}', 'UTF8'), now());
insert into second_factors (user_id, secret) values ({ada}, convert_to('{c}', 'UTF8'));
insert into recovery_codes (id, user_id, code_sha256) values (gen_random_uuid(), {ada}, convert_to('{c}', 'UTF8'));
insert into devices (id, user_id, token_sha256, last_used_at)
  values (gen_random_uuid(), {ada}, convert_to('{c}', 'UTF8'), now());
insert into identities (id, user_id, issuer, subject, email)
  values (gen_random_uuid(), {ada}, 'https://id.example.org', 'ada-{c}', 'ada-{c}@example.org');
insert into sign_ins (id, state_sha256, browser_sha256, provider, user_id, session_id, verifier, nonce, redirect_uri,
    expires_at)
  values (gen_random_uuid(), convert_to('{c}', 'UTF8'), 'b', 'school', {ada}, gen_random_uuid(), convert_to('{c}', 'UTF8'), 'n',
    'https://skillcore.test/{c}', now());
insert into mentor_invitations values (gen_random_uuid(), {ada}, convert_to('{c}', 'UTF8'), 1, now());
"""


class People(NamedTuple):
    """Ada, who goes, and Bob, who stays."""

    ada: Visitor
    ada_id: UUID
    bob: Visitor
    bob_id: UUID


async def fill(door: Door, dsns: Dsns) -> People:
    """Fill every table, and say for whom."""
    ada, ada_id = await identified(door, "ada@example.org")
    bob, bob_id = await identified(door, "bob@example.org")
    platform = (await door.platform("events:write")).id
    ids = {name: f"'{new_id()}'::uuid" for name in ("account", "own", "shared", "definition")}
    ids |= {"ada": f"'{ada_id}'::uuid", "bob": f"'{bob_id}'::uuid", "platform": f"'{platform}'::uuid"}
    with psycopg.connect(dsns.owner_dsn, autocommit=True) as owner:
        owner.execute(INSERTED.format(c=CANARY, **ids).encode())
    async with door.engine.transaction() as tx:
        await record(tx, [event for person, word in ((ada_id, CANARY), (bob_id, "bob")) for event in facts(person, word)])
    async with door.engine.transaction() as tx:
        for person in (ada_id, bob_id):
            with patch.object(snapshots, "CHECKPOINT_EVERY", 1):
                await scores.read(tx, person, "level")
    await bring_about(door, dsns, ada, ada_id)
    return People(ada, ada_id, bob, bob_id)


async def identified(door: Door, email: str) -> tuple[Visitor, UUID]:
    """Return a learner with their id."""
    learner, id_ = await door.learner(email)
    return learner, UUID(id_)


def facts(person: UUID, word: str) -> list[NewEvent]:
    """Return what is recorded of somebody."""
    accepted = EvidenceAccepted(
        source="gym", account=f"gym:{word}", work=word, strength="judged", topics=("loops",), difficulty=3.0
    )
    return [
        NewEvent(user_id=person, kind="evidence.accepted", subject_id=f"gym:{word}:{word}", skills=("python",), data=accepted),
        NewEvent(user_id=person, kind="project.joined", subject_id=word, skills=("python",), data=ProjectJoined(name=word)),
    ]


async def bring_about(door: Door, dsns: Dsns, ada: Visitor, ada_id: UUID) -> None:
    """Bring about an erasure of long ago, and what the audit notes when somebody looks at her."""
    with psycopg.connect(dsns.owner_dsn, autocommit=True) as owner:
        owner.execute(b"insert into erasures (user_id, reason, events, signals) values (%s, 'again', 0, 0)", (ada_id,))
        owner.execute(b"insert into audit_erasures (user_id, entries) values (%s, 0)", (ada_id,))
    assert (await (await door.admin()).get(f"/api/users/{ada_id}")).status_code == 200
    assert (await ada.get("/api/export")).status_code == 200


def empty_for(dsns: Dsns, person: UUID) -> list[str]:
    """Return the portions of tables in which there is nothing of somebody."""
    return [portion.name for portion in portions(Base.metadata) if not rows_of(dsns, portion, person)]


def rows_of(dsns: Dsns, portion: Any, person: UUID) -> list[str]:
    """Return the rows of a portion that are somebody's, as the database writes them."""
    where = f"t.{portion.person} = '{person}'"
    if portion.through is not None:
        key, table, to = portion.through
        where = f"t.{key} in (select {to} from {table} where {portion.person} = '{person}')"
    with psycopg.connect(dsns.owner_dsn, autocommit=True) as owner:
        return [row for (row,) in owner.execute(f"select t::text from {portion.table} t where {where} order by 1".encode())]


def traces(dsns: Dsns, person: UUID, *words: str) -> list[str]:
    """Return where in the database a word stands, or the id of somebody where it may not: in texts, lists, JSON and bytes."""
    wanted = [word.lower() for word in (CANARY, *words)]
    wanted += [word.encode().hex() for word in wanted]
    found = []
    with psycopg.connect(dsns.owner_dsn, autocommit=True) as owner:
        tables = owner.execute(
            "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
            " and not relispartition"
        ).fetchall()
        for (table,) in tables:
            ids = [] if table in KEPT else [str(person), person.hex]
            for (row,) in owner.execute(f"select t::text from {table} t".encode()):
                found += [f"{table}: {word} in {row[:300]}" for word in (*wanted, *ids) if word in row.lower()]
    return found
