"""The graph of a learning path: what is wrong with it, and in which order its topics can be learnt. Pure.

Names are compared as readers would: without regard to case, width and spaces.
"""

from __future__ import annotations

import heapq
import unicodedata
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, pairwise
from typing import Literal, Protocol

from msgspec import Struct

__all__ = ["MOST", "Finding", "Findings", "Node", "normalised", "validate"]

MOST = 100
"""Findings of each kind that are told; mending them shows the others."""

NAMED = 5
"""Of the topics that keep another one from being reached, so many are named."""

Kind = Literal["cycle", "missing", "duplicate", "unreachable", "misordered", "repeated"]


class Node(Protocol):
    """A topic, as far as this is about it."""

    @property
    def name(self) -> str:
        """By which others refer to it."""
        ...

    @property
    def prerequisites(self) -> Sequence[str]:
        """Names of topics that come before it."""
        ...


class Finding(Struct, frozen=True, kw_only=True):
    """Something about a path that its author should know.

    Attributes:
        severity: with an ``error`` it cannot be followed, and is not stored; a ``warning`` is worth a look.
        field: where, such as ``topics[3].prerequisites[0]``.
        topics: whose names are concerned; of a cycle all, with the first one again at its end.
    """

    severity: Literal["error", "warning"]
    kind: Kind
    field: str
    topics: tuple[str, ...]
    message: str


class Findings(Struct, frozen=True, kw_only=True):
    """What was found.

    Attributes:
        order: recommended for learning: as listed, but each topic after those that it requires. What cannot be reached is
            left out.
    """

    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    order: tuple[str, ...]


