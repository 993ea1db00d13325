"""The latest works and attempts of a person are found by their time, among whatever else the person did."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

UP = """
create index events_attempt_idx on events (user_id, occurred_at, id) where kind in ('evidence.accepted', 'session.activity');
"""

DOWN = """
drop index events_attempt_idx;
"""


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute(UP)


def downgrade() -> None:
    op.get_bind().connection.driver_connection.execute(DOWN)
