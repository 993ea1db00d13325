"""The outbox of mails to people."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

UP = """
create table mails (
  id uuid primary key,
  user_id uuid,
  body bytea,
  state text collate "C" not null default 'waiting',
  reason text not null default '',
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  constraint mails_state_check check (state in ('waiting', 'refused', 'given_up')),
  constraint mails_body_check check ((state = 'waiting') = (body is not null))
);
create index mails_user_id_idx on mails (user_id);
create index mails_expires_at_idx on mails (expires_at);
grant select, insert, update, delete on mails to skillcore_service;
"""


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute(UP)


def downgrade() -> None:
    op.execute("drop table mails")
