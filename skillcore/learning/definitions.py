"""Definitions: what people, platforms and the installation define to learn by, each edit a version that stays.

Whose one is, two columns say. The installation's (no platform, no owner) are made by administrators and seen by everybody. A
platform's are seen by it and its members. A person's own are theirs; those that a platform set for a person are both's.
Administrators see all, mentors what is of the learners who accepted them. Only whoever made one may change it, and
administrators.

A body is a Struct of the module that has the kind. Former versions are never changed, so that what was read by them reads the
same again; what is retired is no longer listed and cannot change, and its versions stay.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Annotated, Generic, TypeVar
from uuid import UUID

import msgspec
from msgspec import Meta, Struct
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.learning.lookup import all_seen, noted, row_of, standing_at
from skillcore.learning.tables import DefinitionRow, DefinitionVersionRow
from skillcore.learning.whose import had_by, seen_by
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.engine import Transaction
from skillcore.runtime.pages import Page, page, position
from skillcore.runtime.problems import Conflict, InvalidField, NotFound

__all__ = [
    "BLANK",
    "LAST_VERSION",
    "Definition",
    "Name",
    "among",
    "at",
    "define",
    "edit",
    "found",
    "history",
    "known",
    "listing",
    "retire",
]

B = TypeVar("B", bound=Struct)

TICK = timedelta(microseconds=1)
LAST_VERSION = 2**31 - 1
"""That the table has room for."""

BLANK = r"\x00-\x20\x7f-\xa0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff"
"""What no name begins or ends with, as a class that all languages of regular expressions read alike."""

Name = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        pattern=rf"^[^/{BLANK}]([^/\x00-\x1f\x7f]*[^/{BLANK}])?\Z",
        description="Told apart from others of its owner: no slashes or control characters, no spaces at its ends, no UUID.",
        examples=["web-basics"],
    ),
]


class Definition(Struct, Generic[B], frozen=True, kw_only=True):
    """A definition in one of its versions.

    Attributes:
        platform_id: of the platform that made it; None of a person's own, and of the installation's.
        owner_id: of the person whose it is; None of a platform's, and of the installation's.
        edited_at: when this version was made.
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
    row = await row_of(tx, actor, kind, reference, write=True)
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
    moment: datetime | None = None,
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
        moment: the version that stood then; the first one, if it was made later.
        lock: let nobody edit or retire it until the transaction ends.
        write: the caller is about to change it; locks it too.

    Raises:
        NotFound: there is none that this caller may see, or not in this version.
        Forbidden: they may see it, and not change it.
        Conflict: several have this name; names their ids. Or it is to be changed and is retired.
    """
    row = await row_of(tx, actor, kind, reference, owner=owner, lock=lock, write=write)
    if moment is not None:
        query = select(DefinitionVersionRow).where(DefinitionVersionRow.definition_id == row.id)
        return _defined(row, (await tx.session.scalars(query.order_by(*standing_at(moment)).limit(1))).one(), body)
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
    query = all_seen(actor, kind, owner).limit(limit + 1)
    after = position(cursor, UUID)
    if after is not None:
        query = query.where(DefinitionRow.id > after)
    rows = (await tx.session.execute(query)).all()
    noted(tx, actor, [row for row, _ in rows[:limit]])
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
    row = await row_of(tx, actor, kind, reference)
    query = select(DefinitionVersionRow).where(DefinitionVersionRow.definition_id == row.id)
    if before is not None:
        query = query.where(DefinitionVersionRow.version < min(max(before, 0), LAST_VERSION))
    rows = await tx.session.scalars(query.order_by(DefinitionVersionRow.version.desc()).limit(limit))
    return [_defined(row, one, body) for one in rows]


async def among(
    tx: Transaction, actor: Actor, kind: str, body: type[B], ids: Collection[UUID], *, owner: UUID | None = None
) -> list[Definition[B]]:
    """Return those of some definitions that the caller sees, and with an owner, that this person has; nothing retired."""
    if not ids:
        return []
    rows = (await tx.session.execute(all_seen(actor, kind, owner).where(DefinitionRow.id.in_(ids)))).all()
    return [_defined(row, version, body) for row, version in rows]


async def known(tx: Transaction, actor: Actor, ids: Iterable[UUID | None]) -> set[UUID]:
    """Return those of some definitions of which the caller may know: a member's task may belong to another platform's path."""
    named = {id_ for id_ in ids if id_ is not None}
    if actor.platform_id is None or not named:
        return named
    return set(await tx.session.scalars(select(DefinitionRow.id).where(DefinitionRow.id.in_(named), seen_by(actor))))


async def retire(tx: Transaction, actor: Actor, kind: str, reference: str) -> None:
    """List a definition no longer. Its versions stay, and its name is free.

    Raises:
        NotFound: there is none that this caller may see.
        Forbidden: they may see it, and not change it.
        Conflict: several have this name, or it is retired already.
    """
    row = await row_of(tx, actor, kind, reference, write=True)
    row.retired_at = now()


async def at(
    tx: Transaction,
    kind: str,
    definition_id: UUID,
    body: type[B],
    moment: datetime,
    *,
    owner: UUID | None = None,
    platform: UUID | None = None,
) -> B | None:
    """Return what a definition said at a moment, retired or not; before its first version, what that one says.

    Args:
        tx: an open transaction.
        kind: of definitions.
        definition_id: which.
        body: the type of what it says.
        moment: when.
        owner: None is returned unless this person has it, as in `found`.
        platform: which asks of the owner, if one does: None is returned of what is not for it to see.
    """
    query = (
        select(DefinitionVersionRow.body)
        .join(DefinitionRow, DefinitionRow.id == DefinitionVersionRow.definition_id)
        .where(DefinitionRow.id == definition_id, DefinitionRow.kind == kind)
        .order_by(*standing_at(moment))
        .limit(1)
    )
    if owner is not None:
        query = query.where(had_by(owner, platform=platform))
    row = (await tx.session.execute(query)).first()
    return None if row is None else msgspec.convert(row[0], body)


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


def _defined(row: DefinitionRow, version: DefinitionVersionRow, body: type[B]) -> Definition[B]:
    return _described(row, version, msgspec.convert(version.body, body))


def _described(row: DefinitionRow, version: DefinitionVersionRow, body: B) -> Definition[B]:
    return Definition(
        id=row.id,
        kind=row.kind,
        name=row.name,
        version=version.version,
        platform_id=row.platform_id,
        owner_id=row.owner_id,
        created_at=row.created_at,
        edited_at=version.created_at,
        retired_at=row.retired_at,
        body=body,
    )
