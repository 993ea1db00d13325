"""How much practice mastery needs: 100 · average · consistency · n/20, by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from skillcore.defaults.level import Level
from skillcore.defaults.mastery import Attempts, Mastery
from skillcore.insight.predictions.practice import Need, needed, needs
from skillcore.plugin import Reading

READING = Reading(datetime(2026, 3, 1, tzinfo=UTC), "loops")


@pytest.mark.parametrize(
    ("made", "target", "score", "attempts"),
    [
        ((), 80.0, 100.0, 16),  # 100 · 16/20
        ((), 80.0, 90.0, 18),  # 90 · 18/20 = 81; with 17 it is 76.5
        ((), 80.0, 80.0, 20),
        ((), 80.0, 70.0, None),  # 70 at most
        ((1.0,) * 10, 80.0, 100.0, 6),
        ((1.0,) * 16, 80.0, 100.0, 0),
        ((0.5,) * 20, 50.0, 50.0, 0),
    ],
)
def test_attempts_needed(made: tuple[float, ...], target: float, score: float, attempts: int | None) -> None:
    assert needed(Mastery(), Attempts(made), READING, target, score) == attempts


def test_several_scores_are_answered() -> None:
    assert needs(Mastery(), None, READING, 49.8) == [
        Need(score=60.0, attempts=17),  # 60 · 17/20 = 51; with 16 it is 48
        Need(score=70.0, attempts=15),  # 52.5; with 14 it is 49
        Need(score=80.0, attempts=13),  # 52; with 12 it is 48
        Need(score=90.0, attempts=12),  # 54; with 11 it is 49.5
        Need(score=100.0, attempts=10),
    ]


def test_a_formula_that_counts_no_sessions_is_never_moved() -> None:
    assert needed(Mastery(), Attempts((0.0,) * 5), READING, 100.0, 0.0) is None
    assert needed(Level(), None, READING, 0.0, 50.0) == 0
