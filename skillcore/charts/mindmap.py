"""The mind map of a learning path: topics from the top down, each below what it requires, and its state."""

from __future__ import annotations

import math
from collections.abc import Iterator

from skillcore.charts.figures import MindMap, State, Topic
from skillcore.charts.frame import EDGE, Picture, empty, heading, label, titled
from skillcore.charts.layers import Layout, layout
from skillcore.charts.markup import Markup, coordinate, element, points, text
from skillcore.charts.text import clean, isolate, width, wrap

__all__ = ["STATES", "paint"]

STATES: dict[State, str] = {"done": "Done", "current": "Current", "open": "Open", "locked": "Locked"}
FRAMES: dict[State, str] = {"done": "done", "current": "current firm", "open": "open", "locked": "locked dash"}

ACROSS = 4
"""Topics in a layer, so that names stay readable in a column of text."""

BOX, TALL, GAP, RISE, LANE = 168.0, 46.0, 20.0, 42.0, 6.0
NARROWEST = 360.0
TOP = 100.0
NAME = 122.0
"""The room for a line of a name."""


def paint(chart: MindMap) -> Picture:
    """Return the picture of a path."""
    if not chart.topics:
        return empty(chart.title, NARROWEST, 200)
    placed = layout({topic.id: topic.requires for topic in chart.topics}, most=ACROSS, topic=BOX, lane=LANE, gap=GAP)
    wide = max(NARROWEST, float(math.ceil(placed.wide + 2 * EDGE)))
    left = (wide - placed.wide) / 2
    counts = {state: sum(topic.state == state for topic in chart.topics) for state in STATES}
    now = f", {counts['current']} current" if counts["current"] else ""
    note = f"{counts['done']} of {len(chart.topics)} topics done{now}, {counts['open']} open"
    names = {topic.id: isolate(clean(topic.name, "unnamed")) for topic in chart.topics}
    body = (
        *heading(chart.title, note, wide),
        *_key(),
        *_lines(chart, placed, left),
        *(_topic(topic, names, *_corner(placed, topic, left)) for topic in chart.topics),
    )
    return Picture(wide, TOP + placed.layers * (TALL + RISE) - RISE + EDGE, body)


def _corner(placed: Layout, topic: Topic, left: float) -> tuple[float, float]:
    """Return the upper left corner of a topic."""
    level = placed.depth[topic.id]
    return left + placed.middles[topic.id, level] - BOX / 2, TOP + level * (TALL + RISE)


def _key() -> Iterator[Markup]:
    """Yield the states with their icons."""
    x = float(EDGE)
    for state, name in STATES.items():
        yield _icon(state, x + 8, 68)
        yield label(name, x + 22, 72, "ink", 80)
        x += 22 + width(name, 12) + 18


def _lines(chart: MindMap, placed: Layout, left: float) -> Iterator[Markup]:
    """Yield the lines from each topic to those that require it: solid from what is done, broken else."""
    pieces: dict[str, list[str]] = {topic.id: [] for topic in chart.topics}
    entered: dict[str, tuple[float, float]] = {}
    for (name, level), (other, below) in placed.links:
        x, to = left + placed.middles[name, level], left + placed.middles[other, below]
        y, end = TOP + level * (TALL + RISE) + TALL, TOP + below * (TALL + RISE)
        pieces[name].append(_line(x, y - TALL if level > placed.depth[name] else y, y, to, end))
        if other != name:
            entered[other] = (to, end)
    for topic in chart.topics:
        if pieces[topic.id]:
            yield element("path", class_=f"thin edge{'' if topic.state == 'done' else ' dash'}", d="".join(pieces[topic.id]))
    for x, y in entered.values():
        yield element("polygon", class_="fedge", points=points([(x - 4, y - 7), (x + 4, y - 7), (x, y)]))


def _line(x: float, start: float, y: float, to: float, end: float) -> str:
    """Return a line straight down beside the topics of a layer, then through the blank to the next layer."""
    through = f"V{coordinate(y)}" if start < y else ""
    turn = coordinate((y + end) / 2)
    curve = f"C{coordinate(x)} {turn} {coordinate(to)} {turn} {coordinate(to)} {coordinate(end)}"
    return f"M{coordinate(x)} {coordinate(start)}{through}{curve}"


def _topic(topic: Topic, names: dict[str, str], x: float, y: float) -> Markup:
    """Return a topic: its box, its icon, and its name on one line or two."""
    needs = ", ".join(names[other] for other in topic.requires) or "nothing"
    lines = wrap(clean(topic.name, "unnamed"), NAME, 12, 2)
    first = y + TALL / 2 + (4 if len(lines) == 1 else -4)
    ink = "muted" if topic.state == "locked" else "ink"
    return titled(
        f"{names[topic.id]}: {STATES[topic.state].lower()}, requires {needs}",
        element("rect", class_=f"surface box {FRAMES[topic.state]}",
                x=x, y=y, width=BOX, height=TALL, rx=8),
        _icon(topic.state, x + 20, y + TALL / 2),
        *(element("text", text(isolate(line)), class_=ink, x=x + 36, y=first + 16 * row) for row, line in enumerate(lines)),
    )  # fmt: skip


def _icon(state: State, x: float, y: float) -> Markup:
    """Return the sign of a state: a tick, an arrow onwards, a ring to be filled, a lock."""
    if state == "done":
        tick = f"M{coordinate(x - 3.5)} {coordinate(y)}l2.5 2.5l4.5 -5"
        return element("g", element("circle", class_="fdone", cx=x, cy=y, r=8), element("path", class_="thin bare", d=tick))
    if state == "current":
        arrow = points([(x - 2.5, y - 4), (x - 2.5, y + 4), (x + 4.5, y)])
        disc = element("circle", class_="fcurrent", cx=x, cy=y, r=8)
        return element("g", disc, element("polygon", class_="surface", points=arrow))
    if state == "open":
        ring = element("circle", class_="surface line open", cx=x, cy=y, r=7)
        return element("g", ring, element("circle", class_="fopen", cx=x, cy=y, r=3))
    bow = f"M{coordinate(x - 3)} {coordinate(y)}v-2.5a3 3 0 0 1 6 0v2.5"
    body = element("rect", class_="flocked", x=x - 5, y=y - 0.5, width=10, height=7.5, rx=1.5)
    return element("g", element("path", class_="thin bow", d=bow), body)
