"""People, and the one notation by which everything names them.

A reference is ``me``, the id of a user, or ``ext:`` with the external id by which the asking platform knows its member.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Meta, Struct
from sqlalchemy import String, cast, func, select
from sqlalchemy.exc import IntegrityError

from skillcore.accounts.access import Actor, Role
from skillcore.accounts.audit import note_read
from skillcore.accounts.tables import MembershipRow, UserRow
from skillcore.delivery.addresses import Unusable, compared
from skillcore.runtime.clock import new_id
from skillcore.runtime.engine import Transaction
from skillcore.runtime.pages import Page, page, position
from skillcore.runtime.problems import InvalidField, NotFound

__all__ = [
    "DisplayName",
    "ExternalId",
    "NewPerson",
    "Person",
    "PersonReference",
    "TimeZone",
    "add",
    "by_address",
    "check_time_zone",
    "hold",
    "list_people",
    "read",
    "resolve",
    "resolve_all",
    "sample",
]

LOCAL = re.compile(r"localtime\Z|posixrules\Z|posix/|right/")
"""Files beside the zones of the IANA database that mean something else on each machine, or nothing to the database's server."""

EXTERNAL = "ext:"
ME = "me"

# Almost every request asks one of these, so they are written out: building and reading a mapped query costs several times
# what the database does for it.
PERSON = "select u.id from users u where u.id = %(name)s"
LEARNER = """select u.id from users u join mentors m on m.learner_id = u.id
  where m.mentor_id = %(asker)s and m.learner_id = %(name)s"""
MEMBER = """select u.id from memberships m join users u on u.id = m.user_id
  where m.platform_id = %(platform)s and m.external_id = %(name)s"""
MEMBER_BY_ID = """select u.id from memberships m join users u on u.id = m.user_id
  where m.platform_id = %(platform)s and m.user_id = %(name)s"""
MEMBERS = """select external_id, user_id from memberships where platform_id = %(platform)s and external_id = any(%(external)s)
  union select external_id, user_id from memberships where platform_id = %(platform)s and user_id = any(%(ids)s)"""
KEPT = " for key share of u"
KEPT_MEMBER = " for key share of u, m"  # nobody leaves a platform while it writes about them

ExternalId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x20/\x7f]+\Z",
        description="By which the platform knows the person: no spaces, control characters or slashes.",
        examples=["student-17"],
    ),
]
PersonReference = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=204,
        description="`me`, a user's id, or `ext:` with the external id of a member of the key's platform.",
        examples=["ext:student-17"],
    ),
]
DisplayName = Annotated[str, Meta(max_length=200, description="As others see it.", examples=["Ada"])]
TimeZone = Annotated[
    str, Meta(min_length=1, max_length=64, description="Of the IANA database; days begin in it.", examples=["Europe/Vienna"])
]


class Person(Struct, frozen=True, kw_only=True):
    """A person.

    Attributes:
        external_id: by which the asking platform knows them; null for others.
    """

    id: UUID
    external_id: str | None = None
    display_name: str
    role: Role
    time_zone: str
    created_at: datetime


