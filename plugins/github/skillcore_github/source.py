"""GitHub as a verification source."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime

from skillcore.plugin import (
    Account,
    MCPServer,
    NotFound,
    OAuthProof,
    Page,
    ServerSettings,
    Tools,
    Verdict,
    VerificationSource,
)
from skillcore_github import history
from skillcore_github.dialects import PAGE, Dialect
from skillcore_github.people import is_own
from skillcore_github.reading import Reader
from skillcore_github.requirement import Contribution, normalised_login
from skillcore_github.verdicts import commits_verdict, counted_pulls, pulls_verdict

__all__ = ["GitHub"]

MOST_MERGES = 20
"""Pull requests of one verification of which it is asked who merged them. A call each; the others count as authenticated."""

WELL_KNOWN = Contribution("octocat/Hello-World")
"""A repository to see whether GitHub answers at all. Another GitHub need not have it."""


def _now() -> datetime:
    return datetime.now(UTC)


class GitHub(VerificationSource[Contribution]):
    """Commits, merged pull requests and repositories of the linked account."""

    name = "github"
    requirement = Contribution
    counted_as = "contributions"

    def __init__(
        self,
        settings: ServerSettings,
        dialect: Dialect,
        *,
        max_pages: int,
        proof: OAuthProof | None = None,
        now: Callable[[], datetime] = _now,
    ) -> None:
        """Make the source.

        Args:
            settings: how to reach the MCP server.
            dialect: that it speaks.
            max_pages: pages of a list to read at most.
            proof: how people sign in at GitHub, if this deployment is known there.
            now: tells the time.
        """
        self.server = MCPServer(tools=dialect.tools, settings=settings)
        self.proofs = () if proof is None else (proof,)
        self._dialect = dialect
        self._max_pages = max_pages
        self._now = now

    def normalise(self, handle: str) -> str:
        """Return the login in lower case.

        Raises:
            InvalidRequirement: GitHub gives out no such login.
        """
        return normalised_login(handle)

    def check(self, requirement: Contribution) -> None:
        """Refuse a repository that cannot be, a difficulty, and more contributions than are ever read."""
        requirement.check(self._max_pages * PAGE)

    async def verify(self, tools: Tools, account: Account, requirement: Contribution) -> Verdict:
        """Read the repository's lists up to the limit of pages, and judge by what is the account's own.

        Raises:
            SourceError: no verdict; see `failures_of`.
        """
        self.check(requirement)
        reader = self._reader(tools, account)
        login = reader.login
        if requirement.kind != "pull_requests":
            commits, complete = await reader.commits(requirement)
            return commits_verdict(requirement, account, login, commits, complete=complete)
        pulls, complete = await reader.pulls(requirement)
        counted = counted_pulls(requirement, account, login, pulls)
        enough = len(counted) >= requirement.min_commits
        asked = counted[: min(requirement.min_commits, MOST_MERGES)] if enough else []
        merges = {pull.work: merge for pull in asked if (merge := await reader.merge(pull))}
        return pulls_verdict(requirement, account, login, pulls, merges, complete=complete)

    def history(self, tools: Tools, account: Account, after: str | None) -> AsyncIterator[Page]:
        """Yield the account's merged pull requests, the first merged first."""
        return history.pages(self._reader(tools, account), after, self._now)

    async def get_user_stats(self, tools: Tools, account: Account) -> Mapping[str, float]:
        """Return how many public pull requests of the account were merged: what projects took in of it, and what that is."""
        reader = self._reader(tools, account)
        found = await reader.merged(reader.login, history.FOUNDED, int(self._now().timestamp()))
        ours = all(is_own(pull.author, account, reader.login) for pull in found.pulls)
        return {"contributions": float(found.total), "merged_pull_requests": float(found.total)} if ours else {}

    async def health_check(self, tools: Tools) -> str | None:
        """Read a list that everybody may read; a failure to answer is raised."""
        reader = Reader(tools, self._dialect, Account(self.name, WELL_KNOWN.owner), WELL_KNOWN.owner, max_pages=1)
        try:
            await reader.commits(WELL_KNOWN)
        except NotFound:
            return None
        return None

    def _reader(self, tools: Tools, account: Account) -> Reader:
        return Reader(tools, self._dialect, account, self.normalise(account.handle), self._max_pages)
