"""What a chart says, in words and numbers: the source of its description and of the table beside it."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from typing import assert_never

from msgspec import Struct

from skillcore.charts.card import footnote
from skillcore.charts.figures import Bars, Card, Chart, Heatmap, LineChart, MindMap, Radar, Ring, Series, Sparkline
from skillcore.charts.frame import NOTHING, measured
from skillcore.charts.heatmap import LEVELS, level, steps
from skillcore.charts.mindmap import STATES
from skillcore.charts.ring import percentage
from skillcore.charts.scales import long_date, shown
from skillcore.charts.text import clean

__all__ = ["Facts", "facts"]


class Facts(Struct, frozen=True):
    """A summary, and rows under the names of their columns; the first cell of a row names it.

    `sentences` say the rows in the description, where that can be said shorter than row by row.
    """

    summary: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    sentences: tuple[str, ...] | None = None


def facts(chart: Chart) -> Facts:
    """Return what a chart says."""
    match chart:
        case LineChart():
            told = _line(chart)
        case Radar() | Bars():
            told = _compared(chart)
        case Sparkline():
            told = _sparkline(chart)
        case Ring():
            told = _ring(chart)
        case Heatmap():
            told = _heatmap(chart)
        case MindMap():
            told = _mindmap(chart)
        case Card():
            told = _card(chart)
        case _:
            assert_never(chart)
    return told


def _named(text: str) -> str:
    return clean(text, "unnamed")


def _cell(value: float | None, unit: str) -> str:
    return "" if value is None else measured(value, unit)


def _course(values: Sequence[float | None], unit: str) -> str:
    """Return from where to where values go, and between which ends."""
    known = [value for value in values if value is not None]
    if not known:
        return NOTHING
    if len(known) == 1:
        return measured(known[0], unit)
    ends = f"between {shown(min(known))} and {shown(max(known))}"
    return f"from {shown(known[0])} to {measured(known[-1], unit)}, {ends}"


def _aim(values: Sequence[float | None], unit: str) -> str:
    """Return what is aimed at in the end, and that it is given up where it is."""
    *_, last = (value for value in values if value is not None)
    return f"{measured(last, unit)}{', then none' if values[-1] is None else ''}"


def _line(chart: LineChart) -> Facts:
    columns = ["Date" if chart.axis == "dates" else "Label", *(_named(series.name) for series in chart.series)]
    cells = [[_cell(value, chart.unit) for value in series.values] for series in chart.series]
    said = [f"{_named(series.name)}: {_course(series.values, chart.unit)}" for series in chart.series]
    count, ahead = len(chart.labels), len(chart.forecast.labels) if chart.forecast else 0
    cells = [[*column, *[""] * ahead] for column in cells]
    if chart.target:
        values = chart.target.values if len(chart.target.values) > 1 else chart.target.values * (count + ahead)
        columns.append(_named(chart.target.name))
        cells.append([_cell(value, chart.unit) for value in values])
        said.append(f"{_named(chart.target.name)}: {_aim(chart.target.values, chart.unit)}")
    if chart.forecast:
        for name, values in (("Forecast", chart.forecast.values), ("Low", chart.forecast.low), ("High", chart.forecast.high)):
            columns.append(name)
            cells.append([""] * count + [_cell(value, chart.unit) for value in values])
        said.append(
            f"Forecast: {_course(chart.forecast.values, chart.unit)}, {chart.forecast.cover} of 100 between low and high"
        )
    dates = chart.axis == "dates"
    names = [long_date(datetime.date.fromisoformat(name)) if dates else _named(name) for name in chart.all_labels]
    return Facts("; ".join(said) or NOTHING, tuple(columns), tuple(zip(names, *cells, strict=True)))


def _compared(chart: Radar | Bars) -> Facts:
    columns = ("Label", *(_named(series.name) for series in chart.series))
    cells = [[_cell(value, chart.unit) for value in series.values] for series in chart.series]
    said = [f"{_named(series.name)}: {_extremes(chart.labels, series, chart.unit)}" for series in chart.series]
    rows = tuple(zip(map(_named, chart.labels), *cells, strict=True))
    return Facts("; ".join(said) or NOTHING, columns, rows)


def _extremes(labels: Sequence[str], series: Series, unit: str) -> str:
    known = [(value, label) for value, label in zip(series.values, labels, strict=True) if value is not None]
    if not known:
        return NOTHING
    most, least = max(known, key=lambda one: one[0]), min(known, key=lambda one: one[0])
    if len(known) == 1:
        return f"{_named(most[1])} {measured(most[0], unit)}"
    return f"most {_named(most[1])} with {measured(most[0], unit)}, least {_named(least[1])} with {measured(least[0], unit)}"


def _sparkline(chart: Sparkline) -> Facts:
    rows = tuple((str(number), measured(value, chart.unit)) for number, value in enumerate(chart.values, start=1))
    return Facts(_course(chart.values, chart.unit), ("Number", "Value"), rows)


def _ring(chart: Ring) -> Facts:
    whole = measured(chart.maximum, chart.unit)
    if chart.value is None:
        return Facts(NOTHING, ("Reached", "Whole", "Share"), (("", whole, ""),))
    share = percentage(chart.value, chart.maximum)
    reached = measured(chart.value, chart.unit)
    return Facts(f"{share}: {reached} of {whole}", ("Reached", "Whole", "Share"), ((reached, whole, share),))


def _heatmap(chart: Heatmap) -> Facts:
    held = sorted((day for day in chart.days if day.value > 0), key=lambda day: day.date)
    values = {day.date: day.value for day in held}
    begins = steps(chart)
    days = [chart.first + datetime.timedelta(days=number) for number in range((chart.last - chart.first).days + 1)]
    rows = tuple(
        (long_date(day), measured(values.get(day, 0.0), chart.unit), LEVELS[level(values.get(day, 0.0), begins)])
        for day in days
    )
    summary = f"{long_date(chart.first)} to {long_date(chart.last)}: "
    if held:
        best = max(held, key=lambda day: day.value)
        total, most = measured(math.fsum(day.value for day in held), chart.unit), measured(best.value, chart.unit)
        summary += f"{len(held)} of {len(days)} days with {total}, most on {long_date(best.date)} with {most}"
    else:
        summary += NOTHING
    # Days without anything are the rest: hundreds of them would bury the others.
    sentences = tuple(f"{day}: {value}, {word}" for day, value, word in rows if word != LEVELS[0])
    return Facts(summary, ("Date", "Value", "Level"), rows, sentences)


def _mindmap(chart: MindMap) -> Facts:
    names = {topic.id: _named(topic.name) for topic in chart.topics}
    rows = tuple(
        (names[topic.id], STATES[topic.state], ", ".join(names[other] for other in topic.requires)) for topic in chart.topics
    )
    counts = ", ".join(
        f"{sum(topic.state == state for topic in chart.topics)} {name.lower()}" for state, name in STATES.items()
    )
    return Facts(f"{len(rows)} topics: {counts}" if rows else NOTHING, ("Topic", "State", "Requires"), rows)


def _card(chart: Card) -> Facts:
    rows = [("Level", _cell(chart.level, chart.unit))] if chart.shows_level else []
    rows += [(_named(skill.name), measured(skill.level, chart.unit)) for skill in chart.skills]
    rows += [
        (f"Level {number} of {len(chart.history)}", measured(value, chart.unit))
        for number, value in enumerate(chart.history, 1)
    ]
    level = NOTHING if chart.level is None else f"Level {measured(chart.level, chart.unit)}"
    said = [level if chart.shows_level else "", footnote(chart)]
    return Facts("; ".join(part for part in said if part) or NOTHING, ("What", "Value"), tuple(rows))
