"""Past work, the oldest first, out of a list that shows the newest first and grows while it is read.

A submission's position moves with every new one above it; its number never changes. So positions are only where to look,
and numbers decide: a page is taken when it reaches down to the newest submission that is already behind us.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from skillcore.plugin import Page, Tools, Unavailable
from skillcore_codeforces.answers import RatingChange, Submission
from skillcore_codeforces.reading import MOST_PAGES, PAGE, ratings, window
from skillcore_codeforces.requirement import handle_of
from skillcore_codeforces.verdicts import accepted, evidence_of, may_be_rated, settled

__all__ = ["JUDGED_AFTER", "OVERLAP", "SLICE", "pages"]

OVERLAP = 50
"""Submissions that two pages share, so that as many new ones may arrive between two calls."""

SLICE = 200
"""Submissions behind a page of evidence: what the engine keeps at once, and what an interruption may cost."""

JUDGED_AFTER = timedelta(days=7)
"""What has no final verdict by then gets none; until then the history ends before it."""

MOST_CALLS = 24
"""Looking for a place takes the logarithm of the history's length; a server that needs more contradicts itself."""

Count = Annotated[int, Meta(ge=0)]


class Place(Struct, frozen=True, forbid_unknown_fields=True):
    """How far the history was read: the cursor.

    Attributes:
        handle: whose.
        seen: number of the newest submission behind.
        behind: how many lie behind, that one included.
        newer: how many lay before, when it was last seen.
    """

    handle: str
    seen: Count
    behind: Count
    newer: Count


@dataclass(frozen=True)
class _Stretch:
    """Submissions that follow a place without a gap, the oldest first, and how many are newer than all of them."""

    rows: list[Submission]
    newer: int


async def pages(tools: Tools, handle: str, after: str | None, now: Callable[[], datetime]) -> AsyncIterator[Page]:
    """Yield an account's past work.

    Args:
        tools: to read with.
        handle: whose work.
        after: the cursor of an earlier page.
        now: tells the time.

    Raises:
        NotFound: there is no such account.
        Unavailable: the server contradicts itself, or shows no end.
    """
    place = _placed(after, handle_of(handle).lower())
    named: set[str] = set()
    changes: Mapping[int, RatingChange] | None = None
    for _ in range(2 * MOST_PAGES):
        stretch = await _following(tools, place)
        ready = _ready(stretch.rows, now())
        ahead = len(stretch.rows) + stretch.newer
        for start in range(0, max(len(ready), 1), SLICE):
            part = ready[start : start + SLICE]
            first = _first(part, named)
            if changes is None and any(may_be_rated(row) for row in first):
                changes = await ratings(tools, place.handle)
            ahead -= len(part)
            place = Place(place.handle, part[-1].id if part else place.seen, place.behind + len(part), ahead)
            yield Page(
                evidence=tuple(evidence_of(row, changes or {}) for row in first),
                cursor=msgspec.json.encode(place).decode(),
                total=place.behind + place.newer,
                done=place.behind,
                gap=_gap(part),
            )
        if len(ready) < len(stretch.rows) or not stretch.newer:
            return
    raise Unavailable(f"Codeforces showed {place.behind} submissions of {place.handle} and no end of them")


def _placed(after: str | None, handle: str) -> Place:
    """Return the place that a cursor names; the beginning, if it names none of this account."""
    beginning = Place(handle, seen=0, behind=0, newer=PAGE - OVERLAP)
    if after is None:
        return beginning
    try:
        place = msgspec.json.decode(after, type=Place)
    except msgspec.DecodeError:
        return beginning
    return place if place.handle == handle else beginning


def _ready(rows: list[Submission], now: datetime) -> list[Submission]:
    """Return the submissions before the first one that may still be judged: a later run sees that again."""
    for number, row in enumerate(rows):
        if not settled(row) and row.at > now - JUDGED_AFTER:
            return rows[:number]
    return rows


