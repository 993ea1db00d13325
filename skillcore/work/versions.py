"""What spaces and goals said at each moment: read once in a transaction, however many moments of a series are asked about."""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import select

from skillcore.learning import definitions
from skillcore.learning.tables import DefinitionVersionRow
from skillcore.runtime.engine import Transaction

__all__ = ["stood", "written_id"]

B = TypeVar("B", bound=Struct)

KEPT = "skillcore.work.versions"
"""Where a session of the database keeps what was read in its transaction."""


async def stood(tx: Transaction, kind: str, subject: str, body: type[B], moment: datetime, *, owner: UUID) -> B | None:
    """Return what a person's definition said at a moment; before its first version, what that one says.

    Args:
        tx: a transaction that reads; what it reads of a definition is remembered until it ends.
        kind: of definitions.
        subject: the definition's id, as events have it.
        body: the type of what it says.
        moment: when.
        owner: None is returned unless this person has it, and the platform that asks of them, if one does, sees it.
    """
    read: dict[tuple[Any, ...], tuple[list[datetime], list[Any]]] = tx.session.info.setdefault(KEPT, {})
    key = (kind, subject, owner, tx.platform_id)
    if key not in read:
        read[key] = await _versions(tx, kind, subject, body, moment, owner)
    moments, bodies = read[key]
    return bodies[max(bisect_right(moments, moment) - 1, 0)] if bodies else None


async def _versions(
    tx: Transaction, kind: str, subject: str, body: type[B], moment: datetime, owner: UUID
) -> tuple[list[datetime], list[B]]:
    """Return the moments from which versions stood, ascending, with what they say; nothing of what `stood` does not return."""
    id_ = written_id(subject)
    if id_ is None or await definitions.at(tx, kind, id_, body, moment, owner=owner, platform=tx.platform_id) is None:
        return [], []
    versions = select(DefinitionVersionRow.created_at, DefinitionVersionRow.body)
    of_this = versions.where(DefinitionVersionRow.definition_id == id_).order_by(DefinitionVersionRow.version)
    rows = (await tx.session.execute(of_this)).all()
    return [row[0] for row in rows], [msgspec.convert(row[1], body) for row in rows]


def written_id(subject: str) -> UUID | None:
    """Return the id that a subject is; None for another text, and for an id that is not written as ids are."""
    try:
        id_ = UUID(subject)
    except ValueError:
        return None
    return id_ if str(id_) == subject else None
