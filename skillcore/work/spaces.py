"""Spaces: what somebody works towards in some time and by some milestones, and how far they have come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.defaults import definitions as judged
from skillcore.defaults.kinds import Interaction, MilestoneReached, TaskProgress, TimeSpent
from skillcore.learning import definitions
from skillcore.learning.definitions import Definition, Name
from skillcore.ledger import record
from skillcore.runtime.engine import Transaction
from skillcore.runtime.events import NewEvent
from skillcore.runtime.pages import Page, page, position
from skillcore.runtime.problems import InvalidField
from skillcore.work import reports
from skillcore.work.reports import Progress
from skillcore.work.versions import stood

__all__ = [
    "KIND",
    "NewSpace",
    "Space",
    "SpaceChanges",
    "SpaceReport",
    "create",
    "definition_of",
    "edit",
    "get",
    "listing",
    "report",
    "retire",
    "versions",
]

KIND = "space"
FIELDS = ("expected_minutes", "milestones", "tasks")


class NewSpace(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A space to make.

    Attributes:
        user: whose it is; without it the caller's own, and a platform's is there for all of its members.
        expected_minutes: time after which the part for time is full.
        milestones: what is to be reached, each named once.
        tasks: known beforehand to belong to it; others join as they are reported.
    """

    name: Name
    user: people.PersonReference | None = None
    expected_minutes: judged.ExpectedMinutes | None = None
    milestones: judged.Names = ()
    tasks: judged.Tasks = ()


