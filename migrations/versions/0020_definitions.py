"""Definitions: learning paths and the like, each edit a version that stays, and who follows which path."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

UP = """
create table definitions (
  id uuid primary key,
  kind text collate "C" not null,
  name text not null,
  platform_id uuid references platforms,
  owner_id uuid references users,
  version integer not null,
  created_at timestamptz not null default now(),
  edited_at timestamptz not null default now(),
  retired_at timestamptz
);
create unique index definitions_name_idx on definitions (kind, name, platform_id, owner_id) nulls not distinct
  where retired_at is null;
create index definitions_listing_idx on definitions (kind, id) where retired_at is null;
create index definitions_owner_id_idx on definitions (owner_id, kind, id);

create table definition_versions (
  definition_id uuid not null references definitions on delete cascade,
  version integer not null,
  body json not null,
  created_at timestamptz not null default now(),
  primary key (definition_id, version)
);

grant select, insert, update, delete on definitions, definition_versions to skillcore_service;
"""

DOWN = """
drop table definition_versions, definitions;
"""


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute(UP)


def downgrade() -> None:
    op.get_bind().connection.driver_connection.execute(DOWN)
