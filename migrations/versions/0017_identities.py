"""People sign in at OpenID providers: whom those know, and sign-ins under way."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

UP = """
create table identities (
  id uuid primary key,
  user_id uuid not null references users,
  issuer text collate "C" not null,
  subject text collate "C" not null,
  email text,
  role text collate "C",
  connected_at timestamptz not null default now(),
  used_at timestamptz not null default now(),
  unique (issuer, subject),
  unique (user_id, issuer),
  constraint identities_role_check check (role in ('learner', 'mentor', 'admin'))
);

create table sign_ins (
  id uuid primary key,
  state_sha256 bytea not null,
  browser_sha256 bytea not null,
  provider text collate "C" not null,
  user_id uuid references users,
  session_id uuid,
  verifier bytea not null,
  nonce bytea not null,
  redirect_uri text not null,
  expires_at timestamptz not null,
  unique (state_sha256),
  constraint sign_ins_connecting_check check ((user_id is null) = (session_id is null))
);
create index sign_ins_expires_at_idx on sign_ins (expires_at);
create index sign_ins_user_id_idx on sign_ins (user_id);

grant select, insert, update, delete on identities, sign_ins to skillcore_service;
"""

DOWN = """
drop table sign_ins, identities;
"""


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute(UP)


def downgrade() -> None:
    op.get_bind().connection.driver_connection.execute(DOWN)
