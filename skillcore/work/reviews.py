"""Reviews: what people say of each other's work. They move progress in skills, and nothing else.

Events name a reviewer by an alias of this one pair of people; who is behind it, and what they wrote, stands in tables alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID, uuid4

from msgspec import Meta, Struct
from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.defaults.kinds import ReviewDiscounted, ReviewGiven
from skillcore.ledger import record, skills
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.engine import Transaction
from skillcore.runtime.events import NewEvent, of_platform
from skillcore.runtime.pages import Page, page, position
from skillcore.runtime.problems import InvalidField, NotFound, TooManyRequests
from skillcore.work.acquaintance import Shared, one_and_the_same, shared
from skillcore.work.circles import Edge, circular
from skillcore.work.review_tables import ReviewerRow, ReviewRow
from skillcore.work.tables import TaskRow

__all__ = ["NewReview", "Review", "forget_words", "give", "listing"]

ONE_AT_A_TIME = "select pg_advisory_xact_lock(7305211462033971)"
"""Reviews are given one after the other, so that each sees the circle that it closes."""

NOBODY = UUID(int=0)
STRANGER = "user: there is no such person, or not for you"
HOLD = "select id from users where id = any(%s) order by id for key share"
FORGET_WORDS = "update reviews set reviewer_id = null, content = '' where reviewer_id = %s"
DAY = timedelta(days=1)


class NewReview(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A review to give.

    Attributes:
        user: whose work is reviewed.
        reviewer: who reviews; a platform says which of its members.
        task: the work: a completed task. Without one the skills are reviewed as such.
        skills: those that are judged, by id, name or alias; those of the task without any.
        quality: from 0 to 100.
        content: in words.
    """

    user: people.PersonReference
    reviewer: people.PersonReference = "me"
    task: UUID | None = None
    skills: Annotated[tuple[skills.Name, ...], Meta(max_length=20)] = ()
    quality: Annotated[float, Meta(ge=0, le=100)]
    content: Annotated[str, Meta(max_length=2000)] = ""


class Review(Struct, frozen=True, kw_only=True):
    """A review.

    Attributes:
        reviewer_id: null once the reviewer was erased, and for mentors.
    """

    id: UUID
    user_id: UUID
    reviewer_id: UUID | None
    task: UUID | None
    skills: tuple[str, ...]
    quality: float
    content: str
    created_at: datetime


async def give(tx: Transaction, actor: Actor, new: NewReview) -> Review:
    """Review somebody's work; in the skills that are judged it takes the place of what the same person said of the same work.

    Raises:
        NotFound: no such person for this caller, or none who shares a project or a platform with the reviewer; or no such
            completed task among what they share.
        InvalidField: the work is the reviewer's own, or a skill that nobody knows, or that the task does not have.
        TooManyRequests: the reviewer has given as many as they may in a day.
    """
    reviewer, reviewed, common = await _two(tx, actor, new)
    task = None if new.task is None else await _task(tx, new.task, reviewed, common)
    judged = await _skills(tx, new, task)
    await (await tx.psycopg()).execute(ONE_AT_A_TIME)
    at = now()
    await _check_rate(tx, reviewer, at)
    pair = await _pair(tx, reviewer, reviewed, at)
    await _replace(tx, pair.alias, new.task, judged, at)
    row = ReviewRow(
        id=new_id(),
        user_id=reviewed,
        alias=pair.alias,
        reviewer_id=reviewer,
        platform_id=common.business_of(*((task.platform_id, task.project_id) if task else ())),
        task_id=new.task,
        quality=new.quality,
        skills=list(judged),
        content=new.content,
        created_at=at,
    )
    marked = await _marked(tx, Edge(reviewer, reviewed), at)
    tx.session.add(row)
    await tx.session.flush()
    await record(tx, [_given(row, discounted=pair.discounted), *marked])
    return _review(row, actor)


