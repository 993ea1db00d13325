"""Reading scores: now, as of a former day or along many, with the definitions and other scores that formulas ask for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from skillcore.ledger import snapshots
from skillcore.ledger.folding import BrokenFormula, contained, valued
from skillcore.plugin import Reading, Score, ScoringFormula
from skillcore.runtime.clock import now
from skillcore.runtime.definitions import Definitions
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.problems import UnavailableNow

__all__ = ["NoFormula", "Value", "bound", "read", "read_all", "reading", "series"]


class NoFormula(UnavailableNow):
    """No active plugin offers the formula that a role is bound to."""


class Value(Struct, frozen=True):
    """A score, with where it comes from."""

    formula: str
    version: int
    subject: str
    score: Score
    head: int


class Pass(Struct, frozen=True):
    """What is read: of whom, at which moments.

    Attributes:
        moments: ascending.
        past: whether what happened after each moment is left out; else all there is counts, also what is a little ahead.
        definition: takes the place of the one that a room knows.
        under: the formulas whose inputs are being read, from the outermost.
    """

    tx: Transaction
    user_id: UUID
    moments: Sequence[datetime]
    past: bool
    definition: Struct | None = None
    under: tuple[str, ...] = ()


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


async def read(
    tx: Transaction,
    user_id: UUID,
    role: str,
    *,
    subject: str = "",
    at: datetime | None = None,
    as_of: datetime | None = None,
    definition: Struct | None = None,
) -> Value:
    """Return a person's score, at the head of their stream.

    Args:
        tx: the transaction to read in.
        user_id: whose score.
        role: a role of ``[formulas]``, or a formula's name.
        subject: as returned by the formula's ``subjects``: empty for the person's own score, or a skill, a space and so on.
        at: the moment of reading; now, if not given.
        as_of: leaves out what happened later, and is the moment of reading.
        definition: targets and the like; if not given, those that a room knows of the subject.

    Raises:
        NoFormula: no active plugin offers the formula.
        BrokenFormula: the formula breaks its contract.
    """
    found = await read_all(tx, user_id, role, (subject,), at=at, as_of=as_of, definition=definition)
    return found[subject]


async def read_all(
    tx: Transaction,
    user_id: UUID,
    role: str,
    subjects: Collection[str] | None = None,
    *,
    at: datetime | None = None,
    as_of: datetime | None = None,
    definition: Struct | None = None,
) -> Mapping[str, Value]:
    """Return a person's scores of several subjects, by subject; of all that events have moved so far, if none are given.

    Other arguments and errors are those of `read`.
    """
    wanted = Pass(tx, user_id, (as_of or at or now(),), as_of is not None, definition)
    formula = bound(tx.engine, role)
    (scores,), head = await _values(wanted, formula, None if subjects is None else [subjects])
    return {subject: Value(formula.name, formula.version, subject, score, head) for subject, score in scores.items()}


async def series(
    tx: Transaction,
    user_id: UUID,
    role: str,
    moments: Sequence[datetime],
    *,
    subject: str = "",
    definition: Struct | None = None,
) -> list[Value]:
    """Return a person's score as of each of some moments, which ascend, in one pass over the events.

    Other arguments and errors are those of `read`.
    """
    if not moments:
        return []
    formula = bound(tx.engine, role)
    found, head = await _values(Pass(tx, user_id, moments, True, definition), formula, [(subject,)] * len(moments))
    return [Value(formula.name, formula.version, subject, scores[subject], head) for scores in found]


async def reading(
    tx: Transaction,
    user_id: UUID,
    formula: ScoringFormula[Any],
    *,
    subject: str = "",
    at: datetime | None = None,
    as_of: datetime | None = None,
    definition: Struct | None = None,
) -> Reading:
    """Return what a formula may see when its value is read, the scores of its inputs included; arguments as for `read`."""
    wanted = Pass(tx, user_id, (as_of or at or now(),), as_of is not None, definition)
    ((found,),) = [list(one.values()) for one in await _readings(wanted, formula, [(subject,)])]
    return found


async def _values(
    wanted: Pass, formula: ScoringFormula[Any], subjects: Sequence[Collection[str]] | None
) -> tuple[list[dict[str, Score]], int]:
    """Return a formula's scores at each moment, of the subjects asked for at that moment; and the head they hold for."""
    connection, plugins = await wanted.tx.psycopg(), wanted.tx.engine.plugins
    states: list[dict[str, Any]] = []
    head = 0
    if wanted.past:
        place = 0
        async for found in snapshots.along(connection, plugins, formula, wanted.user_id, wanted.moments):
            asked = found.states if subjects is None else subjects[place]
            states.append({subject: found.states.get(subject) for subject in asked})
            head, place = found.head, place + 1
    else:
        found = await snapshots.folded(connection, plugins, formula, wanted.user_id)
        asked = found.states if subjects is None else subjects[0]
        states, head = [{subject: found.states.get(subject) for subject in asked}], found.head
    readings = await _readings(wanted, formula, states)
    scores = [
        {subject: valued(formula, state, seen[subject]) for subject, state in of_moment.items()}
        for of_moment, seen in zip(states, readings, strict=True)
    ]
    return scores, head


async def _readings(wanted: Pass, formula: ScoringFormula[Any], subjects: Sequence[Iterable[str]]) -> list[dict[str, Reading]]:
    """Return what a formula may see at each moment, by subject."""
    if formula.name in wanted.under:
        chain = " → ".join((*wanted.under, formula.name))
        raise BrokenFormula(f"formulas ask for each other's scores: {chain}")
    bare = [
        {subject: Reading(moment, subject, await _defined(wanted, formula, subject, moment)) for subject in of_moment}
        for moment, of_moment in zip(wanted.moments, subjects, strict=True)
    ]
    if not formula.inputs:
        return bare
    with contained(formula, "asking for the scores of others"):
        asked = [{subject: formula.asks(seen) for subject, seen in of_moment.items()} for of_moment in bare]
        given: dict[str, list[dict[str, Score]]] = {}
        of_inputs = {
            name: [{one for asks in of_moment.values() for one in asks.get(name, ())} for of_moment in asked]
            for name in formula.inputs
        }
    below = Pass(wanted.tx, wanted.user_id, wanted.moments, wanted.past, None, (*wanted.under, formula.name))
    for name, wanted_subjects in of_inputs.items():
        given[name], _ = await _values(below, bound(wanted.tx.engine, name), wanted_subjects)
    return [
        {
            subject: Reading(
                seen.at,
                subject,
                seen.definition,
                {
                    name: {one: given[name][place][one] for one in asked[place][subject].get(name, ())}
                    for name in formula.inputs
                },
            )
            for subject, seen in of_moment.items()
        }
        for place, of_moment in enumerate(bare)
    ]


async def _defined(wanted: Pass, formula: ScoringFormula[Any], subject: str, moment: datetime) -> Struct | None:
    if wanted.definition is not None or formula.definition is None:
        return wanted.definition
    rooms = wanted.tx.engine.service(Definitions)
    return await rooms.of(wanted.tx, formula.definition, wanted.user_id, subject, moment)
