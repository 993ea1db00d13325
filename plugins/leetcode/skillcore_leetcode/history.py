"""Past work, out of a window that shows the last twenty accepted submissions and nothing older.

There are no pages to turn. What is kept instead is what was named before, so that each look takes what is new; and when all
of a full window is new, some of what came between may never have been seen, which the page then says.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from skillcore.plugin import Page, Tools
from skillcore_leetcode.answers import Accepted
from skillcore_leetcode.reading import WINDOW, problem, profile, recent
from skillcore_leetcode.requirement import handle_of
from skillcore_leetcode.verdicts import evidence_of

__all__ = ["KEPT", "SLICE", "pages"]

SLICE = 5
"""Works on a page: each costs a call, which an interruption makes necessary again."""

KEPT = 100
"""Works that a cursor remembers as named. One that is submitted again much later is named again; the ledger keeps it once."""

_MARK = 8
"""Characters that a work takes in a cursor."""


class Place(Struct, frozen=True, forbid_unknown_fields=True):
    """How far the history was read: the cursor.

    Attributes:
        handle: whose.
        behind: how many works were named.
        newest: time of the newest submission that was shown when last read to the end, in seconds.
        named: marks of the works that were named, the latest last.
    """

    handle: str
    behind: Annotated[int, Meta(ge=0)] = 0
    newest: Annotated[int, Meta(ge=0)] = 0
    named: str = ""

    @property
    def marks(self) -> list[str]:
        """The marks one by one."""
        return [self.named[start : start + _MARK] for start in range(0, len(self.named), _MARK)]


async def pages(tools: Tools, handle: str, after: str | None) -> AsyncIterator[Page]:
    """Yield what an account's window shows and no earlier page has named.

    Raises:
        NotFound: there is no such account.
    """
    handle = handle_of(handle)
    place = _placed(after, handle.lower())
    rows = await recent(tools, handle)
    if not rows:
        await profile(tools, handle)
        return
    newest = max(int(row.timestamp) for row in rows)
    fresh = _fresh(rows, set(place.marks))
    if not fresh and newest <= place.newest:
        return
    gap, total = _gap(rows, place), place.behind + len(fresh)
    for start in range(0, max(len(fresh), 1), SLICE):
        part = fresh[start : start + SLICE]
        evidence = [evidence_of(row, await problem(tools, row.title_slug)) for row in part]
        place = _moved(place, part, newest if start + len(part) == len(fresh) else place.newest)
        cursor = msgspec.json.encode(place).decode()
        yield Page(evidence=tuple(evidence), cursor=cursor, total=total, done=place.behind, gap=gap)
        gap = ""


def _placed(after: str | None, handle: str) -> Place:
    """Return the place that a cursor names; the beginning, if it names none of this account."""
    if after is not None:
        try:
            place = msgspec.json.decode(after, type=Place)
        except msgspec.DecodeError:
            return Place(handle)
        if place.handle == handle:
            return place
    return Place(handle)


def _fresh(rows: Sequence[Accepted], named: set[str]) -> list[Accepted]:
    """Return the earliest submission shown to each problem that was not named, the oldest first."""
    first: dict[str, Accepted] = {}
    for row in sorted(rows, key=lambda row: (int(row.timestamp), row.title_slug)):
        if _mark(row.title_slug) not in named:
            first.setdefault(row.title_slug, row)
    return list(first.values())


def _moved(place: Place, part: Sequence[Accepted], newest: int) -> Place:
    marks = [*place.marks, *(_mark(row.title_slug) for row in part)]
    return Place(place.handle, place.behind + len(part), newest, "".join(marks[-KEPT:]))


def _mark(slug: str) -> str:
    return base64.urlsafe_b64encode(hashlib.blake2b(slug.encode(), digest_size=6).digest()).decode()


def _gap(rows: Sequence[Accepted], place: Place) -> str:
    """Return what may be missing: nothing, if the window is not full or reaches back to what was seen before."""
    if len(rows) < WINDOW or min(int(row.timestamp) for row in rows) <= place.newest:
        return ""
    shown = f"LeetCode shows the last {len(rows)} accepted submissions and nothing older"
    if not place.newest:
        return f"{shown}: earlier work is not seen"
    return f"{shown}; all of them are newer than those seen before, so work in between may be missing"
