"""The ledger: facts that only grow, their feed, and what is derived from them.

Facts are guarded three times: the service's role may only SELECT and INSERT; row and statement triggers, always enabled
and present on every partition, refuse the rest even to the owner; and the one way past, ``erase``, belongs to a role that
nobody can log in as, works on one person at a time, and leaves a record.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

PARTITIONS = 8
FACTS = ("events", "skill_signals")

TABLES = """
create table skills (
  id text collate "C" primary key check (id <> ''),
  name text not null,
  category text not null default '',
  created_at timestamptz not null default now()
);
create table skill_aliases (
  alias text collate "C" primary key,
  skill_id text collate "C" not null references skills
);
create index skill_aliases_skill_id_idx on skill_aliases (skill_id);

create table streams (
  user_id uuid primary key,
  version bigint not null default 0,
  digest bytea not null default ''
) with (fillfactor = 60);

create table events (
  user_id uuid not null,
  version bigint not null,
  recorded_at timestamptz not null,
  digest bytea not null,
  leaf bytea not null,
  salt bytea,
  id uuid not null,
  occurred_at timestamptz not null,
  kind text collate "C" not null,
  subject_id text collate "C" not null,
  via text collate "C" not null,
  skills text[] not null,
  data json not null,  -- json, not jsonb: the bytes stay as they were digested
  origin text collate "C",
  origin_seq bigint,
  primary key (user_id, version),
  unique (user_id, id)
) partition by hash (user_id);
create index events_time_idx on events (user_id, occurred_at, id);
create index events_level_idx on events (user_id, version) where kind = 'level.changed';
create index events_account_idx on events (user_id, version) where kind in ('account.linked', 'evidence.withdrawn');

create function skill_signal_id(skill_id text, source_type text, source_id text, signal_type text) returns uuid
  language sql immutable strict parallel safe as $$
  select encode(substring(sha256(convert_to(
    skill_id || E'\\x1f' || source_type || E'\\x1f' || source_id || E'\\x1f' || signal_type, 'UTF8')) for 16), 'hex')::uuid
$$;

create table skill_signals (
  user_id uuid not null,
  id uuid not null generated always as (skill_signal_id(skill_id, source_type, source_id, signal_type)) stored,
  skill_id text collate "C" not null,
  source_type text collate "C" not null
    check (source_type in ('project', 'update', 'mentorship', 'evidence', 'session', 'platform')),
  source_id text collate "C" not null,
  signal_type text collate "C" not null check (signal_type in ('joined', 'update', 'completed')),
  weight double precision not null,
  event_id uuid,
  rule text collate "C" not null,
  rule_version integer not null,
  created_at timestamptz not null,
  primary key (user_id, id)  -- the id is derived from the natural key, so this makes that unique at a third of its size
) partition by hash (user_id);

create table commits (
  pos bigint generated always as identity primary key,
  xid xid8 not null default pg_current_xact_id(),
  users uuid[] not null,
  heads bigint[] not null,
  sizes integer[] not null
);
create index commits_feed_idx on commits (xid, pos);

create table snapshots (
  user_id uuid not null,
  formula text collate "C" not null,
  formula_version integer not null,
  parameters_hash text collate "C" not null,
  head bigint not null,
  upto_at timestamptz,
  upto_id uuid,
  states json not null,
  primary key (user_id, formula, formula_version, parameters_hash)
);

create table subscriptions (
  name text collate "C" primary key,
  xid xid8 not null default '0',
  pos bigint not null default 0,
  updated_at timestamptz not null default now()
);
create table parked_events (
  consumer text collate "C" not null,
  user_id uuid not null,
  event_id uuid not null,
  attempts integer not null default 1,
  parked boolean not null default false,
  error text not null,
  updated_at timestamptz not null default now(),
  primary key (consumer, user_id, event_id)
);
create table erasures (
  id bigint generated always as identity primary key,
  user_id uuid not null,
  reason text not null check (reason <> ''),
  events bigint not null,
  signals bigint not null,
  erased_at timestamptz not null default now()
);

create function chain_step(state bytea, head bytea, leaf bytea) returns bytea language sql immutable parallel safe
  as $$ select sha256(coalesce(state, head) || leaf) $$;
create aggregate chain(head bytea, leaf bytea) (sfunc = chain_step, stype = bytea);

create function refuse_change() returns trigger language plpgsql as $$
begin
  if current_user = 'skillcore_eraser' and tg_op in ('UPDATE', 'DELETE')
     and current_setting('skillcore.erasing', true) = old.user_id::text then
    return case tg_op when 'DELETE' then old else new end;
  end if;
  raise exception '% on %: facts are append-only', tg_op, tg_table_name using errcode = 'restrict_violation';
end $$;
"""

ERASE = """
create function erase(person uuid, reason text) returns bigint
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
revoke all on function erase(uuid, text) from public;
grant execute on function erase(uuid, text) to skillcore_service;
grant usage on schema public to skillcore_eraser, skillcore_service;
grant select, update on events to skillcore_eraser;
grant select, delete on skill_signals, snapshots, parked_events to skillcore_eraser;
grant insert on erasures to skillcore_eraser;
grant create on schema public to skillcore_eraser;
alter function erase(uuid, text) owner to skillcore_eraser;
revoke create on schema public from skillcore_eraser;
"""

RIGHTS = """
grant select, insert on events, skill_signals, commits to skillcore_service;
grant select, insert, update on streams to skillcore_service;
grant select, insert, update, delete on skills, skill_aliases, snapshots, subscriptions, parked_events to skillcore_service;
grant select on erasures to skillcore_service;
"""


def upgrade() -> None:
    op.execute(TABLES)
    for table in FACTS:
        for remainder in range(PARTITIONS):
            op.execute(
                f"create table {table}_{remainder} partition of {table} "
                f"for values with (modulus {PARTITIONS}, remainder {remainder})"
            )
        # Row triggers are cloned to partitions; statement triggers are not.
        op.execute(
            f"create trigger append_only before update or delete on {table} for each row execute function refuse_change();"
            f"alter table {table} enable always trigger append_only"
        )
        for part in (table, *(f"{table}_{remainder}" for remainder in range(PARTITIONS))):
            op.execute(
                f"create trigger no_truncate before truncate on {part} for each statement execute function refuse_change();"
                f"alter table {part} enable always trigger no_truncate"
            )
            if part != table:
                op.execute(f"alter table {part} enable always trigger append_only")
    op.execute(ERASE)
    op.execute(RIGHTS)


def downgrade() -> None:
    op.execute(
        "drop function erase(uuid, text);"
        "drop table erasures, parked_events, subscriptions, snapshots, commits, skill_signals, events, streams,"
        " skill_aliases, skills;"
        "drop function refuse_change();"
        "drop function skill_signal_id(text, text, text, text);"
        "drop aggregate chain(bytea, bytea);"
        "drop function chain_step(bytea, bytea, bytea)"
    )
