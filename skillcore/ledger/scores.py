"""Scores: formulas folded over a person's events, with a snapshot so that reading costs only what is new.

A snapshot holds a formula's states for all its subjects at one version of the stream. It is used when the events since
then are all later in time than those it has seen, and when none of them changes which evidence counts; otherwise the fold
begins anew. So a score never depends on the order in which events arrived.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
import structlog
from msgspec import Struct

from skillcore.ledger.streams import ACCOUNT_KINDS, Connection, Position, in_time_order
from skillcore.plugin import Event, Reading, Score, ScoringFormula
from skillcore.plugin.manager import Plugins
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.problems import UnavailableNow

__all__ = [
    "BrokenFormula",
    "Folded",
    "NoFormula",
    "Value",
    "bound",
    "fold",
    "folded",
    "parameters_hash",
    "read",
    "reading",
    "valued",
]

States = dict[str, Any]

CURRENT = """select s.version, n.head, n.upto_at, n.upto_id, n.states::text from streams s
  left join snapshots n on n.user_id = s.user_id and n.formula = %s and n.formula_version = %s and n.parameters_hash = %s
  where s.user_id = %s"""
LATE = """select exists (select from events where user_id = %s and version > %s and version <= %s
  and (kind = any(%s) and (occurred_at, id) <= (%s, %s) or kind in ('account.linked', 'evidence.withdrawn')))"""
KEEP = """insert into snapshots (user_id, formula, formula_version, parameters_hash, head, upto_at, upto_id, states)
  values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict (user_id, formula, formula_version, parameters_hash) do update
  set head = excluded.head, upto_at = excluded.upto_at, upto_id = excluded.upto_id, states = excluded.states
  where excluded.head >= snapshots.head"""

log = structlog.get_logger(__name__)
_encode = msgspec.json.Encoder().encode


class BrokenFormula(UnavailableNow):
    """A formula raised, or gave a result that its contract rules out; the message names it. The facts are unharmed."""


class NoFormula(UnavailableNow):
    """No active plugin offers the formula that a role is bound to."""


class Folded(Struct, frozen=True):
    """A formula's states for one person, by subject.

    Attributes:
        head: the stream's version that they hold for.
        upto: the last event folded.
    """

    states: States
    head: int
    upto: Position | None


class Value(Struct, frozen=True):
    """A score, with where it comes from."""

    formula: str
    version: int
    subject: str
    score: Score
    head: int


def bound(engine: Engine, role: str) -> ScoringFormula[Any]:
    """Return the formula that the settings bind to a role; without a binding, the formula of that name.

    Raises:
        NoFormula: no active plugin offers it.
    """
    name = engine.settings.formulas.get(role, role)
    try:
        return engine.plugins.formulas[name]
    except KeyError:
        message = f"no active plugin offers the formula {name!r}; see [formulas] and `skillcore plugins list`"
        raise NoFormula(message) from None


def parameters_hash(formula: ScoringFormula[Any]) -> str:
    """Return a short digest of a formula's parameters, under which its snapshots are kept."""
    return sha256(msgspec.json.encode(dict(formula.parameters()), order="sorted")).hexdigest()[:16]


