"""People, platforms, their keys and members; and what operations keep: answers to repeated requests, states of breakers."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ACCOUNTS = """
create table users (
  id uuid primary key,
  email text,
  password_hash text,
  display_name text not null default '',
  role text collate "C" not null default 'learner',
  time_zone text not null default 'UTC',
  created_at timestamptz not null default now(),
  constraint users_role_check check (role in ('learner', 'mentor', 'admin')),
  constraint users_login_check check (password_hash is null or email is not null)
);
create unique index users_email_key on users (lower(email));

create table platforms (
  id uuid primary key,
  name text not null,
  created_at timestamptz not null default now()
);

create table api_keys (
  id uuid primary key,
  platform_id uuid not null references platforms,
  name text not null,
  prefix text collate "C" not null unique,
  secret_sha256 bytea not null,
  scopes text[] not null,
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz,
  created_at timestamptz not null default now()
);
create index api_keys_platform_id_idx on api_keys (platform_id, id);

create table memberships (
  platform_id uuid not null references platforms,
  external_id text collate "C" not null,
  user_id uuid not null references users,
  created_at timestamptz not null default now(),
  primary key (platform_id, external_id),
  unique (platform_id, user_id)
);
create index memberships_user_id_idx on memberships (user_id);
"""

OPERATIONS = """
create table idempotency_keys (
  actor text collate "C" not null,
  route text collate "C" not null,
  key_sha256 bytea not null,
  request_sha256 bytea not null,
  attempt uuid not null,
  taken_at timestamptz not null,
  effected boolean not null default false,
  status integer,
  media_type text,
  location text,
  body bytea,
  expires_at timestamptz not null,
  primary key (actor, route, key_sha256)
);
create index idempotency_keys_expires_at_idx on idempotency_keys (expires_at);

create unlogged table worker_sources (
  worker text collate "C" not null,
  source text collate "C" not null,
  state text collate "C" not null,
  failures integer not null default 0,
  retry_at timestamptz,
  server_version text not null default '',
  error text not null default '',
  updated_at timestamptz not null default now(),
  primary key (worker, source),
  constraint worker_sources_state_check check (state in ('closed', 'open', 'half_open'))
);
"""

RIGHTS = """
grant select, insert, update, delete on users, platforms, api_keys, memberships, idempotency_keys, worker_sources
  to skillcore_service;
"""


def upgrade() -> None:
    op.execute(ACCOUNTS)
    op.execute(OPERATIONS)
    op.execute(RIGHTS)


def downgrade() -> None:
    op.execute("drop table worker_sources, idempotency_keys, memberships, api_keys, platforms, users")
