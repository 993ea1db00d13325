"""Past work as a source shows it: read page by page, each page contained in time, judged, and kept from going in circles."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import msgspec
from msgspec import Struct

from skillcore.plugin import Page, SourceError, Unavailable, VerificationSource
from skillcore.verification.containment import LARGEST, MOST, sound_evidence
from skillcore.verification.tools import RawAnswer

__all__ = ["END", "NONE", "BrokenHistory", "Circles", "Read", "Reading", "offers_history", "sound_page"]

END: Final = object()
"""What `Reading.following` returns behind the last page."""

NONE: Final = object()
"""What it returns instead of the first page if the source shows no history at all."""

_pages = msgspec.json.Decoder(Page)


class BrokenHistory(SourceError):
    """A plugin shows its history in a way that asking again cannot mend."""


class Read(Struct, frozen=True):
    """A page, and the raw answers that came for it; none where the plugin had it from those before."""

    page: Page
    answers: tuple[RawAnswer, ...] = ()


class Reading:
    """One reading of a history: hands out what the plugin yields, whatever that is."""

    def __init__(self, who: str, begin: Callable[[], object]) -> None:
        """Say whose code it is, and what begins the reading."""
        self._who = who
        self._begin = begin
        self._pages: AsyncIterator[Any] | None = None

    async def following(self) -> object:
        """Return what is yielded next; `END` at the end, `NONE` if the source shows no history at all.

        Raises:
            Unavailable: the plugin returned something that cannot be read.
        """
        if self._pages is None:
            begun: Any = self._begin()
            if begun is None:
                return NONE
            try:
                self._pages = aiter(begun)
            except TypeError as error:
                if hasattr(begun, "close"):
                    begun.close()  # a coroutine that nobody awaits would say so
                raise Unavailable(f"{self._who} returned {type(begun).__name__}, which yields no pages") from error
        try:
            return await anext(self._pages)
        except StopAsyncIteration:
            return END

    async def close(self) -> None:
        """Let the plugin's code end where it stands."""
        close = getattr(self._pages, "aclose", None)
        if close is not None:
            await close()


class Circles:
    """Notices cursors that come again: with a history that never ends, an import would not either.

    One cursor is remembered at a time, replaced after twice as many pages as the one before, so a circle of any length is
    noticed and memory stays as it is. A page may leave the cursor where it was once, when there was nothing to add.
    """

    def __init__(self, after: str | None) -> None:
        """Begin behind a cursor."""
        self._last = self._remembered = after
        self._left = self._stretch = 1
        self._stood = False

    def come_round(self, cursor: str) -> bool:
        """Take note of a cursor; says whether the history came back to it, or stands still."""
        if cursor == self._last:
            stood, self._stood = self._stood, True
            return stood
        if cursor == self._remembered:
            return True
        self._last, self._stood = cursor, False
        self._left -= 1
        if not self._left:
            self._remembered = cursor
            self._stretch *= 2
            self._left = self._stretch
        return False


def offers_history(source: VerificationSource[Any]) -> bool:
    """Say whether a source's plugin knows how to show past work; whether it does, it says when it is asked."""
    return type(source).history is not VerificationSource.history


def sound_page(who: str, yielded: object) -> Page:
    """Return a page if it is one in every part, as it will be kept.

    Raises:
        Unavailable: it is something else, or holds something that it must not.
        BrokenHistory: it is more than a page may hold.
    """
    if not isinstance(yielded, Page):
        raise Unavailable(f"{who} yielded {type(yielded).__name__}, which is no page of history")
    try:
        size = len(yielded.evidence)
        encoded = msgspec.json.encode(yielded) if size <= MOST else b""
        page = _pages.decode(encoded) if 0 < len(encoded) <= LARGEST else None
    except Exception as error:  # whatever sits in its fields may fail in its own way
        raise Unavailable(f"{who} yielded a page that does not hold: {type(error).__name__}: {error}") from error
    if page is None:
        found = f"{size} works" if size > MOST else f"{len(encoded)} bytes"
        raise BrokenHistory(f"{who} yielded a page of {found}; allowed: {MOST} works and {LARGEST} bytes")
    if "\0" in page.cursor:
        raise Unavailable(f"{who} yielded a page with a null character in its cursor")
    for evidence in page.evidence:
        sound_evidence(who, evidence)
    return page
