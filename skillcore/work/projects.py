"""Projects: what people work on together, with the skills that they declare. Joining one leaves a trace on those skills."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct
from sqlalchemy import ColumnElement, Select, exists, func, or_, select, true

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.accounts.audit import note_read
from skillcore.accounts.tables import MembershipRow
from skillcore.defaults.kinds import ProjectJoined, ProjectLeft
from skillcore.ledger import record, skills
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.engine import Transaction
from skillcore.runtime.events import NewEvent, of_platform
from skillcore.runtime.pages import Page, page, position
from skillcore.runtime.problems import NotFound
from skillcore.work.tables import ProjectMemberRow, ProjectRow, ProjectSkillRow

__all__ = [
    "Member",
    "NewProject",
    "Project",
    "create",
    "declared_skills",
    "get",
    "join",
    "known",
    "leave",
    "listing",
    "members",
    "owned_by",
    "visible",
]

Name = Annotated[str, Meta(min_length=1, max_length=200)]
SkillNames = Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=100)], ...], Meta(max_length=50)]


class NewProject(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A project to create.

    Attributes:
        skills: the skills it declares, by id, name or alias: what joining and updates leave traces on.
        metadata: anything worth keeping, such as ``skill_ideas``; nothing in it ever leaves a trace.
    """

    name: Name
    skills: SkillNames = ()
    metadata: Annotated[dict[str, Any], Meta(max_length=50)] = {}


class Project(Struct, frozen=True, kw_only=True):
    """A project.

    Attributes:
        members: how many are in it now.
    """

    id: UUID
    name: str
    skills: tuple[str, ...]
    metadata: Mapping[str, Any]
    members: int
    created_at: datetime


class Member(Struct, frozen=True, kw_only=True):
    """A person in a project; ``left_at`` once they have left."""

    project: UUID
    user_id: UUID
    joined_at: datetime
    left_at: datetime | None = None


async def create(tx: Transaction, actor: Actor, new: NewProject) -> Project:
    """Create a project: a platform's by its key, otherwise the caller's own.

    Raises:
        InvalidField: a skill that the catalogue does not know.
    """
    declared = await skills.resolve(tx, new.skills)
    row = ProjectRow(
        id=new_id(),
        platform_id=actor.platform_id,
        owner_id=actor.user_id if actor.platform_id is None else None,
        name=new.name,
        details=new.metadata,
        created_at=now(),
    )
    tx.session.add(row)
    await tx.session.flush()
    tx.session.add_all(ProjectSkillRow(project_id=row.id, skill_id=skill) for skill in declared)
    return _project(row, declared, 0)


async def get(tx: Transaction, actor: Actor, project_id: UUID) -> Project:
    """Return a project.

    Raises:
        NotFound: there is none that this caller may see.
    """
    row = await visible(tx, actor, project_id)
    return (await _projects(tx, [row]))[0]


async def listing(tx: Transaction, actor: Actor, *, limit: int, cursor: str | None) -> Page[Project]:
    """Return the projects that the caller may see, oldest first."""
    query = select(ProjectRow).where(_seen_by(actor))
    after = position(cursor, UUID)
    if after is not None:
        query = query.where(ProjectRow.id > after)
    rows = (await tx.session.scalars(query.order_by(ProjectRow.id).limit(limit + 1))).all()
    described = {project.id: project for project in await _projects(tx, rows)}
    return page(rows, limit, lambda row: described[row.id], lambda row: row.id)


async def members(tx: Transaction, actor: Actor, project_id: UUID, *, limit: int, cursor: str | None) -> Page[Member]:
    """Return the people who are in a project, by id.

    Raises:
        NotFound: there is no project that this caller may see.
    """
    await visible(tx, actor, project_id)
    query = select(ProjectMemberRow).where(ProjectMemberRow.project_id == project_id, ProjectMemberRow.left_at.is_(None))
    after = position(cursor, UUID)
    if after is not None:
        query = query.where(ProjectMemberRow.user_id > after)
    rows = (await tx.session.scalars(query.order_by(ProjectMemberRow.user_id).limit(limit + 1))).all()
    note_read(tx, actor, [row.user_id for row in rows[:limit]])
    return page(rows, limit, _member, lambda row: row.user_id)


async def join(tx: Transaction, actor: Actor, project_id: UUID, person: str) -> Member:
    """Bring a person into a project; who is in it already stays in it, and nothing is recorded.

    Raises:
        NotFound: no such project or person, for this caller.
    """
    user_id = await people.resolve(tx, actor, person, write=True)
    project = await visible(tx, actor, project_id, lock=True)
    row = await tx.session.get(ProjectMemberRow, (project_id, user_id))
    if row is not None and row.left_at is None:
        return _member(row)
    if row is None:
        row = ProjectMemberRow(project_id=project_id, user_id=user_id)
        tx.session.add(row)
    row.joined_at, row.left_at = now(), None
    joined = NewEvent(
        user_id=user_id,
        kind="project.joined",
        subject_id=str(project_id),
        skills=await declared_skills(tx, project_id),
        data=ProjectJoined(name=project.name),
        origin=of_platform(project.platform_id),
    )
    await record(tx, [joined])
    return _member(row)


