"""The job queue: the schema of the installed Procrastinate, and what a job's owner is told about it.

Procrastinate's own triggers notify inside the transaction that writes a job, which makes all commits wait for one another;
they are dropped, and each process sends one hint after its commits instead.
"""

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SILENCED = """
drop trigger procrastinate_jobs_notify_queue_job_inserted_v1 on procrastinate_jobs;
drop trigger procrastinate_jobs_notify_queue_job_aborted_v1 on procrastinate_jobs;
"""

PROGRESS = """
create table job_progress (
  job_id bigint primary key,
  user_id uuid,
  platform_id uuid,
  state text not null default '',
  done bigint,
  total bigint,
  reason text not null default '',
  failures integer not null default 0,
  updated_at timestamptz not null default now()
);
create index job_progress_user_id_idx on job_progress (user_id);
"""

RIGHTS = """
grant select, insert, update, delete on procrastinate_jobs, procrastinate_events, procrastinate_workers,
  procrastinate_periodic_defers, job_progress to skillcore_service;
grant usage on sequence procrastinate_jobs_id_seq, procrastinate_events_id_seq, procrastinate_periodic_defers_id_seq,
  procrastinate_workers_id_seq to skillcore_service;
"""

REMOVED = """
drop table job_progress;
drop table procrastinate_events, procrastinate_periodic_defers, procrastinate_jobs, procrastinate_workers cascade;
do $$
declare
  thing regprocedure;
begin
  for thing in
    select oid::regprocedure from pg_proc
    where proname like 'procrastinate\\_%' and pronamespace = current_schema()::regnamespace
  loop
    execute 'drop function ' || thing || ' cascade';
  end loop;
end $$;
drop type procrastinate_job_to_defer_v1, procrastinate_job_status, procrastinate_job_event_type;
"""


def run(script: str) -> None:
    """Send a script as it is: it has colons and per cent signs that are nobody's parameters."""
    connection = op.get_bind().connection.driver_connection
    connection.execute(script)


def upgrade() -> None:
    run(SchemaManager.get_schema())
    run(SILENCED + PROGRESS + RIGHTS)


def downgrade() -> None:
    run(REMOVED)
