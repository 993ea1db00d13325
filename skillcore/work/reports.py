"""What spaces and goals share: whose progress is meant, who may report of it, and how far somebody has come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

from msgspec import UNSET, Meta, Struct, structs
from sqlalchemy import func, literal_column, select

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.defaults.reported import known_by
from skillcore.learning import definitions
from skillcore.learning.definitions import Definition
from skillcore.ledger import scores
from skillcore.ledger.entries import seen_by
from skillcore.ledger.tables import EventRow
from skillcore.plugin import Component
from skillcore.runtime.engine import Transaction
from skillcore.runtime.events import NewEvent, of_platform
from skillcore.runtime.problems import Conflict, InvalidField, NotFound

__all__ = [
    "Milestone",
    "Name",
    "Part",
    "Percent",
    "Progress",
    "TaskName",
    "changed",
    "check_milestone",
    "check_name",
    "check_tasks",
    "event",
    "person_of",
    "progress",
    "reporting",
]

B = TypeVar("B", bound=Struct)

DIGITS = 6

Name = Annotated[str, Meta(min_length=1, max_length=200)]
TaskName = Annotated[str, Meta(min_length=1, max_length=200)]
Percent = Annotated[float, Meta(ge=0, le=100)]


class Part(Struct, frozen=True, kw_only=True):
    """A part of progress.

    Attributes:
        value: from 0 to 100.
        weight: its share of the whole.
        subject: the space that the part is, of a goal; else null.
    """

    name: str
    value: float
    weight: float
    subject: str | None


class Milestone(Struct, frozen=True, kw_only=True):
    """A milestone.

    Attributes:
        reached: whether it was, whoever reported it.
        reached_at: when, by the first report that the caller may see; null while it is to come, and for a platform where only
            others reported it.
    """

    name: str
    reached: bool
    reached_at: datetime | None


class Progress(Struct, frozen=True, kw_only=True):
    """How far somebody has come.

    Attributes:
        value: from 0 to 100.
        formula: which computed it.
        milestones: in the order of the definition.
        next_milestone: the first that is to come; null if there is none.
    """

    user_id: UUID
    value: float | None
    formula: str
    formula_version: int
    parts: list[Part]
    milestones: list[Milestone]
    next_milestone: str | None


async def person_of(tx: Transaction, actor: Actor, found: Definition[Any], user: str | None) -> UUID | None:
    """Return whose progress is meant: of the one named, else of whom it belongs to, else of the person who asks.

    Raises:
        NotFound: no such person for this caller, or it is not there for them.
    """
    if user is None:
        return actor.user_id if found.owner_id is None else await people.resolve(tx, actor, str(found.owner_id))
    person = await people.resolve(tx, actor, user)
    await _has(tx, found, person)
    return person


async def reporting(tx: Transaction, actor: Actor, found: Definition[Any], user: str) -> UUID:
    """Return the person of whom the caller reports.

    Raises:
        NotFound: no such person for this caller, or it is not there for them.
        Conflict: it is retired.
    """
    person = await people.resolve(tx, actor, user, write=True)
    if actor.kind == "user" and person != actor.user_id:
        raise NotFound("user: there is no such person, or not for you", field="user")
    await _has(tx, found, person)
    if found.retired_at is not None:
        raise Conflict(f"this {found.kind} is retired, and takes no more reports")
    return person


async def _has(tx: Transaction, found: Definition[Any], person: UUID) -> None:
    if found.owner_id == person:
        return
    if found.owner_id is None:
        theirs = await definitions.at(tx, found.kind, found.id, type(found.body), found.edited_at, owner=person)
        if theirs is not None:
            return
    raise NotFound(f"this person has no such {found.kind}")


async def progress(tx: Transaction, actor: Actor, person: UUID, role: str, id_: UUID, milestones: Sequence[str]) -> Progress:
    """Return how far a person has come with what a role's formula judges, as the caller may see it."""
    read = await scores.read(tx, person, role, subject=str(id_))
    reached = await _reached(tx, actor, person, id_, milestones)
    value = read.score.value
    return Progress(
        user_id=person,
        value=None if value is None else round(value, DIGITS),
        formula=read.formula,
        formula_version=read.version,
        parts=[_part(component, str(id_)) for component in read.score.components],
        milestones=[Milestone(name=name, reached=name in reached, reached_at=reached.get(name)) for name in milestones],
        next_milestone=next((name for name in milestones if name not in reached), None),
    )


async def _reached(
    tx: Transaction, actor: Actor, person: UUID, id_: UUID, milestones: Sequence[str]
) -> Mapping[str, datetime | None]:
    """Return the milestones that were reached, each with when, by the first report that the caller may see."""
    name = EventRow.data["milestone"].as_string()
    query = select(name, func.min(EventRow.occurred_at).filter(seen_by(actor))).where(
        EventRow.user_id == person,
        EventRow.subject_id == str(id_),
        EventRow.kind == literal_column("'progress.milestone'"),  # as the index for it has it
        name.in_(milestones),
    )
    return {row[0]: row[1] for row in await tx.session.execute(query.group_by(name))}


def check_milestone(name: str, known: Sequence[str]) -> None:
    """Refuse a milestone that nobody defined.

    Raises:
        InvalidField: names the field ``milestone``.
    """
    if name not in known:
        listed = ", ".join(repr(one) for one in known[:10]) or "none"
        raise InvalidField(f"milestone: there is no {name!r} here; there are: {listed}", field="milestone")


def check_name(name: str, field: str) -> None:
    """Refuse the name of something done that is white space alone, by which it could not be told from others.

    Raises:
        InvalidField: names the field.
    """
    if not known_by(name):
        raise InvalidField(f"{field}: {name!r} is white space alone: name it, or leave it out", field=field)


def check_tasks(names: Sequence[str]) -> None:
    """Refuse tasks that reports could not tell apart: they are known by their names without white space around them.

    Raises:
        InvalidField: names the field ``tasks``.
    """
    known = [known_by(name) for name in names]
    if "" in known:
        raise InvalidField(f"tasks: {names[known.index('')]!r} is white space alone, and names no task", field="tasks")
    for name, often in Counter(known).most_common(1):
        if often > 1:
            raise InvalidField(f"tasks: {name!r} stands twice, but for white space around it", field="tasks")


def changed(body: B, changes: Struct, fields: Sequence[str]) -> B:
    """Return a body with those fields that the changes set.

    Raises:
        InvalidField: something stands twice in it.
    """
    set_ = {name: value for name in fields if (value := getattr(changes, name)) is not UNSET}
    try:
        return structs.replace(body, **set_)
    except ValueError as error:
        message = str(error)
        raise InvalidField(message, field=message.partition(":")[0]) from error


def event(actor: Actor, found: Definition[Any], person: UUID, kind: str, data: Struct) -> NewEvent:
    """Return what is recorded of a report; that a platform's is about something of its own, others do not see."""
    return NewEvent(
        user_id=person,
        kind=kind,
        data=data,
        subject_id=str(found.id),
        via="platform" if actor.kind == "key" else "page",
        origin=of_platform(actor.platform_id or found.platform_id),
    )


def _part(component: Component, own: str) -> Part:
    return Part(
        name=component.name,
        value=round(component.value, DIGITS),
        weight=round(component.weight, DIGITS),
        subject=None if component.subject in {"", own} else component.subject,
    )
