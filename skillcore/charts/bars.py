"""Lying bars: values side by side, from zero, with their names before them and their numbers behind them."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from skillcore.charts.figures import Bars
from skillcore.charts.frame import EDGE, Picture, empty, heading, label, legend, mark, measured, titled
from skillcore.charts.markup import Markup, coordinate, element
from skillcore.charts.scales import Scale, brief
from skillcore.charts.text import clean, isolate, width

__all__ = ["paint"]

WIDE, NAMES = 640.0, 190.0
"""The width, and how much of it names may take."""


class Rows(Struct, frozen=True):
    """How bars follow each other."""

    scale: Scale
    top: float
    thick: float
    pitch: float
    step: float


def paint(chart: Bars) -> Picture:
    """Return the picture of bars."""
    values = [value for series in chart.series for value in series.values if value is not None]
    if not values:
        return empty(chart.title, WIDE, 200)
    many = len(chart.series) > 1
    items = [(f"bar{number}", series.name) for number, series in enumerate(chart.series)] if many else []
    keys, top = legend(items, WIDE, 66 if clean(chart.unit) else 46)
    thick, pitch = (11.0, 15.0) if many else (16.0, 16.0)
    rows = Rows(_scale(chart, values), top + 8, thick, pitch, pitch * len(chart.series) + 12)
    high = rows.top + rows.step * len(chart.labels)
    zero = coordinate(rows.scale.at(0))
    body = (
        *heading(chart.title, chart.unit, WIDE),
        *keys,
        *(shape for row in range(len(chart.labels)) for shape in _row(chart, rows, row)),
        element("path", class_="axis", d=f"M{zero} {coordinate(rows.top)}V{coordinate(high - 8)}"),
    )
    return Picture(WIDE, high + EDGE / 2, body)


def _scale(chart: Bars, values: list[float]) -> Scale:
    """Return the scale between the names and the numbers behind the longest bars, those of negative bars included."""
    known = [0.0, *values, *(chart.bounds or ())]
    low, high = min(known), max(known)
    if high - low < 1e-12:
        high = low + 1
    numbers = max(width(brief(value), 12) for value in values) + (22 if len(chart.series) > 1 else 10)
    names = max(min(width(clean(name, "unnamed"), 12), NAMES) for name in chart.labels)
    left = EDGE + names + 12 + (min(numbers, 130) if min(values) < 0 else 0)
    return Scale(low, high, left, WIDE - EDGE - min(numbers, 130))


def _row(chart: Bars, rows: Rows, row: int) -> Iterator[Markup]:
    name = clean(chart.labels[row], "unnamed")
    top = rows.top + rows.step * row
    middle = top + rows.pitch * len(chart.series) / 2
    yield label(name, EDGE, middle + 4 - (rows.pitch - rows.thick) / 2, "ink", NAMES)
    for number, series in enumerate(chart.series):
        value = series.values[row]
        y = top + rows.pitch * number
        if chart.bounds:
            x, end = rows.scale.start, rows.scale.end
            yield element("rect", class_="track", x=x, y=y, width=end - x, height=rows.thick, rx=3)
        if value is None:
            yield label("\u2013", rows.scale.at(0) + 8, y + rows.thick / 2 + 4, "muted", 20)
            continue
        parts = [isolate(clean(series.name, "unnamed")), isolate(name)] if len(chart.series) > 1 else [isolate(name)]
        yield titled(f"{', '.join(parts)}: {measured(value, chart.unit)}", *_bar(rows, number, value, y, len(chart.series) > 1))


def _bar(rows: Rows, number: int, value: float, y: float, marked: bool) -> Iterator[Markup]:
    """Yield a bar and its number; among several series also the mark of its own."""
    zero, end = rows.scale.at(0), rows.scale.at(value)
    side = -1 if value < 0 else 1
    yield element("path", class_=f"f{number}", d=_outline(zero, end, y, rows.thick))
    if marked:
        yield mark(number, end + side * 9, y + rows.thick / 2, 3.5)
    x = end + side * (17 if marked else 6)
    yield label(brief(value), x, y + rows.thick / 2 + 4, "muted end" if value < 0 else "muted", 130)


def _outline(zero: float, end: float, y: float, thick: float) -> str:
    """Return a bar that stands flat on zero and is round at its end; nothing at all still shows as a hair."""
    side = -1 if end < zero else 1
    long = max(abs(end - zero), 0.75)
    turn = min(3.0, long)
    edge, arc = coordinate(side * (long - turn)), f"a{coordinate(turn)} {coordinate(turn)} 0 0 {int(side > 0)}"
    first, second = f"{coordinate(side * turn)} {coordinate(turn)}", f"{coordinate(-side * turn)} {coordinate(turn)}"
    straight = coordinate(thick - 2 * turn)
    return f"M{coordinate(zero)} {coordinate(y)}h{edge}{arc} {first}v{straight}{arc} {second}H{coordinate(zero)}Z"
