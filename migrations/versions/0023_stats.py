"""Figures of accounts' public profiles are read from time to time: when each was read, and is to be read again.

What they are is a fact of their person's stream, where the last one about each account is looked up; so is what became of the
account.
"""

from alembic import op

revision = "0023"
down_revision = "0019"
branch_labels = None
depends_on = None

UP = """
create table stats (
  account_id uuid primary key references source_accounts on delete cascade,
  user_id uuid not null references users,
  job_id bigint,
  read_at timestamptz,
  next_at timestamptz
);
create index stats_user_id_idx on stats (user_id);
create index stats_next_at_idx on stats (next_at);
grant select, insert, update, delete on stats to skillcore_service;

create index events_profile_idx on events (user_id, subject_id, version)
  where kind in ('account.linked', 'account.unlinked', 'evidence.withdrawn', 'source.stats');
"""

DOWN = """
drop index events_profile_idx;
drop table stats;
"""


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute(UP)


def downgrade() -> None:
    op.get_bind().connection.driver_connection.execute(DOWN)
