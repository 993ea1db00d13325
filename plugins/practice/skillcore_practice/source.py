"""The verification source: a requirement, what the server answers, and the verdict that follows from it."""

from __future__ import annotations

import re
import sys
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from skillcore.plugin import (
    Account,
    Evidence,
    InvalidRequirement,
    MCPServer,
    NotFound,
    NotVerified,
    ServerSettings,
    SourceError,
    Tool,
    Tools,
    Unavailable,
    Verdict,
    VerificationSource,
    Verified,
)

__all__ = ["OWN_SERVER", "Practice", "Solved"]

OWN_SERVER = ServerSettings(command=sys.executable, args=("-m", "skillcore_practice.server"), calls_per_second=50)
"""Runs the server of this package with the Python that runs the engine, so that nothing else needs to be installed."""

# Types carry the bounds, so that one line decodes an answer and judges whether it can be trusted.
Difficulty = Annotated[float, Meta(ge=1, le=10)]
Moment = Annotated[datetime, Meta(tz=True)]
ExerciseId = Annotated[str, Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*\Z", max_length=100)]

_HANDLE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class Solved(Struct, frozen=True, forbid_unknown_fields=True):
    """The requirement: an exercise that must have been solved.

    Attributes:
        exercise: its id, such as ``python-loops-2``.
        min_difficulty: refuse the exercise if the source rates it easier.
        after: count only what was solved later than this.
    """

    exercise: ExerciseId
    min_difficulty: Difficulty | None = None
    after: Moment | None = None


class Row(Struct, frozen=True):
    """One solved exercise as the server lists it. Fields that a later server adds are ignored."""

    exercise: ExerciseId
    solved_at: Moment
    topics: tuple[str, ...]
    difficulty: Difficulty


class Listing(Struct, frozen=True):
    """A page of solved exercises. The bound on ``pages`` bounds the work that an answer can make for us."""

    exercises: tuple[Row, ...]
    pages: Annotated[int, Meta(ge=1, le=100)]


class Practice(VerificationSource[Solved]):
    """Exercises solved by practice learners."""

    name = "practice"
    requirement = Solved

    def __init__(self, settings: ServerSettings = OWN_SERVER) -> None:
        self.server = MCPServer(tools=(Tool("list_exercises", ("handle", "page")),), settings=settings)

    def normalise(self, handle: str) -> str:
        """Return the handle in lower case.

        Raises:
            InvalidRequirement: no practice learner can have this handle.
        """
        name = handle.strip().lower()
        if not _HANDLE.fullmatch(name) or len(name) > 40:
            raise InvalidRequirement(f"{handle!r} is no handle of a practice learner; one is practice-1", field="handle")
        return name

    async def verify(self, tools: Tools, account: Account, requirement: Solved) -> Verdict:
        """Look for the exercise among those that the account has solved.

        Raises:
            NotFound: there is no such learner.
            Unavailable: no answer, or one that does not fit `Listing`.
        """
        rows = await self._solved(tools, self.normalise(account.handle))
        row = next((row for row in rows if row.exercise == requirement.exercise), None)
        if row is None:
            return NotVerified(looked_for=_words(requirement), found=f"{len(rows)} other solved exercises")
        if requirement.min_difficulty is not None and row.difficulty < requirement.min_difficulty:
            return NotVerified(looked_for=_words(requirement), found=f"solved, but of difficulty {row.difficulty:g}")
        if requirement.after is not None and row.solved_at <= requirement.after:
            return NotVerified(looked_for=_words(requirement), found=f"solved at {row.solved_at.isoformat()}")
        return Verified(
            (
                Evidence(
                    work=row.exercise,
                    occurred_at=row.solved_at,
                    topics=row.topics,
                    difficulty=row.difficulty,
                    strength="judged",
                    metadata={"practice": True},
                ),
            )
        )

    async def _solved(self, tools: Tools, handle: str) -> list[Row]:
        """Fetch every page: only a full listing can show that something is not there."""
        rows: list[Row] = []
        page, pages = 1, 1
        while page <= pages:
            listing = await tools.call("list_exercises", {"handle": handle, "page": page}, Listing, failure=_failure)
            rows.extend(listing.exercises)
            page, pages = page + 1, listing.pages
        return rows


def _failure(text: str) -> SourceError:
    """Turn the text of a call that failed into what the engine should do about it; what is not understood is an outage."""
    if "no practice learner" in text:
        return NotFound("there is no practice learner of this name; practice-1 is one")
    return Unavailable(f"the practice server failed: {text[:200]}")


def _words(requirement: Solved) -> str:
    """Say what was looked for, so that a person knows what is missing."""
    words = f"exercise {requirement.exercise} solved"
    if requirement.after is not None:
        words += f" after {requirement.after.isoformat()}"
    if requirement.min_difficulty is not None:
        words += f", of difficulty {requirement.min_difficulty:g} or more"
    return words
