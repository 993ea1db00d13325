"""The same data in the shape that Chart.js takes: labels and datasets, for those who draw themselves."""

from __future__ import annotations

import datetime

from msgspec import Struct

from skillcore.charts.figures import Bars, Heatmap, LineChart, Radar
from skillcore.charts.frame import measured
from skillcore.charts.heatmap import LEVELS, Level, level, steps
from skillcore.charts.palette import LIGHT

__all__ = ["CalendarData", "CalendarDay", "ChartData", "Dataset", "as_calendar", "as_chartjs"]


class Dataset(Struct, frozen=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True):
    """A series as Chart.js takes it; the fields are Chart.js's own."""

    label: str
    data: tuple[float | None, ...]
    border_color: str
    background_color: str | None = None
    point_background_color: str | None = None
    border_dash: tuple[int, ...] = ()
    tension: float = 0.0
    fill: str | bool = False


class ChartData(Struct, frozen=True, forbid_unknown_fields=True):
    """What Chart.js takes as ``data`` of a line chart, a radar or bars."""

    labels: tuple[str, ...]
    datasets: tuple[Dataset, ...]


class CalendarDay(Struct, frozen=True, forbid_unknown_fields=True):
    """A day of a heatmap; `tooltip` is what to show over it."""

    date: str
    value: float
    level: Level
    tooltip: str


class CalendarData(Struct, frozen=True, forbid_unknown_fields=True):
    """The days of a heatmap in their order, and the colours of the five levels."""

    data: tuple[CalendarDay, ...]
    colors: dict[str, str]


def as_chartjs(chart: LineChart | Radar | Bars) -> ChartData:
    """Return a chart as labels and datasets. Target and forecast are datasets too, the band between the last two."""
    if not isinstance(chart, LineChart):
        round_ = isinstance(chart, Radar)
        names = enumerate(chart.series)
        return ChartData(
            chart.labels, tuple(_dataset(number, one.name, one.values, filled=True, dots=round_) for number, one in names)
        )
    ahead = len(chart.all_labels) - len(chart.labels)
    none: tuple[None, ...] = (None,) * len(chart.labels)
    datasets = [_dataset(number, one.name, (*one.values, *(None,) * ahead)) for number, one in enumerate(chart.series)]
    if chart.target:
        values = chart.target.values if len(chart.target.values) > 1 else chart.target.values * len(chart.all_labels)
        datasets.append(Dataset(chart.target.name, values, rgb(LIGHT.muted), border_dash=(5, 5)))
    if chart.forecast:
        colour, band = rgb(LIGHT.series[0]), rgb(LIGHT.series[0], 0.16)
        datasets += [
            Dataset("Forecast", (*none, *chart.forecast.values), colour, border_dash=(1, 5)),
            Dataset("Forecast, low", (*none, *chart.forecast.low), band),
            Dataset("Forecast, high", (*none, *chart.forecast.high), band, background_color=band, fill="-1"),
        ]
    return ChartData(chart.all_labels, tuple(datasets))


def _dataset(number: int, name: str, values: tuple[float | None, ...], *, filled: bool = False, dots: bool = False) -> Dataset:
    colour = LIGHT.series[number]
    return Dataset(
        name,
        values,
        rgb(colour),
        background_color=rgb(colour, 0.2) if filled else None,
        point_background_color=rgb(colour) if dots else None,
    )


def as_calendar(chart: Heatmap) -> CalendarData:
    """Return a heatmap's days, those without anything included, and its colours."""
    values = {day.date: day.value for day in chart.days}
    begins = steps(chart)
    days = []
    for number in range((chart.last - chart.first).days + 1):
        day = chart.first + datetime.timedelta(days=number)
        value = values.get(day, 0.0)
        words = f"{day.isoformat()}: {measured(value, chart.unit)}"
        days.append(CalendarDay(day.isoformat(), value, LEVELS[level(value, begins)], words))
    return CalendarData(tuple(days), dict(zip(LEVELS, (LIGHT.track, *LIGHT.levels), strict=True)))


def rgb(colour: str, alpha: float | None = None) -> str:
    """Return a colour ``#rrggbb`` as ``rgb(…)`` or ``rgba(…)``."""
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgb({red}, {green}, {blue})" if alpha is None else f"rgba({red}, {green}, {blue}, {alpha})"