def normalised(name: str) -> str:
    """Return a name as it is compared: two that readers would take for the same are equal."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return " ".join(folded.split())


def validate(topics: Sequence[Node]) -> Findings:
    """Look for cycles, missing, misordered and repeated prerequisites, duplicates, and topics that cannot be reached.

    Each prerequisite that lies on a cycle is part of a cycle that is named. Of each kind there are `MOST` at most. Takes
    some tenths of a second for 500 topics.
    """
    graph = _Graph(topics)
    errors, warnings = (
        [finding for found in kinds for finding in islice(found, MOST)]
        for kinds in (
            (graph.duplicates(), graph.missing(), graph.cycles()),
            (graph.unreachable(), graph.misordered(), graph.repeated()),
        )
    )
    order = tuple(topics[place].name for place in graph.order())
    return Findings(errors=tuple(errors), warnings=tuple(warnings), order=order)


class _Graph:
    """Topics by their places in the list.

    Attributes:
        places: the first topic of each name.
        requires: of each topic, the places of its prerequisites, and where each is written; missing ones are left out.
        behind: of each topic, all that come before it, as bits.
    """

    def __init__(self, topics: Sequence[Node]) -> None:
        self.topics = topics
        self.places: dict[str, int] = {}
        for place, topic in enumerate(topics):
            self.places.setdefault(normalised(topic.name), place)
        self.requires: list[Mapping[int, int]] = []
        self.lacking: list[list[int]] = []
        for topic in topics:
            found = [self.places.get(normalised(name)) for name in topic.prerequisites]
            written: dict[int, int] = {}
            for number, other in enumerate(found):
                if other is not None:
                    written.setdefault(other, number)
            self.requires.append(written)
            self.lacking.append([number for number, other in enumerate(found) if other is None])
        self.behind = [sum(1 << other for other in written) for written in self.requires]
        for middle in range(len(topics)):
            bit = 1 << middle
            for place in range(len(topics)):
                if self.behind[place] & bit:
                    self.behind[place] |= self.behind[middle]

    def duplicates(self) -> Iterator[Finding]:
        for place, topic in enumerate(self.topics):
            first = self.places[normalised(topic.name)]
            if first != place:
                named = self.topics[first].name
                message = (
                    f"{topic.name!r} is there already, as topics[{first}] {named!r}: give it another name, or leave it out"
                )
                yield _error("duplicate", f"topics[{place}].name", (named, topic.name), message)

    def missing(self) -> Iterator[Finding]:
        for place, topic in enumerate(self.topics):
            for number in self.lacking[place]:
                name = topic.prerequisites[number]
                message = f"{topic.name!r} requires {name!r}, which is no topic of this path: add it, or leave it out"
                yield _error("missing", _field(place, number), (topic.name, name), message)

    def cycles(self) -> Iterator[Finding]:
        """Yield a shortest cycle through each prerequisite that lies on one, unless one that is named has it."""
        named: set[tuple[int, int]] = set()
        for place, written in enumerate(self.requires):
            for other, number in written.items():
                if (place, other) in named or not self._together(place, other):
                    continue
                cycle = [place, *self._shortest(other, place)]
                named.update(pairwise(cycle))
                names = tuple(self.topics[one].name for one in cycle)
                message = f"these require each other, so none can be begun: {' → '.join(names)}"
                yield _error("cycle", _field(place, number), names, message)

    def unreachable(self) -> Iterator[Finding]:
        """Yield the topics that come after a cycle or after a topic that lacks something, and are not such themselves."""
        stuck = sum(1 << place for place in range(len(self.topics)) if self._stuck(place))
        for place, topic in enumerate(self.topics):
            before = self.behind[place] & stuck
            if before and not self._stuck(place):
                stops = (one.name for number, one in enumerate(self.topics) if before >> number & 1)
                names = tuple(islice(stops, NAMED))
                message = f"{topic.name!r} cannot be reached, since it comes after {', '.join(map(repr, names))}"
                yield _warning("unreachable", f"topics[{place}]", (topic.name, *names), message)

    def misordered(self) -> Iterator[Finding]:
        for place, topic in enumerate(self.topics):
            for other, number in self.requires[place].items():
                if other > place and not self._together(place, other):
                    name = self.topics[other].name
                    message = f"{topic.name!r} is listed before {name!r}, which it requires"
                    yield _warning("misordered", _field(place, number), (topic.name, name), message)

    def repeated(self) -> Iterator[Finding]:
        for place, topic in enumerate(self.topics):
            firsts = set(self.requires[place].values()) | set(self.lacking[place])
            for number, name in enumerate(topic.prerequisites):
                if number not in firsts:
                    message = f"{topic.name!r} requires {name!r} more than once"
                    yield _warning("repeated", _field(place, number), (topic.name, name), message)

    def order(self) -> Iterator[int]:
        """Yield those that can be reached: always the first one listed whose prerequisites have been yielded."""
        barred = sum(1 << place for place in range(len(self.topics)) if self._stuck(place))
        open_ = [place for place in range(len(self.topics)) if not (self.behind[place] | 1 << place) & barred]
        open_ = [place for place in open_ if self.places[normalised(self.topics[place].name)] == place]
        left = {place: len(self.requires[place]) for place in open_}
        following: dict[int, list[int]] = {place: [] for place in open_}
        for place in open_:
            for other in self.requires[place]:
                following[other].append(place)
        ready = [place for place in open_ if not left[place]]
        heapq.heapify(ready)
        while ready:
            place = heapq.heappop(ready)
            yield place
            for other in following[place]:
                left[other] -= 1
                if not left[other]:
                    heapq.heappush(ready, other)

    def _together(self, place: int, other: int) -> bool:
        """Tell whether a prerequisite leads back to its topic."""
        return place == other or bool(self.behind[other] >> place & 1)

    def _stuck(self, place: int) -> bool:
        """Tell whether a topic lies on a cycle or lacks a prerequisite."""
        return bool(self.behind[place] >> place & 1 or self.lacking[place])

    def _shortest(self, start: int, end: int) -> list[int]:
        """Return the places from a topic to another one, by what each requires."""
        came: dict[int, int] = {start: start}
        waiting = deque([start])
        while end not in came:
            place = waiting.popleft()
            for other in self.requires[place]:
                if other not in came:
                    came[other] = place
                    waiting.append(other)
        back = [end]
        while back[-1] != start:
            back.append(came[back[-1]])
        return back[::-1]


def _field(place: int, number: int) -> str:
    return f"topics[{place}].prerequisites[{number}]"


def _error(kind: Kind, field: str, topics: tuple[str, ...], message: str) -> Finding:
    return Finding(severity="error", kind=kind, field=field, topics=topics, message=message)


def _warning(kind: Kind, field: str, topics: tuple[str, ...], message: str) -> Finding:
    return Finding(severity="warning", kind=kind, field=field, topics=topics, message=message)
