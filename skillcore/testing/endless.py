"""A server that always says there is more: its answers again and again, with everything in them pointing on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import msgspec

from skillcore.testing.recordings import Call
from skillcore.testing.responder import Handler

__all__ = ["endless_handlers"]

PLENTY = (1_000_000_000, 1_000_000, 100_000)
"""How much more there is, if one believes it: the least may hold where a source bounds what it believes."""

FIRST_FRESH = 1_000_000
LONGEST_PAGE = 2_000
IDENTITIES = frozenset({"id", "sha", "key", "slug", "number", "uuid", "node_id", "cursor"})
"""Keys by which rows are told apart at most servers."""


def endless_handlers(answer: Handler, call: Call, text: str) -> Iterator[Handler]:
    """Yield handlers under which a tool never comes to its last page.

    Args:
        answer: gives the answers of all other tools.
        call: the tool, with the arguments of one call.
        text: what it answered then.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return
    if not isinstance(document, dict | list):
        return
    rows = min(LONGEST_PAGE, max((value for value in json.loads(call[1]).values() if _is_count(value)), default=0))
    for more in (0, *PLENTY) if isinstance(document, dict) else (0,):
        for fresh in (False, True):
            yield _Endless(answer, call[0], document, rows=rows, more=more, fresh=fresh)


class _Endless:
    """Answers one tool from a document for ever.

    Args:
        rows: lists of objects are filled up to so many.
        more: numbers outside lists become this, flags true, and cursors new ones; 0 leaves them.
        fresh: rows have another identity on every page.
    """

    def __init__(self, answer: Handler, tool: str, document: Any, *, rows: int, more: int, fresh: bool) -> None:
        self._answer = answer
        self._tool = tool
        self._document = document
        self._rows = rows
        self._more = more
        self._fresh = fresh
        self._numbers = count(FIRST_FRESH)
        self._text: str | None = None

    def __call__(self, tool: str, arguments: dict[str, Any]) -> Any:
        if tool != self._tool:
            return self._answer(tool, arguments)
        if self._text is None or self._fresh:
            self._text = msgspec.json.encode(self._page(self._document)).decode()
        return self._text

    def _page(self, value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: self._page(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return self._list(value)
        return self._pointing_on(value, key) if self._more and key else value

    def _pointing_on(self, value: Any, key: str) -> Any:
        if isinstance(value, bool):
            return True
        if _is_cursor(key) and (value is None or isinstance(value, str)):
            return f"more-{next(self._numbers)}"
        if isinstance(value, int) and not _tells_position(key):
            return self._more
        return value

    def _list(self, items: list[Any]) -> list[Any]:
        if not items or not all(isinstance(item, dict) for item in items):
            return items
        filled = [items[place % len(items)] for place in range(max(self._rows, len(items)))]
        return [self._renamed(item) for item in filled] if self._fresh else filled

    def _renamed(self, item: dict[str, Any]) -> dict[str, Any]:
        """Give a row another identity of the same form."""
        return {name: self._other(value) if name.lower() in IDENTITIES else value for name, value in item.items()}

    def _other(self, value: Any) -> Any:
        number = next(self._numbers)
        if isinstance(value, int) and not isinstance(value, bool):
            return number
        if isinstance(value, str) and value.isdigit():
            return str(number)
        if isinstance(value, str) and len(value) == 40:
            return f"{number:040x}"
        return value


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 1


def _is_cursor(key: str) -> bool:
    return "next" in key.lower() or "cursor" in key.lower()


def _tells_position(key: str) -> bool:
    """Tell whether a number says where a page stands, and not how much there is."""
    return key.lower() in {"page", "offset", "from", "start", "skip"}
