"""What the server answers. Types carry the bounds, so that one line decodes an answer and judges whether it can be trusted."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct
from skillcore.plugin import Evidence, NotFound, SourceError, Unavailable

__all__ = ["Difficulty", "ExerciseId", "Listing", "Moment", "Note", "Notes", "Row", "failure"]

Difficulty = Annotated[float, Meta(ge=1, le=10)]
Moment = Annotated[datetime, Meta(tz=True)]
ExerciseId = Annotated[str, Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*\Z", max_length=100)]


class Row(Struct, frozen=True):
    """One solved exercise as the server lists it. Fields that a later server adds are ignored."""

    exercise: ExerciseId
    solved_at: Moment
    topics: tuple[str, ...]
    difficulty: Difficulty

    def evidence(self) -> Evidence:
        """Return the row as evidence: named after the exercise, so that it counts once however often it is seen."""
        return Evidence(
            work=self.exercise,
            occurred_at=self.solved_at,
            topics=self.topics,
            difficulty=self.difficulty,
            strength="judged",
            metadata={"practice": True},
        )


class Listing(Struct, frozen=True):
    """Some of the solved exercises. The bound on ``total`` bounds the work that an answer can make for us."""

    exercises: tuple[Row, ...]
    total: Annotated[int, Meta(ge=0, le=10_000)]


class Note(Struct, frozen=True):
    """A word that a learner wrote for all to see."""

    word: Annotated[str, Meta(pattern=r"^[a-z0-9-]+\Z", max_length=100)]
    written_at: Moment


class Notes(Struct, frozen=True):
    """The last notes of a learner."""

    notes: tuple[Note, ...]


def failure(text: str) -> SourceError:
    """Turn the text of a call that failed into what the engine should do about it; what is not understood is an outage."""
    if "no practice learner" in text:
        return NotFound("there is no practice learner of this name; practice-1 is one")
    return Unavailable(f"the practice server failed: {text[:200]}")
