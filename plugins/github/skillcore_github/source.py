"""GitHub as a verification source."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from skillcore.plugin import Account, MCPServer, ServerSettings, Tools, Verdict, VerificationSource
from skillcore_github.answers import Commit, PullRequest
from skillcore_github.dialects import PAGE, Dialect
from skillcore_github.failures import failures_of
from skillcore_github.requirement import Contribution, normalised_login
from skillcore_github.verdicts import commits_verdict, pulls_verdict

__all__ = ["GitHub"]

T = TypeVar("T")

LAST_PAGE = 30
"""A page with fewer rows is the last one: this is GitHub's own page size, should a server not pass ours on."""


class GitHub(VerificationSource[Contribution]):
    """Commits, merged pull requests and repositories of the linked login."""

    name = "github"
    requirement = Contribution

    def __init__(self, settings: ServerSettings, dialect: Dialect, *, max_pages: int) -> None:
        self.server = MCPServer(tools=dialect.tools, settings=settings)
        self._dialect = dialect
        self._max_pages = max_pages

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
        """Read the repository's lists up to the limit of pages, and judge by what is the login's own.

        Raises:
            SourceError: no verdict; see `failures_of`.
        """
        self.check(requirement)
        login = self.normalise(account.handle)
        owner, name, failure = requirement.owner, requirement.name, failures_of(requirement.repo)
        dialect = self._dialect

        async def commits(page: int) -> tuple[Commit, ...]:
            arguments = dialect.commits_arguments(owner, name, login, page)
            return await tools.read("list_commits", arguments, dialect.commits, failure=failure)

        async def pulls(page: int) -> tuple[PullRequest, ...]:
            arguments = dialect.pulls_arguments(owner, name, page)
            return await tools.read("list_pull_requests", arguments, dialect.pulls, failure=failure)

        if requirement.kind == "pull_requests":
            closed, complete = await self._all(pulls)
            return pulls_verdict(requirement, account, login, closed, complete=complete)
        listed, complete = await self._all(commits)
        return commits_verdict(requirement, account, login, listed, complete=complete)

    async def _all(self, fetch: Callable[[int], Awaitable[tuple[T, ...]]]) -> tuple[list[T], bool]:
        """Fetch pages until the last one or the limit; tell whether that was all.

        The whole list is wanted even after enough was found: lists start at the newest, and evidence is dated by when the
        requirement was first met.
        """
        rows: list[T] = []
        for page in range(1, self._max_pages + 1):
            found = await fetch(page)
            rows.extend(found)
            if len(found) < LAST_PAGE:
                return rows, True
        return rows, False