async def listing(tx: Transaction, actor: Actor, *, user: str, limit: int, cursor: str | None) -> Page[Review]:
    """Return the reviews that a person was given and that still stand, oldest first; to a platform, those of its own.

    Raises:
        NotFound: no such person, for this caller.
    """
    user_id = await people.resolve(tx, actor, user)
    query = select(ReviewRow).where(ReviewRow.user_id == user_id, ReviewRow.replaced_at.is_(None))
    if actor.platform_id is not None:
        query = query.where(ReviewRow.platform_id == actor.platform_id)
    after = position(cursor, UUID)
    if after is not None:
        query = query.where(ReviewRow.id > after)
    rows = (await tx.session.scalars(query.order_by(ReviewRow.id).limit(limit + 1))).all()
    return page(rows, limit, lambda row: _review(row, actor), lambda row: row.id)


async def forget_words(tx: Transaction, user_id: UUID) -> None:
    """Take from the reviews that a person wrote who they were and what they said; how they judged stays the reviewed one's.

    Args:
        tx: the transaction that erases.
        user_id: who is erased.
    """
    await (await tx.psycopg()).execute(FORGET_WORDS, (user_id,))


async def _two(tx: Transaction, actor: Actor, new: NewReview) -> tuple[UUID, UUID, Shared]:
    """Return who reviews whom, with what they share."""
    reviewer = await people.resolve(tx, actor, new.reviewer, write=True)
    if actor.kind == "user" and reviewer != actor.user_id:
        raise NotFound("reviewer: people review in their own name alone", field="reviewer")
    reviewed = await _reviewed(tx, actor, new.user)
    if reviewed == reviewer:
        raise InvalidField("user: nobody reviews their own work", field="user")
    common = await shared(tx, reviewer, reviewed, platform_id=actor.platform_id)
    if not common:
        raise NotFound(STRANGER, field="user")
    if await one_and_the_same(tx, reviewer, reviewed, platform_id=actor.platform_id):
        raise InvalidField("user: nobody reviews their own work, and both have the same account at a source", field="user")
    return reviewer, reviewed, common


async def _reviewed(tx: Transaction, actor: Actor, reference: str) -> UUID:
    """Return who is to be reviewed, held until the transaction ends: people name those whom they cannot read by their ids."""
    if actor.kind == "key" or reference == "me":
        return await people.resolve(tx, actor, reference, write=True)
    try:
        id_ = UUID(reference)
    except ValueError:
        id_ = NOBODY
    await _held(tx, [id_])  # who is not there shares nothing, and is answered like anybody who does not
    return id_


async def _held(tx: Transaction, ids: Iterable[UUID]) -> Collection[UUID]:
    """Keep people from being erased until the transaction ends; returns those who are there."""
    rows = await (await tx.psycopg()).execute(HOLD, (list(ids),))
    return {id_ for (id_,) in await rows.fetchall()}


async def _task(tx: Transaction, task_id: UUID, reviewed: UUID, common: Shared) -> TaskRow:
    """Return the completed task that is reviewed, if it belongs to what the two people share."""
    theirs = or_(TaskRow.platform_id.in_(common.platforms), TaskRow.project_id.in_(list(common.projects)))
    done = (TaskRow.state == "completed") & TaskRow.deleted_at.is_(None)
    row = await tx.session.scalar(select(TaskRow).where(TaskRow.id == task_id, TaskRow.user_id == reviewed, done, theirs))
    if row is None:
        raise NotFound("task: there is no such completed task of this person, or not for you", field="task")
    return row


async def _skills(tx: Transaction, new: NewReview, task: TaskRow | None) -> Sequence[str]:
    """Return the skills that are judged."""
    asked = await skills.resolve(tx, new.skills)
    declared = task.skills if task is not None else []
    if declared and (foreign := [skill for skill in asked if skill not in declared]):
        raise InvalidField(f"skills: the task is not about {foreign[0]!r}", field="skills")
    if not asked and not declared:
        raise InvalidField("skills: name those that are judged; the task declares none", field="skills")
    return asked or declared


async def _check_rate(tx: Transaction, reviewer: UUID, at: datetime) -> None:
    most = tx.engine.settings.reviews.daily_limit
    lately = (ReviewRow.reviewer_id == reviewer) & (ReviewRow.created_at > at - DAY)
    given = (await tx.session.scalars(select(func.count()).select_from(ReviewRow).where(lately))).one()
    if given >= most:
        raise TooManyRequests(f"{given} reviews were given in the last 24 hours, and {most} may be; give this one tomorrow")


