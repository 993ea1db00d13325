"""What tasks have to do with learning paths: which one a task is set for, and whether its topic is locked there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType
from sqlalchemy import select

from skillcore.accounts.access import Actor
from skillcore.learning import definitions
from skillcore.learning.standing import named_path, refuse_locked
from skillcore.learning.tables import DefinitionRow
from skillcore.runtime.engine import Transaction
from skillcore.work import projects
from skillcore.work.tables import TaskRow

__all__ = ["OnPath", "choose_again", "chosen_path", "named_by", "path_of"]


class OnPath(Struct, frozen=True):
    """The path that a task is set for, in the version that stands, and whose that is."""

    path: str
    version: int
    platform_id: UUID | None


async def chosen_path(tx: Transaction, actor: Actor, user_id: UUID, topic: str, path: str | None) -> UUID | None:
    """Return the path that a task on a topic is set for, if one is named.

    Args:
        tx: the caller's transaction.
        actor: who sets the task.
        user_id: for whom.
        topic: of the task.
        path: an id or a name.

    Raises:
        NotFound: there is no such path that the caller sees and this person has.
        InvalidField: the topic is none of the path's.
        Conflict: the topic is locked, on this path or on one that the person follows; names what is missing.
    """
    named = None if path is None else await named_path(tx, actor, user_id, path, topic)
    await refuse_locked(tx, actor, user_id, topic, named)
    return None if named is None else named.id


async def choose_again(
    tx: Transaction, actor: Actor, row: TaskRow, topic: str | UnsetType, path: str | UnsetType | None
) -> None:
    """Give a locked task another topic or path; what is not given stays. Errors are those of `chosen_path`."""
    wanted = row.topic if topic is UNSET else topic
    stands = None if row.path_id is None else str(row.path_id)
    row.path_id = await chosen_path(tx, actor, row.user_id, wanted, stands if path is UNSET else path)
    row.topic = wanted


async def named_by(tx: Transaction, actor: Actor, rows: Sequence[TaskRow]) -> Collection[UUID]:
    """Return the projects and paths that tasks name, as far as the caller may know of them."""
    shown = await projects.known(tx, actor, {row.project_id for row in rows})
    return {*shown, *await definitions.known(tx, actor, {row.path_id for row in rows})}


async def path_of(tx: Transaction, row: TaskRow) -> OnPath | None:
    """Return the path that a task is set for; None if it is set for none, or that is gone."""
    query = select(DefinitionRow.version, DefinitionRow.platform_id).where(DefinitionRow.id == row.path_id)
    found = None if row.path_id is None else (await tx.session.execute(query)).first()
    return None if found is None else OnPath(str(row.path_id), found.version, found.platform_id)