class NewPerson(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person as a platform brings them."""

    external_id: ExternalId
    display_name: DisplayName = ""
    time_zone: TimeZone = "UTC"


async def resolve(tx: Transaction, actor: Actor, reference: str, *, write: bool = False) -> UUID:
    """Return the user whom a reference names, if the actor may know them; that they are shown to the actor is noted.

    Everyone may name themselves, administrators anyone, a mentor the learners who accepted them, to read alone, and a key
    the members of its platform. Everyone else does not exist, whether they do or not.

    Args:
        tx: an open transaction.
        actor: who asks.
        reference: see above.
        write: something is to be written about the person, who must not be deleted meanwhile, nor leave the key's platform.
            Otherwise they are read.

    Raises:
        NotFound: there is nobody of that name for this actor.
    """
    name: str | UUID | None
    kept = KEPT
    if actor.kind != "key":
        name = actor.user_id if reference == ME else _uuid(reference)
        query = PERSON
        if name != actor.user_id and not actor.is_admin:
            query, name = LEARNER, name if actor.role == "mentor" and not write else None
    elif reference.startswith(EXTERNAL):
        query, name, kept = MEMBER, reference.removeprefix(EXTERNAL), KEPT_MEMBER
    else:
        query, name, kept = MEMBER_BY_ID, _uuid(reference), KEPT_MEMBER
    row = None
    if name is not None and "\0" not in reference:  # which no text in the database holds, and the driver refuses to send
        values = {"platform": actor.platform_id, "name": name, "asker": actor.user_id}
        row = await (await (await tx.psycopg()).execute(query + (kept if write else ""), values, prepare=True)).fetchone()
    if row is None:
        raise NotFound("there is no such person, or not for you")
    found: UUID = row[0]
    tx.platform_id = actor.platform_id
    if not write:
        note_read(tx, actor, [found])
    return found


async def by_address(tx: Transaction, email: str) -> UserRow | None:
    """Return the account of an e-mail address, however it is written."""
    try:
        known_by = compared(email)
    except Unusable:
        known_by = ""  # which no account has
    return await tx.session.scalar(select(UserRow).where(UserRow.email_key == known_by))


async def hold(tx: Transaction, user_id: UUID) -> bool:
    """Keep a person from being erased until the transaction ends; says whether there still is one.

    Whoever works on somebody outside of a request asks this first, before locking anything of theirs: an erasure holds the
    person before it takes the rest.
    """
    row = await (await tx.psycopg()).execute(PERSON + KEPT, {"name": user_id}, prepare=True)
    return await row.fetchone() is not None


async def resolve_all(tx: Transaction, actor: Actor, references: Collection[str]) -> dict[str, UUID]:
    """Return the users whom many references name, as `resolve` does for writing; whoever does not exist is left out."""
    if actor.kind == "user" and not actor.is_admin:
        return {name: actor.user_id for name in references if actor.user_id and (name == ME or _uuid(name) == actor.user_id)}
    ids = {name: id_ for name in references if (id_ := _uuid(name))}
    if actor.kind == "user":
        ids |= {ME: actor.user_id} if ME in references and actor.user_id else {}
        known = set(await tx.session.scalars(select(UserRow.id).where(UserRow.id.in_(ids.values()))))
        return {name: id_ for name, id_ in ids.items() if id_ in known}
    external = [name.removeprefix(EXTERNAL) for name in references if name.startswith(EXTERNAL)]
    values = {"platform": actor.platform_id, "external": external, "ids": list(ids.values())}
    rows = await (await (await tx.psycopg()).execute(MEMBERS, values, prepare=True)).fetchall()
    present = {user_id for _, user_id in rows}
    return {f"{EXTERNAL}{external_id}": user_id for external_id, user_id in rows} | {
        name: id_ for name, id_ in ids.items() if id_ in present
    }


async def add(tx: Transaction, actor: Actor, data: NewPerson) -> tuple[Person, bool]:
    """Make a person a member of the key's platform, once: who is one already stays as they are.

    Returns:
        The person, and whether they are new.
    """
    check_time_zone(data.time_zone)
    member = await _named(tx, actor, data.external_id)
    if member is not None:
        return member, False
    user = UserRow(id=new_id(), display_name=data.display_name, time_zone=data.time_zone)
    try:
        async with tx.session.begin_nested():
            tx.session.add(user)
            await tx.session.flush()
            tx.session.add(MembershipRow(platform_id=actor.platform_id, external_id=data.external_id, user_id=user.id))
    except IntegrityError:  # somebody else was quicker
        member = await _named(tx, actor, data.external_id)
        if member is None:
            raise
        return member, False
    await tx.session.refresh(user)
    return _person(user, data.external_id), True


async def read(tx: Transaction, actor: Actor, reference: str) -> Person:
    """Return a person.

    Raises:
        NotFound: there is nobody of that name for this actor.
    """
    user_id = await resolve(tx, actor, reference)
    known_as = (MembershipRow.user_id == UserRow.id) & (MembershipRow.platform_id == actor.platform_id)
    query = select(UserRow, MembershipRow.external_id).outerjoin(MembershipRow, known_as).where(UserRow.id == user_id)
    user, external_id = (await tx.session.execute(query)).one()
    return _person(user, external_id)


async def sample(tx: Transaction, most: int) -> list[Person]:
    """Return so many people at most, the same of the same each time: for what is summed up, and shows nobody to anybody."""
    query = select(UserRow).order_by(func.md5(cast(UserRow.id, String)), UserRow.id).limit(most)
    return [_person(user, None) for user in await tx.session.scalars(query)]


async def list_people(tx: Transaction, actor: Actor, *, limit: int, cursor: str | None) -> Page[Person]:
    """Return the members of the key's platform; for administrators everyone. By id, which is the order of arrival."""
    after = position(cursor, UUID)
    query = select(UserRow, MembershipRow.external_id).order_by(UserRow.id).limit(limit + 1)
    known_as = (MembershipRow.user_id == UserRow.id) & (MembershipRow.platform_id == actor.platform_id)
    query = query.join(MembershipRow, known_as, isouter=actor.is_admin)
    if after is not None:
        query = query.where(UserRow.id > after)
    rows = (await tx.session.execute(query)).all()
    note_read(tx, actor, [row[0].id for row in rows[:limit]])
    return page(rows, limit, lambda row: _person(row[0], row[1]), lambda row: row[0].id)


def check_time_zone(name: str, *, field: str = "time_zone") -> None:
    """Refuse what is no time zone.

    Args:
        name: as it was given.
        field: where it was given.

    Raises:
        InvalidField: names the field.
    """
    try:
        ZoneInfo(name)
        known = not LOCAL.match(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        known = False
    if not known:
        message = f"{field}: {name!r} is no time zone of the IANA database: write it like Europe/Vienna or UTC"
        raise InvalidField(message, field=field)


async def _named(tx: Transaction, actor: Actor, external_id: str) -> Person | None:
    query = (
        select(UserRow)
        .join(MembershipRow, MembershipRow.user_id == UserRow.id)
        .where(MembershipRow.platform_id == actor.platform_id, MembershipRow.external_id == external_id)
    )
    user = await tx.session.scalar(query)
    return None if user is None else _person(user, external_id)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _person(user: UserRow, external_id: str | None) -> Person:
    return Person(
        id=user.id,
        external_id=external_id,
        display_name=user.display_name,
        role=user.role,  # type: ignore[arg-type] # the table has no others
        time_zone=user.time_zone,
        created_at=user.created_at,
    )
