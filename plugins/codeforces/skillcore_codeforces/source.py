"""The source: which questions it puts to the server, in which order, and when it stops."""

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
    OAuthClient,
    OIDCProof,
    Page,
    ServerSettings,
    Tools,
    Verdict,
    VerificationSource,
    Verified,
)
from skillcore_codeforces import challenges, history, reading
from skillcore_codeforces.answers import Submission
from skillcore_codeforces.requirement import Requirement, handle_of
from skillcore_codeforces.verdicts import may_be_rated, solved, verdict_of

__all__ = ["Codeforces"]

WELL_KNOWN = "tourist"
"""An account that will always be there, to see whether Codeforces answers at all."""


def _now() -> datetime:
    return datetime.now(UTC)


class Codeforces(VerificationSource[Requirement]):
    """Checks accepted submissions on Codeforces.

    The history is read to its end, or back to the requirement's ``after``: the date of a piece of work is that of its
    first acceptance, however many followed.
    """

    name = "codeforces"
    requirement = Requirement

    def __init__(
        self,
        server: ServerSettings,
        *,
        challenge_minutes: int = 30,
        oauth: OAuthClient | None = None,
        now: Callable[[], datetime] = _now,
    ) -> None:
        """Make the source.

        Args:
            server: the MCP server to ask.
            challenge_minutes: how long a challenge stays open.
            oauth: what Codeforces knows this deployment by.
            now: tells the time.
        """
        self.server = MCPServer(tools=reading.TOOLS, settings=server)
        self._oauth = oauth or OAuthClient()
        self._minutes = challenge_minutes
        self._now = now
        challenge = ChallengeProof(minutes=challenge_minutes)
        # An account has no other id here than its handle: the token's own `sub` is shown nowhere else, so that work
        # proved one way and work proved the other way could not be told to be the same.
        # Codeforces shows no keys: it signs with the client's own secret.
        signed_in = OIDCProof(client=self._oauth, issuer="https://codeforces.com", handle_claim="handle", shared_secret=True)
        self.proofs = (signed_in, challenge) if self._oauth.client_id else (challenge,)

    def check(self, requirement: Requirement) -> None:
        """Refuse a requirement that is not exactly one of the two forms."""
        requirement.check()

    def normalise(self, handle: str) -> str:
        """Return the handle in lower case, as Codeforces compares it."""
        return handle_of(handle).lower()

    async def verify(self, tools: Tools, account: Account, requirement: Requirement) -> Verdict:
        """Check one requirement for one account; a team's submission counts for each of its members."""
        requirement.check()
        handle = handle_of(account.handle)
        rows = await reading.submissions(tools, handle)
        verdict = verdict_of(rows, requirement, {})
        if isinstance(verdict, Verified) and any(may_be_rated(row) for row in _behind(verdict, rows)):
            verdict = verdict_of(rows, requirement, await reading.ratings(tools, handle))
        return verdict

    def challenge(self, account: Account, number: int) -> Challenge:
        """Return one of a few hundred problems to which to submit what does not compile."""
        return challenges.challenge(number, self._minutes)

    async def check_challenge(self, tools: Tools, account: Account, challenge: IssuedChallenge) -> Identity | NotProved:
        """Look for the submission among those since the challenge was set."""
        handle = handle_of(account.handle)
        rows = await challenges.since(tools, handle, challenge.issued_at)
        return challenges.judge(rows, handle, challenge)

    def history(self, tools: Tools, account: Account, after: str | None) -> AsyncIterator[Page]:
        """Yield the account's accepted problems by the number of the submission that was accepted first."""
        return history.pages(tools, account.handle, after, self._now)

    async def get_user_stats(self, tools: Tools, account: Account) -> Mapping[str, float]:
        """Return how many problems the account solved and, where it was ever rated, its rating and its highest."""
        handle = handle_of(account.handle)
        user = await reading.user(tools, handle)
        rows = await reading.submissions(tools, handle)
        figures = {"problems_solved": len(solved(rows, None)), "contest_rating": user.rating, "max_rating": user.max_rating}
        return {name: float(value) for name, value in figures.items() if value is not None}

    async def health_check(self, tools: Tools) -> str | None:
        """Ask for one profile: the server starts whether or not Codeforces answers it."""
        if self._oauth.client_id and not (self._oauth.client_secret or self._oauth.client_secret_file):
            return "plugins.codeforces.oauth has a client_id and no secret: Codeforces lets nobody sign in without"
        await reading.user(tools, WELL_KNOWN)
        return None


def _behind(verdict: Verified, rows: list[Submission]) -> list[Submission]:
    """Return the submissions that the evidence names."""
    named = {evidence.metadata["submission"] for evidence in verdict.evidence}
    return [row for row in rows if row.id in named]
