"""Changing the key that seals secrets, while everything goes on: a new key, then every sealed value in batches, then pruning.

The new key begins some seconds after it was made, when every process has read it. What a rotation has not reached stays
readable, since all keys open, so it may be stopped anywhere and run again. An old key is removed only once nothing is sealed
with it and its time of grace is over.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from msgspec import Struct
from sqlalchemy import Column, ColumnElement, Select, Table, and_, delete, func, or_, select, tuple_, update

from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.keyring import REREAD, SealingKey, make_key
from skillcore.runtime.sealing import Sealer, SealingKeyRow, Unsealable, exclusively, key_of, register

__all__ = ["KeyState", "Rotated", "TooEarly", "prune", "rotate", "sealed_columns", "states"]

AHEAD = 2 * REREAD + 1.0
"""Seconds between the making of a key and the first secret that it seals: by then every process has read it."""

FARTHEST = 120.0
"""Seconds ahead at which a key may begin. Beyond that a clock is wrong."""

BATCH = 500
MARK = "rotating"
"""The file that names the key of a rotation that is not over."""

Tell = Callable[[str], None]


class TooEarly(Exception):
    """The newest key begins later than it can have been meant to: a clock was, or is, wrong."""


class Rotated(Struct, frozen=True):
    """What a rotation did.

    Attributes:
        key: the name of the key that seals now.
        sealed: how many values were sealed anew.
        broken: where values stand that do not open, as ``table.column``, and how many.
        removed: names of the keys that were removed.
    """

    key: str
    sealed: int
    broken: dict[str, int]
    removed: tuple[str, ...]


class KeyState(Struct, frozen=True):
    """How a key stands.

    Attributes:
        name: its id.
        seals_from: since when it seals, or sealed.
        values: how many values are sealed with it.
        here: whether its file is here.
        removable_from: when it may be removed, if nothing is sealed with it; None for the key that seals.
    """

    name: str
    seals_from: datetime
    values: int
    here: bool
    removable_from: datetime | None


def sealed_columns(tables: Sequence[Table]) -> dict[Table, list[Column[Any]]]:
    """Return the sealed columns of tables."""
    found = {table: [column for column in table.columns if column.info.get("sealed")] for table in tables}
    return {table: columns for table, columns in found.items() if columns}


async def rotate(engine: Engine, tables: Sequence[Table], tell: Tell, *, batch: int = BATCH) -> Rotated:
    """Make a new key, seal everything with it, and remove old keys that nobody needs. Goes on with what was interrupted.

    Args:
        engine: of this process, in which the `Sealer` is open.
        tables: all that there are: what stands in others stays sealed with keys that are removed.
        tell: is told of progress.
        batch: rows of one transaction.

    Raises:
        TooEarly: the newest key begins too late.
    """
    key = await _new_key(engine, tell)
    tell(f"key {key.name} seals from {_moment(key.seals_from):%H:%M:%S} UTC")
    # From its first second on, plus what a process takes to look again, nobody seals with another key.
    await asyncio.sleep(max(0.0, key.seals_from + REREAD - time.time()))
    total, broken = 0, dict[str, int]()
    for table, columns in sealed_columns(tables).items():
        changed, damaged = await _reseal(engine, table, columns, key, batch, tell)
        total += changed
        broken |= damaged
    await asyncio.to_thread((engine.service(Sealer).keyring.directory / MARK).unlink, missing_ok=True)
    return Rotated(key.name, total, broken, await prune(engine, tables))


async def states(engine: Engine, tables: Sequence[Table]) -> list[KeyState]:
    """Return how all keys stand that are here, that the database knows, or with which something is sealed; oldest first.

    Args:
        engine: of this process, in which the `Sealer` is open.
        tables: all that there are.
    """
    keyring = engine.service(Sealer).keyring
    await asyncio.to_thread(keyring.read)
    here = {key.id for key in keyring.keys}
    counts: dict[bytes, int] = {}
    async with engine.transaction() as tx:
        known = set(await tx.session.scalars(select(SealingKeyRow.id)))
        for column in (column for columns in sealed_columns(tables).values() for column in columns):
            id_ = func.substring(column, 2, 8)
            query = select(id_, func.count()).where(column.is_not(None)).group_by(id_)
            for found, count in await tx.session.execute(query):
                counts[found] = counts.get(found, 0) + count
    ids = sorted(here | known | set(counts))
    grace = engine.settings.sealing.key_grace
    successors = _successors(sorted(here))
    return [
        KeyState(
            name=id_.hex(),
            seals_from=_moment(int.from_bytes(id_[:4], "big")),
            values=counts.get(id_, 0),
            here=id_ in here,
            removable_from=_moment(int.from_bytes(successors[id_][:4], "big") + grace) if id_ in successors else None,
        )
        for id_ in ids
    ]


async def prune(engine: Engine, tables: Sequence[Table]) -> tuple[str, ...]:
    """Remove keys with which nothing is sealed, and whose grace is over; returns their names.

    Args:
        engine: of this process, in which the `Sealer` is open.
        tables: all that there are: what stands in others does not keep its key.
    """
    keyring = engine.service(Sealer).keyring
    removed: list[str] = []
    async with engine.transaction() as outer:
        await exclusively(outer)
        for state in await states(engine, tables):
            if state.values or not state.here or state.removable_from is None or state.removable_from > datetime.now(UTC):
                continue
            # The row goes first: were the file gone and the row still there, no process would start.
            async with engine.transaction() as tx:
                await tx.session.execute(delete(SealingKeyRow).where(SealingKeyRow.id == bytes.fromhex(state.name)))
            await asyncio.to_thread((keyring.directory / f"{state.name}.key").unlink, missing_ok=True)
            removed.append(state.name)
    await asyncio.to_thread(keyring.read)
    return tuple(removed)


async def _new_key(engine: Engine, tell: Tell) -> SealingKey:
    """Return the key of the rotation that was interrupted, or a new one.

    Raises:
        TooEarly: the newest key begins too late.
    """
    keyring = engine.service(Sealer).keyring
    async with engine.transaction() as tx:
        await exclusively(tx)
        await asyncio.to_thread(keyring.read)
        newest = keyring.keys[-1]
        if newest.seals_from > time.time() + FARTHEST:
            message = f"the newest key begins at {_moment(newest.seals_from)}: set this machine's clock right, or wait"
            raise TooEarly(message)
        mark = keyring.directory / MARK
        with suppress(FileNotFoundError):
            if (await asyncio.to_thread(mark.read_text, "ascii")).strip() == newest.name:
                tell("going on with the rotation that was interrupted")
                return newest
        seals_from = max(int(time.time() + AHEAD), newest.seals_from + 1)
        key = await asyncio.to_thread(make_key, keyring.directory, seals_from)
        await register(tx, [key.id])
        await asyncio.to_thread(mark.write_text, key.name, "ascii")
        await asyncio.to_thread(keyring.read)
    return key


async def _reseal(
    engine: Engine, table: Table, columns: Sequence[Column[Any]], key: SealingKey, batch: int, tell: Tell
) -> tuple[int, dict[str, int]]:
    """Seal a table's values with a key, in passes by primary key until no old one is left but those that do not open."""
    total, pause = 0, 0.05
    while True:
        after, changed, broken = None, 0, dict[str, int]()
        while True:
            async with engine.transaction() as tx:
                rows = (await tx.session.execute(_batch(table, columns, key, after, batch))).mappings().all()
                for row in rows:
                    changed += await _renew(tx, engine.service(Sealer), table, columns, key, row, broken)
            if not rows:
                break
            after = tuple(rows[-1][column.name] for column in table.primary_key)
            tell(f"{table.name}: {total + changed} sealed anew")
        total += changed
        async with engine.transaction() as tx:
            left = 0
            for column in columns:
                left += await tx.session.scalar(_old(column, key)) or 0
        if left <= sum(broken.values()):
            return total, broken
        await asyncio.sleep(pause)  # somebody else holds those rows
        pause = min(2 * pause, 2.0)


