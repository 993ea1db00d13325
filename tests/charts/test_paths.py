"""A path as a graph, and where its topics and lines stand."""

import random
import re

import pytest
from hypothesis import given, settings

from skillcore.charts import MindMap, Topic, draw, tabulate
from skillcore.charts.layers import layout
from skillcore.charts.paths import arrange, essential, in_order
from tests.charts.examples import examples
from tests.charts.hostile import mindmaps
from tests.charts.reading import SVG, Box, classes, frame, parsed, texts, titles, words

DIAMOND = {"d": ["b", "c", "a"], "b": ["a"], "c": ["a"], "a": []}

AXES = (0, 1)


def test_the_order_puts_requirements_first_and_keeps_the_rest():
    assert in_order(DIAMOND) == ["a", "b", "c", "d"]
    assert in_order({"z": [], "y": [], "x": ["z"]}) == ["z", "y", "x"]
    assert in_order({"a": ["b"], "b": ["a"], "c": []}) == ["c"]


def test_what_follows_from_the_rest_is_left_out():
    assert essential(DIAMOND) == {"d": ["b", "c"], "b": ["a"], "c": ["a"], "a": []}
    assert essential({"a": [], "b": ["a", "a"]}) == {"a": [], "b": ["a"]}


def test_layers_hold_so_many_and_stand_below_what_they_require():
    assert arrange(essential(DIAMOND), 4) == [["a"], ["b", "c"], ["d"]]
    assert arrange(essential(DIAMOND), 1) == [["a"], ["b"], ["c"], ["d"]]
    assert arrange({name: [] for name in "abcde"}, 2) == [["a", "b"], ["c", "d"], ["e"]]


def test_a_diamond_stands_even():
    placed = layout(DIAMOND, most=4, topic=100, lane=6, gap=20)
    assert placed.wide == pytest.approx(220)
    assert {name: round(placed.middles[name, placed.depth[name]], 3) for name in "abcd"} == {
        "a": 110,
        "b": 50,
        "c": 170,
        "d": 110,
    }


def test_lines_that_need_not_cross_do_not():
    # Given in an order that crosses: a leads to y, b to x.
    placed = layout({"a": [], "b": [], "x": ["b"], "y": ["a"]}, most=4, topic=100, lane=6, gap=20)
    left = placed.middles["a", 0] < placed.middles["b", 0]
    assert (placed.middles["y", 1] < placed.middles["x", 1]) == left


def boxes(root):
    """Return the boxes of the topics."""
    for group in root.iter(f"{SVG}g"):
        for one in group.findall(f"{SVG}rect"):
            if "box" in classes(one):
                x, y, wide, high = (float(one.attrib[name]) for name in ("x", "y", "width", "height"))
                yield Box(x, y, x + wide, y + high, group[0].text)


def lines(root):
    """Yield points on the lines between topics, with the topic's layer bounds left out at both ends."""
    for path in root.iter(f"{SVG}path"):
        if "edge" not in classes(path):
            continue
        here = (0.0, 0.0)
        for command, numbers in re.findall(r"([MVC])([^MVC]*)", path.attrib["d"]):
            found = [float(number) for number in numbers.split()]
            if command == "M":
                here = (found[0], found[1])
            elif command == "V":
                yield from ((here[0], here[1] + (found[0] - here[1]) * step / 20) for step in range(21))
                here = (here[0], found[0])
            else:
                one, two, end = (found[0], found[1]), (found[2], found[3]), (found[4], found[5])
                for step in range(1, 20):
                    t = step / 20
                    parts = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
                    corners = (here, one, two, end)
                    yield tuple(
                        sum(part * corner[axis] for part, corner in zip(parts, corners, strict=True)) for axis in (0, 1)
                    )
                here = end


def check_map(chart):
    root = parsed(draw(chart))
    topics = list(boxes(root))
    assert len(topics) == len(chart.topics)
    assert [(one, other) for number, one in enumerate(topics) for other in topics[:number] if one.meets(other)] == []
    assert all(frame(root).holds(box) for box in topics)
    shown = [box for _, box in texts(root)]
    assert [(one, other) for number, one in enumerate(shown) for other in shown[:number] if one.meets(other)] == []
    for x, y in lines(root):
        inside = [box.name for box in topics if box.left < x < box.right and box.top + 0.02 < y < box.bottom - 0.02]
        assert inside == []
    return root, topics


def pieces(path):
    """Return the pieces of a line as their beginnings and ends."""
    found = []
    for part in path.attrib["d"].split("M")[1:]:
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", part)]
        found.append(((numbers[0], numbers[1]), (numbers[-2], numbers[-1])))
    return found


