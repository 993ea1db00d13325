"""What the plugins' tests share: sessions without a server, damaged answers, and what the real servers said."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import strategies as st

from skillcore.plugin import SourceError, Unavailable

T = TypeVar("T")
Keys = tuple[str | int, ...]
Failure = Callable[[str], SourceError] | None


class Failed(str):
    """The text of a call that a server reports as failed."""


class Recital:
    """A session without a server, for tests of a source alone: each call is answered by a function with a server's text.

    As behind the engine's guard, an answer that does not parse is `Unavailable`.
    """

    def __init__(self, answer: Callable[[str, Mapping[str, Any]], str]) -> None:
        self.answer = answer
        self.calls: list[tuple[str, dict[str, Any]]] = []

    async def call(self, tool: str, arguments: Mapping[str, Any], returns: type[T], *, failure: Failure = None) -> T:
        """Answer and decode."""
        return await self.read(tool, arguments, msgspec.json.Decoder(returns).decode, failure=failure)

    async def read(self, tool: str, arguments: Mapping[str, Any], parse: Callable[[str], T], *, failure: Failure = None) -> T:
        """Answer and parse."""
        self.calls.append((tool, dict(arguments)))
        text = self.answer(tool, arguments)
        if isinstance(text, Failed):
            raise failure(text) if failure else Unavailable(text)
        try:
            return parse(text)
        except SourceError:
            raise
        except Exception as error:
            raise Unavailable(str(error)) from error


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
"""What stands where an answer should: recorded failures, and nothing at all."""


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


def changed(document: Any, path: Keys, value: Any) -> str:
    """Return the JSON text of a document with another value at a path. Of a list's items, none can go missing."""
    copy = json.loads(json.dumps(document))
    container = copy
    for key in path[:-1]:
        container = container[key]
    if value is not MISSING:
        container[path[-1]] = value
    elif isinstance(container, dict):
        del container[path[-1]]
    return json.dumps(copy)


def accidents(text: str, *, spare: Collection[str] = ()) -> Iterator[str]:
    """Yield every version of a JSON text with one damage inside. Keys in ``spare`` stay: their absence is an answer."""
    document = json.loads(text)
    for path, value in places(document):
        if path and path[-1] not in spare:
            yield from (changed(document, path, change) for change in changes(value))


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


@pytest.fixture(scope="session")
def recite() -> type[Recital]:
    """The class `Recital`, since no test can import this module."""
    return Recital


@pytest.fixture(scope="session")
def failed_call() -> type[Failed]:
    """The class `Failed`: ``failed_call(text)`` is what a recital answers for a call that failed."""
    return Failed


@pytest.fixture(scope="session")
def damaged() -> Callable[..., st.SearchStrategy[str]]:
    """The strategy `damages`: ``data.draw(damaged(text))`` is the text after an accident."""
    return damages


@pytest.fixture(scope="session")
def each_accident() -> Callable[..., Iterator[str]]:
    """The function `accidents`."""
    return accidents


@pytest.fixture(scope="session")
def observed(shared: Path) -> list[dict[str, str]]:
    """What the real servers answered: the rows of ``observed.md``, with the section they stand in and plain text cells."""
    rows, section, columns = [], "", []
    for line in (shared / "upstream" / "observed.md").read_text("utf-8").splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        elif line.startswith("| tool"):
            columns = [cell.strip() for cell in line.strip("|").split(" | ")]
        elif line.startswith(("| get_", "| list_", "| resolve-", "| query-")):
            cells = [cell.strip().strip("`") for cell in line.strip("| ").split(" | ")]
            rows.append({"section": section, **dict(zip(columns, cells, strict=False))})
    return rows
