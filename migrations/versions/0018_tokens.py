"""Tokens of accounts at sites are kept, sealed, so that a new name there is noticed; and sites take back those kept no longer.

Going back forgets them: people sign in again, and what sites have not taken back yet runs out there.
"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

UP = """
create table source_tokens (
  account_id uuid primary key references source_accounts on delete cascade,
  user_id uuid not null references users,
  method text collate "C" not null,
  token bytea not null,
  kept_at timestamptz not null,
  expires_at timestamptz,
  asked_at timestamptz not null,
  busy_until timestamptz,
  constraint source_tokens_method_check check (method in ('oauth', 'oidc'))
);
create index source_tokens_user_id_idx on source_tokens (user_id);

create table token_revocations (
  id uuid primary key,
  source text collate "C" not null,
  method text collate "C" not null,
  token bytea not null,
  attempts integer not null default 0,
  next_at timestamptz not null,
  given_up_at timestamptz not null,
  constraint token_revocations_method_check check (method in ('oauth', 'oidc'))
);
create index token_revocations_next_at_idx on token_revocations (next_at);

grant select, insert, update, delete on source_tokens, token_revocations to skillcore_service;
"""

DOWN = """
drop table token_revocations, source_tokens;
"""


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute(UP)


def downgrade() -> None:
    op.get_bind().connection.driver_connection.execute(DOWN)
