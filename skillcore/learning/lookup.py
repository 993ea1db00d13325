"""Finding definitions: the one that a reference names, and queries for all that somebody sees."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, false, select

from skillcore.accounts.access import Actor
from skillcore.accounts.audit import note_read
from skillcore.learning.tables import DefinitionRow, DefinitionVersionRow
from skillcore.learning.whose import had_by, may_change, seen_by
from skillcore.runtime.engine import Transaction
from skillcore.runtime.problems import Conflict, Forbidden, NotFound

__all__ = ["all_seen", "noted", "row_of", "standing_at"]

NAMED = 10
"""How many ids a conflict names, of definitions that share a name."""


async def row_of(
    tx: Transaction,
    actor: Actor,
    kind: str,
    reference: str,
    *,
    owner: UUID | None = None,
    lock: bool = False,
    write: bool = False,
) -> DefinitionRow:
    """Return the one definition that a reference names; arguments and errors are those of `definitions.found`."""
    query = select(DefinitionRow).where(DefinitionRow.kind == kind, seen_by(actor), _named_by(reference))
    if owner is not None:
        query = query.where(had_by(owner))
    if lock or write:
        query = query.with_for_update(of=DefinitionRow).execution_options(populate_existing=True)
    rows = (await tx.session.scalars(query.order_by(DefinitionRow.id).limit(NAMED))).all()
    if not rows:
        raise NotFound(f"there is no such {kind}, or not for you")
    if len(rows) > 1:
        ids = [str(row.id) for row in rows]
        raise Conflict(f"several have this name: say which one by its id, such as {ids[0]}", ids=ids)
    row = rows[0]
    if write and not may_change(actor, row):
        raise Forbidden(f"this {kind} can be changed by whoever made it alone; make one of your own")
    if write and row.retired_at is not None:
        raise Conflict(f"this {kind} is retired, and cannot change any more")
    if not (lock or write):
        noted(tx, actor, rows)
    return row


def all_seen(actor: Actor, kind: str, owner: UUID | None) -> Select[DefinitionRow, DefinitionVersionRow]:
    """Return the query for what the caller sees, by id, each with its last version; nothing retired."""
    query = (
        select(DefinitionRow, DefinitionVersionRow)
        .join(DefinitionVersionRow, _current())
        .where(DefinitionRow.kind == kind, DefinitionRow.retired_at.is_(None), seen_by(actor))
        .order_by(DefinitionRow.id)
    )
    return query if owner is None else query.where(had_by(owner))


def _named_by(reference: str) -> ColumnElement[bool]:
    """Return the condition for what a reference names; a name is told from an id by its form."""
    try:
        return DefinitionRow.id == UUID(reference)
    except ValueError:
        if "\0" in reference:  # which no text in the database holds, and the driver refuses to send
            return false()
        return and_(DefinitionRow.name == reference, DefinitionRow.retired_at.is_(None))


def noted(tx: Transaction, actor: Actor, rows: Sequence[DefinitionRow]) -> None:
    """Note that somebody is shown what is of people."""
    note_read(tx, actor, [row.owner_id for row in rows if row.owner_id is not None])


def standing_at(moment: datetime) -> tuple[ColumnElement[Any], ...]:
    """Return the order in which versions stood at a moment: the last one before it, and without any, the first one after."""
    later = DefinitionVersionRow.created_at > moment
    return later, case((later, DefinitionVersionRow.version), else_=-DefinitionVersionRow.version)


def _current() -> ColumnElement[bool]:
    return and_(DefinitionVersionRow.definition_id == DefinitionRow.id, DefinitionVersionRow.version == DefinitionRow.version)
