"""How each of the two MCP servers is asked, and how its answers read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from skillcore.plugin import Tool
from skillcore_github.answers import Commit, PullRequest, npm_commits, npm_pulls, official_commits, official_pulls

__all__ = ["NPM", "OFFICIAL", "PAGE", "Dialect"]

PAGE = 100
"""Rows asked for on a page: the most that GitHub gives."""


class Dialect(Struct, frozen=True, kw_only=True):
    """The differences between servers that offer tools of the same name.

    Attributes:
        filters_authors: ``list_commits`` takes an author; otherwise it lists everybody's commits.
        pulls_page_size: name of the page size in ``list_pull_requests``.
    """

    filters_authors: bool
    pulls_page_size: str
    commits: Callable[[str], tuple[Commit, ...]]
    pulls: Callable[[str], tuple[PullRequest, ...]]

    @property
    def tools(self) -> tuple[Tool, ...]:
        """The tools called, with their arguments."""
        return (
            Tool("list_commits", tuple(self.commits_arguments("", "", "", 1))),
            Tool("list_pull_requests", tuple(self.pulls_arguments("", "", 1))),
        )

    def commits_arguments(self, owner: str, name: str, login: str, page: int) -> Mapping[str, Any]:
        """Ask for a page of commits of the default branch, newest first; by the login alone if the server can."""
        author = {"author": login} if self.filters_authors else {}
        return {"owner": owner, "repo": name, **author, "page": page, "perPage": PAGE}

    def pulls_arguments(self, owner: str, name: str, page: int) -> Mapping[str, Any]:
        """Ask for a page of closed pull requests, newest first."""
        return {"owner": owner, "repo": name, "state": "closed", "page": page, self.pulls_page_size: PAGE}


NPM = Dialect(filters_authors=False, pulls_page_size="per_page", commits=npm_commits, pulls=npm_pulls)
"""``@modelcontextprotocol/server-github``. It would silently ignore an author."""

OFFICIAL = Dialect(filters_authors=True, pulls_page_size="perPage", commits=official_commits, pulls=official_pulls)
"""GitHub's own server, remote or local."""
