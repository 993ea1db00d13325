"""A path as a graph: what each topic requires, without cycles; and the layers in which it can be read from the top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["arrange", "check_path", "essential", "in_order"]


def check_path(requires: Mapping[str, Sequence[str]]) -> None:
    """Refuse a path that requires unknown topics, or itself.

    Raises:
        ValueError: with the topic, or the cycle from a topic back to it.
    """
    for topic, others in requires.items():
        for other in others:
            if other not in requires:
                raise ValueError(f"{topic!r} requires {other!r}, which is no topic here")
    left = set(requires) - set(in_order(requires))
    if left:
        raise ValueError(f"topics require each other: {' → '.join(map(repr, _cycle(requires, left)))}")


def _cycle(requires: Mapping[str, Sequence[str]], left: set[str]) -> list[str]:
    """Return a cycle among topics of which each requires another of them; the first is named again at the end."""
    walk = [next(topic for topic in requires if topic in left)]
    while True:
        following = next(other for other in requires[walk[-1]] if other in left)
        if following in walk:
            return [*walk[walk.index(following) :], following]
        walk.append(following)


def in_order(requires: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the topics so that each comes after what it requires, else as given; those on or behind a cycle are missing."""
    placed: dict[str, None] = {}
    waiting = list(requires)
    while waiting:
        ready = next((topic for topic in waiting if all(other in placed for other in requires[topic])), None)
        if ready is None:
            break
        placed[ready] = None
        waiting.remove(ready)
    return list(placed)


def essential(requires: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return what each topic requires, less what follows from the rest: of a → b → c and a → c only the first two."""
    behind: dict[str, set[str]] = {}
    for topic in in_order(requires):
        behind[topic] = set(requires[topic]).union(*(behind[other] for other in requires[topic]))
    return {
        topic: [other for other in dict.fromkeys(others) if not any(other in behind[one] for one in others)]
        for topic, others in requires.items()
    }


def arrange(requires: Mapping[str, Sequence[str]], most: int) -> list[list[str]]:
    """Return layers of at most `most` topics, each below all that it requires, as high as there is room."""
    layers: list[list[str]] = []
    depth: dict[str, int] = {}
    for topic in in_order(requires):
        level = max((depth[other] + 1 for other in requires[topic]), default=0)
        while level < len(layers) and len(layers[level]) >= most:
            level += 1
        if level == len(layers):
            layers.append([])
        layers[level].append(topic)
        depth[topic] = level
    return layers
