"""What people prove themselves with: addresses by which look-alikes collide, one-time tokens, second factors, devices."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# Addresses of before were unique without regard to case, and are compared in that way until they are set anew.
UP = """
drop index users_email_key;
alter table users add column email_key text collate "C", add column email_verified_at timestamptz;
update users set email_key = lower(email);
alter table users add constraint users_email_key_key unique (email_key),
  add constraint users_email_check check ((email is null) = (email_key is null));

create table one_time_tokens (
  id uuid primary key,
  user_id uuid references users,
  purpose text collate "C" not null,
  token_sha256 bytea not null unique,
  details bytea,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  constraint one_time_tokens_purpose_check check (purpose in ('registration', 'reset', 'email'))
);
create index one_time_tokens_user_id_idx on one_time_tokens (user_id);
create index one_time_tokens_expires_at_idx on one_time_tokens (expires_at);

create table second_factors (
  user_id uuid primary key references users,
  secret bytea not null,
  last_step bigint not null default 0,
  confirmed_at timestamptz,
  created_at timestamptz not null default now()
);

create table recovery_codes (
  id uuid primary key,
  user_id uuid not null references users,
  code_sha256 bytea not null,
  used_at timestamptz,
  unique (user_id, code_sha256)
);

create table devices (
  id uuid primary key,
  user_id uuid not null references users,
  token_sha256 bytea not null unique,
  created_at timestamptz not null default now(),
  last_used_at timestamptz not null
);
create index devices_user_id_idx on devices (user_id, id);
create index devices_last_used_at_idx on devices (last_used_at);

grant select, insert, update, delete on one_time_tokens, second_factors, recovery_codes, devices to skillcore_service;
"""

DOWN = """
drop table devices, recovery_codes, second_factors, one_time_tokens;
alter table users drop column email_key, drop column email_verified_at;
create unique index users_email_key on users (lower(email));
"""


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute(UP)


def downgrade() -> None:
    op.get_bind().connection.driver_connection.execute(DOWN)
