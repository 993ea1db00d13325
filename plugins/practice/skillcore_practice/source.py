"""The verification source: a requirement, the verdict on it, past work, and how an account is proved."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator, Mapping

from msgspec import Struct
from skillcore.plugin import (
    Account,
    Challenge,
    ChallengeProof,
    Identity,
    InvalidRequirement,
    IssuedChallenge,
    MCPServer,
    NotProved,
    NotVerified,
    Page,
    ServerSettings,
    Tool,
    Tools,
    Unavailable,
    Verdict,
    VerificationSource,
    Verified,
)

from skillcore_practice.answers import Difficulty, ExerciseId, Listing, Moment, Notes, failure

__all__ = ["OWN_SERVER", "Exercises", "Solved"]

OWN_SERVER = ServerSettings(
    command=sys.executable,
    args=("-m", "skillcore_practice.server"),
    calls_per_second=50,
)
"""Runs the server of this package with the Python that runs the engine, so that nothing else needs to be installed."""

WRITE_NOTE = "python -m skillcore_practice.notes"

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


class Exercises(VerificationSource[Solved]):
    """Exercises solved by practice learners."""

    name = "practice"
    requirement = Solved
    proofs = (ChallengeProof(minutes=30),)

    def __init__(self, settings: ServerSettings = OWN_SERVER) -> None:
        tools = (Tool("list_exercises", ("handle", "offset")), Tool("list_notes", ("handle",)))
        self.server = MCPServer(tools=tools, settings=settings)

    def normalise(self, handle: str) -> str:
        """Return the handle in lower case.

        Raises:
            InvalidRequirement: no learner can have this handle.
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
        looked_for = _words(requirement)
        rows = [row async for listing in self._listings(tools, account) for row in listing.exercises]
        row = next((row for row in rows if row.exercise == requirement.exercise), None)
        if row is None:
            return NotVerified(looked_for=looked_for, found=f"{len(rows)} other solved exercises")
        if requirement.min_difficulty is not None and row.difficulty < requirement.min_difficulty:
            return NotVerified(looked_for=looked_for, found=f"solved, but of difficulty {row.difficulty:g}")
        if requirement.after is not None and row.solved_at <= requirement.after:
            return NotVerified(looked_for=looked_for, found=f"solved at {row.solved_at.isoformat()}")
        return Verified((row.evidence(),))

    async def history(self, tools: Tools, account: Account, after: str | None) -> AsyncIterator[Page]:
        """Yield what the account has solved, oldest first; the cursor says how many exercises lie behind."""
        done = int(after or 0)
        async for listing in self._listings(tools, account, done):
            if listing.exercises:
                done += len(listing.exercises)
                evidence = tuple(row.evidence() for row in listing.exercises)
                yield Page(evidence=evidence, cursor=str(done), total=listing.total, done=done)

    def challenge(self, account: Account, number: int) -> Challenge:
        """Ask for a public note that nobody would write by chance."""
        handle, word = self.normalise(account.handle), f"skillcore-{number:016x}"
        return Challenge(key=word, instructions=f"Write a public note: {WRITE_NOTE} {handle} {word}", data={"word": word})

    async def check_challenge(self, tools: Tools, account: Account, challenge: IssuedChallenge) -> Identity | NotProved:
        """Look whether the note was written while the challenge was open.

        Raises:
            NotFound: there is no such learner.
            Unavailable: no answer, or one that does not fit `Notes`.
        """
        handle = self.normalise(account.handle)
        answer = await tools.call("list_notes", {"handle": handle}, Notes, failure=failure)
        for note in answer.notes:
            if note.word == challenge.key and challenge.issued_at <= note.written_at <= challenge.expires_at:
                return Identity(handle=handle, mark=note.written_at.isoformat())
        return NotProved(looked_for=f"a new note {challenge.key}", found=f"{len(answer.notes)} others, or older ones")

    async def get_user_stats(self, tools: Tools, account: Account) -> Mapping[str, float]:
        """Return how many exercises are solved, and how difficult the hardest is."""
        rows = [row async for listing in self._listings(tools, account) for row in listing.exercises]
        return {"problems_solved": len(rows), "hardest": max((row.difficulty for row in rows), default=0)}

    async def health_check(self, tools: Tools) -> str | None:
        """Say so if the server answers but has lost its exercises."""
        listing = await tools.call("list_exercises", {"handle": "practice-1"}, Listing, failure=failure)
        return None if listing.total else "the server lists nothing for practice-1, who has solved every exercise"

    async def _listings(self, tools: Tools, account: Account, offset: int = 0) -> AsyncIterator[Listing]:
        """Yield listings until all is told: only a full listing can show that something is not there."""
        handle = self.normalise(account.handle)
        while True:
            arguments = {"handle": handle, "offset": offset}
            listing = await tools.call("list_exercises", arguments, Listing, failure=failure)
            yield listing
            offset += len(listing.exercises)
            if offset >= listing.total:
                return
            if not listing.exercises:
                raise Unavailable(f"the practice server lists {offset} exercises of {listing.total}")


def _words(requirement: Solved) -> str:
    """Say what was looked for, so that a person knows what is missing."""
    words = f"exercise {requirement.exercise} solved"
    if requirement.after is not None:
        words += f" after {requirement.after.isoformat()}"
    if requirement.min_difficulty is not None:
        words += f", of difficulty {requirement.min_difficulty:g} or more"
    return words
