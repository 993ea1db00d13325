"""Questions to a server, one method for each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from skillcore.plugin import Account, NotFound, SourceError, Tools, Unavailable
from skillcore_github.answers import Commit, MergedPull, PullRequest
from skillcore_github.dialects import Dialect
from skillcore_github.failures import failures_of, search_failure
from skillcore_github.people import is_own, number_of
from skillcore_github.requirement import Contribution
from skillcore_github.searches import Found, Merge, found_people, found_pulls

__all__ = ["Reader"]

T = TypeVar("T")

LAST_PAGE = 30
"""A page with fewer rows is the last one: this is GitHub's own page size, should a server not pass ours on."""


@dataclass(frozen=True)
class Reader:
    """Puts questions to a server for one account.

    Attributes:
        tools: of this use.
        dialect: that the server speaks.
        account: about whom.
        login: its handle in lower case.
        max_pages: pages of a list to read at most.
    """

    tools: Tools
    dialect: Dialect
    account: Account
    login: str
    max_pages: int

    async def commits(self, requirement: Contribution) -> tuple[list[Commit], bool]:
        """Return commits of the default branch with all of the account's own, as far as they are read; and if that was all.

        A server that takes an author is asked for the account's commits alone. If it shows none of them although the account
        has a number to be known by, the account may have another name by now: then everybody's commits are looked through.
        """
        listed, complete = await self._commits(requirement, self.login)
        if not self.dialect.official or number_of(self.account) is None or self._own(listed):
            return listed, complete
        if await self.is_still_called(self.login):
            return listed, complete
        everybodys, whole = await self._commits(requirement, None)
        names = {commit.author.login for commit in self._own(everybodys) if commit.author is not None}
        return (everybodys, whole) if whole or not names else await self._commits(requirement, min(names))

    async def pulls(self, requirement: Contribution) -> tuple[list[PullRequest], bool]:
        """Return closed pull requests of a repository, as far as they are read; and if that was all."""
        owner, name, failure = requirement.owner, requirement.name, failures_of(requirement.repo)

        async def fetch(page: int) -> tuple[PullRequest, ...]:
            arguments = self.dialect.pulls_arguments(owner, name, page)
            return await self.tools.read("list_pull_requests", arguments, self.dialect.pulls, failure=failure)

        return await self._all(fetch)

    async def merge(self, pull: MergedPull) -> Merge | None:
        """Return how a pull request of the account's was merged; None if it stands in lists and is not shown by itself.

        Raises:
            Unavailable: the server shows another one.
        """
        try:
            merge = await self.merge_of(pull.repository, pull.number)
        except NotFound:
            return None
        if merge.pull.repository != pull.repository:
            raise Unavailable(f"{pull.work} was asked for, and {merge.pull.work} came")
        if not is_own(merge.pull.author, self.account, pull.author.login.lower() if pull.author else self.login):
            raise Unavailable(f"{pull.work} was listed as {self.account.handle}'s, and is shown as somebody else's")
        return merge

    async def merge_of(self, repository: str, number: int) -> Merge:
        """Return how a pull request was merged."""
        owner, _, name = repository.partition("/")
        arguments = self.dialect.merge_arguments(owner, name, number)
        merge = await self.tools.read(
            self.dialect.merge_tool, arguments, self.dialect.merge, failure=failures_of(f"{repository}#{number}")
        )
        if merge.pull.number != number:
            raise Unavailable(f"{repository}#{number} was asked for, and {merge.pull.work} came")
        return merge

    async def merged(self, login: str, since: int, until: int, page: int = 1) -> Found:
        """Search the public pull requests of a login by when they were merged, in whole seconds since 1970, both included.

        Raises:
            NotFound: nobody has this login.
        """
        query = f"author:{login} is:merged is:public merged:{_told(since)}..{_told(until)}"
        arguments = self.dialect.search_arguments(query, page)
        return await self.tools.read(self.dialect.search_tool, arguments, found_pulls, failure=search_failure)

    async def is_still_called(self, login: str) -> bool | None:
        """Tell whether the account with the known number has this login today; None if the server cannot say."""
        arguments = self.dialect.users_arguments(login)
        try:
            people = await self.tools.read("search_users", arguments, found_people, failure=search_failure)
        except NotFound:
            return False
        except SourceError:
            return None
        number = number_of(self.account)
        return any(person.login.lower() == login and person.id == number for person in people)

    def _own(self, commits: list[Commit]) -> list[Commit]:
        return [commit for commit in commits if is_own(commit.author, self.account, self.login)]

    async def _commits(self, requirement: Contribution, login: str | None) -> tuple[list[Commit], bool]:
        owner, name, failure = requirement.owner, requirement.name, failures_of(requirement.repo)
        parse = self.dialect.everybodys if login is None else self.dialect.commits

        async def fetch(page: int) -> tuple[Commit, ...]:
            arguments = self.dialect.commits_arguments(owner, name, login, page)
            return await self.tools.read("list_commits", arguments, parse, failure=failure)

        return await self._all(fetch)

    async def _all(self, fetch: Callable[[int], Awaitable[tuple[T, ...]]]) -> tuple[list[T], bool]:
        """Fetch pages until the last one or the limit; tell whether that was all.

        The whole list is wanted even after enough was found: lists start at the newest, and evidence is dated by when the
        requirement was first met.
        """
        rows: list[T] = []
        for page in range(1, self.max_pages + 1):
            found = await fetch(page)
            rows.extend(found)
            if len(found) < LAST_PAGE:
                return rows, True
        return rows, False


def _told(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
