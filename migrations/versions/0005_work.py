"""Projects with their members and updates, mentorship sessions, and tasks."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = """
create table projects (
  id uuid primary key,
  platform_id uuid references platforms,
  owner_id uuid references users,
  name text not null,
  metadata json not null,
  created_at timestamptz not null default now(),
  constraint projects_owner_check check (num_nonnulls(platform_id, owner_id) = 1)
);
create index projects_platform_id_idx on projects (platform_id, id);
create index projects_owner_id_idx on projects (owner_id, id);

create table project_skills (
  project_id uuid not null references projects on delete cascade,
  skill_id text collate "C" not null references skills,
  primary key (project_id, skill_id)
);

create table project_members (
  project_id uuid not null references projects on delete cascade,
  user_id uuid not null references users,
  joined_at timestamptz not null,
  left_at timestamptz,
  primary key (project_id, user_id)
);
create index project_members_user_id_idx on project_members (user_id);

create table progress_updates (
  id uuid primary key,
  project_id uuid not null references projects on delete cascade,
  user_id uuid not null references users,
  content text not null,
  created_at timestamptz not null default now()
);
create index progress_updates_user_id_idx on progress_updates (user_id, id);
create index progress_updates_project_id_idx on progress_updates (project_id, id);

create table mentorship_sessions (
  id uuid primary key,
  platform_id uuid references platforms,
  mentor_id uuid not null references users,
  intern_id uuid not null references users,
  project_id uuid references projects on delete set null,
  focus text not null,
  status text collate "C" not null,
  minutes double precision,
  created_at timestamptz not null default now(),
  constraint mentorship_sessions_status_check check (status in ('planned', 'held', 'cancelled')),
  constraint mentorship_sessions_two_check check (mentor_id <> intern_id)
);
create index mentorship_sessions_intern_id_idx on mentorship_sessions (intern_id, id);
create index mentorship_sessions_mentor_id_idx on mentorship_sessions (mentor_id, id);

create table tasks (
  id uuid primary key,
  user_id uuid not null references users,
  platform_id uuid references platforms,
  description text not null,
  source text collate "C" not null,
  requirements json not null,
  difficulty double precision,
  difficulty_by text collate "C",
  topic text not null,
  skills text[] not null,
  project_id uuid references projects on delete set null,
  set_by text collate "C" not null,
  state text collate "C" not null,
  attempt integer not null default 0,
  job_id bigint,
  outcome json,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  completed_at timestamptz,
  hidden_at timestamptz,
  deleted_at timestamptz,
  constraint tasks_state_check check (state in ('pending', 'in_progress', 'completed', 'failed')),
  constraint tasks_set_by_check check (set_by in ('learner', 'mentor', 'admin', 'platform')),
  constraint tasks_difficulty_by_check check ((difficulty is null) = (difficulty_by is null))
);
create index tasks_listing_idx on tasks (user_id, id) where deleted_at is null;
create index tasks_state_idx on tasks (user_id, state);
create index tasks_in_progress_idx on tasks (updated_at) where state = 'in_progress';

-- A task's history is read by its subject; of other kinds nobody asks that.
create index events_task_idx on events (user_id, subject_id, version) where kind = 'task.state';

grant select, insert, update, delete on projects, project_skills, project_members, progress_updates, mentorship_sessions,
  tasks to skillcore_service;
"""


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute(TABLES)


def downgrade() -> None:
    op.execute(
        "drop index events_task_idx;"
        "drop table tasks, mentorship_sessions, progress_updates, project_members, project_skills, projects"
    )
