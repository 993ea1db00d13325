"""Practice learners and what they have solved. No person stands behind any of it: all follows from the rules below.

- A track teaches four concepts in this order, each with three exercises; their ids read ``track-concept-number``.
- The difficulty is ``1 + 2 * concept + number - 1``, concepts counted from 0: from 1 to 9.
- ``practice-1`` has solved every exercise, ``practice-2`` every second and ``practice-3`` every third; ``practice-4`` has
  solved none yet.
- A learner's exercises were solved one a day at 09:00 UTC from 5 January 2026 on, in the order of the catalogue.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

__all__ = ["LEARNERS", "SolvedExercise", "solved_by"]

TRACKS = {
    "python": ("variables", "loops", "functions", "recursion"),
    "sql": ("select", "joins", "grouping", "windows"),
}
LEARNERS = {"practice-1": 1, "practice-2": 2, "practice-3": 3, "practice-4": None}
"""Each learner with the step by which it goes through the catalogue; None has not begun."""

FIRST_DAY = datetime(2026, 1, 5, 9, tzinfo=UTC)


@dataclass(frozen=True)
class SolvedExercise:
    """An exercise that a learner has solved. ``solved_at`` is in ISO 8601 with its offset, ``difficulty`` from 1 to 10."""

    exercise: str
    solved_at: str
    topics: list[str]
    difficulty: int


def solved_by(handle: str) -> list[SolvedExercise]:
    """Return what a learner has solved, oldest first.

    Raises:
        KeyError: there is no such learner.
    """
    step = LEARNERS[handle]
    chosen = _catalogue()[step - 1 :: step] if step else []
    return [
        SolvedExercise(
            exercise=f"{track}-{TRACKS[track][concept]}-{number}",
            solved_at=(FIRST_DAY + timedelta(days=day)).isoformat(),
            topics=[track, TRACKS[track][concept]],
            difficulty=2 * concept + number,
        )
        for day, (track, concept, number) in enumerate(chosen)
    ]


def _catalogue() -> list[tuple[str, int, int]]:
    """List all exercises as track, concept and number, in the order in which they are taught."""
    return [
        (track, concept, number)
        for track, concepts in TRACKS.items()
        for concept in range(len(concepts))
        for number in (1, 2, 3)
    ]
