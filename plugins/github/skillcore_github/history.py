"""Past work: the public pull requests of an account that were merged, the first merged first.

GitHub's search shows a thousand results at most, and cannot sort by the time of a merge; but it can be asked for a span of
time. So spans are chosen that hold no more than a page, and each is sorted here. A position among results is never kept,
and what is merged while the history is read only adds to the end.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from skillcore.plugin import NotFound, Page, Unavailable
from skillcore_github.answers import MergedPull
from skillcore_github.dialects import FOUND
from skillcore_github.people import is_own, number_of
from skillcore_github.reading import Reader
from skillcore_github.verdicts import merged_evidence

__all__ = ["FOUNDED", "OVERLAP", "SLICE", "pages"]

FOUNDED = 1_199_145_600
"""The beginning of 2008, the year in which GitHub opened, in seconds since 1970."""

OVERLAP = 86_400
"""Seconds that a run looks back behind the last merge it knows: a new one may need a while to be found."""

SLICE = 10
"""Works on a page: who merged each is a call of its own."""

NAMED = 40
"""Works that a cursor remembers as named, for the overlap. Where a day has more, a run looks back no further than these."""

MOST = 1000
"""Results that GitHub shows of one search."""

MOST_CALLS = 40
"""Even halving all of GitHub's time down to a second takes no more than thirty calls."""

_MARK = 16
"""Characters that a work takes in a cursor."""

Seconds = Annotated[int, Meta(ge=0, le=32_503_680_000)]


class Place(Struct, frozen=True, forbid_unknown_fields=True):
    """How far the history was read: the cursor.

    Attributes:
        whose: the account's number, or its login if it has none to be known by.
        since: when the last named work was merged, in seconds since 1970.
        behind: how many works were named.
        known: that work. By it the account's login of today is found, should it have changed.
        named: marks of the works that were merged last, the latest last.
    """

    whose: str
    since: Seconds = 0
    behind: Annotated[int, Meta(ge=0)] = 0
    known: Annotated[str, Meta(pattern=r"^([^/#\s]+/[^/#\s]+#[0-9]{1,10})?\Z")] = ""
    named: Annotated[str, Meta(pattern=r"^([A-Za-z0-9_-]{16})*\Z")] = ""

    @property
    def marks(self) -> list[str]:
        """The marks one by one."""
        return [self.named[start : start + _MARK] for start in range(0, len(self.named), _MARK)]

    @property
    def begin(self) -> int:
        """From when on a run looks: far enough back for what is found late, and not further than is remembered."""
        marks = self.marks
        remembered = _when(marks[0]) if len(marks) >= NAMED else 0
        return max(FOUNDED, self.since - OVERLAP, min(remembered, self.since))

    def moved(self, part: list[MergedPull], until: int) -> Place:
        """Return the place behind some works. No merge of a later date than was asked for moves it further than that."""
        if not part:
            return self
        since = max(self.since, min(until, _seconds(part[-1])))
        return Place(
            self.whose,
            since,
            self.behind + len(part),
            part[-1].work,
            "".join(sorted([*self.marks, *map(_mark, part)], key=_when)[-NAMED:]),
        )


@dataclass(frozen=True)
class _Span:
    """What was merged in a span of time: by when it ends, how many there are from its beginning on, and what is missing."""

    pulls: list[MergedPull]
    until: int
    ahead: int
    gap: str = ""


