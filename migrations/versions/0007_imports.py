"""Past work is imported: how far each account's import is, and which topics sources name.

Pages of history leave answers as verifications do. Which topics there are is counted behind the feed, so that imports that
run at the same time need not wait for each other's counts.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

UP = """
create table imports (
  account_id uuid primary key references source_accounts on delete cascade,
  user_id uuid not null references users,
  state text collate "C" not null,
  cursor text,
  behind bigint not null default 0,
  total bigint,
  pages integer not null default 0,
  seen bigint not null default 0,
  added bigint not null default 0,
  unmapped text[] not null default '{}',
  gap text not null default '',
  attempts integer not null default 0,
  reason text not null default '',
  job_id bigint,
  started_at timestamptz,
  finished_at timestamptz,
  next_at timestamptz,
  updated_at timestamptz not null default now(),
  constraint imports_state_check check (state in ('waiting', 'running', 'done', 'failed'))
);
create index imports_user_id_idx on imports (user_id);
create index imports_next_at_idx on imports (next_at) where state in ('done', 'failed');
create index imports_under_way_idx on imports (updated_at) where state in ('waiting', 'running');

create table topics (
  source text collate "C" not null,
  topic text collate "C" not null,
  works bigint not null,
  primary key (source, topic)
);

alter table answers drop constraint answers_outcome_check,
  add constraint answers_outcome_check check (outcome in ('verified', 'not_verified', 'undecided', 'history'));

grant select, insert, update, delete on imports, topics to skillcore_service;
"""

# Nobody reads what a page of history decided, only that it was asked for.
DOWN = """
drop table topics, imports;
delete from subscriptions where name = 'verification.topics';
update answers set outcome = 'undecided' where outcome = 'history';
alter table answers drop constraint answers_outcome_check,
  add constraint answers_outcome_check check (outcome in ('verified', 'not_verified', 'undecided'));
"""


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute(UP)


def downgrade() -> None:
    op.get_bind().connection.driver_connection.execute(DOWN)