async def leave(tx: Transaction, actor: Actor, project_id: UUID, person: str) -> None:
    """Take a person out of a project; the traces of their joining stay.

    Raises:
        NotFound: no such project or person, for this caller, or the person is not in it.
    """
    user_id = await people.resolve(tx, actor, person, write=True)
    project = await visible(tx, actor, project_id, lock=True)
    row = await tx.session.get(ProjectMemberRow, (project_id, user_id))
    if row is None or row.left_at is not None:
        raise NotFound("this person is not in the project")
    row.left_at = now()
    left = NewEvent(
        user_id=user_id,
        kind="project.left",
        subject_id=str(project_id),
        data=ProjectLeft(name=project.name),
        origin=of_platform(project.platform_id),
    )
    await record(tx, [left])


async def visible(tx: Transaction, actor: Actor, project_id: UUID, *, lock: bool = False) -> ProjectRow:
    """Return a project's row, if the caller may see it.

    A platform sees its own; a person their own, those they are in, and those of the platforms they belong to.

    Args:
        tx: the caller's transaction.
        actor: who asks.
        project_id: which.
        lock: let nobody join or leave until the transaction ends.

    Raises:
        NotFound: there is none.
    """
    query = select(ProjectRow).where(ProjectRow.id == project_id, _seen_by(actor))
    row = await tx.session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise NotFound("no such project")
    return row


async def declared_skills(tx: Transaction, project_id: UUID) -> tuple[str, ...]:
    """Return the ids of the skills that a project declares, sorted."""
    query = select(ProjectSkillRow.skill_id).where(ProjectSkillRow.project_id == project_id)
    return tuple(await tx.session.scalars(query.order_by(ProjectSkillRow.skill_id)))


async def known(tx: Transaction, actor: Actor, ids: Iterable[UUID | None]) -> Collection[UUID]:
    """Return those of some projects of which the caller may know: a member's own task may belong to another platform's."""
    named = {id_ for id_ in ids if id_ is not None}
    if actor.platform_id is None or not named:
        return named
    return set(await tx.session.scalars(owned_by(actor.platform_id).where(ProjectRow.id.in_(named))))


def owned_by(platform_id: UUID) -> Select[UUID]:
    """Return the query for the ids of a platform's projects."""
    return select(ProjectRow.id).where(ProjectRow.platform_id == platform_id)


def _seen_by(actor: Actor) -> ColumnElement[bool]:
    if actor.platform_id is not None:
        return ProjectRow.platform_id == actor.platform_id
    if actor.is_admin:
        return true()
    is_in = exists().where(
        ProjectMemberRow.project_id == ProjectRow.id,
        ProjectMemberRow.user_id == actor.user_id,
        ProjectMemberRow.left_at.is_(None),
    )
    belongs = exists().where(MembershipRow.platform_id == ProjectRow.platform_id, MembershipRow.user_id == actor.user_id)
    return or_(ProjectRow.owner_id == actor.user_id, is_in, belongs)


async def _projects(tx: Transaction, rows: Sequence[ProjectRow]) -> list[Project]:
    ids = [row.id for row in rows]
    declared: dict[UUID, list[str]] = {id_: [] for id_ in ids}
    query = select(ProjectSkillRow.project_id, ProjectSkillRow.skill_id).where(ProjectSkillRow.project_id.in_(ids))
    for project_id, skill in await tx.session.execute(query.order_by(ProjectSkillRow.skill_id)):
        declared[project_id].append(skill)
    count = (
        select(ProjectMemberRow.project_id, func.count())
        .where(ProjectMemberRow.project_id.in_(ids), ProjectMemberRow.left_at.is_(None))
        .group_by(ProjectMemberRow.project_id)
    )
    counts = {row[0]: row[1] for row in await tx.session.execute(count)}
    return [_project(row, declared[row.id], counts.get(row.id, 0)) for row in rows]


def _project(row: ProjectRow, declared: Iterable[str], count: int) -> Project:
    return Project(
        id=row.id,
        name=row.name,
        skills=tuple(sorted(declared)),
        metadata=row.details,
        members=count,
        created_at=row.created_at,
    )


def _member(row: ProjectMemberRow) -> Member:
    return Member(project=row.project_id, user_id=row.user_id, joined_at=row.joined_at, left_at=row.left_at)
