"""Progress updates: what people report of their work on a project. Only the project's declared skills are touched."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct
from sqlalchemy import select

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.defaults.kinds import ProgressUpdated
from skillcore.ledger import record
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.engine import Transaction
from skillcore.runtime.events import NewEvent, of_platform
from skillcore.runtime.pages import Page, page, position
from skillcore.runtime.problems import Conflict
from skillcore.work import projects
from skillcore.work.tables import ProgressUpdateRow, ProjectMemberRow

__all__ = ["NewUpdate", "Update", "create", "listing"]


class NewUpdate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An update to store.

    Attributes:
        project: the project it is about; its author must be in it.
        user: who reports.
        content: free text; it never touches a skill.
    """

    project: UUID
    user: people.PersonReference = "me"
    content: Annotated[str, Meta(min_length=1, max_length=2000)]


class Update(Struct, frozen=True, kw_only=True):
    """A stored update."""

    id: UUID
    project: UUID
    user_id: UUID
    content: str
    created_at: datetime


async def create(tx: Transaction, actor: Actor, new: NewUpdate) -> Update:
    """Store an update, record it with the skills that its project declares now, and return it.

    Raises:
        NotFound: no such project or person, for this caller.
        Conflict: the person is not in the project.
    """
    user_id = await people.resolve(tx, actor, new.user, write=True)
    project = await projects.visible(tx, actor, new.project)
    member = await tx.session.get(ProjectMemberRow, (new.project, user_id))
    if member is None or member.left_at is not None:
        raise Conflict(
            f"this person is not in the project; join it with PUT /api/projects/{new.project}/members/{user_id}",
            field="project",
        )
    row = ProgressUpdateRow(id=new_id(), project_id=new.project, user_id=user_id, content=new.content, created_at=now())
    tx.session.add(row)
    updated = NewEvent(
        user_id=user_id,
        kind="progress.updated",
        subject_id=str(row.id),
        skills=await projects.declared_skills(tx, new.project),
        data=ProgressUpdated(project_id=str(new.project), text=new.content),
        origin=of_platform(project.platform_id),
    )
    await record(tx, [updated])
    return _update(row)


async def listing(
    tx: Transaction, actor: Actor, *, user: str, project: UUID | None, limit: int, cursor: str | None
) -> Page[Update]:
    """Return a person's updates, oldest first; to a platform, those on its own projects.

    Raises:
        NotFound: no such person, for this caller.
    """
    user_id = await people.resolve(tx, actor, user)
    query = select(ProgressUpdateRow).where(ProgressUpdateRow.user_id == user_id)
    if project is not None:
        query = query.where(ProgressUpdateRow.project_id == project)
    if actor.platform_id is not None:
        query = query.where(ProgressUpdateRow.project_id.in_(projects.owned_by(actor.platform_id)))
    after = position(cursor, UUID)
    if after is not None:
        query = query.where(ProgressUpdateRow.id > after)
    rows = (await tx.session.scalars(query.order_by(ProgressUpdateRow.id).limit(limit + 1))).all()
    return page(rows, limit, _update, lambda row: row.id)


def _update(row: ProgressUpdateRow) -> Update:
    return Update(id=row.id, project=row.project_id, user_id=row.user_id, content=row.content, created_at=row.created_at)
