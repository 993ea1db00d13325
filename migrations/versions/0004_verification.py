"""Accounts at sources, and what sources answered.

Who holds an account is decided by the database: one person where it is proved, one person a platform where it is vouched
for, and one account a source for each person. Rows that were unlinked stay, outside these keys.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = """
create table source_accounts (
  id uuid primary key,
  user_id uuid not null references users,
  platform_id uuid references platforms,
  source text collate "C" not null,
  handle text not null,
  external_id text collate "C" not null,
  method text collate "C" not null,
  vouched_at timestamptz,
  proved_at timestamptz,
  unlinked_at timestamptz,
  withdrawn_at timestamptz,
  created_at timestamptz not null default now(),
  constraint source_accounts_voucher_check check ((method = 'vouched') = (platform_id is not null)),
  constraint source_accounts_method_check check (method in ('vouched', 'oauth', 'oidc', 'challenge'))
);
create unique index source_accounts_person_key on source_accounts (user_id, source) where unlinked_at is null;
create unique index source_accounts_proved_key on source_accounts (source, external_id)
  where platform_id is null and unlinked_at is null;
create unique index source_accounts_vouched_key on source_accounts (platform_id, source, external_id)
  where platform_id is not null and unlinked_at is null;
create index source_accounts_account_idx on source_accounts (source, external_id);

create table answers (
  verification_id uuid not null,
  place integer not null,
  user_id uuid not null references users,
  source text collate "C" not null,
  account text collate "C" not null,
  requirement_hash text collate "C" not null,
  outcome text collate "C" not null,
  verdict json not null,
  received_at timestamptz not null default now(),
  expires_at timestamptz not null,
  tool text not null,
  arguments json not null,
  failed boolean not null,
  sha256 bytea not null,
  body bytea not null,
  primary key (verification_id, place),
  constraint answers_outcome_check check (outcome in ('verified', 'not_verified', 'undecided'))
);
create index answers_reuse_idx on answers (account, requirement_hash, received_at)
  where place = 0 and outcome = 'verified';
create index answers_expires_at_idx on answers (expires_at);
create index answers_user_id_idx on answers (user_id);

grant select, insert, update, delete on source_accounts, answers to skillcore_service;
"""


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute(TABLES)


def downgrade() -> None:
    op.execute("drop table answers, source_accounts")
