"""Files of topics: which skills the topics of sources stand for. They are TOML: a table for each source, in it each topic.

Nothing here knows the database, since every command looks into the operator's file before it begins.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from skillcore.runtime.bundled import bundled
from skillcore.runtime.skill_names import normalise

__all__ = ["BUNDLED", "Names", "TopicsError", "load", "problems"]

BUNDLED = "config/topics.toml"
LONGEST = 100
"""Characters of a skill's name."""

Names = Mapping[str, Mapping[str, tuple[str, ...]]]
"""The names of skills, by source and normalised topic."""


class TopicsError(Exception):
    """A file of topics cannot be used.

    Attributes:
        problems: a line for each entry that does not fit.
    """

    def __init__(self, problems: Collection[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def load(file: str = "") -> Names:
    """Read the file that came along, and over it, entry by entry, one of the operator's.

    Raises:
        TopicsError: says which entry cannot be used, and why.
    """
    names = {source: dict(topics) for source, topics in _read(bundled(BUNDLED)).items()}
    if file:
        for source, topics in _read(Path(file)).items():
            names.setdefault(source, {}).update(topics)
    return names


def problems(file: str) -> tuple[str, ...]:
    """Return what is wrong with the operator's file, a line for each entry."""
    try:
        load(file)
    except TopicsError as error:
        return error.problems
    return ()


def _read(path: Path) -> dict[str, dict[str, tuple[str, ...]]]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        problem = f"{path}: the file of topics cannot be read: {error.strerror}"
    except UnicodeDecodeError as error:
        problem = f"{path}: found bytes that are not UTF-8 at position {error.start}; allowed: TOML in UTF-8"
    except tomllib.TOMLDecodeError as error:
        problem = f"{path}: not TOML: {error}"
    else:
        wrong = [f"{path}: {line}" for line in _misfits(table)]
        if wrong:
            raise TopicsError(wrong)
        return {source: {normalise(topic): tuple(names) for topic, names in topics.items()} for source, topics in table.items()}
    raise TopicsError([problem])


def _misfits(table: Mapping[str, Any]) -> Iterator[str]:
    for source, topics in table.items():
        if not isinstance(topics, Mapping):
            yield f"{source}: found {topics!r}; allowed: a table for each source"
            continue
        seen: dict[str, str] = {}
        for topic, names in topics.items():
            where, id_ = f"[{source}] {topic!r}", normalise(topic)
            if not id_:
                yield f"{where}: found a topic without a letter or a digit"
            elif id_ in seen:
                yield f"{where}: found a second entry for the topic; {seen[id_]!r} is the same"
            seen.setdefault(id_, topic)
            if not isinstance(names, list):
                yield f"{where}: found {names!r}; allowed: a list of names of skills"
                continue
            for name in names:
                if not isinstance(name, str) or not normalise(name) or len(name) > LONGEST:
                    yield f"{where}: found {name!r}; allowed: names of skills, of up to {LONGEST} characters"
