"""Checkpoints: the states of formulas as of former days, so that reading one of long ago costs no more than a page of events.

Snapshots now say how many events they were folded from; those of before are dropped, as the next reading makes them anew.
"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

UP = """
delete from snapshots;
alter table snapshots add column folded bigint not null;

create table checkpoints (
  user_id uuid not null,
  formula text collate "C" not null,
  formula_version integer not null,
  parameters_hash text collate "C" not null,
  upto_at timestamptz not null,
  upto_id uuid not null,
  folded bigint not null,
  states json not null,
  primary key (user_id, formula, formula_version, parameters_hash, upto_at, upto_id)
);
create trigger nothing_for_erased before insert on checkpoints for each row execute function drop_for_erased();
grant select, insert, update, delete on checkpoints to skillcore_service;
"""

DOWN = """
drop table checkpoints;
alter table snapshots drop column folded;
"""


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute(UP)


def downgrade() -> None:
    op.get_bind().connection.driver_connection.execute(DOWN)
