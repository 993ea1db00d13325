"""The sparkline: a development in the size of a word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from skillcore.charts.figures import Sparkline
from skillcore.charts.frame import NOTHING, Picture, label, mark, measured, titled
from skillcore.charts.markup import Markup, coordinate, element

__all__ = ["paint", "trace"]

WIDE, HIGH = 140.0, 36.0


def paint(chart: Sparkline) -> Picture:
    """Return the picture of a sparkline."""
    if not chart.values:
        return Picture(WIDE, HIGH, (label(NOTHING, WIDE / 2, HIGH / 2 + 4, "muted mid", WIDE - 8),))
    return Picture(WIDE, HIGH, tuple(trace(chart.values, chart.unit, (6, 8), (WIDE - 12, HIGH - 16))))


def trace(
    values: Sequence[float], unit: str, corner: tuple[float, float], size: tuple[float, float], name: str = "Value"
) -> Iterator[Markup]:
    """Yield a line over the whole of a field, from the least to the largest value, with a mark at its end."""
    low, high = min(values), max(values)
    step = size[0] / max(len(values) - 1, 1)
    places = [
        (
            corner[0] + (step * index if len(values) > 1 else size[0] / 2),
            corner[1] + size[1] * ((high - value) / (high - low) if high > low else 0.5),
        )
        for index, value in enumerate(values)
    ]
    path = "M" + "L".join(f"{coordinate(x)} {coordinate(y)}" for x, y in places)
    if len(values) > 1:
        yield element("path", class_="thin s0", d=path)
    for number, (value, (x, y)) in enumerate(zip(values, places, strict=True), start=1):
        last = number == len(values)
        words = f"{name} {number} of {len(values)}: {measured(value, unit)}"
        yield titled(words, mark(0, x, y, 3.5) if last else element("circle", class_="hit", cx=x, cy=y, r=4))
