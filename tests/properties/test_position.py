"""Position on a path: it never skips a prerequisite, whatever is done."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from skillcore.learning.graph import normalised
from skillcore.learning.position import standing


class Topic(Struct, frozen=True):
    name: str
    prerequisites: tuple[str, ...] = ()


@st.composite
def paths(draw: st.DrawFn) -> list[Topic]:
    """Draw topics without cycles, in any order, whose prerequisites are written in any case."""
    count = draw(st.integers(0, 8))
    made = []
    for place in range(count):
        before = draw(st.lists(st.integers(0, place - 1), unique=True)) if place else []
        made.append(Topic(f"t{place}", tuple(draw(st.sampled_from([f"t{one}", f" T{one}"])) for one in before)))
    return draw(st.permutations(made))


done = st.sets(st.integers(0, 9).map("t{}".format))


@given(paths(), done)
def test_position_never_skips_a_prerequisite(path: list[Topic], names: set[str]) -> None:
    found = standing(path, names)
    states = {topic.name: topic.state for topic in found.topics}
    for topic in path:
        required = {normalised(one) for one in topic.prerequisites}
        if states[topic.name] == "available":
            assert required <= names
            assert topic.name not in names
        if states[topic.name] == "locked":
            assert required - names
        assert (states[topic.name] == "completed") is (topic.name in names)
    if found.current is not None:
        assert states[found.current] == "available"
        assert found.current == next(topic.name for topic in path if states[topic.name] == "available")
    else:
        assert set(states.values()) <= {"completed"}  # where something is left, something can be begun


@given(paths(), done)
def test_progress_counts_the_topics_of_the_path_alone(path: list[Topic], names: set[str]) -> None:
    own = {topic.name for topic in path}
    found = standing(path, names)
    assert found.progress == (100.0 * len(own & names) / len(own) if own else 0.0)
    assert 0.0 <= found.progress <= 100.0


@given(paths(), done, st.integers(0, 9))
def test_doing_more_locks_nothing_and_never_moves_back(path: list[Topic], names: set[str], more: int) -> None:
    before, after = standing(path, names), standing(path, names | {f"t{more}"})
    assert after.progress >= before.progress
    rank = {"locked": 0, "available": 1, "completed": 2}
    for one, other in zip(before.topics, after.topics, strict=True):
        assert rank[one.state] <= rank[other.state]