async def pages(reader: Reader, after: str | None, now: Callable[[], datetime]) -> AsyncIterator[Page]:
    """Yield an account's merged pull requests.

    Args:
        reader: of the account.
        after: the cursor of an earlier page.
        now: tells the time.

    Raises:
        NotFound: the account's name has changed, and nothing shows to what.
    """
    place = _placed(after, reader.account.external_id or reader.login)
    login = await _present_login(reader, place) or reader.login
    begin, end = place.begin, int(now().timestamp())
    owned = foreign = 0
    while begin <= end:
        span = await _span(reader, login, begin, end)
        own = [pull for pull in span.pulls if is_own(pull.author, reader.account, login)]
        owned, foreign = owned + len(own), foreign + len(span.pulls) - len(own)
        named = set(place.marks)
        fresh = [pull for pull in own if _mark(pull) not in named]
        total = place.behind + span.ahead - (len(span.pulls) - len(fresh))
        gap = span.gap
        for start in range(0, max(len(fresh), bool(gap)), SLICE):
            part = fresh[start : start + SLICE]
            evidence = [merged_evidence(pull, await reader.merge(pull)) for pull in part]
            place = place.moved(part, span.until)
            cursor = msgspec.json.encode(place).decode()
            yield Page(evidence=tuple(evidence), cursor=cursor, total=total, done=place.behind, gap=gap)
            gap = ""
        begin = span.until + 1
    if number_of(reader.account) is not None and not owned:
        await _be_sure_of_the_name(reader, login, foreign)


async def _be_sure_of_the_name(reader: Reader, login: str, foreign: int) -> None:
    """Make sure that an account without merged pull requests is looked for under its own name."""
    still = await reader.is_still_called(login)
    if still is False or (still is None and foreign):
        raise NotFound(
            f"GitHub's account number {reader.account.external_id} is not called {login} any more: sign in there again, so "
            "that its new name is known"
        )


async def _present_login(reader: Reader, place: Place) -> str | None:
    """Return what the account is called today, if a work of its is known and it has a number to be known by."""
    if not place.known or number_of(reader.account) is None:
        return None
    repository, _, number = place.known.partition("#")
    try:
        author = (await reader.merge_of(repository, int(number))).pull.author
    except NotFound:
        return None
    return author.login.lower() if author is not None and is_own(author, reader.account, reader.login) else None


async def _span(reader: Reader, login: str, begin: int, end: int) -> _Span:
    """Return what was merged from a time on, over as long a span as one page of results covers."""
    until, ahead = end, 0
    for _ in range(MOST_CALLS):
        found = await reader.merged(login, begin, until)
        ahead = ahead or found.total
        if found.total <= FOUND or until <= begin:
            pulls = list(found.pulls)
            while found.total > FOUND and len(pulls) < min(found.total, MOST):
                further = await reader.merged(login, begin, until, len(pulls) // FOUND + 1)
                if not further.pulls:
                    break
                pulls += further.pulls
            unseen = found.total - len(pulls)
            gap = f"GitHub's search counts {found.total} pull requests and shows {len(pulls)}" if unseen > 0 else ""
            return _Span(sorted(set(pulls), key=lambda pull: pull.place), until, ahead, gap)
        until = _earlier(found.pulls, begin, until)
    raise Unavailable(f"GitHub's search finds more pull requests by {login} the shorter the time")


def _earlier(shown: tuple[MergedPull, ...], begin: int, until: int) -> int:
    """Return an earlier end for a span that holds too much: by when half of those shown were merged, or the middle."""
    times = sorted(map(_seconds, shown))
    middle = times[len(times) // 2] if times else until
    return middle if begin <= middle < until else (begin + until) // 2


def _placed(after: str | None, whose: str) -> Place:
    """Return the place that a cursor names; the beginning, if it names none of this account."""
    if after is not None:
        try:
            place = msgspec.json.decode(after, type=Place)
        except msgspec.DecodeError:
            return Place(whose)
        if place.whose == whose:
            return place
    return Place(whose)


def _mark(pull: MergedPull) -> str:
    """Return a work's mark: when it was merged, and a digest of its name."""
    when = _seconds(pull).to_bytes(6, "big", signed=True)
    return base64.urlsafe_b64encode(when + hashlib.blake2b(pull.work.encode(), digest_size=6).digest()).decode()


def _when(mark: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(mark)[:6], "big", signed=True)


def _seconds(pull: MergedPull) -> int:
    return int(pull.merged_at.timestamp())
