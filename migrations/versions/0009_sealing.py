"""Secrets that must be read again are sealed, with keys whose ids the database knows.

What an attempt under way would still have had to know is forgotten: whoever was signing in just then starts again.
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

UP = """
create table sealing_keys (
  id bytea primary key,
  made_at timestamptz not null default now()
);
grant select, insert, update, delete on sealing_keys to skillcore_service;

alter table link_attempts drop column nonce, drop column verifier, drop column code,
  add column nonce bytea, add column verifier bytea, add column code bytea;
"""

DOWN = """
alter table link_attempts drop column nonce, drop column verifier, drop column code,
  add column nonce text collate "C", add column verifier text collate "C", add column code text;
drop table sealing_keys;
"""


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute(UP)


def downgrade() -> None:
    op.get_bind().connection.driver_connection.execute(DOWN)
