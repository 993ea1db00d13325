"""What the server's tools answer, field by field: the parts that verdicts and figures rest on. Other fields may come and go."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from skillcore.plugin import NotFound, SourceError, Unavailable

__all__ = [
    "Member",
    "Party",
    "Problem",
    "RatingChange",
    "Submission",
    "User",
    "failed",
    "failed_for",
    "history_of",
    "user_of",
    "window_of",
]

Seconds = Annotated[int, Meta(ge=0, le=32_503_680_000)]
Name = Annotated[str, Meta(min_length=1, max_length=1000)]

_UNKNOWN = "(Error: )?(Codeforces API error: )?handles?: User with handle {} not found"
_LIMITED = re.compile(r"(.*: )?(Call limit exceeded|Request failed with status code 429)")


class Problem(Struct, frozen=True, rename="camel"):
    """A problem as a submission names it.

    Attributes:
        contest_id: absent for the problems of other archives, which have the archive's name instead.
        rating: absent for gym problems and while a contest is young.
    """

    index: Annotated[str, Meta(pattern=r"^[^\s<>]{1,20}\Z")]
    tags: tuple[Name, ...]
    name: Name
    contest_id: Annotated[int, Meta(ge=1)] | None = None
    problemset_name: Name | None = None
    rating: Annotated[int, Meta(ge=0, le=10_000)] | None = None

    def __post_init__(self) -> None:
        if self.contest_id is None and self.problemset_name is None:
            raise ValueError("a problem belongs to a contest or to an archive; this one names neither")

    @property
    def work(self) -> str:
        """The problem's name within the source, such as ``1500/A``."""
        return f"{self.problemset_name if self.contest_id is None else self.contest_id}/{self.index}"


class Member(Struct, frozen=True):
    """One of the authors of a submission."""

    handle: Name


class Party(Struct, frozen=True, rename="camel"):
    """Who submitted: one account, or a team."""

    members: Annotated[tuple[Member, ...], Meta(min_length=1)]
    participant_type: Name


class Submission(Struct, frozen=True, rename="camel"):
    """A row of ``get_user_submissions``.

    Attributes:
        verdict: absent while the submission waits for its judgement.
        testset: which tests the verdict rests on; during a contest, these are only its pretests.
    """

    id: Annotated[int, Meta(ge=1)]
    creation_time_seconds: Seconds
    problem: Problem
    author: Party
    verdict: Name | None = None
    testset: Name | None = None

    @property
    def at(self) -> datetime:
        """When it was submitted."""
        return datetime.fromtimestamp(self.creation_time_seconds, UTC)


class RatingChange(Struct, frozen=True, rename="camel"):
    """A row of ``get_user_rating_history``: what one contest did to an account's rating."""

    contest_id: Annotated[int, Meta(ge=1)]
    old_rating: int
    new_rating: int


class User(Struct, frozen=True, rename="camel"):
    """A row of ``get_user_info``; an account that was never rated has no rating."""

    handle: Name
    rating: int | None = None
    max_rating: int | None = None


def history_of(handle: str) -> Callable[[str], list[Submission]]:
    """Return the parser of a page of an account's submissions; a page with somebody else's is refused."""

    def parse(text: str) -> list[Submission]:
        rows = msgspec.json.decode(text, type=list[Submission])
        for row in rows:
            if not any(_same(member.handle, handle) for member in row.author.members):
                raise Unavailable(f"Codeforces was asked about {handle} and told of submission {row.id} by somebody else")
        return rows

    return parse


def window_of(handle: str, count: int) -> Callable[[str], list[Submission]]:
    """Return the parser of a part of an account's submissions, which must come as asked: so many at most, the newest first."""
    history = history_of(handle)

    def parse(text: str) -> list[Submission]:
        rows = history(text)
        if len(rows) > count:
            raise Unavailable(f"Codeforces was asked for {count} submissions of {handle} and told of {len(rows)}")
        if any(older.id >= newer.id for newer, older in itertools.pairwise(rows)):
            raise Unavailable(f"Codeforces told of submissions of {handle} in no order")
        return rows

    return parse


def user_of(handle: str) -> Callable[[str], User]:
    """Return the parser of one account's profile; somebody else's is refused."""

    def parse(text: str) -> User:
        users = msgspec.json.decode(text, type=list[User])
        if len(users) != 1 or not _same(users[0].handle, handle):
            raise Unavailable(f"Codeforces was asked about {handle} and told of {[user.handle for user in users][:3]}")
        return users[0]

    return parse


def _same(one: str, other: str) -> bool:
    return one.lower() == other.lower()


def failed(text: str) -> SourceError:
    """Return what a call amounts to that the server itself reports as failed."""
    if _LIMITED.fullmatch(text.strip()):
        return Unavailable("Codeforces asks for fewer calls", limited=True)
    return Unavailable(f"Codeforces did not answer: {text.strip()[:200]}")


def failed_for(handle: str) -> Callable[[str], SourceError]:
    """Return `failed`, with an ear for the one sentence that says that there is no such account."""
    unknown = re.compile(_UNKNOWN.format(re.escape(handle)), re.IGNORECASE)

    def judged(text: str) -> SourceError:
        return NotFound(f"Codeforces has no account {handle}") if unknown.fullmatch(text.strip()) else failed(text)

    return judged