class SpaceChanges(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of a space, which makes a new version; what is left out stays.

    Attributes:
        version: the one that this is based on; refused if another stands by now.
    """

    name: Name | UnsetType = UNSET
    expected_minutes: judged.ExpectedMinutes | UnsetType | None = UNSET
    milestones: judged.Names | UnsetType = UNSET
    tasks: judged.Tasks | UnsetType = UNSET
    version: Annotated[int, Meta(ge=1)] | None = None


class SpaceReport(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody reports of a space: one thing or several, each an event.

    Attributes:
        user: whose progress; people report only of themselves.
        task: by its name; reported again, the latest word counts.
        value: how far the task is; 100, which is done, without it.
        minutes: time spent.
        milestone: one of the space's that was reached.
        quality: of an interaction, such as one with an assistant.
        note: on the interaction.
    """

    user: people.PersonReference = "me"
    task: reports.TaskName | None = None
    value: reports.Percent | None = None
    minutes: Annotated[float, Meta(ge=0, le=1440)] | None = None
    milestone: reports.Name | None = None
    quality: reports.Percent | None = None
    note: Annotated[str, Meta(max_length=2000)] = ""


class Space(Struct, frozen=True, kw_only=True):
    """A space in one of its versions.

    Attributes:
        user_id: whose it is; null where a platform, or the installation, has it for everybody.
        platform_id: of the platform that made it.
        progress: of that person, or of the one asked for; null in lists, in former versions, and where nobody is meant.
    """

    id: UUID
    name: str
    version: int
    user_id: UUID | None
    platform_id: UUID | None
    expected_minutes: float | None
    milestones: tuple[str, ...]
    tasks: tuple[str, ...]
    created_at: datetime
    edited_at: datetime
    retired_at: datetime | None
    progress: Progress | None = None


async def create(tx: Transaction, actor: Actor, new: NewSpace) -> Space:
    """Make a space.

    Raises:
        NotFound: no such person, for this caller.
        InvalidField: a milestone or a task stands twice, or a task's name is white space alone.
        Conflict: there is one of this name.
    """
    owner = None if new.user is None else await people.resolve(tx, actor, new.user, write=True)
    body = reports.changed(judged.Space(), new, FIELDS)
    reports.check_tasks(body.tasks)
    return _space(await definitions.define(tx, actor, KIND, new.name, body, owner=owner))


async def listing(tx: Transaction, actor: Actor, *, user: str | None, limit: int, cursor: str | None) -> Page[Space]:
    """Return the spaces that the caller sees, or of these what one person has; oldest first.

    Raises:
        NotFound: no such person, for this caller.
    """
    owner = None if user is None else await people.resolve(tx, actor, user)
    found = await definitions.listing(tx, actor, KIND, judged.Space, owner=owner, limit=limit, cursor=cursor)
    return Page([_space(one) for one in found.items], found.next_cursor)


async def get(tx: Transaction, actor: Actor, reference: str, *, user: str | None) -> Space:
    """Return a space with the progress of the person whose it is, or of one who has it.

    Raises:
        NotFound: there is none that this caller may see, or no such person who has it.
    """
    found = await definitions.found(tx, actor, KIND, reference, judged.Space)
    person = await reports.person_of(tx, actor, found, user)
    return _space(found, None if person is None else await _progress(tx, actor, found, person))


async def versions(tx: Transaction, actor: Actor, reference: str, *, limit: int, cursor: str | None) -> Page[Space]:
    """Return a space's versions, newest first.

    Raises:
        NotFound: there is none that this caller may see.
    """
    before = position(cursor, int)
    found = await definitions.history(tx, actor, KIND, reference, judged.Space, limit=limit + 1, before=before)
    return page(found, limit, _space, lambda one: one.version)


async def edit(tx: Transaction, actor: Actor, reference: str, changes: SpaceChanges) -> Space:
    """Change a space; its former versions stay, and scores of former days are judged by them.

    Raises:
        NotFound: there is none that this caller may see.
        Forbidden: it is not theirs to change.
        Conflict: somebody else edited it meanwhile, the name is taken, or it is retired.
        InvalidField: as for `create`.
    """
    found = await definitions.found(tx, actor, KIND, reference, judged.Space, write=True)
    body = reports.changed(found.body, changes, FIELDS)
    if body.tasks != found.body.tasks:
        reports.check_tasks(body.tasks)
    name = None if changes.name is UNSET else changes.name
    edited = await definitions.edit(tx, actor, KIND, str(found.id), body, name=name, version=changes.version)
    return _space(edited)


async def retire(tx: Transaction, actor: Actor, reference: str) -> None:
    """List a space no longer; what was reported of it stays, and so do its scores.

    Raises:
        NotFound: there is none that this caller may see.
        Forbidden: it is not theirs to change.
    """
    await definitions.retire(tx, actor, KIND, reference)


async def report(tx: Transaction, actor: Actor, reference: str, said: SpaceReport) -> Space:
    """Record what somebody reports of a space, and return it with their progress.

    Raises:
        NotFound: no such space or person, for this caller.
        InvalidField: a milestone that the space does not have, or nothing is reported.
        Conflict: it is retired.
    """
    found = await definitions.found(tx, actor, KIND, reference, judged.Space, lock=True)
    person = await reports.reporting(tx, actor, found, said.user)
    await record(tx, _events(actor, found, person, said))
    return _space(found, await _progress(tx, actor, found, person))


async def definition_of(tx: Transaction, user_id: UUID, subject: str, at: datetime) -> judged.Space | None:
    """Return what a person's space is judged by, as it stood at a moment; to a platform, nothing of what it does not see."""
    return await stood(tx, KIND, subject, judged.Space, at, owner=user_id)


def _events(actor: Actor, found: Definition[judged.Space], person: UUID, said: SpaceReport) -> Sequence[NewEvent]:
    told: list[tuple[str, Struct]] = []
    if said.task is not None:
        reports.check_name(said.task, "task")
    if said.task is not None or said.value is not None:
        told.append(("task", TaskProgress(value=100.0 if said.value is None else said.value, task=said.task or "")))
    if said.minutes is not None:
        told.append(("time", TimeSpent(minutes=said.minutes)))
    if said.milestone is not None:
        reports.check_milestone(said.milestone, found.body.milestones)
        told.append(("milestone", MilestoneReached(milestone=said.milestone)))
    if said.quality is not None:
        told.append(("interaction", Interaction(quality=said.quality, note=said.note)))
    if not told:
        raise InvalidField("task: say what was done: a task, minutes, a milestone or a quality", field="task")
    return [reports.event(actor, found, person, f"progress.{kind}", data) for kind, data in told]


async def _progress(tx: Transaction, actor: Actor, found: Definition[judged.Space], person: UUID) -> Progress:
    return await reports.progress(tx, actor, person, KIND, found.id, found.body.milestones)


def _space(found: Definition[judged.Space], progress: Progress | None = None) -> Space:
    return Space(
        id=found.id,
        name=found.name,
        version=found.version,
        user_id=found.owner_id,
        platform_id=found.platform_id,
        expected_minutes=found.body.expected_minutes,
        milestones=found.body.milestones,
        tasks=found.body.tasks,
        created_at=found.created_at,
        edited_at=found.edited_at,
        retired_at=found.retired_at,
        progress=progress,
    )
