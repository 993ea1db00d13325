"""Answers as lines for people: any Struct as an outline, its fields in their order, its lists as rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from litestar.serialization import default_serializer
from msgspec import Struct

from skillcore.cli.printing import plain
from skillcore.runtime.pages import Page

__all__ = ["built", "outline"]

WIDTH = 120
"""Characters up to which rows stand beneath the names of their fields; wider ones become blocks."""
STEP = "  "
DIGITS = 6


def outline(found: Struct) -> Iterator[str]:
    """Yield an answer for people: ``name: value``, what is nested indented, and a word where there is nothing.

    Moments stand in the zone that the answer has them in. Nothing in a text can begin a line or steer the terminal.
    """
    if isinstance(found, Page):
        yield from _rows([_kept(item) for item in found.items], "") if found.items else ["none"]
        if found.next_cursor is not None:
            yield f"and more: go on with --cursor {plain(found.next_cursor)}"
    else:
        yield from _fields(_kept(found), "")


def built(found: Any, *, keep: tuple[type, ...] = ()) -> Any:
    """Return an answer in lists and dictionaries of plain values, encoded as the service does it, but for the types to keep."""
    return msgspec.to_builtins(found, builtin_types=keep, enc_hook=default_serializer)


def _kept(found: Any) -> Any:
    return built(found, keep=(datetime,))


def _fields(fields: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name, value in fields.items():
        title = _title(name)
        if _is_line(value):
            yield f"{indent}{title}: {_words(value)}"
            continue
        yield f"{indent}{title}"
        yield from _inner(value, indent + STEP)


def _inner(value: Any, indent: str) -> Iterator[str]:
    """Yield what does not fit behind a name."""
    return _fields(value, indent) if isinstance(value, Mapping) else _rows(value, indent)


def _rows(items: Sequence[Any], indent: str) -> Iterator[str]:
    """Yield a list: a table where all items have the same short fields, else a block for each."""
    return iter(_table(items, indent) or _blocks(items, indent))


def _table(items: Sequence[Any], indent: str) -> list[str]:
    """Return a line of names and one for each item; nothing where that cannot be or would be too wide."""
    names = list(items[0]) if isinstance(items[0], Mapping) else []
    if not names or not all(isinstance(item, Mapping) and list(item) == names for item in items):
        return []
    if not all(_is_line(value) for item in items for value in item.values()):
        return []
    cells = [[_title(name) for name in names], *([_words(value) for value in item.values()] for item in items)]
    widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
    rows = [indent + STEP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return rows if max(map(len, rows)) <= WIDTH else []


def _blocks(items: Sequence[Any], indent: str) -> Iterator[str]:
    for item in items:
        inner = [indent + STEP + _words(item)] if _is_line(item) else _inner(item, indent + STEP)
        for number, line in enumerate(inner):
            yield line if number else f"{indent}- {line[len(indent + STEP) :]}"


def _is_line(value: Any) -> bool:
    """Whether a value stands on one line: a plain one, a list of such, or nothing."""
    if isinstance(value, Mapping):
        return not value
    if isinstance(value, list | tuple):
        return all(not isinstance(item, Mapping | list | tuple) for item in value)
    return True


def _title(name: str) -> str:
    return plain(name.replace("_", " "))


def _words(value: Any) -> str:
    """Return a value for the end of a line."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value in ("", {}, [], ()):
        return "none"
    if isinstance(value, list | tuple):
        return ", ".join(_words(item) for item in value)
    if isinstance(value, float):
        return f"{round(value, DIGITS) + 0.0:.{DIGITS}f}".rstrip("0").rstrip(".")  # and no zero below zero
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} {value.tzname() or ''}".rstrip()
    return plain(value)
