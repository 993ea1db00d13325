"""Tasks: work that a learner is to show at a source."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from sqlalchemy import select

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.defaults.kinds import TaskCreated
from skillcore.ledger import skills
from skillcore.plugin import Undecided
from skillcore.runtime import jobs
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.engine import Transaction
from skillcore.runtime.events import NewEvent, of_platform
from skillcore.runtime.pages import Page, page, position
from skillcore.runtime.problems import Conflict, NotFound
from skillcore.verification.linking import account_for
from skillcore.verification.sources import parse_requirement
from skillcore.work import projects
from skillcore.work.standing import refuse_change, refuse_platforms, refuse_strangers, standing_of
from skillcore.work.states import Failure, State, Waiting, event_id, locked, outcome_of, step
from skillcore.work.tables import TaskRow
from skillcore.work.topics import choose_again, chosen_path, named_by

__all__ = [
    "Accepted",
    "Change",
    "NewTask",
    "Task",
    "TaskChanges",
    "change",
    "complete",
    "create",
    "delete",
    "enqueue",
    "get",
    "history",
    "listing",
]

JOB = "work.complete_task"
NOBODY = UUID(int=0)

Difficulty = Annotated[float, Meta(ge=1, le=10)]
Description = Annotated[str, Meta(min_length=1, max_length=2000)]
Topic = Annotated[str, Meta(max_length=200)]
SkillNames = Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=100)], ...], Meta(max_length=50)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
PathName = Annotated[str, Meta(min_length=1, max_length=200, description="A learning path's id, or its name.")]

HISTORY = """select id, occurred_at, data ->> 'old', data ->> 'new', coalesce(data ->> 'reason', '')
  from events where user_id = %s and subject_id = %s and kind = 'task.state' order by version"""


class NewTask(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A task to set.

    Attributes:
        user: for whom.
        source: where the work is to be shown; ``GET /api/sources`` lists them.
        requirements: what is to be shown, in the source's own form.
        difficulty: 1 to 10. A learner's own figure is kept, and never scores.
        topic: the area it belongs to. One that is locked on a learning path that the person follows is refused.
        path: a learning path that it is set for, by id or name; the topic is then one of its topics.
        skills: skills declared for it, by id, name or alias.
        project: a project it belongs to.
    """

    user: people.PersonReference = "me"
    description: Description
    source: Name
    requirements: dict[str, Any]
    difficulty: Difficulty | None = None
    topic: Topic = ""
    path: PathName | None = None
    skills: SkillNames = ()
    project: UUID | None = None


