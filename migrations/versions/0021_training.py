"""Training sessions, as they follow from their events: whose, since when, until when; and the way to a session's events."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

UP = """
create table training_sessions (
  id uuid primary key,
  user_id uuid not null,
  platform_id uuid,
  subject text collate "C" not null,
  module text not null,
  started_at timestamptz not null,
  last_at timestamptz not null,
  ended_at timestamptz,
  automatic boolean not null,
  activities bigint not null,
  head bigint not null
);
create index training_sessions_listing_idx on training_sessions (user_id, started_at, id);
create index training_sessions_open_idx on training_sessions (last_at, id) where ended_at is null;
create trigger nothing_for_erased before insert on training_sessions for each row execute function drop_for_erased();
grant select, insert, update, delete on training_sessions to skillcore_service;

create index events_session_idx on events (user_id, subject_id, occurred_at, id)
  where kind in ('session.started', 'session.activity', 'session.ended');
"""

DOWN = """
drop index events_session_idx;
drop table training_sessions;
delete from subscriptions where name = 'learning.sessions';
delete from parked_events where consumer = 'subscription:learning.sessions';
"""


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute(UP)


def downgrade() -> None:
    op.get_bind().connection.driver_connection.execute(DOWN)
