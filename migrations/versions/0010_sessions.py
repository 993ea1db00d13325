"""Sessions: where people are signed in, and the refresh tokens by which programs go on."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

UP = """
create table sessions (
  id uuid primary key,
  user_id uuid not null references users,
  how text collate "C" not null,
  kept text collate "C" not null,
  address text not null default '',
  agent text not null default '',
  cookie_sha256 bytea unique,
  created_at timestamptz not null,
  last_seen_at timestamptz not null,
  idle_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  revoked_why text,
  constraint sessions_how_check check (how in ('password', 'oidc', 'setup', 'register')),
  constraint sessions_kept_check check (kept in ('token', 'cookie')),
  constraint sessions_cookie_check check ((kept = 'cookie') = (cookie_sha256 is not null)),
  constraint sessions_revoked_check check ((revoked_at is null) = (revoked_why is null))
);
create index sessions_user_id_idx on sessions (user_id, id);
create index sessions_over_idx on sessions (least(idle_at, expires_at, revoked_at));

create table refresh_tokens (
  sha256 bytea primary key,
  session_id uuid not null references sessions on delete cascade,
  user_id uuid not null references users,
  issued_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz,
  seed bytea,
  constraint refresh_tokens_used_check check ((used_at is null) = (seed is null))
);
create index refresh_tokens_session_id_idx on refresh_tokens (session_id);
create index refresh_tokens_user_id_idx on refresh_tokens (user_id);

grant select, insert, update, delete on sessions, refresh_tokens to skillcore_service;
"""

DOWN = "drop table refresh_tokens, sessions"


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute(UP)


def downgrade() -> None:
    op.get_bind().connection.driver_connection.execute(DOWN)
