"""What charts share: the picture, its heading, legends, marks, and what is shown where there is nothing yet."""

from __future__ import annotations

import math

from msgspec import Struct

from skillcore.charts.markup import Markup, coordinate, element, points, text
from skillcore.charts.scales import shown
from skillcore.charts.text import clean, fit, isolate, width

__all__ = ["NOTHING", "Picture", "empty", "heading", "label", "legend", "mark", "measured", "titled"]

NOTHING = "Nothing yet"
EDGE = 20
"""The blank around a picture."""


class Picture(Struct, frozen=True):
    """A drawing: its size, and what stands in it from the back to the front."""

    wide: float
    high: float
    body: tuple[Markup, ...]


def measured(value: float, unit: str) -> str:
    """Return a number with its unit."""
    unit = clean(unit)
    return f"{shown(value)}{unit}" if unit in {"", "%"} else f"{shown(value)} {isolate(unit)}"


def label(words: str, x: float, y: float, class_: str, room: float, size: float = 12) -> Markup:
    """Return a text that keeps to its room; where it is shortened, the whole is its title."""
    cleaned = clean(words)
    short = fit(cleaned, room, size, bold=bool({"title", "figure", "strong"} & set(class_.split())))
    whole = () if short == cleaned else (element("title", text(cleaned)),)
    return element("text", *whole, text(isolate(short)), class_=class_, x=x, y=y)


def titled(words: str, *shapes: Markup) -> Markup:
    """Return shapes with a title, which browsers show over them."""
    return element("g", element("title", text(words)), *shapes)


def heading(title: str, note: str, wide: float) -> tuple[Markup, ...]:
    """Return the title, and a quieter line under it."""
    lines = [label(clean(title, "Untitled"), EDGE, 30, "title ink", wide - 2 * EDGE, 15)]
    if clean(note):
        lines.append(label(note, EDGE, 49, "muted", wide - 2 * EDGE))
    return tuple(lines)


def empty(title: str, wide: float, high: float) -> Picture:
    """Return the picture for data that is still to come."""
    top = 50.0
    field = element("rect", class_="track", x=EDGE, y=top, width=wide - 2 * EDGE, height=high - top - EDGE, rx=8)
    words = label(NOTHING, wide / 2, (top + high - EDGE) / 2 + 4, "muted mid", wide - 2 * EDGE)
    return Picture(wide, high, (*heading(title, "", wide), field, words))


def mark(number: int, x: float, y: float, size: float = 4) -> Markup:
    """Return the mark of a series: circle, square, triangle, diamond, triangle on its head, pentagon."""
    class_ = f"mark f{number}"
    if number == 0:
        return element("circle", class_=class_, cx=x, cy=y, r=size)
    if number == 1:
        side = size * 1.8
        return element("rect", class_=class_, x=x - side / 2, y=y - side / 2, width=side, height=side)
    corners, turn, reach = ((3, 0.0, 1.4), (4, 0.0, 1.35), (3, 0.5, 1.4), (5, 0.0, 1.25))[number - 2]
    angles = [2 * math.pi * (corner + turn) / corners for corner in range(corners)]
    places = [(x + size * reach * math.sin(angle), y - size * reach * math.cos(angle)) for angle in angles]
    return element("polygon", class_=class_, points=points(places))


def legend(items: list[tuple[str, str]], wide: float, top: float) -> tuple[tuple[Markup, ...], float]:
    """Return keys with names, in as many rows as they need, and where the next thing may begin.

    Args:
        items: each as its kind and name; the kind is the number of a series, ``bar`` and that number, ``aim`` or ``forecast``.
        wide: the width of the picture.
        top: where the first row begins.
    """
    drawn: list[Markup] = []
    x, y = float(EDGE), top + 12
    for kind, name in items:
        words = fit(clean(name, "unnamed"), min(200, wide - 2 * EDGE - 34), 12)
        room = 34 + width(words, 12)
        if x > EDGE and x + room > wide - EDGE:
            x, y = float(EDGE), y + 20
        drawn += [_key(kind, x, y - 4), label(name if clean(name) else "unnamed", x + 28, y, "ink", width(words, 12))]
        x += room + 14
    return tuple(drawn), (y + 10 if items else top)


def _key(kind: str, x: float, y: float) -> Markup:
    line = f"M{coordinate(x)} {coordinate(y)}h22"
    if kind == "aim":
        return element("path", class_="thin aim dash", d=line)
    if kind == "forecast":
        box = element("rect", class_="band f0", x=x, y=y - 6, width=22, height=12)
        return element("g", box, element("path", class_="line s0 dots", d=line))
    if kind.startswith("bar"):
        number = int(kind.removeprefix("bar"))
        bar = element("rect", class_=f"f{number}", x=x, y=y - 5.5, width=10, height=11, rx=2)
        return element("g", bar, mark(number, x + 17, y, 3.5))
    return element("g", element("path", class_=f"line s{kind}", d=line), mark(int(kind), x + 11, y))
