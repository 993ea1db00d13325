"""Goals: the spaces that lead to them, their own milestones, what is done beside, and by when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.defaults import definitions as judged
from skillcore.defaults.kinds import MilestoneReached, TaskProgress
from skillcore.learning import definitions
from skillcore.learning.definitions import Definition, Name
from skillcore.ledger import record
from skillcore.runtime.engine import Transaction
from skillcore.runtime.events import NewEvent
from skillcore.runtime.pages import Page, page, position
from skillcore.runtime.problems import InvalidField, NotFound
from skillcore.work import reports, spaces
from skillcore.work.reports import Progress
from skillcore.work.versions import stood, written_id

__all__ = [
    "KIND",
    "Goal",
    "GoalChanges",
    "GoalReport",
    "NewGoal",
    "create",
    "definition_of",
    "edit",
    "get",
    "listing",
    "read",
    "report",
    "retire",
    "versions",
]

KIND = "goal"
FIELDS = ("spaces", "milestones", "target_date")


class NewGoal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A goal to make.

    Attributes:
        user: whose it is; without it the caller's own, and a platform's is there for all of its members.
        spaces: ids of the spaces that lead to it, which whoever has the goal must have too.
        milestones: what is to be reached beside the spaces' own, each named once.
        target_date: the day by whose end it is to be reached.
    """

    name: Name
    user: people.PersonReference | None = None
    spaces: judged.Spaces = ()
    milestones: judged.Names = ()
    target_date: date | None = None


