"""Platforms, and the keys they sign their requests with."""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct
from sqlalchemy import select, update

from skillcore.accounts.access import Actor, Scope
from skillcore.accounts.audit import note
from skillcore.accounts.authentication import KEY_MARK, Known
from skillcore.accounts.tables import ApiKeyRow, PlatformRow
from skillcore.plugin.veiled import Veiled
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.engine import Transaction
from skillcore.runtime.pages import Page, page, position
from skillcore.runtime.problems import InvalidField, NotFound

__all__ = [
    "ApiKey",
    "NewApiKey",
    "NewPlatform",
    "Platform",
    "ShownApiKey",
    "create",
    "create_key",
    "list_keys",
    "list_platforms",
    "read",
    "revoke_key",
]

Name = Annotated[str, Meta(min_length=1, max_length=200, examples=["Evening school"])]


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
    """

    name: Name
    scopes: Annotated[tuple[Scope, ...], Meta(min_length=1, max_length=32, examples=[["users:write", "tasks:write"]])]
    expires_at: Annotated[datetime, Meta(tz=True, examples=["2100-01-01T00:00:00Z"])] | None = None


class ApiKey(Veiled, frozen=True, kw_only=True):
    """A key without its secret.

    Attributes:
        prefix: how the key begins, to tell it from others.
        last_used_at: to the minute.
    """

    id: UUID
    platform_id: UUID
    name: str
    prefix: str
    scopes: tuple[str, ...]
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


async def create(tx: Transaction, actor: Actor, data: NewPlatform) -> Platform:
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


async def create_key(tx: Transaction, actor: Actor, platform_id: UUID, data: NewApiKey) -> ShownApiKey:
    """Make a key, whose secret of 256 bits is shown this once.

    Raises:
        NotFound: there is no such platform.
        InvalidField: it would have expired already.
    """
    platform = await _known(tx, actor, platform_id)
    moment = now()
    if data.expires_at is not None and data.expires_at <= moment:
        raise InvalidField(
            f"expires_at: {data.expires_at.isoformat()} has passed: give a time to come, or none", field="expires_at"
        )
    prefix = base64.b32encode(secrets.token_bytes(5)).decode().lower()
    secret = secrets.token_urlsafe(32)
    row = ApiKeyRow(
        id=new_id(),
        platform_id=platform.id,
        name=data.name,
        prefix=prefix,
        secret_sha256=hashlib.sha256(secret.encode()).digest(),
        scopes=sorted(set(data.scopes)),
        expires_at=data.expires_at,
        created_at=moment,
    )
    tx.session.add(row)
    await tx.session.flush()
    await note(tx, "key.created", actor, platform_id=platform.id, key=row.id, scopes=row.scopes, expires_at=row.expires_at)
    return ShownApiKey(**_fields(row), key=f"{KEY_MARK}{prefix}_{secret}")


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


async def revoke_key(tx: Transaction, actor: Actor, platform_id: UUID, key_id: UUID) -> None:
    """Make a key invalid for good. Doing it again changes nothing.

    Raises:
        NotFound: the platform has no such key.
    """
    platform = await _known(tx, actor, platform_id)
    row = await tx.session.scalar(select(ApiKeyRow).where(ApiKeyRow.id == key_id, ApiKeyRow.platform_id == platform.id))
    if row is None:
        raise NotFound("there is no such key")
    if row.revoked_at is None:
        await tx.session.execute(update(ApiKeyRow).where(ApiKeyRow.id == key_id).values(revoked_at=now()))
        await note(tx, "key.revoked", actor, platform_id=platform.id, key=key_id)
    tx.after_commit(tx.engine.cache(Known).forget)


async def _known(tx: Transaction, actor: Actor, platform_id: UUID) -> PlatformRow:
    row = None
    if actor.is_admin or actor.platform_id == platform_id:
        row = await tx.session.get(PlatformRow, platform_id)
    if row is None:
        raise NotFound("there is no such platform, or not for you")
    return row


def _platform(row: PlatformRow) -> Platform:
    return Platform(id=row.id, name=row.name, created_at=row.created_at)


def _fields(row: ApiKeyRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "platform_id": row.platform_id,
        "name": row.name,
        "prefix": row.prefix,
        "scopes": tuple(row.scopes),
        "expires_at": row.expires_at,
        "revoked_at": row.revoked_at,
        "last_used_at": row.last_used_at,
        "created_at": row.created_at,
    }
