"""Keys of platforms with successors and limits of their own, and memberships that people consent to."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

UP = """
alter table api_keys
  add column requests_per_minute integer,
  add column replaces uuid references api_keys unique,
  add column replaced_by uuid references api_keys unique;

alter table memberships
  add column consent text collate "C",
  add column consented_at timestamptz,
  add constraint memberships_consent_check check ((consent is null) = (consented_at is null));

create table membership_invitations (
  id uuid primary key,
  platform_id uuid not null references platforms,
  external_id text collate "C" not null,
  code_sha256 bytea not null unique,
  state text collate "C" not null,
  user_id uuid references users,
  expires_at timestamptz not null,
  settled_at timestamptz,
  created_at timestamptz not null default now(),
  constraint membership_invitations_state_check check (state in ('open', 'accepted', 'refused', 'withdrawn')),
  constraint membership_invitations_answered_check check ((state in ('open', 'withdrawn')) = (user_id is null))
);
create unique index membership_invitations_open_key on membership_invitations (platform_id, external_id)
  where state = 'open';
create index membership_invitations_platform_id_idx on membership_invitations (platform_id, id);
create index membership_invitations_user_id_idx on membership_invitations (user_id);

grant select, insert, update, delete on membership_invitations to skillcore_service;
"""

DOWN = """
drop table membership_invitations;
alter table memberships drop column consented_at, drop column consent;
alter table api_keys drop column replaced_by, drop column replaces, drop column requests_per_minute;
"""


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute(UP)


def downgrade() -> None:
    op.get_bind().connection.driver_connection.execute(DOWN)
