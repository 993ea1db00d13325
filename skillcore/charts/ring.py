"""The ring: how much of a whole is reached."""

from __future__ import annotations

import math
from collections.abc import Iterator

from skillcore.charts.figures import Ring
from skillcore.charts.frame import NOTHING, Picture, heading, label, measured, titled
from skillcore.charts.markup import Markup, coordinate, element
from skillcore.charts.scales import shown

__all__ = ["paint", "percentage"]

WIDE, HIGH, REACH = 240.0, 244.0, 70.0
MOST = 999
ALMOST = 0.9998
"""How far a ring that is not whole is drawn at most: beyond it, its two ends would fall together and nothing be seen."""


def percentage(value: float, maximum: float) -> str:
    """Return a part in whole percents, rounded down: 100% is said only of what is whole, 0% only of nothing."""
    percent = math.floor(min(value / maximum, MOST) * 100 + 1e-9)
    if value < maximum:
        percent = min(percent, 99)
    if percent > MOST:
        return f">{MOST:,}%"
    return "<1%" if percent == 0 and value > 0 else f"{percent:,}%"


def paint(chart: Ring) -> Picture:
    """Return the picture of a ring."""
    known = chart.value is not None
    note = f"{shown(chart.value)} of {measured(chart.maximum, chart.unit)}" if chart.value is not None else ""
    words = percentage(chart.value, chart.maximum) if chart.value is not None else NOTHING
    middle = (WIDE / 2, 64 + REACH + 14)
    class_, drop = ("figure ink mid", 11) if known else ("muted mid", 4)
    body = (
        *heading(chart.title, note, WIDE),
        element("circle", class_="arc rail", cx=middle[0], cy=middle[1], r=REACH),
        *_arc(chart, middle, note),
        label(words, middle[0], middle[1] + drop, class_, 2 * REACH - 20, 30 if known else 12),
    )
    return Picture(WIDE, HIGH, body)


def _arc(chart: Ring, middle: tuple[float, float], note: str) -> Iterator[Markup]:
    share = min((chart.value or 0.0) / chart.maximum, 1.0)
    x, y = middle
    if share >= 1:
        yield titled(note, element("circle", class_="arc s0", cx=x, cy=y, r=REACH))
    elif share > 0:
        angle = 2 * math.pi * min(share, ALMOST)
        end = f"{coordinate(x + REACH * math.sin(angle))} {coordinate(y - REACH * math.cos(angle))}"
        d = f"M{coordinate(x)} {coordinate(y - REACH)}A{coordinate(REACH)} {coordinate(REACH)} 0 {int(share > 0.5)} 1 {end}"
        yield titled(note, element("path", class_="arc s0", d=d))
    elif note:
        yield titled(note, element("circle", class_="hit", cx=x, cy=y, r=REACH))
