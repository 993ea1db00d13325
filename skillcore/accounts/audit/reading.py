"""Reading the audit: administrators search it, people see what is noted about them, and all of it can be exported."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct
from sqlalchemy import and_, select, union_all

from skillcore.accounts.access import Actor
from skillcore.accounts.audit import Act, note
from skillcore.accounts.audit.tables import AuditRow
from skillcore.accounts.mentor_tables import MentorRow
from skillcore.accounts.tables import MembershipRow, PlatformRow, UserRow
from skillcore.runtime.chain import moment
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.pages import Page, page, position

__all__ = ["Activity", "AuditEntry", "Exported", "activity", "content_fields", "export", "search"]

EXPORT = """copy (select position, at, act, actor_kind, actor_id, about_id, platform_id, address, agent, request_id, detail,
  salt, leaf, digest from audit where position <= {} order by position) to stdout (format binary)"""


class AuditEntry(Struct, frozen=True, kw_only=True):
    """An entry as administrators see it.

    Attributes:
        actor_kind: who acted; empty for an entry of a person who was erased.
        actor_id: of the person, or of the key.
        about_id: the person to whom it was done.
        digest: of the chain up to here, in hexadecimal.
    """

    position: int
    at: datetime
    act: str
    actor_kind: str
    actor_id: UUID | None
    about_id: UUID | None
    platform_id: UUID | None
    address: str
    agent: str
    request_id: str
    detail: Any
    digest: str


class Named(Struct, frozen=True, kw_only=True):
    """A mentor or a platform that the person knows."""

    id: UUID
    name: str


class Activity(Struct, frozen=True, kw_only=True):
    """What was done by a person, or to them.

    Attributes:
        by: yourself, in which role somebody else acted, or what it was if nobody was signed in.
        mentor: who mentors you now, where it was they.
        platform: one that you belong to, where it was one of its keys, or concerns it.
        address: from where; of others, nobody is told.
        agent: with which program; likewise.
    """

    at: datetime
    act: str
    by: Literal["you", "learner", "mentor", "admin", "platform", "nobody", "skillcore"]
    mentor: Named | None
    platform: Named | None
    address: str
    agent: str
    detail: Any


class Exported(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An entry as a line of an export; docs/audit.md says how it is verified.

    Attributes:
        detail: the JSON text whose bytes were digested.
        salt: in hexadecimal, as leaf and digest are; null once the content was erased.
    """

    position: int
    at: datetime
    act: str
    actor_kind: str
    actor_id: UUID | None
    about_id: UUID | None
    platform_id: UUID | None
    address: str
    agent: str
    request_id: str
    detail: str
    salt: str | None
    leaf: str
    digest: str


async def search(
    tx: Transaction,
    actor: Actor,
    *,
    act: Act | None,
    by: UUID | None,
    about: UUID | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    cursor: str | None,
) -> Page[AuditEntry]:
    """Return entries, the newest first. That they were read is noted.

    Args:
        tx: an open transaction.
        actor: an administrator.
        act: only this one.
        by: only what this person or key did.
        about: only what was done to this person.
        since: not before.
        until: before.
        limit: at most.
        cursor: of the page before.
    """
    query = select(AuditRow)
    for column, value in ((AuditRow.act, act), (AuditRow.actor_id, by), (AuditRow.about_id, about)):
        query = query if value is None else query.where(column == value)
    if since is not None:
        query = query.where(AuditRow.at >= since)
    if until is not None:
        query = query.where(AuditRow.at < until)
    if (before := position(cursor, int)) is not None:
        query = query.where(AuditRow.position < before)
    rows = (await tx.session.scalars(query.order_by(AuditRow.position.desc()).limit(limit + 1))).all()
    await note(tx, "audit.read", actor, about, of=act, by=by)
    return page(rows, limit, _entry, lambda row: row.position)


