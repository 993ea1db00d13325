"""Reads the server's prose. Pure.

Context7's server answers everything in text and never reports an error as one, so an outage looks like an answer. What is
not exactly one of the forms below is therefore `Unavailable`.
"""

from __future__ import annotations

import re

from msgspec import Struct

from skillcore.plugin import Refused, SourceError, Unavailable

__all__ = ["Library", "Snippet", "read_libraries", "read_snippets"]

_NO_LIBRARY = {"No libraries found matching the provided name.", "No documentation libraries found matching your query."}
_LIBRARIES = re.compile(r"Available Libraries:\n\n(?:\*\*Note:\*\* [^\n]*\n\n)?(?=- Title: )")
_NEXT_LIBRARY = re.compile(r"\n{1,20}-{3,200}\n{1,20}(?=- Title: )")
_LIBRARY = re.compile(
    r"- Title: (?P<title>[^\n]+)\n"
    r"- Context7-compatible library ID: (?P<id>/[^\s/]+(?:/[^\s/]+)*)\n"
    r"- Description: (?P<description>(?:(?!\n- (?:Title|Context7-compatible library ID|Code Snippets): ).)*?)"
    r"(?:\n- Code Snippets: (?P<snippets>\d+)(?=\n))?"
    r"\n- Source Reputation: (?:High|Medium|Low|Unknown)"
    r"(?:\n- Benchmark Score: [\d.]+)?"
    r"(?:\n- Versions: (?P<versions>[^\n]+))?"
    r"(?:\n- Source: [^\n]+)?",
    re.DOTALL,
)
_NEXT_SNIPPET = re.compile(r"\n{1,20}-{3,200}\n{1,20}(?=### )")
_SNIPPET = re.compile(r"### (?P<title>[^\n]+)\n+Source: (?P<source>https?://\S+)\n(?P<text>.*)", re.DOTALL)


class Library(Struct, frozen=True):
    """A library that Context7 knows; ``snippets`` is None where it does not say how many it has."""

    id: str
    title: str
    description: str
    snippets: int | None
    versions: tuple[str, ...]


class Snippet(Struct, frozen=True):
    """A piece of documentation, and the page it comes from."""

    title: str
    source: str
    text: str


def read_libraries(text: str) -> tuple[Library, ...]:
    """Read an answer of ``resolve-library-id``, in its order; empty if it knows no such library.

    Raises:
        Unavailable: this is no such answer.
        Refused: the server does not accept our key.
    """
    text = text.strip()
    if text in _NO_LIBRARY:
        return ()
    start = _LIBRARIES.match(text)
    if start is None:
        raise _not_an_answer(text)
    return tuple(_library(part) for part in _NEXT_LIBRARY.split(text[start.end() :]))


def read_snippets(text: str) -> tuple[Snippet, ...]:
    """Read an answer of ``query-docs`` for a library that ``resolve-library-id`` has just named.

    Raises:
        Unavailable: this is no documentation; also if it says that there is none, which contradicts the other tool.
        Refused: the server does not accept our key.
    """
    text = text.strip()
    parts = _NEXT_SNIPPET.split(text)
    found = [_SNIPPET.fullmatch(part) for part in parts]
    snippets = tuple(Snippet(match["title"].strip(), match["source"], match["text"].strip()) for match in found if match)
    if len(snippets) != len(parts):
        raise _not_an_answer(text)
    if sum(line.startswith("```") for line in parts[-1].splitlines()) % 2:
        raise Unavailable("Context7's documentation breaks off inside a piece of code")
    return snippets


def _library(part: str) -> Library:
    match = _LIBRARY.fullmatch(part.strip())
    if match is None:
        raise Unavailable(f"Context7 lists something that is no library: {_short(part)}")
    return Library(
        id=match["id"],
        title=match["title"].strip(),
        description=match["description"].strip(),
        snippets=None if match["snippets"] is None else int(match["snippets"]),
        versions=tuple(version.strip() for version in (match["versions"] or "").split(",") if version.strip()),
    )


def _not_an_answer(text: str) -> SourceError:
    if text.startswith("Invalid API key"):
        return Refused(f"Context7 does not accept the server's key: {_short(text)}")
    return Unavailable(f"Context7 gave no answer: {_short(text)}", limited=text.startswith("Rate limited or quota exceeded"))


def _short(text: str) -> str:
    return " ".join(text.split())[:200]
