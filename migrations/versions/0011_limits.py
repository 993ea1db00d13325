"""How often who may call: a bucket for each person, key and address, told by the moment at which it would be full again.

Nobody misses these rows after a crash, so they are not logged; they are deleted some time after that moment.
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

UP = """
create unlogged table rate_limits (
  key_sha256 bytea primary key,
  full_at timestamptz not null
);
create index rate_limits_full_at_idx on rate_limits (full_at);

grant select, insert, update, delete on rate_limits to skillcore_service;
"""
DOWN = """
drop table rate_limits;
"""


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute(UP)


def downgrade() -> None:
    op.get_bind().connection.driver_connection.execute(DOWN)
