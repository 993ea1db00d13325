"""How much practice a score needs to reach a target: the formula itself is asked, with attempts that have not been made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from skillcore.defaults.kinds import SessionActivity
from skillcore.ledger.folding import valued
from skillcore.plugin import Event, Reading, ScoringFormula

__all__ = ["MOST_ATTEMPTS", "SCORES", "Need", "needed", "needs"]

MOST_ATTEMPTS = 400
"""After so many alike, a formula that remembers the last 200 attempts knows nothing else."""

SCORES = (60.0, 70.0, 80.0, 90.0, 100.0)


class Need(Struct, frozen=True, kw_only=True):
    """How many attempts with a score would reach the target.

    Attributes:
        score: of each of them, from 0 to 100.
        attempts: null where even many of them would not reach it.
    """

    score: float
    attempts: int | None


def needs(formula: ScoringFormula[Any], state: Struct | None, reading: Reading, target: float) -> list[Need]:
    """Return how many attempts would reach a target, for several scores; arguments as for `needed`."""
    return [Need(score=score, attempts=needed(formula, state, reading, target, score)) for score in SCORES]


def needed(formula: ScoringFormula[Any], state: Struct | None, reading: Reading, target: float, score: float) -> int | None:
    """Return after how many more attempts with a score a formula's value reaches a target; None if it does not.

    Args:
        formula: which counts scores of training sessions, such as mastery.
        state: of the skill; None before the first attempt.
        reading: with the skill as its subject.
        target: to be reached.
        score: of each attempt, from 0 to 100.

    Raises:
        BrokenFormula: the formula raised.
    """

    def reaches(attempts: int, after: Struct | None) -> bool:
        value = valued(formula, after, reading).value
        return value is not None and value >= target

    return _first(reaches, _states(formula, state, reading, score))


def _states(formula: ScoringFormula[Any], state: Struct | None, reading: Reading, score: float) -> Sequence[Struct | None]:
    """Return the states after so many attempts, from none on."""
    states: list[Struct | None] = [state]
    for _ in range(MOST_ATTEMPTS):
        states.append(_after(formula, states[-1], reading.subject, score, reading.at))
    return states


def _first(reaches: Callable[[int, Struct | None], bool], states: Sequence[Struct | None]) -> int | None:
    return next((attempts for attempts, state in enumerate(states) if reaches(attempts, state)), None)


def _after(formula: ScoringFormula[Any], state: Struct | None, skill: str, score: float, at: datetime) -> Struct:
    event = Event("", "", "session.activity", "", at, (skill,), SessionActivity(type="practice", score=score), "engine")
    moved: Struct = formula.apply_to(skill, formula.state() if state is None else state, event)
    return moved
