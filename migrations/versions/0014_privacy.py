"""Privacy: who asked to be erased, what people choose to show; and streams that an erasure closes for good.

Of an erased event there stay its place, its leaf and its digest. A closed stream takes no further event, and what would be
derived for its person, or parked, is dropped: whoever was at work on it meanwhile finds nothing to write to.
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TABLES = """
create table erasure_requests (
  user_id uuid primary key references users,
  reason text collate "C" not null,
  requested_at timestamptz not null default now(),
  due_at timestamptz not null,
  constraint erasure_requests_reason_check check (reason in ('asked', 'administrator'))
);
create index erasure_requests_due_at_idx on erasure_requests (due_at);

create table shares (
  user_id uuid not null references users,
  share text collate "C" not null,
  granted_at timestamptz not null default now(),
  primary key (user_id, share),
  constraint shares_share_check check (share in ('public_profile', 'public_level'))
);

create table retention_runs (
  what text collate "C" primary key,
  ran_at timestamptz not null,
  forgotten bigint not null default 0
);

alter table idempotency_keys add column user_id uuid
  generated always as (case when starts_with(actor, 'user:') then substr(actor, 6)::uuid end) stored;
create index idempotency_keys_user_id_idx on idempotency_keys (user_id);
alter table mentorship_sessions alter column mentor_id drop not null;
alter table streams add column closed boolean not null default false;
update streams s set closed = true where exists (select from erasures e where e.user_id = s.user_id);

grant select, insert, update, delete on erasure_requests, shares, retention_runs to skillcore_service;
"""

# Writers wait for the stream's row, and then see it closed. What derives or parks does not wait for writers: it shares an
# advisory lock of the person, which the erasure alone takes whole, and looks at the stream once it has it. (A share of the
# row itself would not do: beside writers that move the row, PostgreSQL lets two that share it wait for each other.)
ERASE = """
create function erasure_lock(person uuid) returns bigint language sql immutable as
  $$ select hashtextextended('skillcore erasure ' || person, 0) $$;

create or replace function erase(person uuid, reason text) returns bigint
  language plpgsql security definer set search_path = pg_catalog, public as $$
declare
  stripped bigint;
  dropped bigint;
begin
  insert into public.streams (user_id) values (person) on conflict do nothing;
  perform from public.streams where user_id = person for update;
  update public.streams set closed = true where user_id = person and not closed;
  perform pg_advisory_xact_lock(public.erasure_lock(person));
  perform set_config('skillcore.erasing', person::text, true);
  update public.events set id = gen_random_uuid(), occurred_at = recorded_at, kind = 'erased', subject_id = '', via = '',
    skills = '{}', data = 'null', salt = null, origin = null, origin_seq = null where user_id = person and salt is not null;
  get diagnostics stripped = row_count;
  delete from public.skill_signals where user_id = person;
  get diagnostics dropped = row_count;
  delete from public.snapshots where user_id = person;
  delete from public.parked_events where user_id = person;
  if stripped + dropped > 0 or not exists (select from public.erasures e where e.user_id = person) then
    insert into public.erasures (user_id, reason, events, signals) values (person, reason, stripped, dropped);
  end if;
  perform set_config('skillcore.erasing', '', true);
  return stripped;
end $$;
grant select, insert, update on streams to skillcore_eraser;
grant select on erasures to skillcore_eraser;

create function drop_for_erased() returns trigger language plpgsql as $$
begin
  perform pg_advisory_xact_lock_shared(public.erasure_lock(new.user_id));
  if (select closed from public.streams where user_id = new.user_id) then
    return null;
  end if;
  return new;
end $$;
create trigger nothing_for_erased before insert on snapshots for each row execute function drop_for_erased();
create trigger nothing_for_erased before insert on parked_events for each row execute function drop_for_erased();
"""

FORMER = """
create or replace function erase(person uuid, reason text) returns bigint
  language plpgsql security definer set search_path = pg_catalog, public as $$
declare
  stripped bigint;
  dropped bigint;
begin
  perform set_config('skillcore.erasing', person::text, true);
  update public.events set kind = 'erased', subject_id = '', via = '', skills = '{}', data = 'null',
    salt = null, origin = null, origin_seq = null where user_id = person and salt is not null;
  get diagnostics stripped = row_count;
  delete from public.skill_signals where user_id = person;
  get diagnostics dropped = row_count;
  delete from public.snapshots where user_id = person;
  delete from public.parked_events where user_id = person;
  insert into public.erasures (user_id, reason, events, signals) values (person, reason, stripped, dropped);
  perform set_config('skillcore.erasing', '', true);
  return stripped;
end $$;
revoke select, insert, update on streams from skillcore_eraser;
revoke select on erasures from skillcore_eraser;
"""

DOWN = """
drop trigger nothing_for_erased on snapshots;
drop trigger nothing_for_erased on parked_events;
drop function drop_for_erased();
drop function erasure_lock(uuid);
drop table erasure_requests, shares, retention_runs;
alter table idempotency_keys drop column user_id;
delete from mentorship_sessions where mentor_id is null;
alter table mentorship_sessions alter column mentor_id set not null;
alter table streams drop column closed;
"""


def run(script: str) -> None:
    """Send a script as it is."""
    op.get_bind().connection.driver_connection.execute(script)


def upgrade() -> None:
    run(TABLES)
    run(ERASE)


def downgrade() -> None:
    run(FORMER)
    run(DOWN)
