"""The graph of a path: what is found wrong with it, by hand; and compared with searching by brute force."""

from __future__ import annotations

import time
from itertools import pairwise, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from skillcore.learning.graph import MOST, Findings, normalised, validate


class Topic(Struct, frozen=True):
    name: str
    prerequisites: tuple[str, ...] = ()


def path(*lines: str) -> list[Topic]:
    """Return topics written like ``c: a, b``."""
    parts = [line.partition(":") for line in lines]
    return [Topic(name, tuple(one.strip() for one in rest.split(",")) if rest.strip() else ()) for name, _, rest in parts]


def told(findings: Findings) -> list[tuple[str, str, str, tuple[str, ...]]]:
    return [(one.severity, one.kind, one.field, one.topics) for one in (*findings.errors, *findings.warnings)]


def test_a_sound_path_has_no_findings_and_keeps_its_order() -> None:
    found = validate(path("html", "css: html", "js: html", "react: js, css"))
    assert found == Findings(errors=(), warnings=(), order=("html", "css", "js", "react"))
    assert validate([]) == Findings(errors=(), warnings=(), order=())


@pytest.mark.parametrize(
    ("lines", "findings", "order"),
    [
        (("a: b", "b: a"), [("error", "cycle", "topics[0].prerequisites[0]", ("a", "b", "a"))], ()),
        (("a: a",), [("error", "cycle", "topics[0].prerequisites[0]", ("a", "a"))], ()),
        (
            ("x", "a: x, c", "b: a", "c: b", "d: x, c"),
            [
                ("error", "cycle", "topics[1].prerequisites[1]", ("a", "c", "b", "a")),
                ("warning", "unreachable", "topics[4]", ("d", "a", "b", "c")),
            ],
            ("x",),
        ),
        (
            ("a: b, c", "b: a", "c: a"),
            [
                ("error", "cycle", "topics[0].prerequisites[0]", ("a", "b", "a")),
                ("error", "cycle", "topics[0].prerequisites[1]", ("a", "c", "a")),
            ],
            (),
        ),
        (
            ("css: html", "js", "react: css, js"),
            [
                ("error", "missing", "topics[0].prerequisites[0]", ("css", "html")),
                ("warning", "unreachable", "topics[2]", ("react", "css")),
            ],
            ("js",),
        ),
        (
            ("React: js", "css", "js: css", "node: JS"),
            [
                ("warning", "misordered", "topics[0].prerequisites[0]", ("React", "js")),
            ],
            ("css", "js", "React", "node"),
        ),
        (
            ("Web Basics", "web  basics", "\uff57eb basics: web basics"),
            [
                ("error", "duplicate", "topics[1].name", ("Web Basics", "web  basics")),
                ("error", "duplicate", "topics[2].name", ("Web Basics", "\uff57eb basics")),
            ],
            ("Web Basics",),
        ),
        (
            ("a", "b: a, A , a"),
            [
                ("warning", "repeated", "topics[1].prerequisites[1]", ("b", "A")),
                ("warning", "repeated", "topics[1].prerequisites[2]", ("b", "a")),
            ],
            ("a", "b"),
        ),
    ],
)
def test_findings_by_hand(lines: tuple[str, ...], findings: list[object], order: tuple[str, ...]) -> None:
    found = validate(path(*lines))
    assert told(found) == findings
    assert found.order == order


def test_messages_name_everything() -> None:
    found = validate(path("a: b", "b: c", "c: a", "d: nothing", "e: d"))
    assert [one.message for one in found.errors] == [
        "'d' requires 'nothing', which is no topic of this path: add it, or leave it out",
        "these require each other, so none can be begun: a → b → c → a",
    ]
    assert [one.message for one in found.warnings] == ["'e' cannot be reached, since it comes after 'd'"]


def test_of_many_findings_some_are_told() -> None:
    """What a request of a path can hold makes no answer that is many times as long."""
    ring = [Topic(f"r{number}", (f"r{(number + 1) % 250}",)) for number in range(250)]
    after = [Topic(f"a{number}", ("r0",)) for number in range(250)]
    found = validate([*ring, *after])
    assert [one.kind for one in found.errors] == ["cycle"]
    assert len(found.warnings) == MOST
    assert found.warnings[0].topics == ("a0", "r0", "r1", "r2", "r3", "r4")
    lacking = validate([Topic(f"t{number}", ("x", "y", "z")) for number in range(100)])
    assert len(lacking.errors) == MOST