def _first(rows: Sequence[Submission], named: set[str]) -> list[Submission]:
    """Return the acceptances of problems that were not named before, and name them."""
    first = []
    for row in rows:
        if accepted(row) and row.problem.work not in named:
            named.add(row.problem.work)
            first.append(row)
    return first


def _gap(rows: Sequence[Submission]) -> str:
    """Return what may be missing: acceptances that were never told."""
    left = [row.id for row in rows if not settled(row)]
    others = f" and {len(left) - 1} more" if len(left) > 1 else ""
    return f"Codeforces never finished judging submission {left[0]}{others}" if left else ""


async def _following(tools: Tools, place: Place) -> _Stretch:
    """Return what follows a place, as much of it as one page shows."""
    search = _Search(place)
    for _ in range(MOST_CALLS):
        start, count = search.start, search.count
        rows = await window(tools, place.handle, start, count)
        if search.found(rows):
            if not place.seen:
                await _end(tools, place.handle, start, rows)
            return _Stretch([row for row in reversed(rows) if row.id > place.seen], start - 1)
    raise Unavailable(f"Codeforces showed no page of {place.handle} that goes on from submission {place.seen}")


async def _end(tools: Tools, handle: str, start: int, rows: Sequence[Submission]) -> None:
    """Make sure that a history begins where a page ends: a server may have its own idea of how long a page is."""
    if rows:
        further = await window(tools, handle, start + len(rows), OVERLAP)
        if further and further[-1].id < rows[-1].id:
            raise Unavailable(f"Codeforces left out submissions of {handle} older than {rows[-1].id}")


class _Search:
    """Looks for the page that shows what follows a place: by guess, then in longer and longer strides, then by halves."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.start = max(1, place.newer - (PAGE - OVERLAP) + 1)
        self.count = min(PAGE, place.newer + OVERLAP - self.start + 1)
        self._least = 0
        self._most: int | None = None
        self._stride = 0
        self._above: tuple[int, int] | None = None

    def found(self, rows: Sequence[Submission]) -> bool:
        """Tell whether these are the rows that were looked for, and otherwise where to look next.

        Raises:
            Unavailable: the rows cannot be part of the same history as those before.
        """
        seen = self.place.seen
        if not rows or rows[0].id <= seen:
            if self.start == 1 and (rows or not seen):
                return True
            if self.start == 1:
                raise self._lost()
            self._turn_back()
        elif rows[-1].id <= seen or (len(rows) < self.count and not seen):
            return True
        elif len(rows) < self.count:
            raise self._lost()
        else:
            self._go_on(rows)
        self._look()
        return False

    def _lost(self) -> Unavailable:
        """Return what it means that a history ends before what is behind us."""
        return Unavailable(f"Codeforces no longer shows submission {self.place.seen} of {self.place.handle}, nor any before it")

    def _turn_back(self) -> None:
        """Note that nothing on this page is newer than the place."""
        self._most = self.start - 1
        if self._most < self._least:
            raise Unavailable(f"Codeforces shows fewer submissions of {self.place.handle} than a moment ago")

    def _go_on(self, rows: Sequence[Submission]) -> None:
        """Note that all of this page is newer than the place."""
        if self._above is not None:
            start, newest = self._above
            if self.start > start + OVERLAP and rows[0].id >= newest:
                raise Unavailable(f"Codeforces repeated {len(rows)} submissions of {self.place.handle} instead of going on")
        self._above = self.start, rows[0].id
        self._least = max(self._least, self.start + len(rows) - 1)
        if self._least >= MOST_PAGES * PAGE:
            raise Unavailable(f"Codeforces showed {self._least} submissions of {self.place.handle} and no end of them")

    def _look(self) -> None:
        """Choose the next page: between what is known to be newer and what is known to be not."""
        self.count = PAGE
        lowest = max(1, self._least + 1 - OVERLAP)
        if self._most is None:
            self._stride = 2 * self._stride + PAGE if self._least > 2 * PAGE else 0
            self.start = lowest + self._stride
        elif self._most - self._least <= PAGE - 2 * OVERLAP:
            self.start = lowest
        else:
            self.start = max(lowest, (self._least + self._most - PAGE) // 2)
