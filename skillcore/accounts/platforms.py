"""Platforms, and the keys they sign their requests with: made, renewed with an overlap, revoked."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct
from sqlalchemy import select, update

from skillcore.accounts import key_text
from skillcore.accounts.access import Actor, Scope
from skillcore.accounts.audit import note
from skillcore.accounts.authentication import Known
from skillcore.accounts.tables import ApiKeyRow, PlatformRow
from skillcore.plugin.veiled import Veiled
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.engine import Transaction
from skillcore.runtime.pages import Page, page, position
from skillcore.runtime.problems import Conflict, InvalidField, NotFound

__all__ = [
    "ApiKey",
    "NewApiKey",
    "NewPlatform",
    "Platform",
    "Renewal",
    "ShownApiKey",
    "all_keys",
    "create",
    "create_key",
    "list_keys",
    "list_platforms",
    "read",
    "renew_key",
    "revoke_key",
]

Name = Annotated[str, Meta(min_length=1, max_length=200, examples=["Evening school"])]
Moment = Annotated[datetime, Meta(tz=True, examples=["2100-01-01T00:00:00Z"])]


class NewPlatform(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A platform to be."""

    name: Name


class Platform(Struct, frozen=True, kw_only=True):
    """A platform."""

    id: UUID
    name: str
    created_at: datetime


class NewApiKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to be.

    Attributes:
        scopes: what it may do.
        expires_at: when it stops being valid; never, if not given.
        requests_per_minute: its own limit; that of the settings (``limits.key``), if not given. 0 lifts it.
    """

    name: Name
    scopes: Annotated[tuple[Scope, ...], Meta(min_length=1, max_length=32, examples=[["users:write", "tasks:write"]])]
    expires_at: Moment | None = None
    requests_per_minute: Annotated[int, Meta(ge=0, le=1_000_000, examples=[600])] | None = None


class Renewal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key's successor to be: of the same name, scopes and limit.

    Attributes:
        overlap: seconds for which the old key stays valid beside it; ``auth.api_key_overlap``, if not given.
        expires_at: when the successor stops being valid; if not given, it is valid for as long as the old one was to be.
    """

    overlap: Annotated[int, Meta(ge=0, le=7_776_000, examples=[86_400])] | None = None
    expires_at: Moment | None = None


class ApiKey(Veiled, frozen=True, kw_only=True):
    """A key without its secret.

    Attributes:
        prefix: how the key begins, to tell it from others.
        requests_per_minute: its own limit; null for that of the settings, 0 for none.
        replaces: the key whose successor it is.
        replaced_by: its successor.
        last_used_at: to the minute.
    """

    id: UUID
    platform_id: UUID
    name: str
    prefix: str
    scopes: tuple[str, ...]
    requests_per_minute: int | None
    replaces: UUID | None
    replaced_by: UUID | None
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    created_at: datetime


class ShownApiKey(ApiKey, frozen=True, kw_only=True):
    """A key just made.

    Attributes:
        key: the whole of it. It is not kept, and never shown again.
    """

    key: str


async def create(tx: Transaction, actor: Actor | None, data: NewPlatform) -> Platform:
    """Make a platform."""
    row = PlatformRow(id=new_id(), name=data.name, created_at=now())
    tx.session.add(row)
    await tx.session.flush()
    await note(tx, "platform.created", actor, platform_id=row.id, name=row.name)
    return _platform(row)


async def read(tx: Transaction, actor: Actor, platform_id: UUID) -> Platform:
    """Return a platform; a key knows its own only.

    Raises:
        NotFound: there is none of that id for this actor.
    """
    return _platform(await _known(tx, actor, platform_id))


async def list_platforms(tx: Transaction, *, limit: int, cursor: str | None) -> Page[Platform]:
    """Return all platforms, oldest first."""
    query = select(PlatformRow).order_by(PlatformRow.id).limit(limit + 1)
    after = position(cursor, UUID)
    if after is not None:
        query = query.where(PlatformRow.id > after)
    return page((await tx.session.scalars(query)).all(), limit, _platform, lambda row: row.id)


async def create_key(tx: Transaction, actor: Actor | None, platform_id: UUID, data: NewApiKey) -> ShownApiKey:
    """Make a key, whose secret of 256 bits is shown this once.

    Raises:
        NotFound: there is no such platform.
        InvalidField: it would have expired already.
    """
    platform = await _known(tx, actor, platform_id)
    shown = await _made(tx, platform.id, data)
    await note(
        tx, "key.created", actor, platform_id=platform.id, key=shown.id, scopes=shown.scopes, expires_at=shown.expires_at
    )
    return shown


