"""Reads the project's Markdown: headings, tables, fenced blocks and links, as far as its own documents use them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

HEADING = re.compile(r"^(#+) (.+)$")
FENCE = re.compile(r"^ *```(\w*)(?: (.+))?$")
CODE = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


class Block(NamedTuple):
    """A fenced block, with the words behind its language."""

    language: str
    words: str
    text: str


class Section(NamedTuple):
    """A heading with what stands under it, up to the next heading of its level or above."""

    level: int
    title: str
    text: str

    def tables(self) -> list[list[dict[str, str]]]:
        """Return the tables, each row by the titles of its columns."""
        return tables(self.text)

    def table(self) -> list[dict[str, str]]:
        """Return the rows of the first table."""
        return self.tables()[0]

    def blocks(self, language: str) -> list[Block]:
        """Return the fenced blocks of a language."""
        return [block for block in blocks(self.text) if block.language == language]


def read(name: str) -> str:
    """Return a document of the folder."""
    return (DOCS / name).read_text(encoding="utf-8")


def sections(text: str) -> dict[str, Section]:
    """Return the sections of a document by their titles, without the marks of code."""
    lines = list(outside(text))
    found: dict[str, Section] = {}
    heads = [(number, match) for number, line, fenced in lines if not fenced and (match := HEADING.match(line))]
    for place, (start, head) in enumerate(heads):
        level = len(head[1])
        end = next((number for number, other in heads[place + 1 :] if len(other[1]) <= level), len(lines))
        title = head[2].replace("`", "")
        assert title not in found, f"two sections are called {title}"
        found[title] = Section(level, title, "\n".join(line for _, line, _ in lines[start + 1 : end]))
    return found


def outside(text: str) -> Iterator[tuple[int, str, bool]]:
    """Yield the lines with their numbers from 0, and whether each belongs to a fenced block."""
    fenced = False
    for number, line in enumerate(text.splitlines()):
        mark = line.lstrip().startswith("```")
        yield number, line, fenced or mark
        fenced = fenced != mark


def prose(text: str) -> str:
    """Return a document without its fenced blocks."""
    return "\n".join(line for _, line, fenced in outside(text) if not fenced)


def tables(text: str) -> list[list[dict[str, str]]]:
    """Return the tables of a text, each row by the titles of its columns."""
    found: list[list[list[str]]] = [[]]
    for line in prose(text).splitlines():
        if line.startswith("|"):
            found[-1].append([cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip()[1:-1])])
        elif found[-1]:
            found.append([])
    return [[dict(zip(table[0], row, strict=True)) for row in table[2:]] for table in found if table]


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a text."""
    found: list[Block] = []
    inside: list[str] | None = None
    language = words = ""
    for line in text.splitlines():
        fence = FENCE.match(line)
        if fence and inside is None:
            language, words, inside = fence[1], fence[2] or "", []
        elif fence and inside is not None:
            found.append(Block(language, words, "\n".join(inside) + "\n"))
            inside = None
        elif inside is not None:
            inside.append(line)
    assert inside is None, "a fenced block has no end"
    return found


def codes(text: str) -> list[str]:
    """Return what is set as code in a line or a text."""
    return CODE.findall(text)


def anchors(text: str) -> set[str]:
    """Return the anchors that headings make."""
    titles = [match[2] for _, line, fenced in outside(text) if not fenced and (match := HEADING.match(line))]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
