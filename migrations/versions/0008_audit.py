"""The audit: who did what to whom, in one chain that only grows.

It is guarded as facts are: the service may only SELECT and INSERT, triggers refuse the rest even to the owner, and the one
way past, ``erase_audit``, strips the entries by and about one person and leaves a record. The function ``erase`` of the
ledger does the same for facts; whoever erases a person calls both in one transaction.
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

UP = """
create table audit_erasures (
  id bigint generated always as identity primary key,
  user_id uuid not null,
  entries bigint not null,
  erased_at timestamptz not null default now()
);

create table audit (
  position bigint primary key,
  at timestamptz not null,
  act text collate "C" not null,
  actor_kind text collate "C" not null,
  actor_id uuid,
  about_id uuid,
  platform_id uuid,
  address text collate "C" not null,
  agent text collate "C" not null,
  request_id text collate "C" not null,
  detail json not null,  -- json, not jsonb: the bytes stay as they were digested
  salt bytea,
  leaf bytea not null,
  digest bytea not null,
  erasure_id bigint references audit_erasures,
  constraint audit_erased_check check ((salt is null) = (erasure_id is not null))
);
create index audit_at_idx on audit (at);
create index audit_act_idx on audit (act, position);
create index audit_actor_idx on audit (actor_id, position) where actor_id is not null;
create index audit_about_idx on audit (about_id, position) where about_id is not null;
create index audit_erasure_idx on audit (erasure_id) where erasure_id is not null;

create table audit_head (
  one boolean primary key default true,
  position bigint not null default 0,
  digest bytea not null default '',
  constraint audit_head_one_check check (one)
) with (fillfactor = 10);
insert into audit_head default values;

create function refuse_audit_change() returns trigger language plpgsql as $$
begin
  if current_user = 'skillcore_eraser' and tg_op = 'UPDATE' and new.erasure_id is not null
     and current_setting('skillcore.erasing', true) in (old.actor_id::text, old.about_id::text)
     and row(new.position, new.at, new.act, new.leaf, new.digest) is not distinct from
         row(old.position, old.at, old.act, old.leaf, old.digest) then
    return new;
  end if;
  raise exception '% on %: the audit is append-only', tg_op, tg_table_name using errcode = 'restrict_violation';
end $$;
create trigger append_only before update or delete on audit for each row execute function refuse_audit_change();
create trigger no_truncate before truncate on audit for each statement execute function refuse_audit_change();
alter table audit enable always trigger append_only;
alter table audit enable always trigger no_truncate;

-- Positions are locked in their order, so that two erasures that meet in an entry wait for each other one way round.
create function erase_audit(person uuid) returns bigint
  language plpgsql security definer set search_path = pg_catalog, public as $$
declare
  found bigint[];
  erasure bigint;
begin
  select array_agg(e.position) into found from (select a.position from public.audit a
    where (a.actor_id = person or a.about_id = person) and a.salt is not null order by a.position for update) e;
  if found is null then
    return 0;
  end if;
  insert into public.audit_erasures (user_id, entries) values (person, cardinality(found)) returning id into erasure;
  perform set_config('skillcore.erasing', person::text, true);
  update public.audit set actor_kind = '', actor_id = null, about_id = null, platform_id = null, address = '', agent = '',
    request_id = '', detail = 'null', salt = null, erasure_id = erasure where position = any(found);
  perform set_config('skillcore.erasing', '', true);
  return cardinality(found);
end $$;

revoke all on function erase_audit(uuid) from public;
grant execute on function erase_audit(uuid) to skillcore_service;
grant select, update on audit to skillcore_eraser;
grant select, insert on audit_erasures to skillcore_eraser;
grant create on schema public to skillcore_eraser;
alter function erase_audit(uuid) owner to skillcore_eraser;
revoke create on schema public from skillcore_eraser;

grant select, insert on audit to skillcore_service;
grant select, update on audit_head to skillcore_service;
grant select on audit_erasures to skillcore_service;
"""

DOWN = """
drop function erase_audit(uuid);
drop table audit, audit_head, audit_erasures;
drop function refuse_audit_change();
"""


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute(UP)


def downgrade() -> None:
    op.get_bind().connection.driver_connection.execute(DOWN)
