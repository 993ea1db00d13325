"""Mentors see the learners who accepted them, and nobody else.

There is no directory of people and nothing to guess: a mentor makes an invitation, whose code reaches the learner in
whatever way the two talk; the learner accepts with it, sees at any time who mentors them, and ends it at any time.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct
from sqlalchemy import ColumnElement, Select, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute

from skillcore.accounts.access import Actor
from skillcore.accounts.audit import note, note_read
from skillcore.accounts.mentor_tables import MentorInvitationRow, MentorRow
from skillcore.accounts.tables import UserRow
from skillcore.plugin.veiled import Veiled
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.engine import Transaction
from skillcore.runtime.forgetting import delete_some
from skillcore.runtime.pages import Page, page, position
from skillcore.runtime.problems import Conflict, NotFound

__all__ = [
    "Acceptance",
    "Companion",
    "Invitation",
    "NewInvitation",
    "ShownInvitation",
    "accept",
    "dismiss",
    "forget_expired",
    "invitations",
    "invite",
    "learners",
    "leave",
    "mentors",
    "withdraw",
]

MOST_INVITATIONS = 100
"""Open ones of one mentor."""


class NewInvitation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An invitation to be.

    Attributes:
        uses: how many learners may accept with it.
        hours: for which it holds.
    """

    uses: Annotated[int, Meta(ge=1, le=500, examples=[1])] = 1
    hours: Annotated[int, Meta(ge=1, le=24 * 90, examples=[168])] = 168


class Invitation(Struct, frozen=True, kw_only=True):
    """An invitation that still holds.

    Attributes:
        uses: how many learners may yet accept with it.
    """

    id: UUID
    uses: int
    expires_at: datetime
    created_at: datetime


class ShownInvitation(Invitation, Veiled, frozen=True, kw_only=True):
    """An invitation just made.

    Attributes:
        code: to be given to the learner. It is not kept, and never shown again.
    """

    code: str


