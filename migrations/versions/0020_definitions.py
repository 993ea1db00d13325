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

create table path_enrolments (
  user_id uuid not null references users,
  definition_id uuid not null references definitions on delete cascade,
  started_at timestamptz not null,
  left_at timestamptz,
  primary key (user_id, definition_id)
);
create index path_enrolments_definition_id_idx on path_enrolments (definition_id);

create table path_advice (
  id uuid primary key,
  user_id uuid references users,
  platform_id uuid references platforms,
  job_id bigint,
  advisor text collate "C" not null,
  topics json not null,
  reason text not null,
  outcome json,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index path_advice_user_id_idx on path_advice (user_id);
create index path_advice_expires_at_idx on path_advice (expires_at);

alter table tasks add column path_id uuid references definitions on delete set null;
create index tasks_path_id_idx on tasks (path_id) where path_id is not null;

-- Where somebody stands on a path is read from the tasks that they completed, and from nothing else of their stream.
create index events_completed_idx on events (user_id, occurred_at, id) where kind = 'task.completed';

grant select, insert, update, delete on definitions, definition_versions, path_enrolments, path_advice to skillcore_service;
"""

DOWN = """
drop index events_completed_idx;
alter table tasks drop column path_id;
drop table path_advice, path_enrolments, definition_versions, definitions;
"""


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute(UP)


def downgrade() -> None:
    op.get_bind().connection.driver_connection.execute(DOWN)
