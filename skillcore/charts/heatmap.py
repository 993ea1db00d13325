"""The heatmap: a calendar of weeks, in which each day stands in one of five levels."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator
from typing import Literal

from skillcore.charts.figures import Heatmap
from skillcore.charts.frame import EDGE, NOTHING, Picture, heading, label, measured, titled
from skillcore.charts.markup import Markup, element
from skillcore.charts.scales import MONTHS, long_date
from skillcore.charts.text import width

__all__ = ["LEVELS", "WEEKDAYS", "Level", "level", "paint", "steps"]

Level = Literal["empty", "low", "medium", "high", "peak"]
LEVELS: tuple[Level, ...] = ("empty", "low", "medium", "high", "peak")
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
FIRST = {"monday": 0, "saturday": 5, "sunday": 6}

TILE, PITCH = 12.0, 15.0
SIZES = (0.0, 6.0, 8.0, 10.0, 12.0)
"""The side of the mark in a tile, by level: levels differ in size as well as in colour."""

LEFT, TOP = EDGE + 36.0, 88.0
NARROWEST = 360.0


def steps(chart: Heatmap) -> tuple[float, float, float]:
    """Return where medium, high and peak begin: as given, else the quartiles of the days that hold something.

    A quartile is the least value that a quarter, half or three quarters of those days don't exceed; a day belongs to the
    levels above only where it exceeds it, so that equal days are equal.
    """
    if chart.steps is not None:
        return chart.steps
    held = sorted(day.value for day in chart.days if day.value > 0)
    if not held:
        return (1.0, 2.0, 3.0)
    one, two, three = (math.nextafter(held[-(-len(held) * quarter // 4) - 1], math.inf) for quarter in (1, 2, 3))
    return one, two, three


def level(value: float, begins: tuple[float, float, float]) -> int:
    """Return a day's level, 0 to 4; only nothing at all is empty."""
    return 0 if value <= 0 else 1 + sum(value >= begin for begin in begins)


def paint(chart: Heatmap) -> Picture:
    """Return the picture of a calendar."""
    weeks = _week(chart, chart.last) + 1
    wide = max(NARROWEST, LEFT + weeks * PITCH + EDGE)
    high = TOP + 7 * PITCH + 42
    note = f"{long_date(chart.first)} to {long_date(chart.last)}"
    if not any(day.value > 0 for day in chart.days):
        note = f"{note} · {NOTHING}"
    body = (*heading(chart.title, note, wide), *_names(chart, weeks), *_tiles(chart), *_key(wide, high))
    return Picture(wide, high, body)


def _weekday(chart: Heatmap, day: datetime.date) -> int:
    """Return a day's row."""
    return (day.weekday() - FIRST[chart.week_start]) % 7


def _week(chart: Heatmap, day: datetime.date) -> int:
    """Return a day's column."""
    return ((day - chart.first).days + _weekday(chart, chart.first)) // 7


def _names(chart: Heatmap, weeks: int) -> Iterator[Markup]:
    """Yield the names of every other weekday, and of each month above the week in which it begins."""
    for row in (0, 2, 4):
        name = WEEKDAYS[(row + FIRST[chart.week_start]) % 7]
        yield label(name, EDGE, TOP + row * PITCH + 10, "muted", 34)
    free = LEFT
    for week in range(weeks):
        day = chart.first + datetime.timedelta(days=7 * week - (_weekday(chart, chart.first) if week else 0))
        days = [day + datetime.timedelta(days=number) for number in range(7) if (day - chart.last).days + number <= 0]
        begins = next((one for one in days if one.day == 1), days[0] if week == 0 else None)
        if begins is None:
            continue
        x, name = LEFT + week * PITCH, MONTHS[begins.month - 1]
        if week == 0 and begins.day > 1 and _soon(chart, begins):
            continue
        if x >= free and x + width(name, 12) <= max(NARROWEST, LEFT + weeks * PITCH + EDGE):
            yield label(name, x, TOP - 8, "muted", 40)
            free = x + width(name, 12) + 6


def _soon(chart: Heatmap, day: datetime.date) -> bool:
    """Tell whether the next month begins so soon that its name needs the place."""
    following = (day.replace(day=1) + datetime.timedelta(days=32)).replace(day=1)
    return following <= chart.last and _week(chart, following) < 3


def _tiles(chart: Heatmap) -> Iterator[Markup]:
    values = {day.date: day.value for day in chart.days}
    begins = steps(chart)
    for number in range((chart.last - chart.first).days + 1):
        day = chart.first + datetime.timedelta(days=number)
        value = values.get(day, 0.0)
        x, y = LEFT + _week(chart, day) * PITCH, TOP + _weekday(chart, day) * PITCH
        yield titled(f"{long_date(day)}: {measured(value, chart.unit)}", *_tile(level(value, begins), x, y))


def _tile(level: int, x: float, y: float) -> Iterator[Markup]:
    yield element("rect", class_="track", x=x, y=y, width=TILE, height=TILE, rx=3)
    if level:
        side = SIZES[level]
        inset = (TILE - side) / 2
        yield element("rect", class_=f"l{level}", x=x + inset, y=y + inset, width=side, height=side, rx=side / 4)


def _key(wide: float, high: float) -> Iterator[Markup]:
    """Yield the levels in their order, at the lower right."""
    y = high - 30
    x = wide - EDGE - width("More", 12) - 8 - len(LEVELS) * PITCH
    yield label("Less", x - 8, y + 10, "muted end", 60)
    for number, name in enumerate(LEVELS):
        yield titled(name, *_tile(number, x + number * PITCH, y))
    yield label("More", wide - EDGE, y + 10, "muted end", 60)