async def _pair(tx: Transaction, reviewer: UUID, reviewed: UUID, at: datetime) -> ReviewerRow:
    """Return the row that knows what the reviewer is called towards the reviewed, and note that they reviewed now."""
    values = {"alias": uuid4(), "user_id": reviewed, "reviewer_id": reviewer, "reviewed_at": at}
    query = (
        insert(ReviewerRow)
        .values(values)
        .on_conflict_do_update(index_elements=["user_id", "reviewer_id"], set_={"reviewed_at": at})
    )
    (row,) = (await tx.session.scalars(query.returning(ReviewerRow), execution_options={"populate_existing": True})).all()
    return row


async def _replace(tx: Transaction, alias: UUID, task_id: UUID | None, judged: Iterable[str], at: datetime) -> None:
    """Mark the reviews of a work by one reviewer as replaced of which no skill is left that they did not judge again."""
    query = select(ReviewRow).where(
        ReviewRow.alias == alias, ReviewRow.task_id.is_not_distinct_from(task_id), ReviewRow.replaced_at.is_(None)
    )
    again = set(judged)
    for earlier in await tx.session.scalars(query.order_by(ReviewRow.created_at.desc(), ReviewRow.id.desc())):
        if again.issuperset(earlier.skills):
            earlier.replaced_at = at
        again.update(earlier.skills)


async def _marked(tx: Transaction, new: Edge, at: datetime) -> list[NewEvent]:
    """Mark everybody who stands in a circle that a review closes, and return what is recorded of it."""
    since = at - timedelta(days=tx.engine.settings.reviews.circle_days)
    ends = (new.reviewer, new.reviewed)
    around = or_(ReviewerRow.user_id.in_(ends), ReviewerRow.reviewer_id.in_(ends))
    rows = await tx.session.scalars(
        select(ReviewerRow).where(around, ReviewerRow.reviewer_id.is_not(None), ReviewerRow.reviewed_at > since)
    )
    pairs = {Edge(row.reviewer_id, row.user_id): row for row in rows if row.reviewer_id is not None}
    found = circular(new, pairs)
    there = await _held(tx, {edge.reviewed for edge in found})
    told: list[NewEvent] = []
    for edge, count in found.items():
        row = pairs[edge]
        if row.discounted or edge.reviewed not in there:
            continue
        row.discounted = True
        told += [_discounted(row, count, *of) for of in await _reviewed_skills(tx, row.alias)]
    return told


async def _reviewed_skills(tx: Transaction, alias: UUID) -> Sequence[tuple[UUID | None, Sequence[str]]]:
    """Return the skills that somebody has reviewed, by the platform whose business that was."""
    by: dict[UUID | None, set[str]] = {}
    query = select(ReviewRow.platform_id, func.unnest(ReviewRow.skills)).where(ReviewRow.alias == alias).distinct()
    for platform_id, skill in await tx.session.execute(query):
        by.setdefault(platform_id, set()).add(skill)
    return [(platform_id, sorted(named)) for platform_id, named in by.items()]


def _given(row: ReviewRow, *, discounted: bool) -> NewEvent:
    return NewEvent(
        user_id=row.user_id,
        kind="review.given",
        subject_id="" if row.task_id is None else str(row.task_id),
        skills=tuple(row.skills),
        data=ReviewGiven(reviewer=str(row.alias), quality=row.quality, discounted=discounted),
        origin=of_platform(row.platform_id),
    )


def _discounted(row: ReviewerRow, count: int, platform_id: UUID | None, named: Sequence[str]) -> NewEvent:
    return NewEvent(
        user_id=row.user_id,
        kind="review.discounted",
        skills=tuple(named),
        data=ReviewDiscounted(reviewer=str(row.alias), people=3 if count == 3 else 2),
        origin=of_platform(platform_id),
    )


def _review(row: ReviewRow, actor: Actor) -> Review:
    hidden = actor.kind == "user" and not actor.is_admin and actor.user_id not in {row.user_id, row.reviewer_id}
    return Review(
        id=row.id,
        user_id=row.user_id,
        reviewer_id=None if hidden else row.reviewer_id,
        task=row.task_id,
        skills=tuple(row.skills),
        quality=row.quality,
        content=row.content,
        created_at=row.created_at,
    )