async def activity(tx: Transaction, actor: Actor, *, limit: int, cursor: str | None) -> Page[Activity]:
    """Return what was noted about the person who asks, and of what they did, the newest first."""
    before = position(cursor, int)
    earlier = [] if before is None else [AuditRow.position < before]
    # Two short walks along an index each, instead of a sort of all that there is.
    found = union_all(
        *(
            select(AuditRow.position)
            .where(whose, *earlier)
            .order_by(AuditRow.position.desc())
            .limit(limit + 1)
            .subquery()
            .select()
            for whose in (AuditRow.about_id == actor.user_id, AuditRow.actor_id == actor.user_id)
        )
    ).subquery()
    query = (
        select(AuditRow, UserRow.display_name, PlatformRow.name)
        .outerjoin(MentorRow, and_(MentorRow.mentor_id == AuditRow.actor_id, MentorRow.learner_id == actor.user_id))
        .outerjoin(UserRow, UserRow.id == MentorRow.mentor_id)
        .outerjoin(
            MembershipRow,
            and_(MembershipRow.platform_id == AuditRow.platform_id, MembershipRow.user_id == actor.user_id),
        )
        .outerjoin(PlatformRow, PlatformRow.id == MembershipRow.platform_id)
        .where(AuditRow.position.in_(select(found.c.position)))
        .order_by(AuditRow.position.desc())
        .limit(limit + 1)
    )
    rows = (await tx.session.execute(query)).all()
    return page(rows, limit, lambda row: _activity(actor, *row), lambda row: row[0].position)


async def export(engine: Engine) -> AsyncIterator[Exported]:
    """Yield every entry that there is now, the oldest first."""
    async with engine.transaction() as tx:
        connection = await tx.psycopg()
        head = await (await connection.execute("select position from audit_head")).fetchone()
        async with connection.cursor().copy(EXPORT.format(head[0] if head else 0).encode()) as copy:
            async for row in copy.rows():
                yield _exported(*row)


def content_fields(entry: Exported) -> tuple[bytes | None, ...]:
    """Return the fields that an entry's leaf digests."""
    ids = (entry.actor_id, entry.about_id, entry.platform_id)
    texts = (entry.address, entry.agent, entry.request_id, entry.detail)
    return (
        entry.actor_kind.encode(),
        *(None if id_ is None else id_.bytes for id_ in ids),
        *(text.encode() for text in texts),
    )


def _entry(row: AuditRow) -> AuditEntry:
    fields = {name: getattr(row, name) for name in AuditEntry.__struct_fields__ if name != "digest"}
    return AuditEntry(**fields, digest=row.digest.hex())


def _activity(actor: Actor, row: AuditRow, mentor: str | None, platform: str | None) -> Activity:
    own = row.actor_id == actor.user_id
    told = own or row.actor_kind == "nobody"  # such as somebody who tried to sign in
    by: Any = {"key": "platform", "command": "skillcore", "system": "skillcore"}.get(row.actor_kind, row.actor_kind)
    return Activity(
        at=row.at,
        act=row.act,
        by="you" if own else by,
        mentor=None if mentor is None or row.actor_id is None else Named(id=row.actor_id, name=mentor),
        platform=None if platform is None or row.platform_id is None else Named(id=row.platform_id, name=platform),
        address=row.address if told else "",
        agent=row.agent if told else "",
        detail=row.detail,
    )


def _exported(position: bytes, at: bytes, *rest: bytes | None) -> Exported:
    act, kind, *ids_and_texts = rest
    actor, about, platform, address, agent, request, detail, salt, leaf, digest = ids_and_texts
    return Exported(
        position=int.from_bytes(position, "big"),
        at=moment(int.from_bytes(at, "big", signed=True)),
        act=_text(act),
        actor_kind=_text(kind),
        actor_id=_uuid(actor),
        about_id=_uuid(about),
        platform_id=_uuid(platform),
        address=_text(address),
        agent=_text(agent),
        request_id=_text(request),
        detail=_text(detail),
        salt=None if salt is None else salt.hex(),
        leaf=(leaf or b"").hex(),
        digest=(digest or b"").hex(),
    )


def _text(value: bytes | None) -> str:
    return (value or b"").decode()


def _uuid(value: bytes | None) -> UUID | None:
    return None if value is None else UUID(bytes=value)
