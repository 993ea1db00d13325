"""Which reviews stand in a circle of two or three, and which honest ones do not."""

from __future__ import annotations

from itertools import permutations
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillcore.work.circles import Edge, circular

A, B, C, D, E = (UUID(int=n) for n in range(1, 6))


def edges(*pairs: tuple[UUID, UUID]) -> list[Edge]:
    return [Edge(one, other) for one, other in pairs]


@pytest.mark.parametrize(
    ("new", "lately", "expected"),
    [
        ((A, B), [], {}),
        ((A, B), [(A, B)], {}),
        ((A, B), [(B, A)], {(A, B): 2, (B, A): 2}),
        ((A, B), [(B, C), (C, A)], {(A, B): 3, (B, C): 3, (C, A): 3}),
        # both at once: what stands in the smaller circle is said to
        ((A, B), [(B, A), (B, C), (C, A)], {(A, B): 2, (B, A): 2, (B, C): 3, (C, A): 3}),
        # a chain, a star and a circle of four are none
        ((A, B), [(B, C), (C, D)], {}),
        ((A, B), [(A, C), (A, D), (C, B), (D, B)], {}),
        ((A, B), [(B, C), (C, D), (D, A)], {}),
        # who reviews the same two people as somebody else is in no circle
        ((A, B), [(C, A), (C, B), (B, D), (D, C)], {}),
        # two circles closed at once
        ((A, B), [(B, C), (C, A), (B, D), (D, A)], {(A, B): 3, (B, C): 3, (C, A): 3, (B, D): 3, (D, A): 3}),
    ],
)
def test_circles(new, lately, expected):
    found = circular(Edge(*new), edges(*lately))
    assert found == {Edge(*pair): count for pair, count in expected.items()}


def closed(marked: set[Edge], size: int) -> bool:
    """Say whether some people, each once, review each other in turn along what is marked."""
    return any(
        all(Edge(ring[n], ring[(n + 1) % size]) in marked for n in range(size)) for ring in permutations((A, B, C, D, E), size)
    )


@given(st.lists(st.permutations([A, B, C, D, E]).map(lambda people: Edge(people[0], people[1])), max_size=20, unique=True))
def test_whatever_the_order_exactly_the_members_of_circles_are_found(given_):
    marked: set[Edge] = set()
    for place, edge in enumerate(given_):
        touching = [one for one in given_[:place] if {one.reviewer, one.reviewed} & {edge.reviewer, edge.reviewed}]
        marked |= circular(edge, touching).keys()
    expected = set()
    for edge in given_:
        rest = set(given_)
        back = Edge(edge.reviewed, edge.reviewer) in rest
        third = any(Edge(edge.reviewed, x) in rest and Edge(x, edge.reviewer) in rest for x in (A, B, C, D, E))
        if back or third:
            expected.add(edge)
    assert marked == expected
    assert not marked or closed(marked, 2) or closed(marked, 3)
