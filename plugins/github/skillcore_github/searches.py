"""What the servers answer to searches, and about a single pull request. Pure; anything unexpected is `Unavailable`.

Both servers pass on GitHub's own search results. They differ in what they show of a pull request: GitHub's server names who
merged it; the npm server leaves that out, but shows a pull request as an issue, too, with the one who closed it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from skillcore.plugin import Strength, Unavailable
from skillcore_github.answers import MergedPull, Moment, PullUrl, person_of, repository_of
from skillcore_github.people import Person, is_bot

__all__ = ["Found", "Merge", "found_people", "found_pulls", "npm_merge", "official_merge"]

AT_ONCE = timedelta(seconds=5)
"""Merging closes a pull request: who closed it no later than this after the merge, merged it."""

Count = Annotated[int, Meta(ge=0)]


class Found(Struct, frozen=True):
    """Results of a search for merged pull requests.

    Attributes:
        total: how many there are in all.
        pulls: those on this page.
    """

    total: int
    pulls: tuple[MergedPull, ...]


class Merge(Struct, frozen=True):
    """How a pull request was merged.

    Attributes:
        pull: the pull request, with its author's login of today.
        by: login of the one who merged it; empty where that is not shown.
    """

    pull: MergedPull
    by: str

    @property
    def strength(self) -> Strength:
        """What it proves: another person looked at it and took it, or at least its author was signed in."""
        author = self.pull.author
        another = self.by and not is_bot(self.by) and author is not None and self.by.lower() != author.login.lower()
        return "judged" if another else "authenticated"


class _Links(Struct, frozen=True):
    merged_at: Moment | None = None


class _FoundPull(Struct, frozen=True):
    number: Annotated[int, Meta(ge=1)]
    html_url: PullUrl
    state: Literal["closed"]
    pull_request: _Links
    closed_at: Moment
    user: dict[str, Any] | None = None


class _Search(Struct, frozen=True):
    total_count: Count
    incomplete_results: bool


class _PullSearch(_Search, frozen=True):
    items: Annotated[tuple[_FoundPull, ...], Meta(max_length=100)]


class _UserSearch(_Search, frozen=True):
    items: Annotated[tuple[dict[str, Any], ...], Meta(max_length=100)]


class _OfficialMerge(Struct, frozen=True):
    number: Annotated[int, Meta(ge=1)]
    html_url: PullUrl
    state: Literal["closed"]
    merged: Literal[True]
    merged_at: Moment
    user: dict[str, Any] | None = None
    merged_by: Annotated[str, Meta(max_length=100)] = ""


class _NpmMerge(Struct, frozen=True):
    number: Annotated[int, Meta(ge=1)]
    html_url: PullUrl
    state: Literal["closed"]
    closed_at: Moment
    closed_by: dict[str, Any] | None
    user: dict[str, Any] | None
    pull_request: _Links


def found_pulls(text: str) -> Found:
    """Decode the results of a search for merged pull requests.

    Raises:
        Unavailable: GitHub ran out of time before it had them all.
    """
    answer = msgspec.json.decode(text, type=_PullSearch)
    if answer.incomplete_results:
        raise Unavailable("GitHub's search ran out of time before it was complete")
    pulls = tuple(
        MergedPull(
            row.number,
            repository_of(row.number, row.html_url),
            person_of(row.user),
            row.pull_request.merged_at or row.closed_at,
        )
        for row in answer.items
    )
    return Found(answer.total_count, pulls)


def found_people(text: str) -> tuple[Person, ...]:
    """Decode the results of a search for accounts."""
    answer = msgspec.json.decode(text, type=_UserSearch)
    if answer.incomplete_results:
        raise Unavailable("GitHub's search ran out of time before it was complete")
    return tuple(person for row in answer.items if (person := person_of(row)) is not None)


def official_merge(text: str) -> Merge:
    """Decode a merged pull request of the official server's ``pull_request_read``."""
    row = msgspec.json.decode(text, type=_OfficialMerge)
    repository = repository_of(row.number, row.html_url)
    return Merge(MergedPull(row.number, repository, person_of(row.user), row.merged_at), row.merged_by)


def npm_merge(text: str) -> Merge:
    """Decode a merged pull request of the npm server's ``get_issue``."""
    row = msgspec.json.decode(text, type=_NpmMerge)
    merged_at = row.pull_request.merged_at
    if merged_at is None:
        raise Unavailable(f"pull request {row.number} was listed as merged and is not")
    by = person_of(row.closed_by) if abs(row.closed_at - merged_at) <= AT_ONCE else None
    named = "" if by is None or by.bot else by.login
    repository = repository_of(row.number, row.html_url)
    return Merge(MergedPull(row.number, repository, person_of(row.user), merged_at), named)
