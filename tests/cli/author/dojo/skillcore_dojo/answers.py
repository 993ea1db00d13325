"""What the dojo answers: types with their bounds, ranks as difficulties, seconds as times, and the words of its failures."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct
from skillcore.plugin import Evidence, NotFound, SourceError, Unavailable

__all__ = ["DIFFICULTIES", "Kata", "Listing", "Profile", "Slug", "Student", "failure", "moment", "reader"]

T = TypeVar("T")

Rank = Literal["8 kyu", "7 kyu", "6 kyu", "5 kyu", "4 kyu", "3 kyu", "2 kyu", "1 kyu", "1 dan", "2 dan"]
DIFFICULTIES: dict[Rank, float] = {
    **{"8 kyu": 1.0, "7 kyu": 2.0, "6 kyu": 3.0, "5 kyu": 4.0, "4 kyu": 5.0},
    **{"3 kyu": 6.0, "2 kyu": 7.0, "1 kyu": 8.0, "1 dan": 9.0, "2 dan": 10.0},
}

Slug = Annotated[str, Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*\Z", max_length=80)]
Seconds = Annotated[int, Meta(ge=1_400_000_000, le=4_000_000_000)]
"""Since 1970; the dojo opened after the first of these."""

Count = Annotated[int, Meta(ge=0, le=10_000)]

_NOBODY = re.compile(r"There is no student called [A-Za-z0-9_]+ in this dojo\.")
_CLOSED = re.compile(r"The dojo is closed for ([0-9]{1,5}) seconds\.")


class Student(Struct, frozen=True):
    """Whom an answer is about. The id stays when the name changes."""

    id: Annotated[int, Meta(ge=1, le=2**53)]
    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_]{3,16}\Z")]


class Kata(Struct, frozen=True):
    """A completed kata."""

    slug: Slug
    rank: Rank
    tags: tuple[str, ...]
    completed_at: Seconds

    @property
    def difficulty(self) -> float:
        """The rank on the common scale."""
        return DIFFICULTIES[self.rank]

    def evidence(self) -> Evidence:
        """Return the kata as evidence."""
        return Evidence(
            work=self.slug,
            occurred_at=moment(self.completed_at),
            topics=self.tags,
            difficulty=self.difficulty,
            strength="judged",
            metadata={"rank": self.rank},
        )


class Listing(Struct, frozen=True):
    """A page of the ``completed`` katas; ``bookmark`` stands behind its last one."""

    student: Student
    completed: Count
    katas: Annotated[tuple[Kata, ...], Meta(max_length=50)]
    bookmark: Annotated[str, Meta(min_length=1, max_length=200)] | None
    more: bool


class Profile(Struct, frozen=True):
    """A student's page. ``motto_since`` is 0 where there has never been a motto."""

    student: Student
    honour: Count
    motto: Annotated[str, Meta(max_length=500)]
    motto_since: Annotated[int, Meta(ge=0, le=4_000_000_000)]


def moment(seconds: int) -> datetime:
    """Return seconds since 1970 as a time."""
    return datetime.fromtimestamp(seconds, UTC)


def reader(shape: type[T]) -> Callable[[str], T]:
    """Return a parser for `Tools.read`: the dojo says in plain words what went wrong, where an answer would be JSON."""

    def parse(text: str) -> T:
        if not text.startswith("{"):
            raise failure(text)
        return msgspec.json.decode(text, type=shape)

    return parse


def failure(text: str) -> SourceError:
    """Turn the words of a failure into an error; what is not understood is an outage."""
    if _NOBODY.fullmatch(text):
        return NotFound("the dojo has no student of this name")
    if closed := _CLOSED.fullmatch(text):
        return Unavailable("the dojo asks to be left alone for a while", limited=True, retry_after=float(closed[1]))
    return Unavailable(f"the dojo said: {text[:200]}")