class TaskChanges(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of a task; what is left out stays.

    Attributes:
        hidden: leave the task out of lists; the one thing that can change of a completed task.
    """

    description: Description | UnsetType = UNSET
    requirements: dict[str, Any] | UnsetType = UNSET
    difficulty: Difficulty | UnsetType | None = UNSET
    topic: Topic | UnsetType = UNSET
    path: PathName | UnsetType | None = UNSET
    skills: SkillNames | UnsetType = UNSET
    project: UUID | UnsetType | None = UNSET
    hidden: bool | UnsetType = UNSET


class Task(Struct, frozen=True, kw_only=True):
    """A task.

    Attributes:
        path: the learning path it is set for; to a platform only if it may see that one.
        project: it belongs to; to a platform only if it is one of its own.
        set_by: who set it; only they may change or delete it, and those above them.
        difficulty_by: who declared the difficulty; a learner's own never scores.
        attempt: attempts so far.
        job_id: the job of the last attempt.
        waiting: the source does not answer; until when the task waits to be checked again.
        undecided: the source answered, and cannot show what would decide it; complete it again once that is there.
        failure: why the last attempt failed.
    """

    id: UUID
    user_id: UUID
    description: str
    source: str
    requirements: Mapping[str, Any]
    difficulty: float | None
    difficulty_by: str | None
    topic: str
    path: UUID | None
    skills: tuple[str, ...]
    project: UUID | None
    set_by: str
    state: str
    attempt: int
    job_id: int | None
    waiting: Waiting | None
    undecided: Undecided | None
    failure: Failure | None
    hidden: bool
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None


class Change(Struct, frozen=True, kw_only=True):
    """A step of a task's history, and the event that recorded it."""

    event_id: UUID
    occurred_at: datetime
    old: State | None
    new: State
    reason: str


class Accepted(Struct, frozen=True, kw_only=True):
    """That a task is being checked, and by which job."""

    job_id: int
    task: Task


async def create(tx: Transaction, actor: Actor, new: NewTask) -> Task:
    """Set a task.

    Raises:
        InvalidField: an unknown source or skill, requirements that the source refuses, or a topic that the path lacks.
        NotFound: no such person, project or path, for this caller.
        Conflict: the topic is locked on a learning path; names what is missing.
    """
    user_id = await people.resolve(tx, actor, new.user, write=True)
    requirement = parse_requirement(tx.engine.plugins, new.source, new.requirements)
    if new.project is not None:
        await projects.visible(tx, actor, new.project)
    path_id = await chosen_path(tx, actor, user_id, new.topic, new.path)
    standing = standing_of(actor, user_id)
    row = TaskRow(
        id=new_id(),
        user_id=user_id,
        platform_id=actor.platform_id,
        description=new.description,
        source=new.source,
        requirements=msgspec.to_builtins(requirement),
        difficulty=new.difficulty,
        difficulty_by=None if new.difficulty is None else standing,
        topic=new.topic,
        skills=list(await skills.resolve(tx, new.skills)),
        project_id=new.project,
        path_id=path_id,
        set_by=standing,
        attempt=0,
        created_at=now(),
    )
    tx.session.add(row)
    data = TaskCreated(source=row.source, requirements=row.requirements, difficulty=row.difficulty)
    created = NewEvent(
        id=event_id(row.id, 0, "task.created"),
        user_id=user_id,
        kind="task.created",
        subject_id=str(row.id),
        skills=tuple(row.skills),
        data=data,
        origin=of_platform(row.platform_id),
    )
    await step(tx, row, "pending", before=[created])
    return await _task(tx, actor, row)


async def get(tx: Transaction, actor: Actor, task_id: UUID) -> Task:
    """Return a task.

    Raises:
        NotFound: there is none that this caller may see.
    """
    return await _task(tx, actor, await _found(tx, actor, task_id))


async def listing(
    tx: Transaction, actor: Actor, *, user: str, state: State | None, hidden: bool, limit: int, cursor: str | None
) -> Page[Task]:
    """Return a person's tasks, oldest first; hidden ones only if asked for.

    Raises:
        NotFound: no such person, for this caller.
    """
    user_id = await people.resolve(tx, actor, user)
    query = select(TaskRow).where(TaskRow.user_id == user_id, TaskRow.deleted_at.is_(None))
    if actor.platform_id is not None:
        query = query.where(TaskRow.platform_id.is_(None) | (TaskRow.platform_id == actor.platform_id))
    if state is not None:
        query = query.where(TaskRow.state == state)
    if not hidden:
        query = query.where(TaskRow.hidden_at.is_(None))
    after = position(cursor, UUID)
    if after is not None:
        query = query.where(TaskRow.id > after)
    rows = (await tx.session.scalars(query.order_by(TaskRow.id).limit(limit + 1))).all()
    shown = await named_by(tx, actor, rows)
    return page(rows, limit, lambda row: _described(row, shown), lambda row: row.id)


async def history(tx: Transaction, actor: Actor, task_id: UUID) -> list[Change]:
    """Return every change of a task's state, oldest first, as the ledger has it."""
    row = await _found(tx, actor, task_id)
    cursor = await (await tx.psycopg()).execute(HISTORY, (row.user_id, str(row.id)))
    return [
        Change(event_id=id_, occurred_at=occurred_at, old=old, new=new, reason=reason)
        for id_, occurred_at, old, new, reason in await cursor.fetchall()
    ]


async def change(tx: Transaction, actor: Actor, task_id: UUID, changes: TaskChanges) -> Task:
    """Change a task that is not completed; of a completed one only whether it is hidden.

    Raises:
        NotFound: there is none that this caller may see.
        Forbidden: somebody else set it.
        Conflict: it is completed, it is being checked and its requirements would change, or its new topic is locked.
    """
    row = await _found(tx, actor, task_id, lock=True)
    refuse_platforms(actor, row)
    fields = {name for name in changes.__struct_fields__ if getattr(changes, name) is not UNSET}
    if fields - {"hidden"}:
        refuse_change(row, fields)
        refuse_strangers(actor, row)
    await _rewrite(tx, actor, row, changes)
    if changes.hidden is not UNSET:
        row.hidden_at = now() if changes.hidden else None
    row.updated_at = now()
    return await _task(tx, actor, row)


async def delete(tx: Transaction, actor: Actor, task_id: UUID) -> None:
    """Delete a task that is not completed. What was recorded of it stays.

    Raises:
        NotFound: there is none that this caller may see.
        Forbidden: somebody else set it.
        Conflict: it is completed.
    """
    row = await _found(tx, actor, task_id, lock=True)
    refuse_platforms(actor, row)
    if row.state == "completed":
        raise Conflict('a completed task cannot be deleted; hide it with PATCH and {"hidden": true}')
    refuse_strangers(actor, row)
    row.deleted_at = now()


async def complete(tx: Transaction, actor: Actor, task_id: UUID) -> Accepted:
    """Have a task checked; while it is being checked, asking again leads to the same job.

    Raises:
        NotFound: there is none that this caller may see.
        Forbidden: a platform did not set it.
        Conflict: it is completed, or no account is linked that could show the work.
    """
    row = await _found(tx, actor, task_id, lock=True)
    refuse_platforms(actor, row)
    if row.state == "completed":
        raise Conflict("the task is completed already")
    if row.state == "in_progress" and row.job_id is not None and await _under_way(tx, row.job_id):
        return Accepted(job_id=row.job_id, task=await _task(tx, actor, row))
    if await account_for(tx, row.user_id, row.source, platform_id=row.platform_id) is None:
        raise Conflict(
            f"no {row.source} account is linked that could show the work; link one with"
            f" PUT /api/users/{row.user_id}/sources/{row.source}, then complete the task again",
            source=row.source,
        )
    row.outcome = None
    await enqueue(tx, row, row.platform_id)
    if row.state != "in_progress":
        await step(tx, row, "in_progress")
    return Accepted(job_id=row.job_id or 0, task=await _task(tx, actor, row))


async def enqueue(tx: Transaction, row: TaskRow, platform_id: UUID | None) -> None:
    """Have a locked task checked by a job, which its person and a platform may follow."""
    number = await jobs.defer(
        tx, JOB, source=row.source, lock=f"task:{row.id}", owner=row.user_id, platform=platform_id, task=row.id
    )
    if number is not None:  # otherwise the job of an earlier attempt still waits, and will take up this one
        row.job_id = number


async def _rewrite(tx: Transaction, actor: Actor, row: TaskRow, changes: TaskChanges) -> None:
    """Apply changes that are allowed."""
    standing = standing_of(actor, row.user_id)
    if changes.description is not UNSET:
        row.description = changes.description
    if changes.topic is not UNSET or changes.path is not UNSET:
        await choose_again(tx, actor, row, changes.topic, changes.path)
    if changes.skills is not UNSET:
        row.skills = list(await skills.resolve(tx, changes.skills))
    if changes.project is not UNSET:
        if changes.project is not None:
            await projects.visible(tx, actor, changes.project)
        row.project_id = changes.project
    if changes.requirements is not UNSET:
        row.requirements = msgspec.to_builtins(parse_requirement(tx.engine.plugins, row.source, changes.requirements))
        if standing == "learner" and row.difficulty_by != "learner":
            row.difficulty = row.difficulty_by = None  # it was declared for other work
    if changes.difficulty is not UNSET:
        row.difficulty = changes.difficulty
        row.difficulty_by = None if changes.difficulty is None else standing


async def _under_way(tx: Transaction, job_id: int) -> bool:
    status = await jobs.status(tx, job_id)
    return status is not None and status.state in {"waiting", "running", "retrying"}


async def _found(tx: Transaction, actor: Actor, task_id: UUID, *, lock: bool = False) -> TaskRow:
    """Return a task's row, if the caller may see it: a platform sees its own tasks and those its members set themselves."""
    row = await locked(tx, task_id) if lock else await tx.session.get(TaskRow, task_id)
    if row is not None and (
        row.deleted_at is not None or (actor.platform_id is not None and row.platform_id not in {None, actor.platform_id})
    ):
        row = None
    try:  # also where there is no such task, which then takes as long as somebody else's
        await people.resolve(tx, actor, str(row.user_id if row is not None else NOBODY), write=lock)
    except NotFound:
        row = None
    if row is None:
        raise NotFound("no such task")
    return row


async def _task(tx: Transaction, actor: Actor, row: TaskRow) -> Task:
    return _described(row, await named_by(tx, actor, [row]))


def _described(row: TaskRow, shown: Collection[UUID]) -> Task:
    outcome = outcome_of(row)
    return Task(
        id=row.id,
        user_id=row.user_id,
        description=row.description,
        source=row.source,
        requirements=row.requirements,
        difficulty=row.difficulty,
        difficulty_by=row.difficulty_by,
        topic=row.topic,
        path=row.path_id if row.path_id in shown else None,
        skills=tuple(row.skills),
        project=row.project_id if row.project_id in shown else None,
        set_by=row.set_by,
        state=row.state,
        attempt=row.attempt,
        job_id=row.job_id,
        waiting=outcome if isinstance(outcome, Waiting) else None,
        undecided=outcome if isinstance(outcome, Undecided) else None,
        failure=outcome if isinstance(outcome, Failure) else None,
        hidden=row.hidden_at is not None,
        created_at=row.created_at,
        updated_at=row.updated_at,
        completed_at=row.completed_at,
    )
