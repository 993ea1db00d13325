"""Damage done to answers on purpose: cut, replaced, or wrong inside. What a strict reader must notice."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator
from typing import Any

from hypothesis import strategies as st

__all__ = ["FOREIGN", "accidents", "cuts", "damages"]

Keys = tuple[str | int, ...]

MISSING = object()
"""Stands for a key that is not there."""

FOREIGN = (
    "",
    "null",
    "[]",
    "{}",
    "<!DOCTYPE html><html><head><title>Temporarily unavailable</title></head></html>",
    "Error: API request failed",
    "error code: 1015",
    '{"error": "Failed to fetch recent submissions", "message": "HTTP 500 Internal Server Error: <html>"}',
    '{"status": "FAILED", "comment": "Call limit exceeded"}',
    '{"errors": [{"message": "Something went wrong"}], "data": null}',
)
"""What stands where an answer should: failures of real servers, and nothing at all."""


def accidents(text: str, *, spare: Collection[str] = (), most: int | None = None) -> Iterator[str]:
    """Yield versions of a JSON text with one damage inside.

    Args:
        text: a document in JSON.
        spare: keys that stay: their absence is an answer.
        most: so many versions, spread over all places and kinds of damage; every one without.
    """
    document = json.loads(text)
    inside = [(path, value) for path, value in places(document) if path and path[-1] not in spare]
    every = [(path, change) for path, value in inside for change in changes(value)]
    for number in _spread(len(every), most):
        yield changed(document, *every[number])


def cuts(text: str, most: int = 50) -> Iterator[str]:
    """Yield the beginnings of a text, spread evenly, the empty one first; none lacks blanks alone."""
    whole = len(text.rstrip())
    for length in range(0, whole, max(1, whole // most)):
        yield text[:length]


@st.composite
def damages(draw: st.DrawFn, text: str, *, spare: Collection[str] = ()) -> str:
    """Draw a version of a JSON text that is cut, replaced, or damaged inside in up to three places."""
    kind = draw(st.sampled_from(["cut", "foreign", "inside", "inside"]))
    if kind == "cut":
        return text[: draw(st.integers(0, len(text.rstrip()) - 1))]
    if kind == "foreign":
        return draw(st.sampled_from([foreign for foreign in FOREIGN if foreign != text]))
    for _ in range(draw(st.integers(1, 3))):
        document = json.loads(text)
        inside = [place for place in places(document) if place[0] and place[0][-1] not in spare]
        if inside:
            path, value = draw(st.sampled_from(inside))
            text = changed(document, path, draw(st.sampled_from(changes(value))))
    return text


def places(document: Any, path: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Yield every value of a JSON document with the keys that lead to it."""
    yield path, document
    inner = document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    for key, value in inner:
        yield from places(value, (*path, key))


def changes(value: Any) -> list[Any]:
    """Return what may stand in a value's place: nothing, other types, prose, or the value one level too deep."""
    others: list[Any] = [None, True, "x y", -1, 0.5, {}, [[]]]
    prose = [foreign for foreign in FOREIGN if " " in foreign]
    return [MISSING, *(other for other in others if type(other) is not type(value)), *prose, [value], {"data": value}]


def _spread(total: int, most: int | None) -> Iterator[int]:
    """Yield numbers below a total, so many of them at most, at distances that fall into no step with the document."""
    if most is None or total <= most:
        yield from range(total)
        return
    step = int(total * 0.618) | 1
    while math.gcd(step, total) > 1:
        step += 1
    yield from (number * step % total for number in range(most))


def changed(document: Any, path: Keys, value: Any) -> str:
    """Return the JSON text of a document with another value at a path. Of a list's items, none can go missing."""
    container, key = document, path[-1]
    for step in path[:-1]:
        container = container[step]
    if value is MISSING and not isinstance(container, dict):
        return json.dumps(document)
    # In place and back again: copying a long document for each change would take most of the time.
    before = dict(container) if isinstance(container, dict) else list(container)
    try:
        if value is MISSING:
            del container[key]
        else:
            container[key] = value
        return json.dumps(document)
    finally:
        container.clear()
        container.update(before) if isinstance(container, dict) else container.extend(before)
