"""What the server's tools answer, and what these answers are worth.

The server reports failures as ordinary text and passes on what the site's GraphQL could not answer, so every parser here
looks for these first. What is left must have its full shape.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from skillcore.plugin import NotFound, SourceError, Unavailable

__all__ = ["Accepted", "Problem", "Profile", "contest_rating_of", "failed", "problem_of", "profile_of", "recent_of"]

T = TypeVar("T")

Name = Annotated[str, Meta(min_length=1, max_length=1000)]
Slug = Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,150}\Z")]
Seconds = Annotated[int, Meta(ge=0, le=32_503_680_000)]
Number = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Text = Annotated[str, Meta(max_length=1000)]
Digits = Annotated[str, Meta(pattern=r"^[0-9]{1,10}\Z")]

_STATUS = re.compile(r"HTTP (\d{3})\b")


class Accepted(Struct, frozen=True, rename="camel"):
    """A row of ``get_recent_ac_submissions``. Its time is text or a number, depending on the site.

    Attributes:
        status_display: absent on one of the sites; a list of accepted submissions can hold no other word.
    """

    title_slug: Slug
    timestamp: Seconds | Digits
    id: str | int | None = None
    status_display: Literal["Accepted"] | None = None

    @property
    def at(self) -> datetime:
        """When it was submitted."""
        return datetime.fromtimestamp(int(self.timestamp), UTC)


class Problem(Struct, frozen=True, rename="camel"):
    """The problem inside the answer of ``get_problem``."""

    title_slug: Name
    title: Name
    difficulty: Literal["Easy", "Medium", "Hard"]
    topic_tags: tuple[Name, ...]


class Tried(Struct, frozen=True):
    """How many problems of a difficulty a user has tried, and how often."""

    difficulty: Literal["All", "Easy", "Medium", "Hard"]
    count: Number
    submissions: Number


class Profile(Struct, frozen=True, kw_only=True):
    """What the server passes on of a user's public profile: the texts are as the user wrote them, empty where there are none.

    Attributes:
        username: as the site writes it.
    """

    username: str
    name: str
    school: str
    company: str
    ranking: int | None
    tried: tuple[Tried, ...]

    @property
    def figures(self) -> dict[str, float]:
        """The numbers among it, as far as the site shows them."""
        figures: dict[str, float] = {} if self.ranking is None else {"ranking": float(self.ranking)}
        for row in self.tried:
            if row.difficulty == "All":
                figures |= {"problems_tried": float(row.count), "submissions": float(row.submissions)}
            else:
                figures[f"problems_tried_{row.difficulty.lower()}"] = float(row.count)
        return figures


class _Failure(Struct, frozen=True):
    """Sent instead of an answer, as a success."""

    error: Any
    message: Any = None


class _List(Struct, frozen=True, rename="camel"):
    recent_ac_submission_list: list[Accepted]


class _GraphQL(Struct, frozen=True):
    data: _List
    errors: Any = None


class _Recent(Struct, frozen=True):
    username: str
    submissions: _GraphQL


class _Count(Struct, frozen=True):
    count: int


class _User(Struct, frozen=True, rename="camel"):
    """Either the profile of a user, or the whole of an answer in which no user was found. Empty fields are null or left out."""

    username: Name | UnsetType = UNSET
    real_name: Text | None = None
    school: Text | None = None
    company: Text | None = None
    ranking: Number | None = None
    total_submission_num: tuple[Tried, ...] | None = None
    matched_user: UnsetType | None = UNSET
    all_questions_count: Annotated[tuple[_Count, ...], Meta(min_length=1)] | UnsetType = UNSET
    recent_submission_list: Annotated[tuple[Any, ...], Meta(max_length=0)] | UnsetType = UNSET


class _Profile(Struct, frozen=True):
    username: str
    profile: _User


class _Standing(Struct, frozen=True):
    rating: Annotated[float, Meta(ge=0, le=100_000)]


class _Ranking(Struct, frozen=True, rename="camel"):
    user_contest_ranking: _Standing | None


class _Contests(Struct, frozen=True, rename="camel"):
    """An account's record in contests; of an account that never took part, null."""

    username: str
    contest_ranking: _Ranking


class _Question(Struct, frozen=True, rename="camel"):
    title_slug: str
    problem: Problem


def recent_of(handle: str) -> Callable[[str], list[Accepted]]:
    """Return the parser of an account's recently accepted submissions."""

    def parse(text: str) -> list[Accepted]:
        answer = _decoded(text, _Recent)
        _expect(answer.username, handle)
        if answer.submissions.errors:
            raise Unavailable(f"LeetCode answered with errors: {str(answer.submissions.errors)[:200]}")
        return answer.submissions.data.recent_ac_submission_list

    return parse


def profile_of(handle: str) -> Callable[[str], Profile | None]:
    """Return the parser of a profile; it returns None if LeetCode knows no such user.

    A user is unknown only if the rest of that answer is there: the number of questions, and an empty list of submissions.
    """

    def parse(text: str) -> Profile | None:
        answer = _decoded(text, _Profile)
        _expect(answer.username, handle)
        user = answer.profile
        if user.username is not UNSET and user.matched_user is UNSET:
            _expect(user.username.lower(), handle.lower())
            return _profile(user, user.username)
        missing = UNSET in (user.matched_user, user.all_questions_count, user.recent_submission_list)
        if missing or user.username is not UNSET:
            raise Unavailable(f"LeetCode did not say whether it knows {handle}: {text[:200]}")
        return None

    return parse


def contest_rating_of(handle: str) -> Callable[[str], float | None]:
    """Return the parser of an account's record in contests, of which its rating is wanted; it has none before the first."""

    def parse(text: str) -> float | None:
        answer = _decoded(text, _Contests)
        _expect(answer.username, handle)
        standing = answer.contest_ranking.user_contest_ranking
        return None if standing is None else standing.rating

    return parse


def problem_of(slug: str) -> Callable[[str], Problem]:
    """Return the parser of a problem's description."""

    def parse(text: str) -> Problem:
        answer = _decoded(text, _Question)
        _expect(answer.title_slug, slug)
        _expect(answer.problem.title_slug, slug)
        return answer.problem

    return parse


def failed(text: str) -> SourceError:
    """Return what a failure amounts to, by the words that the server has for it."""
    status = _STATUS.match(text.strip())
    if status and status[1] == "429":
        return Unavailable("LeetCode asks for fewer calls", limited=True)
    if re.fullmatch(r"Problem \S+ not found", text.strip()):
        return NotFound(f"LeetCode: {text.strip()}")
    return Unavailable(f"LeetCode did not answer: {text.strip()[:200]}")


def _decoded(text: str, shape: type[T]) -> T:
    """Return the answer; a failure that came as a success is raised as what it is."""
    try:
        failure = msgspec.json.decode(text, type=_Failure)
    except msgspec.ValidationError:
        return msgspec.json.decode(text, type=shape)
    raise failed(str(failure.message or failure.error))


def _profile(user: _User, username: str) -> Profile:
    return Profile(
        username=username,
        name=user.real_name or "",
        school=user.school or "",
        company=user.company or "",
        ranking=user.ranking,
        tried=user.total_submission_num or (),
    )


def _expect(said: str, asked: str) -> None:
    if said != asked:
        raise Unavailable(f"LeetCode was asked about {asked} and told of {said[:200]}")
