"""The radar: what is reached on several axes from one middle."""

from __future__ import annotations

import math
from collections.abc import Iterator

from skillcore.charts.figures import Radar, Series
from skillcore.charts.frame import EDGE, Picture, empty, heading, label, legend, mark, measured, titled
from skillcore.charts.markup import Markup, coordinate, element, points
from skillcore.charts.scales import brief
from skillcore.charts.text import clean, isolate

__all__ = ["paint"]

WIDE, REACH, AROUND = 520.0, 130.0, 30.0
RINGS = 4


def paint(chart: Radar) -> Picture:
    """Return the picture of a radar."""
    if not chart.labels or not any(value is not None for series in chart.series for value in series.values):
        return empty(chart.title, WIDE, 200)
    items = [(str(number), series.name) for number, series in enumerate(chart.series)]
    keys, top = legend(items, WIDE, 66 if clean(chart.unit) else 46)
    middle = (WIDE / 2, top + AROUND + REACH)
    body = (
        *heading(chart.title, chart.unit, WIDE),
        *keys,
        *_web(chart, middle),
        *_numbers(chart, middle),
        *(shape for number, series in enumerate(chart.series) for shape in _series(chart, middle, number, series)),
    )
    return Picture(WIDE, top + 2 * AROUND + 2 * REACH + 10, body)


def _place(middle: tuple[float, float], part: float, axis: int, axes: int) -> tuple[float, float]:
    """Return where a part of an axis lies; the first points up, the others follow clockwise."""
    angle = 2 * math.pi * axis / axes
    return middle[0] + REACH * part * math.sin(angle), middle[1] - REACH * part * math.cos(angle)


def _web(chart: Radar, middle: tuple[float, float]) -> Iterator[Markup]:
    axes = len(chart.labels)
    for ring in range(1, RINGS + 1):
        if axes > 2:
            corners = [_place(middle, ring / RINGS, axis, axes) for axis in range(axes)]
            yield element("polygon", class_="grid", points=points(corners))
        else:
            yield element("circle", class_="grid", cx=middle[0], cy=middle[1], r=REACH * ring / RINGS)
    for axis, name in enumerate(chart.labels):
        x, y = _place(middle, 1, axis, axes)
        line = f"M{coordinate(middle[0])} {coordinate(middle[1])}L{coordinate(x)} {coordinate(y)}"
        yield element("path", class_="grid", d=line)
        yield _name(clean(name, "unnamed"), middle, axis, axes)


def _numbers(chart: Radar, middle: tuple[float, float]) -> Iterator[Markup]:
    """Yield what half an axis and a whole one stand for."""
    for ring in (RINGS // 2, RINGS):
        value = brief(chart.maximum * ring / RINGS)
        yield label(value, middle[0] + 5, middle[1] - REACH * ring / RINGS + 13, "muted halo", 80)


def _name(name: str, middle: tuple[float, float], axis: int, axes: int) -> Markup:
    """Return an axis's name beyond its end, on the side on which there is room."""
    x, y = _place(middle, 1 + 14 / REACH, axis, axes)
    if abs(x - middle[0]) < REACH * 0.1:
        beside = abs(_place(middle, 1 + 14 / REACH, axis + 1, axes)[0] - x)
        room = min(240.0, 2 * beside - 12) if axes > 8 else 240.0
        return label(name, x, y + (0 if y < middle[1] else 10), "ink mid", room)
    side, room = ("ink", WIDE - EDGE - x) if x > middle[0] else ("ink end", x - EDGE)
    return label(name, x, y + 4, side, room)


def _series(chart: Radar, middle: tuple[float, float], number: int, series: Series) -> Iterator[Markup]:
    """Yield a series: its outline, and its points. A missing value leaves its corner out."""
    axes = len(chart.labels)
    known = [
        (axis, value, _place(middle, min(max(value / chart.maximum, 0.0), 1.0), axis, axes))
        for axis, value in enumerate(series.values)
        if value is not None
    ]
    corners = [place for _, _, place in known]
    if corners:
        if len(chart.series) <= 2:
            yield element("polygon", class_=f"area f{number}", points=points(corners))
        yield element("polygon", class_=f"line s{number}", points=points(corners))
    name = isolate(clean(series.name, "unnamed"))
    for axis, value, (x, y) in known:
        words = f"{name}, {isolate(clean(chart.labels[axis], 'unnamed'))}: {measured(value, chart.unit)}"
        yield titled(words, mark(number, x, y))
