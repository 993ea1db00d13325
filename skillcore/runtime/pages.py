"""Long lists, a page at a time. A cursor is opaque to callers; here it is the sort key of the last row they saw."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from litestar.params import QueryParameter
from msgspec import Struct

from skillcore.runtime.problems import BadRequest

__all__ = ["FOREIGN", "Cursor", "Limit", "Page", "cursor_of", "page", "position"]

T = TypeVar("T")
K = TypeVar("K")
R = TypeVar("R")

FOREIGN = "cursor: not one of this list: pass the next_cursor of a page, or none for the first"
"""What is said of a cursor that stands for no place in the list."""

LARGEST = 2**63 - 1
"""Of the numbers that a column can hold."""

Limit = Annotated[int, QueryParameter(ge=1, le=200, description="How many items at most.")]
"""For a handler's query parameter: ``limit: Limit = 50``."""

Cursor = Annotated[
    str | None, QueryParameter(max_length=1000, description="`next_cursor` of the page before; without it the first page.")
]
"""For a handler's query parameter: ``cursor: Cursor = None``."""


class Page(Struct, Generic[T], frozen=True):
    """Some items of a list.

    Attributes:
        next_cursor: what to pass as ``cursor`` for the following ones; null on the last page.
    """

    items: Sequence[T]
    next_cursor: str | None = None


def page(rows: Sequence[R], limit: int, item: Callable[[R], T], key: Callable[[R], Any]) -> Page[T]:
    """Make a page of rows that were asked for with ``limit + 1``.

    Args:
        rows: in the order of the list.
        limit: how many the caller wants.
        item: makes an item of a row.
        key: returns what `position` is to give back for the following page.
    """
    shown = rows[:limit]
    following = cursor_of(key(shown[-1])) if len(rows) > limit else None
    return Page([item(row) for row in shown], following)


def cursor_of(key: Any) -> str:
    """Return the cursor that stands for a sort key: anything msgspec can turn into JSON."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).rstrip(b"=").decode()


def position(cursor: str | None, kind: type[K]) -> K | None:
    """Return the sort key that a cursor stands for; None for the first page.

    Raises:
        BadRequest: it is no cursor of this list.
    """
    if cursor is None:
        return None
    try:
        key = msgspec.json.decode(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True), type=kind)
    except (binascii.Error, msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadRequest(FOREIGN, field="cursor") from error
    if any(_odd(part) for part in (key if isinstance(key, tuple) else (key,))):
        raise BadRequest(FOREIGN, field="cursor")
    return key


def _odd(part: object) -> bool:
    """Tell of what is part of no sort key, though it has the type of one."""
    match part:
        case int():
            return abs(part) > LARGEST
        case str():
            return "\0" in part
        case datetime():
            return part.tzinfo is None
    return False
