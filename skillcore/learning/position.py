"""Where somebody stands on a learning path. Pure: topics and what is done go in.

A topic whose prerequisites are not all done is locked, unless it is done itself: who has shown the work has shown it. What it
leaves open stays open, and what comes after that stays locked.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

from msgspec import Struct

from skillcore.learning.graph import Node, normalised

__all__ = ["Standing", "TopicStanding", "standing"]


class TopicStanding(Struct, frozen=True, kw_only=True):
    """How a topic stands.

    Attributes:
        missing: the prerequisites that are not done, by name.
    """

    name: str
    state: Literal["completed", "available", "locked"]
    missing: tuple[str, ...]


class Standing(Struct, frozen=True, kw_only=True):
    """Where somebody stands.

    Attributes:
        topics: in the order of the path.
        current: the first available topic; None once all is done.
        progress: completed topics, in percent of all; 0 of a path without topics.
    """

    topics: tuple[TopicStanding, ...]
    current: str | None
    progress: float


def standing(topics: Sequence[Node], done: Collection[str]) -> Standing:
    """Return where somebody stands.

    Args:
        topics: of the path, without errors.
        done: names of what is done, of topics of the path and of others, as `normalised` has them.
    """
    stands = tuple(_topic(topic, done) for topic in topics)
    current = next((topic.name for topic in stands if topic.state == "available"), None)
    completed = sum(topic.state == "completed" for topic in stands)
    return Standing(topics=stands, current=current, progress=100.0 * completed / len(stands) if stands else 0.0)


def _topic(topic: Node, done: Collection[str]) -> TopicStanding:
    missing = tuple(name for name in topic.prerequisites if normalised(name) not in done)
    if normalised(topic.name) in done:
        return TopicStanding(name=topic.name, state="completed", missing=missing)
    return TopicStanding(name=topic.name, state="locked" if missing else "available", missing=missing)
