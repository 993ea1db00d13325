"""What becomes of what people share when one of them is erased."""

from __future__ import annotations

from uuid import UUID

from skillcore.runtime.engine import Transaction

__all__ = ["hand_over"]

# Who is in the project comes before who was, then who joined first. Others' updates go with their project otherwise.
HAND_OVER = """update projects p set owner_id = heir.user_id from projects o, lateral (
    select m.user_id from project_members m where m.project_id = o.id and m.user_id <> o.owner_id
    order by m.left_at is not null, m.joined_at, m.user_id limit 1) heir
  where o.owner_id = %s and p.id = o.id"""


async def hand_over(tx: Transaction, user_id: UUID) -> None:
    """Give a person's projects to those of their members who have been in them longest; those of nobody else go with them.

    Args:
        tx: the transaction that erases.
        user_id: who is erased.
    """
    await (await tx.psycopg()).execute(HAND_OVER, (user_id,))
