"""The source: which questions it puts to the server, and what the answers allow it to say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime

from skillcore.plugin import (
    Account,
    Challenge,
    ChallengeProof,
    Identity,
    IssuedChallenge,
    MCPServer,
    NotProved,
    Page,
    ServerSettings,
    Tools,
    Verdict,
    VerificationSource,
)
from skillcore_leetcode import challenges, history, reading
from skillcore_leetcode.requirement import Requirement, handle_of
from skillcore_leetcode.verdicts import accepted, first_accepted, not_shown

__all__ = ["LeetCode"]

WELL_KNOWN = "two-sum"
"""A problem that will always be there, to see whether LeetCode answers at all."""


def _now() -> datetime:
    return datetime.now(UTC)


class LeetCode(VerificationSource[Requirement]):
    """Checks accepted submissions on LeetCode, as far as its window of recent ones shows them."""

    name = "leetcode"
    requirement = Requirement

    def __init__(self, server: ServerSettings, *, challenge_minutes: int = 30, now: Callable[[], datetime] = _now) -> None:
        """Make the source.

        Args:
            server: the MCP server to ask.
            challenge_minutes: how long a challenge stays open.
            now: tells the time.
        """
        self.server = MCPServer(tools=reading.TOOLS, settings=server)
        self.proofs = (ChallengeProof(minutes=challenge_minutes),)
        self._minutes = challenge_minutes
        self._now = now

    def check(self, requirement: Requirement) -> None:
        """Refuse a time without a zone."""
        requirement.check()

    def normalise(self, handle: str) -> str:
        """Return the user name in lower case."""
        return handle_of(handle).lower()

    async def verify(self, tools: Tools, account: Account, requirement: Requirement) -> Verdict:
        """Check one requirement for one account.

        Only a full window could hide the submission: short of that the list is complete, unless LeetCode doesn't know the
        user, whose list would be empty just the same.
        """
        requirement.check()
        handle = handle_of(account.handle)
        rows = await reading.recent(tools, handle)
        found = first_accepted(rows, requirement)
        if found is not None:
            return accepted(found, await reading.problem(tools, requirement.problem_slug), requirement)
        if len(rows) < reading.WINDOW:
            await reading.profile(tools, handle)
        return not_shown(rows, requirement)

    def challenge(self, account: Account, number: int) -> Challenge:
        """Return a word to be shown in the account's public profile."""
        return challenges.challenge(handle_of(account.handle), number, self._minutes)

    async def check_challenge(self, tools: Tools, account: Account, challenge: IssuedChallenge) -> Identity | NotProved:
        """Look whether the account's public profile shows the word."""
        profile = await reading.profile(tools, handle_of(account.handle))
        return challenges.judge(profile, challenge, self._now())

    def history(self, tools: Tools, account: Account, after: str | None) -> AsyncIterator[Page]:
        """Yield what the window of recent submissions shows and was not named before, the oldest first."""
        return history.pages(tools, account.handle, after)

    async def get_user_stats(self, tools: Tools, account: Account) -> Mapping[str, float]:
        """Return the figures of the public profile, and the rating of an account that was ever rated in contests.

        How many problems it solved is not among them: the server passes on how many it tried.
        """
        handle = handle_of(account.handle)
        figures = (await reading.profile(tools, handle)).figures
        rating = await reading.contest_rating(tools, handle)
        return figures if rating is None else {**figures, "contest_rating": rating}

    async def health_check(self, tools: Tools) -> str | None:
        """Ask for one problem that everybody knows; a failure to answer is raised."""
        found = await reading.problem(tools, WELL_KNOWN)
        return None if found else f"LeetCode does not know its problem {WELL_KNOWN}"
