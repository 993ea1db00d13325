"""Mentors see the learners who accepted them."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

UP = """
create table mentors (
  mentor_id uuid not null references users,
  learner_id uuid not null references users,
  accepted_at timestamptz not null default now(),
  primary key (mentor_id, learner_id),
  constraint mentors_two_check check (mentor_id <> learner_id)
);
create index mentors_learner_id_idx on mentors (learner_id);

create table mentor_invitations (
  id uuid primary key,
  mentor_id uuid not null references users,
  code_sha256 bytea not null unique,
  uses integer not null,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  constraint mentor_invitations_uses_check check (uses > 0)
);
create index mentor_invitations_mentor_id_idx on mentor_invitations (mentor_id, id);
create index mentor_invitations_expires_at_idx on mentor_invitations (expires_at);

grant select, insert, update, delete on mentors, mentor_invitations to skillcore_service;
"""


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute(UP)


def downgrade() -> None:
    op.get_bind().connection.driver_connection.execute("drop table mentor_invitations, mentors")
