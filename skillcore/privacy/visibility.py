"""What people let everybody see. Nothing, until they choose it; and each choice is about one thing alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, get_args
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from skillcore.accounts.access import Actor
from skillcore.accounts.audit import note
from skillcore.accounts.tables import UserRow
from skillcore.charts import Card
from skillcore.insight.levels import ROLE, rounded
from skillcore.insight.pictures import drawable
from skillcore.ledger import scores
from skillcore.privacy.tables import ErasureRequestRow, ShareRow
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Transaction
from skillcore.runtime.problems import NotFound, Unauthenticated

__all__ = ["SHARES", "Choices", "PublicProfile", "Share", "Shared", "Visibility", "card", "change", "public", "read"]

Share = Literal["public_profile", "public_level"]
SHARES: tuple[Share, ...] = get_args(Share)


class Shared(Struct, frozen=True, kw_only=True):
    """That something is shared, and since when."""

    granted_at: datetime


class Visibility(Struct, frozen=True, kw_only=True):
    """What you let everybody see; null is what you do not.

    Attributes:
        public_profile: your display name.
        public_level: your level, without your name.
    """

    public_profile: Shared | None = None
    public_level: Shared | None = None


class Choices(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to let everybody see from now on; what is left out stays as it is."""

    public_profile: bool | UnsetType = UNSET
    public_level: bool | UnsetType = UNSET


class PublicProfile(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a person lets everybody see. What they do not is left out.

    Attributes:
        display_name: shared as ``public_profile``.
        level: shared as ``public_level``.
    """

    id: UUID
    display_name: str | None = None
    level: float | None = None


async def read(tx: Transaction, actor: Actor) -> Visibility:
    """Return what the actor lets everybody see."""
    rows = await tx.session.scalars(select(ShareRow).where(ShareRow.user_id == actor.user_id))
    return Visibility(**{row.share: Shared(granted_at=row.granted_at) for row in rows})


async def change(tx: Transaction, actor: Actor, choices: Choices) -> Visibility:
    """Let everybody see what is chosen, and no longer what is not.

    Raises:
        Unauthenticated: the actor has been erased meanwhile.
    """
    held = select(UserRow.id).where(UserRow.id == actor.user_id).with_for_update(key_share=True)
    if await tx.session.scalar(held) is None:
        raise Unauthenticated("this account does not exist any more")
    changed = [share for share in SHARES if await _choose(tx, actor, share, getattr(choices, share))]
    for share in changed:
        await note(tx, "visibility.changed", actor, actor.user_id, share=share, shared=getattr(choices, share))
    return await read(tx, actor)


async def public(tx: Transaction, user_id: UUID) -> PublicProfile:
    """Return what a person lets everybody see.

    Raises:
        NotFound: nothing, or there is no such person: in the same words.
    """
    return await _profile(tx, user_id, await _shares(tx, user_id))


async def card(tx: Transaction, user_id: UUID) -> Card:
    """Return a card of a person who shows their profile, with their level if they show that as well.

    Raises:
        NotFound: they do not, or there is no such person: in the same words.
        Unprocessable: a level that cannot be drawn.
    """
    shares = await _shares(tx, user_id)
    shown = await _profile(tx, user_id, shares if "public_profile" in shares else ())
    with drawable():
        return Card(title=shown.display_name or "", level=shown.level, shows_level="public_level" in shares, as_of=now().date())


async def _profile(tx: Transaction, user_id: UUID, shares: Sequence[str]) -> PublicProfile:
    if not shares:
        raise NotFound("there is no such profile, or its person shows it to nobody")
    name = await tx.session.scalar(select(UserRow.display_name).where(UserRow.id == user_id))
    level = rounded((await scores.read(tx, user_id, ROLE)).score.value) if "public_level" in shares else None
    return PublicProfile(id=user_id, display_name=name if "public_profile" in shares else None, level=level)


async def _shares(tx: Transaction, user_id: UUID) -> Sequence[str]:
    """Return what is shared; nothing of somebody who has asked to be erased."""
    leaving = select(ErasureRequestRow.user_id).where(ErasureRequestRow.user_id == user_id).exists()
    return (await tx.session.scalars(select(ShareRow.share).where(ShareRow.user_id == user_id, ~leaving))).all()


async def _choose(tx: Transaction, actor: Actor, share: Share, chosen: bool | UnsetType) -> bool:
    """Note a choice; says whether it is another than before."""
    if chosen is UNSET:
        return False
    if chosen:
        row = insert(ShareRow).values(user_id=actor.user_id, share=share).on_conflict_do_nothing().returning(ShareRow.share)
    else:
        row = delete(ShareRow).where(ShareRow.user_id == actor.user_id, ShareRow.share == share).returning(ShareRow.share)  # type: ignore[assignment]
    return await tx.session.scalar(row) is not None