def test_large_paths_take_no_longer_than_a_request_may() -> None:
    """The densest graph that fits: 500 topics that require 50 each, once in layers, once all in one knot."""
    names = [f"topic {number}" for number in range(500)]
    layers = [Topic(name, tuple(names[max(0, number - 50) : number])) for number, name in enumerate(names)]
    knot = [Topic(name, tuple(names[(number + step) % 500] for step in range(1, 51))) for number, name in enumerate(names)]
    began = time.process_time()
    assert validate(layers).order == tuple(names)
    assert len(validate(knot).errors) == MOST
    assert time.process_time() - began < 10


letters = st.sampled_from("abcdefg")
graphs = st.lists(
    st.builds(Topic, letters, st.lists(st.sampled_from("abcdefgh"), max_size=3).map(tuple)),
    max_size=7,
    unique_by=lambda t: t.name,
)


def reaches(topics: dict[str, Topic], start: str, end: str) -> bool:
    """Search for a chain of one or more prerequisites by walking all that do not repeat a topic."""

    def walk(name: str, seen: frozenset[str]) -> bool:
        following = topics[name].prerequisites if name in topics else ()
        return any(one == end or (one not in seen and walk(one, seen | {one})) for one in following)

    return walk(start, frozenset())


@given(graphs)
def test_findings_are_those_of_a_search_by_brute_force(topics: list[Topic]) -> None:
    found = validate(topics)
    by_name = {topic.name: topic for topic in topics}
    looped = {topic.name for topic in topics if reaches(by_name, topic.name, topic.name)}
    missing = {(topic.name, one) for topic in topics for one in topic.prerequisites if one not in by_name}
    assert {one.topics for one in found.errors if one.kind == "missing"} == missing
    cycles = [one.topics for one in found.errors if one.kind == "cycle"]
    assert {name for cycle in cycles for name in cycle} == looped
    for cycle in cycles:
        assert cycle[0] == cycle[-1]
        assert len(set(cycle)) == len(cycle) - 1
        assert all(later in by_name[earlier].prerequisites for earlier, later in pairwise(cycle))
    stuck = looped | {name for name, _ in missing}
    cannot = {name for name in by_name if name not in stuck and any(reaches(by_name, name, one) for one in stuck)}
    assert {one.topics[0] for one in found.warnings if one.kind == "unreachable"} == cannot
    assert set(found.order) == set(by_name) - stuck - cannot


@given(graphs)
def test_the_recommended_order_never_skips_a_prerequisite(topics: list[Topic]) -> None:
    found = validate(topics)
    by_name = {topic.name: topic for topic in topics}
    for place, name in enumerate(found.order):
        assert set(by_name[name].prerequisites) <= set(found.order[:place])


@given(graphs)
def test_the_recommended_order_is_the_first_that_is_possible_as_listed(topics: list[Topic]) -> None:
    found = validate(topics)
    listed = [topic.name for topic in topics if topic.name in found.order]
    by_name = {topic.name: topic for topic in topics}
    possible = (
        order
        for order in permutations(listed)
        if all(set(by_name[name].prerequisites) <= set(order[:place]) for place, name in enumerate(order))
    )
    assert next(possible) == found.order  # permutations come in the order of the list


@settings(max_examples=50)
@given(st.lists(st.sets(st.integers(0, 11), max_size=4), max_size=12))
def test_a_path_that_only_requires_what_is_listed_before_has_no_findings(chosen: list[set[int]]) -> None:
    topics = [
        Topic(f"t{place}", tuple(f"T{other}" for other in sorted(others) if other < place))
        for place, others in enumerate(chosen)
    ]
    assert validate(topics) == Findings(errors=(), warnings=(), order=tuple(topic.name for topic in topics))


@given(st.text())
def test_a_name_is_compared_as_it_is_compared(name: str) -> None:
    assert normalised(normalised(name)) == normalised(name) == normalised(f" {name}\t")
