"""Circles of reviewers: two or three people who review each other in turn, whose word then counts less. What to look for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from msgspec import Struct

__all__ = ["Edge", "circular"]


class Edge(Struct, frozen=True):
    """That somebody reviewed somebody."""

    reviewer: UUID
    reviewed: UUID


def circular(new: Edge, lately: Iterable[Edge]) -> Mapping[Edge, int]:
    """Return the reviews that stand in a circle of two or three people which a new review closes, with how many they are.

    Args:
        new: the review that comes now.
        lately: those of the time that is looked at, which touch either of the two people at least.
    """
    others = {edge for edge in lately if edge != new}
    found: dict[Edge, int] = {}
    back = Edge(new.reviewed, new.reviewer)
    if back in others:
        found |= {new: 2, back: 2}
    onward = {edge.reviewed: edge for edge in others if edge.reviewer == new.reviewed}
    for last in others:
        if last.reviewed == new.reviewer and last.reviewer in onward:
            for edge in (new, onward[last.reviewer], last):
                found.setdefault(edge, 3)
    return found