@settings(max_examples=40, deadline=None)
@given(mindmaps())
def test_lines_lead_from_each_topic_to_those_that_require_it(chart):
    root = parsed(draw(chart))
    by_id = dict(zip((topic.id for topic in chart.topics), boxes(root), strict=True))
    entries = {((box.left + box.right) / 2, box.top): name for name, box in by_id.items()}
    needed = essential({topic.id: topic.requires for topic in chart.topics})
    drawn = [pieces(path) for path in root.iter(f"{SVG}path") if "edge" in classes(path)]
    reached = set()
    for line in drawn:
        ends = {end for _, end in line}
        (start,) = {begin for begin, _ in line} - ends
        (source,) = [
            name for name, box in by_id.items() if start == pytest.approx(((box.left + box.right) / 2, box.bottom), abs=0.02)
        ]
        for end in ends - {begin for begin, _ in line}:
            (target,) = [name for place, name in entries.items() if end == pytest.approx(place, abs=0.02)]
            reached.add((source, target))
    assert reached == {(other, name) for name, others in needed.items() for other in others}


@settings(max_examples=40, deadline=None)
@given(mindmaps())
def test_topics_texts_and_lines_keep_apart(chart):
    if not chart.topics:
        return
    root, topics = check_map(chart)
    by_id = dict(zip((topic.id for topic in chart.topics), topics, strict=True))
    for topic in chart.topics:
        own = by_id[topic.id]
        assert all(by_id[other].bottom < own.top for other in topic.requires)
        inside = [box for _, box in texts(root) if own.top < box.top < own.bottom and own.left < box.left < own.right]
        assert inside
        assert all(own.holds(box) for box in inside)


@pytest.mark.parametrize("count", [1, 2, 60, 120])
@pytest.mark.parametrize("shape", ["chain", "apart", "star", "woven"])
def test_large_maps_stay_readable(count, shape):
    drawn = random.Random(count)
    requires = {
        "chain": lambda number: [number - 1] if number else [],
        "apart": lambda number: [],
        "star": lambda number: [0] if number else [],
        "woven": lambda number: sorted({drawn.randrange(max(0, number - 9), number) for _ in range(2)}) if number else [],
    }[shape]
    topics = [
        Topic(str(number), f"Topic {number} with a name of its own", "open", tuple(map(str, requires(number))))
        for number in range(count)
    ]
    root, _ = check_map(MindMap(title="Large", topics=tuple(topics)))
    # At 12 px a text is still read in a column of 640 px if the picture is no wider than half as much again.
    assert frame(root).right <= 960


def test_states_differ_by_more_than_their_colour():
    chart = examples()["mindmap"]
    root = parsed(draw(chart))
    found = {}
    for group in root.iter(f"{SVG}g"):
        rect = next((one for one in group.findall(f"{SVG}rect") if "box" in classes(one)), None)
        if rect is not None:
            icon = group.find(f"{SVG}g")
            shapes = tuple(shape.tag for shape in icon)
            state = re.search(r": (\w+), requires ", group[0].text)[1]
            found.setdefault(state, set()).add((shapes, "dash" in classes(rect)))
    assert set(found) == {"done", "current", "open", "locked"}
    assert all(len(looks) == 1 for looks in found.values())
    assert len(set.union(*found.values())) == 4
    key = [words(element) for element, _ in texts(root)]
    assert key.index("Done") < key.index("Current") < key.index("Open") < key.index("Locked")
    assert "14 topics: 4 done, 1 current, 1 open, 8 locked" in root[1].text


def test_what_comes_next_has_a_firm_frame_of_its_own_colour():
    chart = MindMap(title="Path", topics=(Topic("a", "One", "current"), Topic("b", "Two", "open")))
    drawn = draw(chart)
    boxes = [classes(one) for one in parsed(drawn).iter(f"{SVG}rect") if "box" in classes(one)]
    assert [{"current", "firm"} <= box for box in boxes] == [True, False]
    assert "0 of 2 topics done, 1 current, 1 open" in [words(element) for element, _ in texts(parsed(drawn))]
    assert ".chart .current{stroke:#b4530f}" in drawn
    assert ".chart .current{stroke:#f0a05a}" in drawn.partition("prefers-color-scheme:dark")[2]
    assert ">Current</td>" in tabulate(chart)


def test_a_topic_says_its_state_and_all_that_it_requires():
    chart = MindMap(
        title="Path",
        topics=(
            Topic("a", "One", "done"),
            Topic("b", "Two", "open", ("a",)),
            Topic("c", "Three", "locked", ("a", "b")),
        ),
    )
    root = parsed(draw(chart))
    assert titles(root) == ["One: done, requires nothing", "Two: open, requires One", "Three: locked, requires One, Two"]
    paths = [path for path in root.iter(f"{SVG}path") if "edge" in classes(path)]
    # From One to Two and from Two to Three; that Three requires One follows.
    assert [path.attrib["d"].count("C") for path in paths] == [1, 1]
    assert ["dash" in classes(path) for path in paths] == [False, True]
    assert "1 of 3 topics done, 1 open" in [words(element) for element, _ in texts(root)]