def _batch(
    table: Table, columns: Sequence[Column[Any]], key: SealingKey, after: tuple[Any, ...] | None, limit: int
) -> Select[Any]:
    """Return the query for the next rows that hold an older seal; those that somebody else holds are left out."""
    primary = list(table.primary_key)
    person = table.info["person"]
    wanted = {column.name: column for column in (*primary, *columns, *([table.columns[person]] if person else []))}
    query = select(*wanted.values()).where(or_(*(_is_old(column, key) for column in columns)))
    if after is not None:
        query = query.where(tuple_(*primary) > tuple_(*after))
    return query.order_by(*primary).limit(limit).with_for_update(skip_locked=True)


def _is_old(column: Column[Any], key: SealingKey) -> ColumnElement[bool]:
    return and_(column.is_not(None), func.substring(column, 2, 8) != key.id)


def _old(column: Column[Any], key: SealingKey) -> Select[int]:
    return select(func.count()).where(_is_old(column, key))


async def _renew(
    tx: Transaction,
    sealer: Sealer,
    table: Table,
    columns: Sequence[Column[Any]],
    key: SealingKey,
    row: Any,
    broken: dict[str, int],
) -> int:
    """Seal a row's values anew; returns how many."""
    number = tuple(row[column.name] for column in table.primary_key)
    person = row[table.info["person"]] if table.info["person"] else None
    values: dict[str, bytes] = {}
    for column in columns:
        sealed = row[column.name]
        if sealed is None or key_of(sealed) == key.id:
            continue
        try:
            plain = sealer.open(column, number, person, sealed)
        except Unsealable:
            place = f"{table.name}.{column.name}"
            broken[place] = broken.get(place, 0) + 1
            continue
        values[column.name] = sealer.seal(column, number, person, plain)
    if values:
        same = and_(*(column == part for column, part in zip(table.primary_key, number, strict=True)))
        await tx.session.execute(update(table).where(same).values(**values))
    return len(values)


def _successors(ids: Sequence[bytes]) -> dict[bytes, bytes]:
    """Return for each key that no longer seals the one that took its place."""
    begun = [id_ for id_ in ids if int.from_bytes(id_[:4], "big") <= time.time()]
    return dict(pairwise(begun))


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
