"""Definitions: what people, platforms and the installation define to learn by, each edit a version that stays.

Whose one is, two columns say. The installation's (no platform, no owner) are made by administrators and seen by everybody. A
platform's are seen by it and its members. A person's own are theirs; those that a platform set for a person are both's.
Administrators see all, mentors what is of the learners who accepted them. Only whoever made one may change it, and
administrators.

A body is a Struct of the module that has the kind. Former versions are never changed, so that what was read by them reads the
same again; what is retired is no longer listed and cannot change, and its versions stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Generic, TypeVar
from uuid import UUID

import msgspec
from msgspec import Meta, Struct
from sqlalchemy import ColumnElement, and_, case, exists, false, or_, select, true
from sqlalchemy.exc import IntegrityError

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.accounts.audit import note_read
from skillcore.accounts.mentor_tables import MentorRow
from skillcore.accounts.tables import MembershipRow
from skillcore.learning.tables import DefinitionRow, DefinitionVersionRow
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.engine import Transaction
from skillcore.runtime.pages import Page, page, position
from skillcore.runtime.problems import Conflict, Forbidden, InvalidField, NotFound

__all__ = ["Definition", "Name", "Reference", "at", "define", "edit", "found", "history", "listing", "retire"]

B = TypeVar("B", bound=Struct)

TICK = timedelta(microseconds=1)
NAMED = 10
"""How many ids a conflict names, of definitions that share a name."""

Name = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        pattern=r"^[^\s/\x00-\x1f\x7f]([^/\x00-\x1f\x7f]*[^\s/\x00-\x1f\x7f])?\Z",
        description="Told apart from others of its owner: no slashes or control characters, no spaces at its ends, no UUID.",
        examples=["web-basics"],
    ),
]
Reference = Annotated[str, Meta(min_length=1, max_length=200, description="An id, or a name.")]


class Definition(Struct, Generic[B], frozen=True, kw_only=True):
    """A definition in one of its versions.

    Attributes:
        platform_id: of the platform that made it; None of a person's own, and of the installation's.
        owner_id: of the person whose it is; None of a platform's, and of the installation's.
        edited_at: when this version was made, or it got its present name.
        retired_at: since when it is no longer listed.
    """

    id: UUID
    kind: str
    name: str
    version: int
    platform_id: UUID | None
    owner_id: UUID | None
    created_at: datetime
    edited_at: datetime
    retired_at: datetime | None = None
    body: B


async def define(tx: Transaction, actor: Actor, kind: str, name: str, body: B, *, owner: UUID | None = None) -> Definition[B]:
    """Make a definition.

    Args:
        tx: the caller's transaction.
        actor: who makes it.
        kind: of definitions, such as ``path``.
        name: that none of the same kind and owner has.
        body: what it says.
        owner: the person for whom it is. Without one it is the platform's by its key, the installation's by an
            administrator, and anybody else's own.

    Raises:
        InvalidField: the name looks like an id.
        NotFound: no such person, for this caller.
        Conflict: the name is taken.
    """
    _check_name(name)
    if owner is None and actor.kind == "user" and not actor.is_admin:
        owner = actor.user_id
    if owner is not None:
        await people.resolve(tx, actor, str(owner), write=True)
    row = DefinitionRow(
        id=new_id(), kind=kind, name=name, platform_id=actor.platform_id, owner_id=owner, version=1, retired_at=None
    )
    row.created_at = row.edited_at = now()
    await _named(tx, row, name, new=True)
    return _described(row, _written(tx, row, body), body)


async def edit(
    tx: Transaction,
    actor: Actor,
    kind: str,
    reference: str,
    body: B,
    *,
    name: str | None = None,
    version: int | None = None,
) -> Definition[B]:
    """Give a definition another body, as a new version, or another name; an equal body makes no version.

    Args:
        tx: the caller's transaction; the definition is locked until it ends.
        actor: who edits.
        kind: of definitions.
        reference: its id or name.
        body: what it says from now on.
        name: its new name.
        version: the one that the edit is based on; without it, whatever stands is overwritten.

    Raises:
        InvalidField: the new name looks like an id.
        NotFound: there is none that this caller may see.
        Forbidden: they may see it, and not change it.
        Conflict: another version stands by now, the new name is taken, or it is retired.
    """
    row = await _row(tx, actor, kind, reference, write=True)
    if version is not None and version != row.version:
        raise Conflict(
            f"somebody else edited {row.name!r} meanwhile: version {row.version} stands, and not {version};"
            " read it, and edit that one",
            field="version",
            version=row.version,
        )
    if name is not None and name != row.name:
        _check_name(name)
        await _named(tx, row, name)
        row.edited_at = max(now(), row.edited_at + TICK)
    last = await _version(tx, row, row.version)
    if msgspec.convert(last.body, type(body)) != body:
        row.version += 1
        row.edited_at = max(now(), row.edited_at + TICK)  # clocks differ, and versions follow each other in time
        last = _written(tx, row, body)
    return _described(row, last, body)


async def found(
    tx: Transaction,
    actor: Actor,
    kind: str,
    reference: str,
    body: type[B],
    *,
    owner: UUID | None = None,
    version: int | None = None,
    lock: bool = False,
    write: bool = False,
) -> Definition[B]:
    """Return a definition among what the caller sees; one that is retired by its id alone.

    Args:
        tx: the caller's transaction.
        actor: who asks.
        kind: of definitions.
        reference: its id or name.
        body: the type of what it says.
        owner: look only among what this person has: their own, their platforms' and the installation's.
        version: one of its versions; the last one, if not given.
        lock: let nobody edit or retire it until the transaction ends.
        write: the caller is about to change it; locks it too.

    Raises:
        NotFound: there is none that this caller may see, or not in this version.
        Forbidden: they may see it, and not change it.
        Conflict: several have this name; names their ids. Or it is to be changed and is retired.
    """
    row = await _row(tx, actor, kind, reference, owner=owner, lock=lock, write=write)
    return _defined(row, await _version(tx, row, row.version if version is None else version), body)


async def listing(
    tx: Transaction,
    actor: Actor,
    kind: str,
    body: type[B],
    *,
    owner: UUID | None = None,
    limit: int,
    cursor: str | None,
) -> Page[Definition[B]]:
    """Return what the caller sees, oldest first; with an owner, what this person has of it, as in `found`. Nothing retired."""
    query = (
        select(DefinitionRow, DefinitionVersionRow)
        .join(DefinitionVersionRow, _current())
        .where(DefinitionRow.kind == kind, DefinitionRow.retired_at.is_(None), _seen_by(actor))
        .order_by(DefinitionRow.id)
        .limit(limit + 1)
    )
    after = position(cursor, UUID)
    if after is not None:
        query = query.where(DefinitionRow.id > after)
    if owner is not None:
        query = query.where(_had_by(owner))
    rows = (await tx.session.execute(query)).all()
    _note(tx, actor, [row for row, _ in rows[:limit]])
    return page(rows, limit, lambda row: _defined(row[0], row[1], body), lambda row: row[0].id)


async def history(
    tx: Transaction,
    actor: Actor,
    kind: str,
    reference: str,
    body: type[B],
    *,
    limit: int | None = None,
    before: int | None = None,
) -> list[Definition[B]]:
    """Return a definition's versions, newest first: all, or so many before one of them.

    Raises:
        NotFound: there is none that this caller may see.
        Conflict: several have this name; names their ids.
    """
    row = await _row(tx, actor, kind, reference)
    query = select(DefinitionVersionRow).where(DefinitionVersionRow.definition_id == row.id)
    if before is not None:
        query = query.where(DefinitionVersionRow.version < before)
    rows = await tx.session.scalars(query.order_by(DefinitionVersionRow.version.desc()).limit(limit))
    return [_defined(row, one, body) for one in rows]


async def retire(tx: Transaction, actor: Actor, kind: str, reference: str) -> None:
    """List a definition no longer. Its versions stay, and its name is free.

    Raises:
        NotFound: there is none that this caller may see.
        Forbidden: they may see it, and not change it.
        Conflict: several have this name, or it is retired already.
    """
    row = await _row(tx, actor, kind, reference, write=True)
    row.retired_at = now()


async def at(
    tx: Transaction, kind: str, definition_id: UUID, body: type[B], moment: datetime, *, owner: UUID | None = None
) -> B | None:
    """Return what a definition said at a moment, retired or not; before its first version, what that one says.

    Args:
        tx: an open transaction.
        kind: of definitions.
        definition_id: which.
        body: the type of what it says.
        moment: when.
        owner: None is returned unless this person has it, as in `found`.
    """
    later = DefinitionVersionRow.created_at > moment
    query = (
        select(DefinitionVersionRow.body)
        .join(DefinitionRow, DefinitionRow.id == DefinitionVersionRow.definition_id)
        .where(DefinitionRow.id == definition_id, DefinitionRow.kind == kind)
        .order_by(later, case((later, DefinitionVersionRow.version), else_=-DefinitionVersionRow.version))
        .limit(1)
    )
    if owner is not None:
        query = query.where(_had_by(owner))
    row = (await tx.session.execute(query)).first()
    return None if row is None else msgspec.convert(row[0], body)


async def _row(
    tx: Transaction,
    actor: Actor,
    kind: str,
    reference: str,
    *,
    owner: UUID | None = None,
    lock: bool = False,
    write: bool = False,
) -> DefinitionRow:
    """Return the one definition that a reference names."""
    query = select(DefinitionRow).where(DefinitionRow.kind == kind, _seen_by(actor), _named_by(reference))
    if owner is not None:
        query = query.where(_had_by(owner))
    if lock or write:
        query = query.with_for_update(of=DefinitionRow).execution_options(populate_existing=True)
    rows = (await tx.session.scalars(query.order_by(DefinitionRow.id).limit(NAMED))).all()
    if not rows:
        raise NotFound(f"there is no such {kind}, or not for you")
    if len(rows) > 1:
        ids = [str(row.id) for row in rows]
        raise Conflict(f"several have this name: say which one by its id, such as {ids[0]}", ids=ids)
    row = rows[0]
    if write and not _may_change(actor, row):
        raise Forbidden(f"this {kind} can be changed by whoever made it alone; make one of your own")
    if write and row.retired_at is not None:
        raise Conflict(f"this {kind} is retired, and cannot change any more")
    _note(tx, actor, rows)
    return row


def _named_by(reference: str) -> ColumnElement[bool]:
    """Return the condition for what a reference names; a name is told from an id by its form."""
    try:
        return DefinitionRow.id == UUID(reference)
    except ValueError:
        if "\0" in reference:  # which no text in the database holds, and the driver refuses to send
            return false()
        return and_(DefinitionRow.name == reference, DefinitionRow.retired_at.is_(None))


def _seen_by(actor: Actor) -> ColumnElement[bool]:
    everybodys = and_(DefinitionRow.owner_id.is_(None), DefinitionRow.platform_id.is_(None))
    if actor.platform_id is not None:
        member = exists().where(
            MembershipRow.platform_id == DefinitionRow.platform_id, MembershipRow.user_id == DefinitionRow.owner_id
        )
        own = and_(DefinitionRow.platform_id == actor.platform_id, or_(DefinitionRow.owner_id.is_(None), member))
        return or_(everybodys, own)
    if actor.is_admin:
        return true()
    seen = [everybodys, _shared_with(actor.user_id), DefinitionRow.owner_id == actor.user_id]
    if actor.role == "mentor":
        mentored = MentorRow.learner_id == DefinitionRow.owner_id
        seen.append(exists().where(MentorRow.mentor_id == actor.user_id, mentored))
    return or_(*seen)


def _had_by(person: UUID) -> ColumnElement[bool]:
    """Return the condition for what a person has: their own, their platforms' and the installation's."""
    everybodys = and_(DefinitionRow.owner_id.is_(None), DefinitionRow.platform_id.is_(None))
    return or_(DefinitionRow.owner_id == person, everybodys, _shared_with(person))


def _shared_with(person: UUID | None) -> ColumnElement[bool]:
    """Return the condition for what the platforms of a person share with all of their members."""
    member = exists().where(MembershipRow.platform_id == DefinitionRow.platform_id, MembershipRow.user_id == person)
    return and_(DefinitionRow.owner_id.is_(None), member)


def _may_change(actor: Actor, row: DefinitionRow) -> bool:
    if actor.platform_id is not None:
        return row.platform_id == actor.platform_id
    return actor.is_admin or (row.platform_id is None and row.owner_id is not None and row.owner_id == actor.user_id)


def _note(tx: Transaction, actor: Actor, rows: Sequence[DefinitionRow]) -> None:
    note_read(tx, actor, [row.owner_id for row in rows if row.owner_id is not None])


def _check_name(name: str) -> None:
    try:
        UUID(name)
    except ValueError:
        return
    raise InvalidField("name: it looks like an id, by which others would be found", field="name")


async def _named(tx: Transaction, row: DefinitionRow, name: str, *, new: bool = False) -> None:
    """Write a row under a name.

    Raises:
        Conflict: another one of the same kind and owner has it.
    """
    kind = row.kind  # what was rolled back is no longer there to be read
    try:
        async with tx.session.begin_nested():
            row.name = name
            if new:
                tx.session.add(row)
            await tx.session.flush()
    except IntegrityError as error:
        raise Conflict(f"there is a {kind} named {name!r} already", field="name") from error


def _written(tx: Transaction, row: DefinitionRow, body: Struct) -> DefinitionVersionRow:
    written = DefinitionVersionRow(
        definition_id=row.id, version=row.version, body=msgspec.to_builtins(body), created_at=row.edited_at
    )
    tx.session.add(written)
    return written


async def _version(tx: Transaction, row: DefinitionRow, version: int) -> DefinitionVersionRow:
    found_ = await tx.session.get(DefinitionVersionRow, (row.id, version))
    if found_ is None:
        raise NotFound(f"this {row.kind} has no version {version}; the last one is {row.version}")
    return found_


def _current() -> ColumnElement[bool]:
    return and_(DefinitionVersionRow.definition_id == DefinitionRow.id, DefinitionVersionRow.version == DefinitionRow.version)


def _defined(row: DefinitionRow, version: DefinitionVersionRow, body: type[B]) -> Definition[B]:
    return _described(row, version, msgspec.convert(version.body, body))


def _described(row: DefinitionRow, version: DefinitionVersionRow, body: B) -> Definition[B]:
    last = version.version == row.version
    return Definition(
        id=row.id,
        kind=row.kind,
        name=row.name,
        version=version.version,
        platform_id=row.platform_id,
        owner_id=row.owner_id,
        created_at=row.created_at,
        edited_at=row.edited_at if last else version.created_at,
        retired_at=row.retired_at,
        body=body,
    )
