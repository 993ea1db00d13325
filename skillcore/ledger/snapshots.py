"""Snapshots and checkpoints of formulas' states, so that reading a score costs only what is new, and one of long ago not more.

A snapshot holds a formula's states for all its subjects at one version of the stream. It is used when the events since
then are all later in time than those it has seen, and when none of them changes which evidence counts. Checkpoints hold the
states of former days, a few thousand events apart, closer where a series was read: where events came late, the fold begins at
the last one before them, and a reading as of a former day begins at the last one before that. So a score never depends on the
order in which events arrived.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any
from uuid import UUID

import msgspec
import structlog
from msgspec import Struct

from skillcore.ledger.folding import Fold, States, fold, parameters_hash
from skillcore.ledger.streams import ACCOUNT_KINDS, LAST, Connection, Position, Stored, in_time_order
from skillcore.plugin.manager import Plugins

__all__ = ["CHECKPOINT_EVERY", "FORGET", "Folded", "Move", "along", "as_of", "folded", "moves"]

CHECKPOINT_EVERY = 5000
"""Events from one checkpoint to the next."""

CHARTED_EVERY = 50
"""Events, at least, between checkpoints of moments that were asked for one after the other: those will be asked for again."""

FIRST = datetime.min.replace(tzinfo=UTC)

CURRENT = """select s.version, n.head, n.upto_at, n.upto_id, n.folded, n.states::text from streams s
  left join snapshots n on n.user_id = s.user_id and n.formula = %s and n.formula_version = %s and n.parameters_hash = %s
  where s.user_id = %s"""
LATE = """select bool_or(kind in ('account.linked', 'evidence.withdrawn')), min(occurred_at) from events
  where user_id = %s and version > %s and version <= %s
  and (kind = any(%s) and (occurred_at, id) <= (%s, %s) or kind in ('account.linked', 'evidence.withdrawn'))"""
KEEP = """insert into snapshots (user_id, formula, formula_version, parameters_hash, head, upto_at, upto_id, folded, states)
  values (%s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict (user_id, formula, formula_version, parameters_hash) do update
  set head = excluded.head, upto_at = excluded.upto_at, upto_id = excluded.upto_id, folded = excluded.folded,
    states = excluded.states
  where excluded.head >= snapshots.head returning 1"""
OF_FORMULA = "user_id = %s and formula = %s and formula_version = %s and parameters_hash = %s"
DISCARD = f"delete from checkpoints where {OF_FORMULA} and upto_at >= %s"  # noqa: S608
MARK = """insert into checkpoints (user_id, formula, formula_version, parameters_hash, upto_at, upto_id, folded, states)
  values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing"""
BEFORE = f"""select upto_at, upto_id, folded, states::text from checkpoints where {OF_FORMULA} and upto_at < %s
  order by upto_at desc, upto_id desc limit 1"""  # noqa: S608
BEFORE_AT = f"""select c.upto_at, c.upto_id, c.folded, c.states::text from checkpoints c join snapshots n
  using (user_id, formula, formula_version, parameters_hash) where {OF_FORMULA} and c.upto_at < %s and n.head = %s
  order by c.upto_at desc, c.upto_id desc limit 1"""  # noqa: S608
MARKED = f"select coalesce(max(folded), 0) from checkpoints where {OF_FORMULA} and upto_at <= %s"  # noqa: S608
BETWEEN = f"""select upto_at, upto_id, folded from checkpoints where {OF_FORMULA} and upto_at > %s and upto_at < %s
  order by upto_at, upto_id"""  # noqa: S608
AT = f"""select upto_at, upto_id, folded, states::text from checkpoints where {OF_FORMULA}
  and upto_at = %s and upto_id = %s"""  # noqa: S608
HOLD = f"select from snapshots where {OF_FORMULA} and head = %s for update skip locked"
FORGET = ("delete from snapshots where user_id = %s", "delete from checkpoints where user_id = %s")
"""What forgets all snapshots of a person."""

log = structlog.get_logger(__name__)
_encode = msgspec.json.Encoder().encode


class Folded(Struct, frozen=True):
    """A formula's states for one person, by subject.

    Attributes:
        head: the stream's version that they hold for.
        upto: the last event folded.
        events: how many were folded.
    """

    states: States
    head: int
    upto: Position | None = None
    events: int = 0


class Move(Struct, frozen=True):
    """An event that moved a subject's state, with the state before it and the one after it."""

    stored: Stored
    before: Any
    after: Any


async def folded(connection: Connection, plugins: Plugins, formula: Fold, user_id: UUID) -> Folded:
    """Return a formula's states at the head of a person's stream, from what was kept as far as it holds, and keep them."""
    key = (user_id, formula.name, formula.version, parameters_hash(formula))
    row = await (await connection.execute(CURRENT, (*key[1:], user_id), prepare=True)).fetchone()
    if row is None:
        return Folded({}, 0)
    head, snapshot = row[0], None if row[1] is None else _restored(formula, row[1], row[2:])
    if snapshot is not None and snapshot.head == head:
        return snapshot
    holds_before = FIRST if snapshot is None else await _holds_before(connection, formula, user_id, snapshot, head)
    if snapshot is None or holds_before < LAST:
        snapshot = await _checkpoint(connection, formula, key, holds_before, head)
    marks: list[Folded] = []
    found = await _on(connection, plugins, formula, user_id, snapshot, head=head, marks=marks)
    kept = (*key, head, *(found.upto or (None, None)), found.events, _encode(found.states).decode())
    # Whoever keeps a snapshot holds its row, so nobody discards checkpoints while another adds some.
    if await (await connection.execute(KEEP, kept)).fetchone() is not None:
        if holds_before < LAST:
            await connection.execute(DISCARD, (*key, holds_before))
        for mark in marks:
            await connection.execute(MARK, (*key, *(mark.upto or ()), mark.events, _encode(mark.states).decode()))
    return found


async def as_of(connection: Connection, plugins: Plugins, formula: Fold, user_id: UUID, moment: datetime) -> Folded:
    """Return a formula's states by what had happened until a moment, as far as it is known today."""
    current = await folded(connection, plugins, formula, user_id)
    if current.upto is None or current.upto[0] <= moment:
        return current
    key = (user_id, formula.name, formula.version, parameters_hash(formula))
    start = await _checkpoint(connection, formula, key, moment, current.head)
    return await _on(connection, plugins, formula, user_id, start, head=current.head, until=moment)


async def along(
    connection: Connection, plugins: Plugins, formula: Fold, user_id: UUID, moments: Sequence[datetime]
) -> AsyncIterator[Folded]:
    """Yield a formula's states as of each of some moments, which ascend, in one pass over the events between them.

    Where checkpoints lie between the moments, the pass goes from one to the next and leaves out what they have seen; and it
    leaves some at the moments themselves, so that the next one has little to do, however much happens in a day. The states are
    moved on from one to the next: whoever keeps some for longer copies them.
    """
    if not moments:
        return
    found = await as_of(connection, plugins, formula, user_id, moments[0])
    yield found
    key = (user_id, formula.name, formula.version, parameters_hash(formula))
    begin = FIRST if found.upto is None else found.upto[0]
    known = await (await connection.execute(BETWEEN, (*key, begin, moments[-1]))).fetchall()
    ((marked,),) = await (await connection.execute(MARKED, (*key, begin))).fetchall()
    fresh: list[Folded] = []
    if found.events - marked >= CHARTED_EVERY:
        fresh.append(found)
        marked = found.events
    for last, run in _runs(moments[1:], known):
        if last is not None:
            found, marked = await _moved(connection, formula, key, last, found), last[2]
        states, upto, count, place = dict(found.states), found.upto, found.events, 0
        async for stored in in_time_order(
            connection, plugins, user_id, formula.kinds, head=found.head, after=upto, until=run[-1]
        ):
            while stored.event.occurred_at > run[place]:
                found = Folded(dict(states), found.head, upto, count)
                if count - marked >= CHARTED_EVERY:
                    fresh.append(found)
                    marked = count
                yield found
                place += 1
            fold(formula, states, stored.event)
            upto, count = stored.position, count + 1
        found = Folded(states, found.head, upto, count)
        if count - marked >= CHARTED_EVERY:
            fresh.append(found)
            marked = count
        for _ in run[place:]:
            yield found
    await _mark(connection, key, found.head, fresh)


async def moves(
    connection: Connection,
    plugins: Plugins,
    formula: Fold,
    user_id: UUID,
    subject: str,
    *,
    head: int,
    after: Position | None = None,
    until: datetime = LAST,
) -> AsyncIterator[Move]:
    """Yield each event that moved a subject's state, in the order of time.

    Beyond a position, the fold begins at the last checkpoint before it, if one was kept that holds for ``head``.

    Args:
        connection: to read on.
        plugins: for the events' types.
        formula: whose states.
        user_id: whose stream.
        subject: whose state; no other one is folded.
        head: what was recorded later is left out.
        after: what happened up to there is folded, and not told of.
        until: what happened later is left out.
    """
    states, upto, first = {}, None, formula.state()
    if after is not None:
        key = (user_id, formula.name, formula.version, parameters_hash(formula))
        row = await (await connection.execute(BEFORE_AT, (*key, after[0], head))).fetchone()
        kept = None if row is None else _restored(formula, head, row)
        if kept is not None:
            states, upto = kept.states, kept.upto
    async for stored in in_time_order(connection, plugins, user_id, formula.kinds, head=head, after=upto, until=until):
        before = states.get(subject, first)
        fold(formula, states, stored.event, subject)
        moved = states.get(subject, first)
        if moved != before and (after is None or stored.position > after):
            yield Move(stored, before, moved)


def _runs(moments: Sequence[datetime], known: Sequence[Any]) -> Iterator[tuple[Any | None, Sequence[datetime]]]:
    """Yield moments that have the same last checkpoint before them, with that checkpoint; None before the first."""
    times = [row[0] for row in known]
    for place, run in groupby(moments, key=lambda moment: bisect_left(times, moment)):
        yield (known[place - 1] if place else None), tuple(run)


async def _moved(connection: Connection, formula: Fold, key: tuple[Any, ...], mark: Any, found: Folded) -> Folded:
    """Return the states of a checkpoint, or those found so far where it is gone, or lies no later."""
    if mark[2] <= found.events:
        return found
    row = await (await connection.execute(AT, (*key, mark[0], mark[1]))).fetchone()
    return (None if row is None else _restored(formula, found.head, row)) or found


async def _mark(connection: Connection, key: tuple[Any, ...], head: int, fresh: Sequence[Folded]) -> None:
    """Keep checkpoints of what was found, unless somebody is keeping a newer snapshot, or has kept one.

    Whoever discards checkpoints holds the snapshot's row first, as this does: what is kept here is known to them.
    """
    if fresh and await (await connection.execute(HOLD, (*key, head))).fetchone() is not None:
        for mark in fresh:
            await connection.execute(MARK, (*key, *(mark.upto or ()), mark.events, _encode(mark.states).decode()))


async def _on(
    connection: Connection,
    plugins: Plugins,
    formula: Fold,
    user_id: UUID,
    start: Folded,
    *,
    head: int,
    until: datetime = LAST,
    marks: list[Folded] | None = None,
) -> Folded:
    """Return the states after the events that follow a start; what is to be a checkpoint is added to ``marks``."""
    states, upto, count = dict(start.states), start.upto, start.events
    async for stored in in_time_order(connection, plugins, user_id, formula.kinds, head=head, after=upto, until=until):
        fold(formula, states, stored.event)
        upto, count = stored.position, count + 1
        if marks is not None and count % CHECKPOINT_EVERY == 0:
            marks.append(Folded(dict(states), head, upto, count))
    return Folded(states, head, upto, count)


async def _checkpoint(connection: Connection, formula: Fold, key: tuple[Any, ...], moment: datetime, head: int) -> Folded:
    """Return the last checkpoint that ends before a moment; without one, the beginning."""
    row = await (await connection.execute(BEFORE, (*key, moment))).fetchone()
    found = None if row is None else _restored(formula, head, row)
    return Folded({}, head) if found is None else found


def _restored(formula: Fold, head: int, row: Sequence[Any]) -> Folded | None:
    """Return what was kept; None if it does not fit the formula, as when its state changed and its version did not."""
    upto_at, upto_id, count, states = row
    try:
        decoded: States = msgspec.json.decode(states, type=dict[str, formula.state])  # type: ignore[name-defined]
    except msgspec.MsgspecError as error:
        log.warning("snapshot does not fit", formula=formula.name, error=str(error))
        return None
    return Folded(decoded, head, None if upto_at is None else (upto_at, upto_id), count)


async def _holds_before(connection: Connection, formula: Fold, user_id: UUID, snapshot: Folded, head: int) -> datetime:
    """Return the moment before which what was folded still holds: `LAST` if no event since the snapshot belongs before its end.

    An event that changes which evidence counts leaves nothing of it.
    """
    upto = snapshot.upto or (FIRST, UUID(int=0))
    kinds = list(formula.kinds - ACCOUNT_KINDS)
    row = await (await connection.execute(LATE, (user_id, snapshot.head, head, kinds, *upto))).fetchone()
    accounts, moment = row or (None, None)
    if accounts:
        return FIRST
    return LAST if moment is None else moment
