"""One's own account, as its person sees and changes it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType

from skillcore.accounts.access import Actor, Role
from skillcore.accounts.people import DisplayName, TimeZone, check_time_zone
from skillcore.accounts.tables import UserRow
from skillcore.runtime.engine import Transaction
from skillcore.runtime.problems import Unauthenticated

__all__ = ["Profile", "ProfileChanges", "change", "profile", "profile_of"]


class Profile(Struct, frozen=True, kw_only=True):
    """One's own account.

    Attributes:
        email_verified: whether its person has read mail there.
    """

    id: UUID
    email: str | None
    email_verified: bool
    display_name: str
    role: Role
    time_zone: str
    created_at: datetime


class ProfileChanges(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person may change of it just so; what is left out stays."""

    display_name: DisplayName | UnsetType = UNSET
    time_zone: TimeZone | UnsetType = UNSET


async def profile(tx: Transaction, actor: Actor) -> Profile:
    """Return one's own account."""
    return profile_of(await _own(tx, actor))


async def change(tx: Transaction, actor: Actor, changes: ProfileChanges) -> Profile:
    """Change one's own account.

    Raises:
        InvalidField: a field does not fit.
    """
    user = await _own(tx, actor)
    if changes.display_name is not UNSET:
        user.display_name = changes.display_name
    if changes.time_zone is not UNSET:
        check_time_zone(changes.time_zone)
        user.time_zone = changes.time_zone
    return profile_of(user)


def profile_of(user: UserRow) -> Profile:
    """Return an account as its person sees it."""
    return Profile(
        id=user.id,
        email=user.email,
        email_verified=user.email_verified_at is not None,
        display_name=user.display_name,
        role=user.role,  # type: ignore[arg-type] # the table has no others
        time_zone=user.time_zone,
        created_at=user.created_at,
    )


async def _own(tx: Transaction, actor: Actor) -> UserRow:
    user = await tx.session.get(UserRow, actor.user_id)
    if user is None:
        raise Unauthenticated("this account does not exist any more")
    return user
