"""All of a person's data, as one JSON document that is written while it is read: memory holds a row, not a person.

Everything is seen as of one moment. The last member is ``complete``; a document that lacks it was cut off.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from msgspec import Struct
from psycopg import IsolationLevel, sql

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.accounts.audit import note
from skillcore.privacy.declared import LeftOut, Portion, portions
from skillcore.runtime.clock import now
from skillcore.runtime.database import Base
from skillcore.runtime.engine import Engine
from skillcore.runtime.problems import UnavailableNow

__all__ = ["FORMAT", "Complete", "Export", "Exports", "begin", "document"]

FORMAT = "skillcore-export/1"
CHUNK = 65_536
"""Bytes that are sent together, unless a single row has more."""

AT_ONCE = 4
"""Exports that one process writes at a time: each holds a connection, and keeps the database from tidying up meanwhile."""

_encode = msgspec.json.Encoder().encode


class Complete(Struct, frozen=True, kw_only=True):
    """That the document is whole."""

    rows: int


class Export(Struct, frozen=True, kw_only=True):
    """All that is kept of a person.

    Attributes:
        format: of this document.
        user_id: whose it is.
        made_at: everything is as it was at this moment.
        left_out: columns that are not shown, and why.
        tables: rows that are about the person, by table; the columns are those of the tables.
        named_in: what is shown of rows that are about somebody else and name the person, by table and column.
        complete: comes last: without it the document was cut off.
    """

    format: str
    user_id: UUID
    made_at: datetime
    left_out: list[LeftOut]
    tables: dict[str, list[dict[str, Any]]]
    named_in: dict[str, list[dict[str, Any]]]
    complete: Complete


class Exports:
    """How many exports this process writes now."""

    def __init__(self) -> None:
        self.places = asyncio.Semaphore(AT_ONCE)


async def begin(engine: Engine, actor: Actor, reference: str) -> AsyncIterator[bytes]:
    """Return the data of a person, in pieces; their own, or for an administrator anyone's. That it was asked for is noted.

    Args:
        engine: of this process.
        actor: who asks.
        reference: whose.

    Raises:
        NotFound: there is no such person, or not for this actor.
        UnavailableNow: this process writes as many exports as it can.
    """
    if engine.cache(Exports).places.locked():
        raise UnavailableNow("too many exports are being written; try again in a minute", headers={"Retry-After": "60"})
    async with engine.transaction() as tx:
        user_id = await people.resolve(tx, actor, reference)
        await note(tx, "person.exported", actor, user_id)
    return document(engine, user_id)


async def document(engine: Engine, user_id: UUID) -> AsyncIterator[bytes]:
    """Yield a person's data, in pieces of about `CHUNK` bytes.

    Args:
        engine: of this process.
        user_id: whose.
    """
    waiting = bytearray()
    async with engine.cache(Exports).places, aclosing(_written(engine, user_id, portions(Base.metadata))) as pieces:
        async for piece in pieces:
            waiting += piece
            if len(waiting) >= CHUNK:
                yield bytes(waiting)
                waiting.clear()
        yield bytes(waiting)


async def _written(engine: Engine, user_id: UUID, walked: Sequence[Portion]) -> AsyncGenerator[bytes, None]:
    connection = await engine.database.connect()
    rows = 0
    try:
        await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
        await connection.set_read_only(True)
        yield _head(user_id, now(), walked)
        for member, also in (("tables", False), ("named_in", True)):
            yield _encode(member) + b":{"
            for number, portion in enumerate(one for one in walked if one.also is also):
                yield (b"," if number else b"") + _encode(portion.name) + b":["
                first = True
                async for row in _rows(connection, portion, user_id):
                    yield row if first else b"," + row
                    first, rows = False, rows + 1
                yield b"]"
            yield b"},"
        yield b'"complete":' + _encode(Complete(rows=rows)) + b"}"
    finally:
        await connection.close()


def _head(user_id: UUID, made_at: datetime, walked: Sequence[Portion]) -> bytes:
    left_out = [column for portion in walked for column in portion.left_out]
    head = {"format": FORMAT, "user_id": user_id, "made_at": made_at, "left_out": left_out}
    return _encode(head)[:-1] + b","


async def _rows(connection: psycopg.AsyncConnection[Any], portion: Portion, user_id: UUID) -> AsyncIterator[bytes]:
    """Yield a portion's rows, each as a JSON object. COPY hands them over one by one, however many there are."""
    copied = sql.SQL("copy ({}) to stdout (format binary)").format(_query(portion, user_id))
    async with connection.cursor().copy(copied) as copy:
        async for plain, *values in copy.rows():
            row = bytes(plain)
            for (name, shown), value in zip(portion.coded, values, strict=True):
                row = row[:-1] + b"," + _encode(name) + b":" + _encode(_coded(shown, value)) + b"}"
            yield row


def _coded(shown: str, value: bytes | None) -> str | None:
    if value is None:
        return None
    return value.decode("utf-8", "backslashreplace") if shown == "text" else value.hex()


def _query(portion: Portion, user_id: UUID) -> sql.Composed:
    columns = sql.SQL(", ").join(sql.Identifier("t", name) for name in portion.columns)
    coded = [sql.SQL(", ") + sql.Identifier("t", name) for name, _ in portion.coded]
    names = {"table": sql.Identifier(portion.table), "person": sql.Identifier(portion.person), "id": sql.Literal(user_id)}
    if portion.through is None:
        where = sql.SQL("t.{person} = {id}").format(**names)
        if portion.also and portion.about is not None:  # their own rows are there already
            where += sql.SQL(" and t.{} is distinct from {}").format(sql.Identifier(portion.about), names["id"])
    else:
        key, owner, to = (sql.Identifier(name) for name in portion.through)
        where = sql.SQL("t.{key} in (select {to} from {owner} where {person} = {id})").format(
            key=key, owner=owner, to=to, **names
        )
    return sql.SQL("select (select row_to_json(r) from (select {}) r)::text{} from {table} t where {} order by {}").format(
        columns, sql.Composed(coded), where, sql.SQL(", ").join(sql.Identifier("t", name) for name in portion.order), **names
    )
