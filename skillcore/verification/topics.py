"""What sources' topics stand for: skills of the catalogue, by a file of the operator's, by the one that came along, or by name.

The files are TOML: a table for each source, in it each topic with the names of its skills. What is found holds when evidence
is recorded and stays with it; a file that is changed later changes what is recorded from then on.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from skillcore.ledger import skills
from skillcore.runtime.bundled import bundled
from skillcore.runtime.engine import Engine, Transaction

__all__ = ["BUNDLED", "Topics", "TopicsError", "load", "mapped", "problems", "skills_of", "without_skill"]

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


class Topics(Struct):
    """This process's copy of the files, read when it is first needed."""

    names: Names | None = None

    def of(self, engine: Engine) -> Names:
        """Return what the files say.

        Raises:
            TopicsError: one of them cannot be used.
        """
        if self.names is None:
            self.names = load(engine.settings.verification.topics_file)
        return self.names


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


async def skills_of(tx: Transaction, source: str, topics: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return the ids of the skills that each topic of a source stands for; none where nobody knows one.

    The operator's file comes first, then the one that came along, then the catalogue: a topic that is a skill's name or
    alias stands for that skill. An entry whose skills the catalogue does not know is as good as none; one that names no
    skills says that the topic is no skill.
    """
    given = {topic: mapped(tx.engine, source, topic) for topic in topics}
    wanted = list(dict.fromkeys(name for topic, names in given.items() for name in (*(names or ()), topic)))
    found = dict(zip(wanted, await skills.find(tx, wanted), strict=True))
    return {topic: _known(topic, names, found) for topic, names in given.items()}


def without_skill(engine: Engine, source: str, standing: Mapping[str, Collection[str]]) -> set[str]:
    """Return the topics that stand for no skill, but for those of which a file says so on purpose."""
    return {topic for topic, known in standing.items() if not known and mapped(engine, source, topic) != ()}


def mapped(engine: Engine, source: str, topic: str) -> tuple[str, ...] | None:
    """Return the names of skills that the files give a topic; None where they do not list it."""
    return engine.cache(Topics).of(engine).get(source, {}).get(skills.normalise(topic))


def _known(topic: str, names: tuple[str, ...] | None, found: Mapping[str, str | None]) -> tuple[str, ...]:
    if names is not None and not names:
        return ()
    listed = tuple(dict.fromkeys(id_ for name in names or () if (id_ := found[name]) is not None))
    if listed:
        return listed
    own = found[topic]
    return () if own is None else (own,)


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
        return {
            source: {skills.normalise(topic): tuple(names) for topic, names in topics.items()}
            for source, topics in table.items()
        }
    raise TopicsError([problem])


def _misfits(table: Mapping[str, Any]) -> Iterator[str]:
    for source, topics in table.items():
        if not isinstance(topics, Mapping):
            yield f"{source}: found {topics!r}; allowed: a table for each source"
            continue
        seen: dict[str, str] = {}
        for topic, names in topics.items():
            where, id_ = f"[{source}] {topic!r}", skills.normalise(topic)
            if not id_:
                yield f"{where}: found a topic without a letter or a digit"
            elif id_ in seen:
                yield f"{where}: found a second entry for the topic; {seen[id_]!r} is the same"
            seen.setdefault(id_, topic)
            if not isinstance(names, list):
                yield f"{where}: found {names!r}; allowed: a list of names of skills"
                continue
            for name in names:
                if not isinstance(name, str) or not skills.normalise(name) or len(name) > LONGEST:
                    yield f"{where}: found {name!r}; allowed: names of skills, of up to {LONGEST} characters"
