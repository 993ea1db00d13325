"""Stretches of time spent in training sessions, by which minutes of training are counted.

What there is gets the stretches that the default of ``learning.session_idle``, two hours, makes of its events.
"""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

UP = """
alter table training_sessions
  add column stretch_starts timestamptz[] not null default '{}',
  add column stretch_seconds double precision[] not null default '{}';
create index training_sessions_last_idx on training_sessions (user_id, last_at);

with seen as (
  select user_id, subject_id, kind, occurred_at, id,
    case when origin like 'platform:%' then substr(origin, 10)::uuid end as platform_id
  from events
  where kind in ('session.started', 'session.activity', 'session.ended') and subject_id <> ''
    and not (kind = 'session.ended' and via = 'engine')),
cut as (
  select *, kind = 'session.started' or lag(kind, 1, 'session.ended') over one = 'session.ended'
    or occurred_at - lag(occurred_at) over one > interval '2 hours' as begins
  from seen window one as (partition by user_id, platform_id, subject_id order by occurred_at, id)),
numbered as (
  select *, count(*) filter (where begins) over one as stretch
  from cut window one as (partition by user_id, platform_id, subject_id order by occurred_at, id)),
stretches as (
  select user_id, platform_id, subject_id, min(occurred_at) as start,
    extract(epoch from max(occurred_at) - min(occurred_at))::float8 as seconds
  from numbered group by user_id, platform_id, subject_id, stretch
  having max(occurred_at) > min(occurred_at)),
made as (
  select user_id, platform_id, subject_id,
    array_agg(start order by start) as starts, array_agg(seconds order by start) as seconds
  from stretches group by user_id, platform_id, subject_id)
update training_sessions t set stretch_starts = made.starts, stretch_seconds = made.seconds from made
where t.user_id = made.user_id and t.subject = made.subject_id and t.platform_id is not distinct from made.platform_id;
"""

DOWN = """
drop index training_sessions_last_idx;
alter table training_sessions drop column stretch_starts, drop column stretch_seconds;
"""


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute(UP)


def downgrade() -> None:
    op.get_bind().connection.driver_connection.execute(DOWN)
