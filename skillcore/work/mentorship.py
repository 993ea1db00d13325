"""Mentorship sessions: context for people and dashboards. They never touch a skill."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID, uuid5

from msgspec import UNSET, Meta, Struct, UnsetType
from sqlalchemy import or_, select

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.defaults.kinds import MentorshipHeld
from skillcore.ledger import record
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.engine import Transaction
from skillcore.runtime.events import NewEvent, of_platform
from skillcore.runtime.pages import Page, page, position
from skillcore.runtime.problems import Conflict, InvalidField, NotFound
from skillcore.work import projects
from skillcore.work.tables import MentorshipSessionRow

__all__ = ["NewSession", "Session", "SessionChanges", "Status", "change", "create", "get", "listing"]

SESSION_EVENTS = UUID("0a4f5a6e-2f0c-5f0e-9a52-6a1c6b3a8f10")
"""Namespace of the ids of a session's events."""

NOBODY = UUID(int=0)

Status = Literal["planned", "held", "cancelled"]
Focus = Annotated[str, Meta(max_length=2000)]
Minutes = Annotated[float, Meta(ge=0, le=1440)]


class NewSession(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A session to note.

    Attributes:
        mentor: who teaches.
        intern: who learns; the session is kept in their stream.
        focus: what it is about.
        project: a project it belongs to.
        minutes: how long it took or is to take.
    """

    mentor: people.PersonReference
    intern: people.PersonReference
    focus: Focus = ""
    project: UUID | None = None
    status: Literal["planned", "held"] = "planned"
    minutes: Minutes | None = None


class SessionChanges(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of a planned session; what is left out stays."""

    status: Status | UnsetType = UNSET
    focus: Focus | UnsetType = UNSET
    minutes: Minutes | UnsetType | None = UNSET


class Session(Struct, frozen=True, kw_only=True):
    """A mentorship session; ``mentor_id`` is null once the mentor was erased."""

    id: UUID
    mentor_id: UUID | None
    intern_id: UUID
    focus: str
    project: UUID | None
    status: str
    minutes: float | None
    created_at: datetime


async def create(tx: Transaction, actor: Actor, new: NewSession) -> Session:
    """Note a session; one that took place is recorded for the intern.

    Raises:
        NotFound: no such person or project, for this caller.
        InvalidField: mentor and intern are the same person.
    """
    mentor_id = await people.resolve(tx, actor, new.mentor, write=True)
    intern_id = await people.resolve(tx, actor, new.intern, write=True)
    if mentor_id == intern_id:
        raise InvalidField("mentor and intern must be two people", field="intern")
    if new.project is not None:
        await projects.visible(tx, actor, new.project)
    row = MentorshipSessionRow(
        id=new_id(),
        platform_id=actor.platform_id,
        mentor_id=mentor_id,
        intern_id=intern_id,
        project_id=new.project,
        focus=new.focus,
        status=new.status,
        minutes=new.minutes,
        created_at=now(),
    )
    tx.session.add(row)
    if row.status == "held":
        await _held(tx, row)
    return _session(row)


async def get(tx: Transaction, actor: Actor, session_id: UUID) -> Session:
    """Return a session.

    Raises:
        NotFound: there is none that this caller may see.
    """
    return _session(await _found(tx, actor, session_id))


async def listing(tx: Transaction, actor: Actor, *, user: str, limit: int, cursor: str | None) -> Page[Session]:
    """Return a person's sessions as mentor or intern, oldest first; to a platform, those that it noted.

    Raises:
        NotFound: no such person, for this caller.
    """
    user_id = await people.resolve(tx, actor, user)
    query = select(MentorshipSessionRow).where(
        or_(MentorshipSessionRow.mentor_id == user_id, MentorshipSessionRow.intern_id == user_id)
    )
    if actor.platform_id is not None:
        query = query.where(MentorshipSessionRow.platform_id == actor.platform_id)
    after = position(cursor, UUID)
    if after is not None:
        query = query.where(MentorshipSessionRow.id > after)
    rows = (await tx.session.scalars(query.order_by(MentorshipSessionRow.id).limit(limit + 1))).all()
    return page(rows, limit, _session, lambda row: row.id)


async def change(tx: Transaction, actor: Actor, session_id: UUID, changes: SessionChanges) -> Session:
    """Change a planned session; setting it to held records it. What was held or cancelled stays as it is.

    Raises:
        NotFound: there is none that this caller may see.
        Conflict: it is not planned any more.
    """
    row = await _found(tx, actor, session_id, lock=True)
    if row.status != "planned":
        raise Conflict(f"the session is {row.status}; only a planned one can change")
    if changes.focus is not UNSET:
        row.focus = changes.focus
    if changes.minutes is not UNSET:
        row.minutes = changes.minutes
    if changes.status is not UNSET:
        row.status = changes.status
        if row.status == "held":
            await _held(tx, row)
    return _session(row)


async def _held(tx: Transaction, row: MentorshipSessionRow) -> None:
    held = NewEvent(
        id=uuid5(SESSION_EVENTS, f"{row.id}:held"),
        user_id=row.intern_id,
        kind="mentorship.held",
        subject_id=str(row.id),
        data=MentorshipHeld(focus=row.focus, minutes=row.minutes),
        origin=of_platform(row.platform_id),
    )
    await record(tx, [held])


async def _found(tx: Transaction, actor: Actor, session_id: UUID, *, lock: bool = False) -> MentorshipSessionRow:
    """Return a session that is the caller's business: their platform's, their own, or a person's whom they may see."""
    row = await tx.session.get(MentorshipSessionRow, session_id, with_for_update=lock or None, populate_existing=True)
    if row is not None and actor.platform_id is not None and row.platform_id != actor.platform_id:
        row = None
    if row is not None and actor.user_id is not None and actor.user_id in {row.mentor_id, row.intern_id}:
        return row
    try:  # also where there is no such session, which then takes as long as somebody else's
        await people.resolve(tx, actor, str(row.intern_id if row is not None else NOBODY), write=lock)
    except NotFound:
        row = None
    if row is None:
        raise NotFound("no such session")
    return row


def _session(row: MentorshipSessionRow) -> Session:
    return Session(
        id=row.id,
        mentor_id=row.mentor_id,
        intern_id=row.intern_id,
        focus=row.focus,
        project=row.project_id,
        status=row.status,
        minutes=row.minutes,
        created_at=row.created_at,
    )
