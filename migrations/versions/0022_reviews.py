"""Reviews of people's work by others, who reviewed whom, and an index by which a space's milestones are found."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

UP = """
create table reviewers (
  alias uuid primary key,
  user_id uuid not null references users,
  reviewer_id uuid references users,
  discounted boolean not null default false,
  reviewed_at timestamptz not null,
  unique (user_id, reviewer_id)
);
create index reviewers_reviewer_id_idx on reviewers (reviewer_id);

create table reviews (
  id uuid primary key,
  user_id uuid not null references users,
  alias uuid not null references reviewers on delete cascade,
  reviewer_id uuid references users,
  platform_id uuid references platforms,
  task_id uuid references tasks on delete cascade,
  quality double precision not null,
  skills text[] not null,
  content text not null,
  created_at timestamptz not null default now(),
  replaced_at timestamptz
);
create index reviews_user_id_idx on reviews (user_id, id);
create index reviews_reviewer_id_idx on reviews (reviewer_id, created_at);
create index reviews_alias_idx on reviews (alias, task_id);
create index reviews_task_id_idx on reviews (task_id);

create index events_milestone_idx on events (user_id, subject_id, occurred_at) where kind = 'progress.milestone';

grant select, insert, update, delete on reviewers, reviews to skillcore_service;
"""

DOWN = """
drop index events_milestone_idx;
drop table reviews, reviewers;
"""


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute(UP)


def downgrade() -> None:
    op.get_bind().connection.driver_connection.execute(DOWN)