async def renew_key(tx: Transaction, actor: Actor | None, platform_id: UUID, key_id: UUID, data: Renewal) -> ShownApiKey:
    """Make a key's successor, which is shown this once; the old one stays valid for the overlap, and is dead then.

    Raises:
        NotFound: the platform has no such key.
        Conflict: it is valid no more, or has a successor.
        InvalidField: the successor would have expired already.
    """
    platform = await _known(tx, actor, platform_id)
    row = await _key(tx, platform.id, key_id)
    moment = now()
    if row.replaced_by is not None:
        raise Conflict("this key has been renewed: renew its successor", replaced_by=str(row.replaced_by))
    if row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= moment):
        raise Conflict("this key is valid no more: make a new one")
    expires_at = data.expires_at
    if expires_at is None and row.expires_at is not None:
        expires_at = moment + (row.expires_at - row.created_at)
    new = NewApiKey(
        name=row.name,
        scopes=tuple(row.scopes),  # type: ignore[arg-type] # the table has no others
        expires_at=expires_at,
        requests_per_minute=row.requests_per_minute,
    )
    shown = await _made(tx, platform.id, new, replaces=row.id)
    overlap = tx.engine.settings.auth.api_key_overlap if data.overlap is None else data.overlap
    ends = moment + timedelta(seconds=overlap)
    row.replaced_by, row.expires_at = shown.id, min(ends, row.expires_at or ends)
    await note(tx, "key.renewed", actor, platform_id=platform.id, key=row.id, successor=shown.id, old_until=row.expires_at)
    tx.after_commit(tx.engine.cache(Known).forget)
    return shown


async def list_keys(tx: Transaction, actor: Actor, platform_id: UUID, *, limit: int, cursor: str | None) -> Page[ApiKey]:
    """Return a platform's keys, revoked ones included, oldest first.

    Raises:
        NotFound: there is no such platform.
    """
    platform = await _known(tx, actor, platform_id)
    query = select(ApiKeyRow).where(ApiKeyRow.platform_id == platform.id).order_by(ApiKeyRow.id).limit(limit + 1)
    after = position(cursor, UUID)
    if after is not None:
        query = query.where(ApiKeyRow.id > after)
    return page((await tx.session.scalars(query)).all(), limit, lambda row: ApiKey(**_fields(row)), lambda row: row.id)


async def all_keys(tx: Transaction, platform_id: UUID) -> list[ApiKey]:
    """Return a platform's keys on one page, for an operator."""
    rows = await tx.session.scalars(select(ApiKeyRow).where(ApiKeyRow.platform_id == platform_id).order_by(ApiKeyRow.id))
    return [ApiKey(**_fields(row)) for row in rows]


async def revoke_key(tx: Transaction, actor: Actor | None, platform_id: UUID, key_id: UUID) -> None:
    """Make a key invalid for good. Doing it again changes nothing.

    Raises:
        NotFound: the platform has no such key.
    """
    platform = await _known(tx, actor, platform_id)
    row = await _key(tx, platform.id, key_id)
    if row.revoked_at is None:
        await tx.session.execute(update(ApiKeyRow).where(ApiKeyRow.id == key_id).values(revoked_at=now()))
        await note(tx, "key.revoked", actor, platform_id=platform.id, key=key_id)
    tx.after_commit(tx.engine.cache(Known).forget)


async def _known(tx: Transaction, actor: Actor | None, platform_id: UUID) -> PlatformRow:
    """Return a platform that an actor may know; the command line, which is None, may know all."""
    row = None
    if actor is None or actor.is_admin or actor.platform_id == platform_id:
        row = await tx.session.get(PlatformRow, platform_id)
    if row is None:
        raise NotFound("there is no such platform, or not for you")
    return row


async def _key(tx: Transaction, platform_id: UUID, key_id: UUID) -> ApiKeyRow:
    """Return a platform's key, locked: of two who change it one comes first."""
    query = select(ApiKeyRow).where(ApiKeyRow.id == key_id, ApiKeyRow.platform_id == platform_id).with_for_update()
    row = await tx.session.scalar(query)
    if row is None:
        raise NotFound("there is no such key")
    return row


async def _made(tx: Transaction, platform_id: UUID, data: NewApiKey, *, replaces: UUID | None = None) -> ShownApiKey:
    moment = now()
    if data.expires_at is not None and data.expires_at <= moment:
        raise InvalidField(
            f"expires_at: {data.expires_at.isoformat()} has passed: give a time to come, or none", field="expires_at"
        )
    text = key_text.drawn()
    row = ApiKeyRow(
        id=new_id(),
        platform_id=platform_id,
        name=data.name,
        prefix=text.prefix,
        secret_sha256=hashlib.sha256(text.secret.encode()).digest(),
        scopes=sorted(set(data.scopes)),
        requests_per_minute=data.requests_per_minute,
        replaces=replaces,
        expires_at=data.expires_at,
        created_at=moment,
    )
    tx.session.add(row)
    await tx.session.flush()
    return ShownApiKey(**_fields(row), key=str(text))


def _platform(row: PlatformRow) -> Platform:
    return Platform(id=row.id, name=row.name, created_at=row.created_at)


def _fields(row: ApiKeyRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "platform_id": row.platform_id,
        "name": row.name,
        "prefix": row.prefix,
        "scopes": tuple(row.scopes),
        "requests_per_minute": row.requests_per_minute,
        "replaces": row.replaces,
        "replaced_by": row.replaced_by,
        "expires_at": row.expires_at,
        "revoked_at": row.revoked_at,
        "last_used_at": row.last_used_at,
        "created_at": row.created_at,
    }
