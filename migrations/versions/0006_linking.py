"""People prove accounts: attempts at a proof, and what displaced which account.

An account is known by the source's own id or, without one, by its handle; ``handle_key`` is the handle as all compare it. An
attempt's challenge is nobody else's while it is open, and an act that proved an account never proves another.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

UP = """
alter table source_accounts add column handle_key text collate "C", add column by_id boolean not null default false,
  add column displaced_by uuid references source_accounts on delete set null;
update source_accounts set handle_key = external_id;
-- A withdrawal is of an account, and so of all rows of it that were there.
update source_accounts s set withdrawn_at = w.withdrawn_at from source_accounts w
  where s.withdrawn_at is null and s.unlinked_at is not null and w.withdrawn_at is not null and w.created_at >= s.created_at
  and (s.user_id, s.source, s.external_id) = (w.user_id, w.source, w.external_id);
alter table source_accounts alter column handle_key set not null;
drop index source_accounts_proved_key;
create unique index source_accounts_proved_key on source_accounts (source, external_id, by_id)
  where platform_id is null and unlinked_at is null;
create index source_accounts_handle_key_idx on source_accounts (source, handle_key);
create index source_accounts_displaced_by_idx on source_accounts (displaced_by) where displaced_by is not null;

create table link_attempts (
  id uuid primary key,
  user_id uuid not null references users,
  source text collate "C" not null,
  method text collate "C" not null,
  handle text not null default '',
  handle_key text collate "C" not null default '',
  challenge_key text collate "C",
  data json,
  instructions text not null default '',
  issued_at timestamptz not null,
  expires_at timestamptz not null,
  state text collate "C" not null,
  reason text not null default '',
  looked_for text not null default '',
  found text not null default '',
  mark text collate "C" not null default '',
  job_id bigint,
  account_id uuid references source_accounts on delete set null,
  state_sha256 bytea,
  nonce text collate "C",
  verifier text collate "C",
  redirect_uri text,
  code text,
  constraint link_attempts_method_check check (method in ('challenge', 'oauth', 'oidc')),
  constraint link_attempts_state_check
    check (state in ('open', 'checking', 'proved', 'failed', 'expired', 'superseded', 'cancelled')),
  constraint link_attempts_challenge_check check ((method = 'challenge') = (challenge_key is not null))
);
create unique index link_attempts_person_key on link_attempts (user_id, source) where state in ('open', 'checking');
create unique index link_attempts_challenge_key on link_attempts (source, handle_key, challenge_key)
  where challenge_key is not null and state in ('open', 'checking');
create unique index link_attempts_mark_key on link_attempts (source, mark) where mark <> '';
create unique index link_attempts_state_key on link_attempts (state_sha256) where state_sha256 is not null;
create index link_attempts_issued_idx on link_attempts (user_id, issued_at);

grant select, insert, update, delete on link_attempts to skillcore_service;
"""

DOWN = """
drop table link_attempts;
drop index source_accounts_proved_key, source_accounts_handle_key_idx, source_accounts_displaced_by_idx;
create unique index source_accounts_proved_key on source_accounts (source, external_id)
  where platform_id is null and unlinked_at is null;
alter table source_accounts drop column handle_key, drop column by_id, drop column displaced_by;
"""


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute(UP)


def downgrade() -> None:
    op.get_bind().connection.driver_connection.execute(DOWN)
