"""How each of the two MCP servers is asked, and how its answers read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from skillcore.plugin import Tool
from skillcore_github.answers import (
    Commit,
    PullRequest,
    npm_commits,
    npm_pulls,
    official_commits,
    official_everybodys_commits,
    official_pulls,
)
from skillcore_github.searches import Merge, npm_merge, official_merge

__all__ = ["FOUND", "NPM", "OFFICIAL", "PAGE", "Dialect"]

PAGE = 100
"""Rows asked for on a page: the most that GitHub gives."""

FOUND = 50
"""Results of a search asked for on a page. The npm server sends the whole text of each."""

_FIELDS = ("number", "html_url", "state", "user", "closed_at", "pull_request")


class Dialect(Struct, frozen=True, kw_only=True):
    """The differences between two servers that do much the same.

    Attributes:
        official: it is GitHub's own server. Its ``list_commits`` takes an author; the other lists everybody's commits.
        commits: reads the commits of an author.
        everybodys: reads the commits of everybody.
        pulls: reads a list of pull requests.
        merge: reads what is shown of a single merged one.
        merge_tool: shows it.
        search_tool: searches pull requests. Only past work needs it, so a server without it does for the rest.
    """

    official: bool
    commits: Callable[[str], tuple[Commit, ...]]
    everybodys: Callable[[str], tuple[Commit, ...]]
    pulls: Callable[[str], tuple[PullRequest, ...]]
    merge: Callable[[str], Merge]
    merge_tool: str
    search_tool: str

    @property
    def tools(self) -> tuple[Tool, ...]:
        """The tools without which nothing can be verified, with their arguments."""
        return (
            Tool("list_commits", tuple(self.commits_arguments("", "", "", 1))),
            Tool("list_pull_requests", tuple(self.pulls_arguments("", "", 1))),
            Tool(self.merge_tool, tuple(self.merge_arguments("", "", 1))),
        )

    @property
    def further_tools(self) -> tuple[Tool, ...]:
        """The tools that it does without where the server lacks them."""
        return (
            Tool(self.search_tool, tuple(self.search_arguments("", 1))),
            Tool("search_users", tuple(self.users_arguments(""))),
        )

    def commits_arguments(self, owner: str, name: str, login: str | None, page: int) -> Mapping[str, Any]:
        """Ask for a page of commits of the default branch, newest first; by the login alone if the server can."""
        author = {"author": login} if self.official and login is not None else {}
        return {"owner": owner, "repo": name, **author, "page": page, "perPage": PAGE}

    def pulls_arguments(self, owner: str, name: str, page: int) -> Mapping[str, Any]:
        """Ask for a page of closed pull requests, newest first."""
        return {"owner": owner, "repo": name, "state": "closed", "page": page, self._size: PAGE}

    def merge_arguments(self, owner: str, name: str, number: int) -> Mapping[str, Any]:
        """Ask for a single pull request."""
        which = {"method": "get", "pullNumber": number} if self.official else {"issue_number": number}
        return {"owner": owner, "repo": name, **which}

    def search_arguments(self, query: str, page: int) -> Mapping[str, Any]:
        """Ask for a page of pull requests that a query finds, the first opened first."""
        what = {"query": query, "fields": [*_FIELDS]} if self.official else {"q": f"is:pr {query}"}
        return {**what, "sort": "created", "order": "asc", "page": page, self._size: FOUND}

    def users_arguments(self, login: str) -> Mapping[str, Any]:
        """Ask for an account by its login."""
        return {"query" if self.official else "q": f"user:{login}", self._size: 10}

    @property
    def _size(self) -> str:
        return "perPage" if self.official else "per_page"


NPM = Dialect(
    official=False,
    commits=npm_commits,
    everybodys=npm_commits,
    pulls=npm_pulls,
    merge=npm_merge,
    merge_tool="get_issue",
    search_tool="search_issues",
)
"""``@modelcontextprotocol/server-github``. It would silently ignore an author."""

OFFICIAL = Dialect(
    official=True,
    commits=official_commits,
    everybodys=official_everybodys_commits,
    pulls=official_pulls,
    merge=official_merge,
    merge_tool="pull_request_read",
    search_tool="search_pull_requests",
)
"""GitHub's own server, remote or local."""
