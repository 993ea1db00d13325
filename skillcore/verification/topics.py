"""What sources' topics stand for: skills of the catalogue, by a file of the operator's, by the one that came along, or by name.

What is found holds when evidence is recorded and stays with it; a file that is changed later changes what is recorded from
then on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec import Struct

from skillcore.ledger import skills
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.skill_names import normalise
from skillcore.runtime.topic_files import Names, load

__all__ = ["Topics", "mapped", "skills_of", "without_skill"]


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
    return engine.cache(Topics).of(engine).get(source, {}).get(normalise(topic))


def _known(topic: str, names: tuple[str, ...] | None, found: Mapping[str, str | None]) -> tuple[str, ...]:
    if names is not None and not names:
        return ()
    listed = tuple(dict.fromkeys(id_ for name in names or () if (id_ := found[name]) is not None))
    if listed:
        return listed
    own = found[topic]
    return () if own is None else (own,)
