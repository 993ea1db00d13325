"""Formulas at work: folding events into states, and turning a state into a score that keeps the contract. No I/O."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, Protocol

import msgspec
import structlog
from msgspec import Struct

from skillcore.plugin import Event, Reading, Score, ScoringFormula
from skillcore.runtime.problems import UnavailableNow

__all__ = ["BrokenFormula", "Fold", "States", "contained", "fold", "parameters_hash", "valued"]

States = dict[str, Any]
"""A formula's states by subject."""

log = structlog.get_logger(__name__)


class Fold(Protocol):
    """What moves states with a person's events: a scoring formula, or a room's own, which gives no score but what it remembers.

    Attributes and methods are those of `skillcore.plugin.ScoringFormula`.
    """

    @property
    def name(self) -> str:
        """Its name, under which its snapshots are kept."""

    @property
    def version(self) -> int:
        """Of its states and of what moves them."""

    @property
    def kinds(self) -> frozenset[str]:
        """Kinds of events that it sees."""

    @property
    def state(self) -> type[Any]:
        """The Struct of its states; without arguments it is the first one."""

    def parameters(self) -> Mapping[str, Any]:
        """Return what, beside the events, determines its states."""

    def subjects(self, event: Event) -> Iterable[str]:
        """Return whose states an event moves."""

    def apply_to(self, subject: str, state: Any, event: Event) -> Any:
        """Return a subject's state after an event."""


class BrokenFormula(UnavailableNow):
    """A formula raised, or gave a result that its contract rules out; the message names it. The facts are unharmed."""


def parameters_hash(formula: Fold) -> str:
    """Return a short digest of a formula's parameters, under which its snapshots are kept."""
    return sha256(msgspec.json.encode(dict(formula.parameters()), order="sorted")).hexdigest()[:16]


@contextmanager
def contained(formula: Fold, doing: str) -> Iterator[None]:
    """Turn whatever a formula raises into `BrokenFormula`."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # also sys.exit, which would end the process
        log.exception("formula failed", formula=formula.name, doing=doing)
        message = f"the formula {formula.name!r} failed on {doing}: {type(error).__name__}: {error}"
        raise BrokenFormula(message) from error


def fold(formula: Fold, states: States, event: Event, only: str | None = None) -> None:
    """Move the states of the subjects that an event concerns: of all, or of one only. A state never rests on another's.

    Raises:
        BrokenFormula: the formula raised.
    """
    with contained(formula, f"event {event.id}"):
        for subject in formula.subjects(event):
            if only is not None and subject != only:
                continue
            state = states.get(subject)
            states[subject] = formula.apply_to(subject, formula.state() if state is None else state, event)


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