class GoalChanges(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of a goal, which makes a new version; what is left out stays.

    Attributes:
        version: the one that this is based on; refused if another stands by now.
    """

    name: Name | UnsetType = UNSET
    spaces: judged.Spaces | UnsetType = UNSET
    milestones: judged.Names | UnsetType = UNSET
    target_date: date | UnsetType | None = UNSET
    version: Annotated[int, Meta(ge=1)] | None = None


class GoalReport(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody reports of a goal itself: a milestone, an activity, or both; each an event.

    Attributes:
        user: whose progress; people report only of themselves.
        milestone: one of the goal's that was reached.
        activity: something done for the goal beside its spaces; named again, it counts once.
    """

    user: people.PersonReference = "me"
    milestone: reports.Name | None = None
    activity: reports.TaskName | None = None


class Goal(Struct, frozen=True, kw_only=True):
    """A goal in one of its versions.

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
    spaces: tuple[UUID, ...]
    milestones: tuple[str, ...]
    target_date: date | None
    created_at: datetime
    edited_at: datetime
    retired_at: datetime | None
    progress: Progress | None = None


async def create(tx: Transaction, actor: Actor, new: NewGoal) -> Goal:
    """Make a goal.

    Raises:
        NotFound: no such person, for this caller.
        InvalidField: a space that is not there for everybody whose goal it is, or something stands twice.
        Conflict: there is one of this name.
    """
    owner = None if new.user is None else await people.resolve(tx, actor, new.user, write=True)
    body = reports.changed(judged.Goal(), new, FIELDS)
    made = await definitions.define(tx, actor, KIND, new.name, body, owner=owner)
    await _check_spaces(tx, actor, made)
    return _goal(made)


async def listing(tx: Transaction, actor: Actor, *, user: str | None, limit: int, cursor: str | None) -> Page[Goal]:
    """Return the goals that the caller sees, or of these what one person has; oldest first.

    Raises:
        NotFound: no such person, for this caller.
    """
    owner = None if user is None else await people.resolve(tx, actor, user)
    found = await definitions.listing(tx, actor, KIND, judged.Goal, owner=owner, limit=limit, cursor=cursor)
    return Page([_goal(one) for one in found.items], found.next_cursor)


async def get(tx: Transaction, actor: Actor, reference: str, *, user: str | None) -> Goal:
    """Return a goal with the progress of the person whose it is, or of one who has it.

    Raises:
        NotFound: there is none that this caller may see, or no such person who has it.
    """
    found = await definitions.found(tx, actor, KIND, reference, judged.Goal)
    person = await reports.person_of(tx, actor, found, user)
    return _goal(found, None if person is None else await _progress(tx, actor, found, person))


async def read(tx: Transaction, actor: Actor, goal_id: str) -> Goal:
    """Return a goal, by its id, without anybody's progress.

    Raises:
        NotFound: there is none that this caller may see.
    """
    if written_id(goal_id) is None:
        raise NotFound(f"there is no such {KIND}, or not for you")
    return _goal(await definitions.found(tx, actor, KIND, goal_id, judged.Goal))


async def versions(tx: Transaction, actor: Actor, reference: str, *, limit: int, cursor: str | None) -> Page[Goal]:
    """Return a goal's versions, newest first.

    Raises:
        NotFound: there is none that this caller may see.
    """
    before = position(cursor, int)
    found = await definitions.history(tx, actor, KIND, reference, judged.Goal, limit=limit + 1, before=before)
    return page(found, limit, _goal, lambda one: one.version)


async def edit(tx: Transaction, actor: Actor, reference: str, changes: GoalChanges) -> Goal:
    """Change a goal; its former versions stay, and scores of former days are judged by them.

    Raises:
        NotFound: there is none that this caller may see.
        Forbidden: it is not theirs to change.
        Conflict: somebody else edited it meanwhile, the name is taken, or it is retired.
        InvalidField: as for `create`.
    """
    found = await definitions.found(tx, actor, KIND, reference, judged.Goal, write=True)
    body = reports.changed(found.body, changes, FIELDS)
    name = None if changes.name is UNSET else changes.name
    edited = await definitions.edit(tx, actor, KIND, str(found.id), body, name=name, version=changes.version)
    if edited.body.spaces != found.body.spaces:
        await _check_spaces(tx, actor, edited)
    return _goal(edited)


async def retire(tx: Transaction, actor: Actor, reference: str) -> None:
    """List a goal no longer; what was reported of it stays, and so do its scores.

    Raises:
        NotFound: there is none that this caller may see.
        Forbidden: it is not theirs to change.
    """
    await definitions.retire(tx, actor, KIND, reference)


async def report(tx: Transaction, actor: Actor, reference: str, said: GoalReport) -> Goal:
    """Record what somebody reports of a goal, and return it with their progress.

    Raises:
        NotFound: no such goal or person, for this caller.
        InvalidField: a milestone that the goal does not have, or nothing is reported.
        Conflict: it is retired.
    """
    found = await definitions.found(tx, actor, KIND, reference, judged.Goal, lock=True)
    person = await reports.reporting(tx, actor, found, said.user)
    await record(tx, _events(actor, found, person, said))
    return _goal(found, await _progress(tx, actor, found, person))


async def definition_of(tx: Transaction, user_id: UUID, subject: str, at: datetime) -> judged.Goal | None:
    """Return what a person's goal is judged by, as it stood at a moment; to a platform, nothing of what it does not see."""
    return await stood(tx, KIND, subject, judged.Goal, at, owner=user_id)


async def _check_spaces(tx: Transaction, actor: Actor, goal: Definition[judged.Goal]) -> None:
    """Refuse spaces that the caller does not see, or that are not there for everybody whose goal it is."""
    for place, id_ in enumerate(goal.body.spaces):
        field = f"spaces[{place}]"
        try:
            space = await definitions.found(tx, actor, spaces.KIND, str(id_), judged.Space, owner=goal.owner_id)
        except NotFound as error:
            raise InvalidField(f"{field}: there is no such space, or not for whom the goal is", field=field) from error
        if goal.owner_id is None and (space.owner_id is not None or space.platform_id not in {None, goal.platform_id}):
            raise InvalidField(f"{field}: this space is not there for everybody whose goal it is", field=field)


def _events(actor: Actor, found: Definition[judged.Goal], person: UUID, said: GoalReport) -> Sequence[NewEvent]:
    told = []
    if said.milestone is not None:
        reports.check_milestone(said.milestone, found.body.milestones)
        told.append(reports.event(actor, found, person, "progress.milestone", MilestoneReached(milestone=said.milestone)))
    if said.activity is not None:
        reports.check_name(said.activity, "activity")
        done = TaskProgress(value=100.0, task=said.activity)
        told.append(reports.event(actor, found, person, "progress.task", done))
    if not told:
        raise InvalidField("milestone: say what was reached or done: a milestone or an activity", field="milestone")
    return told


async def _progress(tx: Transaction, actor: Actor, found: Definition[judged.Goal], person: UUID) -> Progress:
    return await reports.progress(tx, actor, person, KIND, found.id, found.body.milestones)


def _goal(found: Definition[judged.Goal], progress: Progress | None = None) -> Goal:
    return Goal(
        id=found.id,
        name=found.name,
        version=found.version,
        user_id=found.owner_id,
        platform_id=found.platform_id,
        spaces=found.body.spaces,
        milestones=found.body.milestones,
        target_date=found.body.target_date,
        created_at=found.created_at,
        edited_at=found.edited_at,
        retired_at=found.retired_at,
        progress=progress,
    )
