"""Who follows which path: they start it and leave it again, and what they did on it stays theirs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.learning import definitions
from skillcore.learning.definitions import Definition
from skillcore.learning.path_tables import EnrolmentRow
from skillcore.learning.paths import KIND, PathBody
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Transaction
from skillcore.runtime.problems import Conflict, NotFound

__all__ = ["Enrolment", "enrolled", "followed", "leave", "start", "starts"]


class Enrolment(Struct, frozen=True, kw_only=True):
    """That a person follows a path; ``left_at`` once they have left it."""

    path: UUID
    user_id: UUID
    started_at: datetime
    left_at: datetime | None = None


async def start(tx: Transaction, actor: Actor, reference: str, *, user: str) -> tuple[Enrolment, bool]:
    """Have a person follow a path; who follows it already goes on.

    Returns:
        The enrolment, and whether it has just begun.

    Raises:
        NotFound: no such person for this caller, or no path that the caller sees and this person has.
        Conflict: several have this name, or it is retired.
    """
    user_id = await people.resolve(tx, actor, user, write=True)
    path = await definitions.found(tx, actor, KIND, reference, PathBody, owner=user_id, lock=True)
    if path.retired_at is not None:
        raise Conflict(f"the path {path.name!r} is retired, and nobody starts it any more")
    new = insert(EnrolmentRow).values(user_id=user_id, definition_id=path.id, started_at=now())
    again = new.on_conflict_do_update(
        index_elements=["user_id", "definition_id"],
        set_={"started_at": new.excluded.started_at, "left_at": None},
        where=EnrolmentRow.left_at.is_not(None),
    )
    begun = await tx.session.scalar(again.returning(EnrolmentRow.started_at))
    return _shown(await tx.session.get_one(EnrolmentRow, (user_id, path.id))), begun is not None


async def leave(tx: Transaction, actor: Actor, reference: str, *, user: str) -> Enrolment:
    """Have a person follow a path no longer. What they completed stays completed.

    Raises:
        NotFound: no such person for this caller, no path that the caller sees and this person has, or they do not follow it.
        Conflict: several have this name.
    """
    user_id = await people.resolve(tx, actor, user, write=True)
    path = await definitions.found(tx, actor, KIND, reference, PathBody, owner=user_id)
    row = await tx.session.get(EnrolmentRow, (user_id, path.id), with_for_update=True)
    if row is None or row.left_at is not None:
        raise NotFound("this person does not follow the path")
    row.left_at = now()
    return _shown(row)


async def enrolled(tx: Transaction, user_id: UUID, path_id: UUID) -> Enrolment | None:
    """Return the enrolment of a person in a path, also one that they have left; None if there never was any."""
    row = await tx.session.get(EnrolmentRow, (user_id, path_id))
    return None if row is None else _shown(row)


async def followed(tx: Transaction, actor: Actor, user_id: UUID) -> list[Definition[PathBody]]:
    """Return the paths that a person follows, and that they have and the caller sees; by id."""
    return await definitions.among(tx, actor, KIND, PathBody, [*await starts(tx, user_id)], owner=user_id)


async def starts(tx: Transaction, user_id: UUID) -> Mapping[UUID, datetime]:
    """Return when a person last started each path that they follow, by the path's id: also of retired and unseen ones."""
    row = EnrolmentRow
    query = select(row.definition_id, row.started_at).where(row.user_id == user_id, row.left_at.is_(None))
    return {found.definition_id: found.started_at for found in await tx.session.execute(query)}


def _shown(row: EnrolmentRow) -> Enrolment:
    return Enrolment(path=row.definition_id, user_id=row.user_id, started_at=row.started_at, left_at=row.left_at)