@contextmanager
def contained(formula: ScoringFormula[Any], doing: str) -> Iterator[None]:
    """Turn whatever a formula raises into `BrokenFormula`."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # also sys.exit, which would end the process
        log.exception("formula failed", formula=formula.name, doing=doing)
        message = f"the formula {formula.name!r} failed on {doing}: {type(error).__name__}: {error}"
        raise BrokenFormula(message) from error


def fold(formula: ScoringFormula[Any], states: States, event: Event) -> None:
    """Move the states of the subjects that an event concerns.

    Raises:
        BrokenFormula: the formula raised.
    """
    with contained(formula, f"event {event.id}"):
        for subject in formula.subjects(event):
            state = states.get(subject)
            states[subject] = formula.apply(formula.state() if state is None else state, event)


def valued(formula: ScoringFormula[Any], state: Struct | None, reading: Reading) -> Score:
    """Return the score of a state, None being the first, which keeps the contract: finite, and what its components combine to.

    Raises:
        BrokenFormula: it does not, or the formula raised.
    """
    with contained(formula, "reading its value"):
        score = formula.value(formula.state() if state is None else state, reading)
        if score.value is None:
            return score
        combined = score.combined()
        sound = math.isfinite(score.value) and math.isclose(score.value, combined, rel_tol=1e-9, abs_tol=1e-9)
    if not sound:
        message = f"the formula {formula.name!r} says {score.value}, its components give {combined}"
        raise BrokenFormula(message)
    return score


async def folded(connection: Connection, plugins: Plugins, formula: ScoringFormula[Any], user_id: UUID) -> Folded:
    """Return a formula's states at the head of a person's stream, from the snapshot as far as it holds, and keep them."""
    key = (formula.name, formula.version, parameters_hash(formula))
    row = await (await connection.execute(CURRENT, (*key, user_id), prepare=True)).fetchone()
    if row is None:
        return Folded({}, 0, None)
    head, snapshot = row[0], None if row[1] is None else _restore(formula, row[1:])
    if snapshot is not None and snapshot.head == head:
        return snapshot
    if snapshot is not None and await _late(connection, formula, user_id, snapshot, head):
        snapshot = None
    states, upto = (dict(snapshot.states), snapshot.upto) if snapshot else ({}, None)
    async for stored in in_time_order(connection, plugins, user_id, formula.kinds, head=head, after=upto):
        fold(formula, states, stored.event)
        upto = stored.position
    await connection.execute(KEEP, (user_id, *key, head, *(upto or (None, None)), _encode(states).decode()))
    return Folded(states, head, upto)


async def read(
    tx: Transaction,
    user_id: UUID,
    role: str,
    *,
    subject: str = "",
    at: datetime | None = None,
    definition: Struct | None = None,
) -> Value:
    """Return a person's score, at the head of their stream.

    Args:
        tx: the transaction to read in.
        user_id: whose score.
        role: a role of ``[formulas]``, or a formula's name.
        subject: as returned by the formula's ``subjects``: empty for the person's own score, or a skill.
        at: the moment of reading; now, if not given.
        definition: targets and the like, for formulas that take one.

    Raises:
        NoFormula: no active plugin offers the formula.
        BrokenFormula: the formula breaks its contract.
    """
    formula = bound(tx.engine, role)
    current = await folded(await tx.psycopg(), tx.engine.plugins, formula, user_id)
    seen = await reading(tx, user_id, formula, subject=subject, at=at, definition=definition)
    return Value(formula.name, formula.version, subject, valued(formula, current.states.get(subject), seen), current.head)


async def reading(
    tx: Transaction,
    user_id: UUID,
    formula: ScoringFormula[Any],
    *,
    subject: str = "",
    at: datetime | None = None,
    definition: Struct | None = None,
) -> Reading:
    """Return what a formula may see when its value is read, the scores of its inputs included; arguments as for `read`."""
    at = at or now()
    inputs: dict[str, Mapping[str, Score]] = {}
    for name in formula.inputs:
        inputs[name] = {subject: (await read(tx, user_id, name, subject=subject, at=at)).score}
    return Reading(at, subject, definition, inputs)


def _restore(formula: ScoringFormula[Any], row: tuple[Any, ...]) -> Folded | None:
    """Return what a snapshot holds; None if it does not fit the formula, as when its state changed and its version did not."""
    head, upto_at, upto_id, states = row
    try:
        decoded: States = msgspec.json.decode(states, type=dict[str, formula.state])  # type: ignore[name-defined]
    except msgspec.MsgspecError as error:
        log.warning("snapshot does not fit", formula=formula.name, error=str(error))
        return None
    return Folded(decoded, head, None if upto_at is None else (upto_at, upto_id))


async def _late(connection: Connection, formula: ScoringFormula[Any], user_id: UUID, snapshot: Folded, head: int) -> bool:
    """Say whether an event since the snapshot belongs before its end, or changes which evidence counts."""
    upto = snapshot.upto or (datetime.min.replace(tzinfo=now().tzinfo), UUID(int=0))
    kinds = list(formula.kinds - ACCOUNT_KINDS)
    cursor = await connection.execute(LATE, (user_id, snapshot.head, head, kinds, *upto))
    row = await cursor.fetchone()
    return row is not None and bool(row[0])
