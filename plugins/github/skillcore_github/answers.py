"""What the two servers answer, and the one form that verdicts are drawn from. Pure; anything unexpected is `Unavailable`.

The npm server passes GitHub's JSON on, where a key that is missing means damage: it writes null for an unknown author.
The official server sends a short form of its own that leaves out whatever is empty.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from skillcore.plugin import Unavailable
from skillcore_github.people import Person, is_bot

__all__ = [
    "Commit",
    "MergedPull",
    "Moment",
    "PullRequest",
    "PullUrl",
    "npm_commits",
    "npm_pulls",
    "official_commits",
    "official_everybodys_commits",
    "official_pulls",
    "person_of",
    "repository_of",
]

Moment = Annotated[datetime, Meta(tz=True)]
SHA = Annotated[str, Meta(pattern=r"^[0-9a-f]{40,64}\Z")]
CommitUrl = Annotated[str, Meta(pattern=r"^https?://.+/commits?/[0-9a-f]+\Z", max_length=1000)]
PullUrl = Annotated[str, Meta(pattern=r"^https?://.+/pull/[0-9]+\Z", max_length=1000)]

_REPOSITORY = re.compile(r"([^/]+/[^/]+)/(?:commits?|pull)/[^/]+$")


class Commit(Struct, frozen=True):
    """A commit. ``author`` is the account that GitHub attributes it to, if any; the time is what the author's own git said.

    Attributes:
        repository: ``owner/name`` in lower case, as it is called today, even if it was asked for by a former name.
    """

    sha: str
    repository: str
    author: Person | None
    authored_at: datetime


class PullRequest(Struct, frozen=True):
    """A pull request; ``merged_at`` is None unless it was merged."""

    number: int
    repository: str
    author: Person | None
    merged_at: datetime | None

    @property
    def merged(self) -> MergedPull | None:
        """The same as a merged one, if it is that."""
        return None if self.merged_at is None else MergedPull(self.number, self.repository, self.author, self.merged_at)


class MergedPull(Struct, frozen=True):
    """A pull request that was merged."""

    number: int
    repository: str
    author: Person | None
    merged_at: datetime

    @property
    def work(self) -> str:
        """Its name, such as ``owner/name#42``."""
        return f"{self.repository}#{self.number}"

    @property
    def place(self) -> tuple[datetime, str, int]:
        """Where it stands among others: by the time of the merge."""
        return self.merged_at, self.repository, self.number


T = TypeVar("T", Commit, PullRequest)


class _User(Struct, frozen=True):
    """An account. GitHub's own server does not tell its kind."""

    login: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.\[\]-]{1,100}\Z")]
    id: Annotated[int, Meta(ge=1)]
    type: Annotated[str, Meta(max_length=50)] = ""


class _Signature(Struct, frozen=True):
    """Who git says wrote a commit. Name and e-mail are anyone's claim and are not even read."""

    date: Moment


class _Details(Struct, frozen=True):
    author: _Signature


class _NpmCommit(Struct, frozen=True):
    sha: SHA
    url: CommitUrl
    commit: _Details
    author: dict[str, Any] | None


class _OfficialCommit(Struct, frozen=True):
    sha: SHA
    html_url: CommitUrl
    commit: _Details
    author: dict[str, Any] | None = None


class _NpmPull(Struct, frozen=True):
    number: Annotated[int, Meta(ge=1)]
    html_url: PullUrl
    state: Literal["open", "closed"]
    user: dict[str, Any] | None
    merged_at: Moment | None


class _OfficialPull(Struct, frozen=True):
    """Its field ``merged`` is false in lists even where ``merged_at`` is set, so it is not read."""

    number: Annotated[int, Meta(ge=1)]
    html_url: PullUrl
    state: Literal["open", "closed"]
    user: dict[str, Any] | None = None
    merged_at: Moment | None = None


def npm_commits(text: str) -> tuple[Commit, ...]:
    """Decode the npm server's ``list_commits``."""
    rows = msgspec.json.decode(text, type=tuple[_NpmCommit, ...])
    return _of_one_repository(tuple(_commit(row.sha, row.url, row.author, row.commit) for row in rows))


def official_everybodys_commits(text: str) -> tuple[Commit, ...]:
    """Decode the official server's ``list_commits`` without an ``author``."""
    rows = msgspec.json.decode(text, type=tuple[_OfficialCommit, ...])
    return _of_one_repository(tuple(_commit(row.sha, row.html_url, row.author, row.commit) for row in rows))


def official_commits(text: str) -> tuple[Commit, ...]:
    """Decode the official server's ``list_commits`` with an ``author``: each row must name somebody.

    Raises:
        Unavailable: a row names nobody, so nobody can tell whose it is.
    """
    commits = official_everybodys_commits(text)
    for commit in commits:
        if commit.author is None:
            raise Unavailable(f"GitHub listed commit {commit.sha} for an author, but names nobody")
    return commits


def npm_pulls(text: str) -> tuple[PullRequest, ...]:
    """Decode the npm server's ``list_pull_requests``."""
    return _pulls(msgspec.json.decode(text, type=tuple[_NpmPull, ...]))


def official_pulls(text: str) -> tuple[PullRequest, ...]:
    """Decode the official server's ``list_pull_requests``."""
    return _pulls(msgspec.json.decode(text, type=tuple[_OfficialPull, ...]))


def _commit(sha: str, url: str, author: dict[str, Any] | None, details: _Details) -> Commit:
    if not url.endswith(f"/{sha}"):
        raise Unavailable(f"commit {sha} has the address of another, {url}")
    return Commit(sha, _repository(url), person_of(author), details.author.date)


def _pulls(rows: tuple[_NpmPull, ...] | tuple[_OfficialPull, ...]) -> tuple[PullRequest, ...]:
    for row in rows:
        if row.merged_at is not None and row.state != "closed":
            raise Unavailable(f"pull request {row.number} is both merged and open")
    return _of_one_repository(
        tuple(
            PullRequest(row.number, repository_of(row.number, row.html_url), person_of(row.user), row.merged_at) for row in rows
        )
    )


def repository_of(number: int, url: str) -> str:
    """Return the repository of a pull request with this number and address.

    Raises:
        Unavailable: the address is another's.
    """
    if not url.endswith(f"/{number}"):
        raise Unavailable(f"pull request {number} has the address of another, {url}")
    return _repository(url)


def _of_one_repository(rows: tuple[T, ...]) -> tuple[T, ...]:
    repositories = {row.repository for row in rows}
    if len(repositories) > 1:
        raise Unavailable(f"one list shows several repositories: {', '.join(sorted(repositories))}")
    return rows


def person_of(user: dict[str, Any] | None) -> Person | None:
    """Return the account; None for nobody, which the servers write as null, as an empty object or with an empty login."""
    if not user or user.get("login") == "":
        return None
    account = msgspec.convert(user, _User)
    return Person(account.login, account.id, is_bot(account.login, account.type))


def _repository(url: str) -> str:
    found = _REPOSITORY.search(url)
    if found is None:
        raise Unavailable(f"{url} lies in no repository")
    return found[1].lower()