class Acceptance(Veiled, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A learner's consent to be seen by whoever made the code."""

    code: Annotated[str, Meta(min_length=1, max_length=100, examples=["the code that the mentor gave"])]


class Companion(Struct, frozen=True, kw_only=True):
    """The other one of a mentor and a learner.

    Attributes:
        since: when the learner accepted.
    """

    user_id: UUID
    display_name: str
    since: datetime


async def invite(tx: Transaction, actor: Actor, data: NewInvitation) -> ShownInvitation:
    """Make an invitation, whose code of 160 bits is shown this once.

    Raises:
        Conflict: the mentor has very many open ones.
    """
    moment = now()
    whose = MentorInvitationRow.mentor_id == actor.user_id
    open_ones = select(func.count()).where(whose, MentorInvitationRow.expires_at > moment)
    if (await tx.session.scalar(open_ones) or 0) >= MOST_INVITATIONS:
        raise Conflict(f"you have {MOST_INVITATIONS} open invitations: withdraw some first")
    code = secrets.token_urlsafe(20)
    row = MentorInvitationRow(
        id=new_id(),
        mentor_id=actor.user_id,
        code_sha256=_fingerprint(code),
        uses=data.uses,
        expires_at=moment + timedelta(hours=data.hours),
        created_at=moment,
    )
    tx.session.add(row)
    await tx.session.flush()
    await note(tx, "mentor.invited", actor, invitation=row.id, uses=row.uses, expires_at=row.expires_at)
    return ShownInvitation(id=row.id, uses=row.uses, expires_at=row.expires_at, created_at=row.created_at, code=code)


async def invitations(tx: Transaction, actor: Actor, *, limit: int, cursor: str | None) -> Page[Invitation]:
    """Return the mentor's own invitations that still hold, oldest first."""
    query = select(MentorInvitationRow).where(
        MentorInvitationRow.mentor_id == actor.user_id, MentorInvitationRow.expires_at > now()
    )
    after = position(cursor, UUID)
    if after is not None:
        query = query.where(MentorInvitationRow.id > after)
    rows = (await tx.session.scalars(query.order_by(MentorInvitationRow.id).limit(limit + 1))).all()
    return page(rows, limit, _invitation, lambda row: row.id)


async def withdraw(tx: Transaction, actor: Actor, invitation_id: UUID) -> None:
    """Let nobody accept with an invitation any more.

    Raises:
        NotFound: the mentor has no such invitation.
    """
    found = delete(MentorInvitationRow).where(
        MentorInvitationRow.id == invitation_id, MentorInvitationRow.mentor_id == actor.user_id
    )
    if await tx.session.scalar(found.returning(MentorInvitationRow.id)) is None:
        raise NotFound("there is no such invitation, or not for you")


async def accept(tx: Transaction, actor: Actor, data: Acceptance) -> tuple[Companion, bool]:
    """Let the mentor who made a code see the learner; accepting a mentor again changes nothing, and takes no use.

    Returns:
        The mentor, and whether they are new.

    Raises:
        NotFound: the code does not hold: it is unknown, used up, withdrawn or over, or its maker is no mentor any more.
        Conflict: it is the mentor's own.
    """
    query = (
        select(MentorInvitationRow, UserRow)
        .join(UserRow, UserRow.id == MentorInvitationRow.mentor_id)
        .where(
            MentorInvitationRow.code_sha256 == _fingerprint(data.code.strip()),
            MentorInvitationRow.expires_at > now(),
            UserRow.role == "mentor",
        )
        .with_for_update(of=MentorInvitationRow)
    )
    found = (await tx.session.execute(query)).one_or_none()
    if found is None:
        raise NotFound("this code does not hold, or no longer: ask your mentor for a new one")
    invitation, mentor = found
    if mentor.id == actor.user_id:
        raise Conflict("this is your own code: it is for a learner of yours")
    values = {"mentor_id": mentor.id, "learner_id": actor.user_id, "accepted_at": now()}
    new = await tx.session.scalar(insert(MentorRow).values(values).on_conflict_do_nothing().returning(MentorRow.accepted_at))
    if new is None:
        row = await tx.session.get_one(MentorRow, (mentor.id, actor.user_id))
        return Companion(user_id=mentor.id, display_name=mentor.display_name, since=row.accepted_at), False
    if invitation.uses > 1:
        await tx.session.execute(
            update(MentorInvitationRow).where(MentorInvitationRow.id == invitation.id).values(uses=invitation.uses - 1)
        )
    else:
        await tx.session.delete(invitation)
    await note(tx, "mentor.accepted", actor, mentor.id, invitation=invitation.id)
    return Companion(user_id=mentor.id, display_name=mentor.display_name, since=new), True


async def mentors(tx: Transaction, actor: Actor, *, limit: int, cursor: str | None) -> Page[Companion]:
    """Return who mentors the person who asks, by id."""
    query = select(MentorRow.mentor_id, UserRow.display_name, MentorRow.accepted_at).join(
        UserRow, UserRow.id == MentorRow.mentor_id
    )
    return await _companions(tx, query.where(MentorRow.learner_id == actor.user_id), MentorRow.mentor_id, limit, cursor)


async def learners(tx: Transaction, actor: Actor, *, limit: int, cursor: str | None) -> Page[Companion]:
    """Return the learners who accepted the mentor who asks, by id."""
    query = select(MentorRow.learner_id, UserRow.display_name, MentorRow.accepted_at).join(
        UserRow, UserRow.id == MentorRow.learner_id
    )
    found = await _companions(tx, query.where(MentorRow.mentor_id == actor.user_id), MentorRow.learner_id, limit, cursor)
    note_read(tx, actor, [learner.user_id for learner in found.items])
    return found


async def leave(tx: Transaction, actor: Actor, mentor_id: UUID) -> None:
    """Let a mentor see the learner who asks no more.

    Raises:
        NotFound: the learner has not accepted this mentor, or it has ended.
    """
    await _end(tx, actor, mentor_id, MentorRow.mentor_id == mentor_id, MentorRow.learner_id == actor.user_id)


async def dismiss(tx: Transaction, actor: Actor, learner_id: UUID) -> None:
    """Let the mentor who asks see a learner no more.

    Raises:
        NotFound: the learner has not accepted this mentor, or it has ended.
    """
    await _end(tx, actor, learner_id, MentorRow.mentor_id == actor.user_id, MentorRow.learner_id == learner_id)


async def forget_expired(tx: Transaction, before: datetime, limit: int) -> int:
    """Delete invitations that were over before a moment; returns how many."""
    return await delete_some(tx, MentorInvitationRow.id, MentorInvitationRow.expires_at < before, limit)


async def _end(tx: Transaction, actor: Actor, other: UUID, *which: ColumnElement[bool]) -> None:
    if await tx.session.scalar(delete(MentorRow).where(*which).returning(MentorRow.mentor_id)) is None:
        raise NotFound("there is no such person, or not for you")
    await note(tx, "mentor.ended", actor, other)


async def _companions(
    tx: Transaction, query: Select[UUID, str, datetime], key: InstrumentedAttribute[UUID], limit: int, cursor: str | None
) -> Page[Companion]:
    after = position(cursor, UUID)
    if after is not None:
        query = query.where(key > after)
    rows = (await tx.session.execute(query.order_by(key).limit(limit + 1))).all()
    return page(rows, limit, lambda row: Companion(user_id=row[0], display_name=row[1], since=row[2]), lambda row: row[0])


def _invitation(row: MentorInvitationRow) -> Invitation:
    return Invitation(id=row.id, uses=row.uses, expires_at=row.expires_at, created_at=row.created_at)


def _fingerprint(code: str) -> bytes:
    return hashlib.sha256(code.encode(errors="replace")).digest()
