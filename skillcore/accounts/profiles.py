"""One's own account, as its person sees it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from skillcore.accounts.access import Actor, Role
from skillcore.accounts.tables import UserRow
from skillcore.runtime.engine import Transaction
from skillcore.runtime.problems import Unauthenticated

__all__ = ["Profile", "profile", "profile_of"]


class Profile(Struct, frozen=True, kw_only=True):
    """One's own account."""

    id: UUID
    email: str | None
    display_name: str
    role: Role
    time_zone: str
    created_at: datetime


async def profile(tx: Transaction, actor: Actor) -> Profile:
    """Return one's own account."""
    user = await tx.session.get(UserRow, actor.user_id)
    if user is None:
        raise Unauthenticated("this account does not exist any more")
    return profile_of(user)


def profile_of(user: UserRow) -> Profile:
    """Return an account as its person sees it."""
    return Profile(
        id=user.id,
        email=user.email,
        display_name=user.display_name,
        role=user.role,  # type: ignore[arg-type] # the table has no others
        time_zone=user.time_zone,
        created_at=user.created_at,
    )
