"""Whose a definition is, as conditions: who sees it, who has it to learn by, and who may change it."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, or_, true

from skillcore.accounts.access import Actor
from skillcore.accounts.mentor_tables import MentorRow
from skillcore.accounts.tables import MembershipRow
from skillcore.learning.tables import DefinitionRow

__all__ = ["had_by", "may_change", "seen_by"]


def seen_by(actor: Actor) -> ColumnElement[bool]:
    """Return the condition for what somebody sees."""
    everybodys = and_(DefinitionRow.owner_id.is_(None), DefinitionRow.platform_id.is_(None))
    if actor.platform_id is not None:
        member = exists().where(
            MembershipRow.platform_id == DefinitionRow.platform_id, MembershipRow.user_id == DefinitionRow.owner_id
        )
        own = and_(DefinitionRow.platform_id == actor.platform_id, or_(DefinitionRow.owner_id.is_(None), member))
        return or_(everybodys, own)
    if actor.is_admin:
        return true()
    seen = [everybodys, _shared_with(actor.user_id), DefinitionRow.owner_id == actor.user_id]
    if actor.role == "mentor":
        mentored = MentorRow.learner_id == DefinitionRow.owner_id
        seen.append(exists().where(MentorRow.mentor_id == actor.user_id, mentored))
    return or_(*seen)


def had_by(person: UUID, *, platform: UUID | None = None) -> ColumnElement[bool]:
    """Return the condition for what a person has: their own, their platforms' and the installation's.

    Args:
        person: who has it.
        platform: which asks, if one does: of all this it sees what it made, and the installation's.
    """
    everybodys = and_(DefinitionRow.owner_id.is_(None), DefinitionRow.platform_id.is_(None))
    had = or_(DefinitionRow.owner_id == person, everybodys, _shared_with(person))
    return had if platform is None else and_(had, or_(DefinitionRow.platform_id == platform, everybodys))


def _shared_with(person: UUID | None) -> ColumnElement[bool]:
    """Return the condition for what the platforms of a person share with all of their members."""
    member = exists().where(MembershipRow.platform_id == DefinitionRow.platform_id, MembershipRow.user_id == person)
    return and_(DefinitionRow.owner_id.is_(None), member)


def may_change(actor: Actor, row: DefinitionRow) -> bool:
    """Tell whether somebody who sees a definition may change it."""
    if actor.platform_id is not None:
        return row.platform_id == actor.platform_id
    return actor.is_admin or (row.platform_id is None and row.owner_id is not None and row.owner_id == actor.user_id)
