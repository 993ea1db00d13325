"""Secrets that must be read again are sealed in their columns: AES-256-GCM, bound to the place where they stand.

A sealed value is one byte with the version of this form, eight with the id of its key, twelve with a random nonce, then the
ciphertext with its tag of sixteen bytes. Authenticated with it are those first nine bytes and the names of table and column,
the primary key and the person, each with its length in four bytes before it. So what was moved to another row, column or
person does not open, nor does what was cut, extended or changed.

A column that holds such values is a ``LargeBinary`` with ``info={"sealed": True}``, by which rotation finds it. Its table's
``nature`` names the person's column, if any: what is sealed is bound to what stands there.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from cryptography.exceptions import InvalidTag
from sqlalchemy import Column, DateTime, LargeBinary, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, QueryableAttribute, mapped_column

from skillcore.runtime.database import Base, nature
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.keyring import ID_LENGTH, Keyring, make_key
from skillcore.runtime.periodic import repeating
from skillcore.runtime.settings import Settings

__all__ = [
    "KeysMissing",
    "RowKey",
    "Sealer",
    "SealingKeyRow",
    "Unsealable",
    "exclusively",
    "key_of",
    "keys_directory",
    "register",
]

log = structlog.get_logger(__name__)

VERSION = b"\x01"
HEAD = len(VERSION) + ID_LENGTH
NONCE = 12
TAG = 16
DIRECTORY = "sealing-keys"
LOOK_EVERY = 30.0
"""Seconds between two comparisons of the directory with what the database knows of keys."""

ONE_AT_A_TIME = 0x736B_6C6C_7365_616C
"""Key of the advisory lock under which keys are made and removed."""

RowKey = UUID | str | int | tuple[UUID | str | int, ...]
"""A primary key; a tuple where it has several columns."""

SealedColumn = QueryableAttribute[Any] | Column[Any]


class Unsealable(Exception):
    """What stands in a sealed column is not what was sealed there, or its key is not here. Nothing of it is told."""


class KeysMissing(Exception):
    """The database holds what was sealed with keys that this machine does not have."""


class SealingKeyRow(Base):
    """The id of a key with which something in this database may be sealed. The key itself stands in a file."""

    __tablename__ = "sealing_keys"
    __table_args__ = nature("record", person=None, erase="keep")

    id: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True, info={"shown": "hex"})
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class Sealer:
    """The service that seals and opens. Every process runs it."""

    def __init__(self, keyring: Keyring) -> None:
        self.keyring = keyring

    def __repr__(self) -> str:
        """Show no key."""
        return f"{type(self).__name__}({self.keyring!r})"

    @classmethod
    @asynccontextmanager
    async def opened(cls, engine: Engine) -> AsyncIterator[Sealer]:
        """Run the service for the duration of the block. The first key of an installation is made now.

        Raises:
            KeysMissing: the keys of this database are elsewhere.
            KeyFileDamaged: a key is not what its file's name says.
        """
        sealer = cls(await asyncio.to_thread(Keyring, keys_directory(engine.settings)))
        try:
            await _agree(engine, sealer.keyring)
        except (SQLAlchemyError, OSError) as error:  # a database that is away for a while is asked later
            log.warning("keys are compared with the database later", error=str(error))

        async def again() -> None:
            try:
                await asyncio.to_thread(sealer.keyring.read)
                await _agree(engine, sealer.keyring)
            except KeysMissing as error:
                log.warning("sealed secrets cannot be opened here", reason=str(error))

        async with engine.open(sealer), repeating("sealing keys", again, LOOK_EVERY, first=LOOK_EVERY):
            yield sealer

    def seal(self, column: SealedColumn, row: RowKey, person: UUID | str | None, plain: bytes) -> bytes:
        """Return what to keep in a column.

        Args:
            column: the mapped attribute, such as ``MailRow.body``.
            row: the primary key of the row in which it will stand.
            person: what stands in the person's column that the table declares; None or empty where nothing does.
            plain: the secret.

        Raises:
            ValueError: the column is not declared as sealed, or its table declares no person.
        """
        place = _place(column, row, person)
        key = self.keyring.sealing()
        head = VERSION + key.id
        nonce = secrets.token_bytes(NONCE)
        return head + nonce + key.cipher.encrypt(nonce, plain, head + place)

    def open(self, column: SealedColumn, row: RowKey, person: UUID | str | None, sealed: bytes) -> bytes:
        """Return the secret that was sealed for this very place.

        Raises:
            Unsealable: it was sealed for another place, or is not whole, or its key is not here.
            ValueError: as `seal` does.
        """
        place = _place(column, row, person)
        key = self.keyring.get(key_of(sealed)) if len(sealed) >= HEAD + NONCE + TAG and sealed[:1] == VERSION else None
        plain = None
        if key is not None:
            try:
                plain = key.cipher.decrypt(sealed[HEAD : HEAD + NONCE], sealed[HEAD + NONCE :], sealed[:HEAD] + place)
            except InvalidTag:
                plain = None
        if plain is None:
            message = f"{_name(column)}: this is not what was sealed here, or its key is not in the keyring"
            raise Unsealable(message)
        return plain


def keys_directory(settings: Settings) -> Path:
    """Return where the keys are."""
    return Path(settings.sealing.keys_dir) if settings.sealing.keys_dir else Path(settings.data_dir) / DIRECTORY


def key_of(sealed: bytes) -> bytes:
    """Return the id of the key with which something says that it was sealed."""
    return bytes(sealed[len(VERSION) : HEAD])


async def exclusively(tx: Transaction) -> None:
    """Let nobody else make or remove keys of this database until the transaction ends."""
    await tx.session.execute(text("select pg_advisory_xact_lock(:key)"), {"key": ONE_AT_A_TIME})


async def register(tx: Transaction, ids: list[bytes]) -> None:
    """Note in the database that something may be sealed with these keys."""
    if ids:
        await tx.session.execute(insert(SealingKeyRow).values([{"id": id_} for id_ in ids]).on_conflict_do_nothing())


async def _agree(engine: Engine, keyring: Keyring) -> None:
    """See that this directory has the keys that the database knows, and make the first one where there is none at all.

    Raises:
        KeysMissing: it does not have them.
    """
    async with engine.transaction() as tx:
        await exclusively(tx)
        await asyncio.to_thread(keyring.read)
        known = set(await tx.session.scalars(select(SealingKeyRow.id)))
        here = {key.id for key in keyring.keys}
        if missing := known - here:
            names = ", ".join(sorted(id_.hex() for id_ in missing))
            message = (
                f"the database holds secrets that were sealed with keys that are not in {keyring.directory}: {names}."
                " Share that directory between all machines (sealing.keys_dir), or restore the keys from a backup"
            )
            raise KeysMissing(message)
        if not here:
            await asyncio.to_thread(make_key, keyring.directory, int(time.time()))
            await asyncio.to_thread(keyring.read)
            here = {key.id for key in keyring.keys}
        await register(tx, sorted(here - known))


def _place(column: SealedColumn, row: RowKey, person: UUID | str | None) -> bytes:
    """Return the bytes that say where a secret stands, so that no two places are alike."""
    of = _column(column)
    if of.info.get("sealed") is not True:
        message = f'{_name(column)} does not declare info={{"sealed": True}}: rotation would not find it'
        raise ValueError(message)
    if person and of.table.info["person"] is None:
        message = f"{of.table.name} declares no column that names a person, so what is sealed there can be bound to none"
        raise ValueError(message)
    parts = row if isinstance(row, tuple) else (row,)
    key = b"".join(_measured(str(part).encode()) for part in parts)
    whose = str(person or "").encode()
    return b"".join(_measured(part) for part in (of.table.name.encode(), of.name.encode(), key, whose))


def _measured(part: bytes) -> bytes:
    return len(part).to_bytes(4, "big") + part


def _column(column: SealedColumn) -> Column[Any]:
    return column if isinstance(column, Column) else column.property.columns[0]


def _name(column: SealedColumn) -> str:
    of = _column(column)
    return f"{of.table.name}.{of.name}"
