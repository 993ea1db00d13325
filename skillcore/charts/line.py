"""The line chart: series over labels or days, a target, and a forecast with its band."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator

from msgspec import Struct

from skillcore.charts.figures import LineChart, Series
from skillcore.charts.frame import EDGE, Picture, empty, heading, label, legend, mark, measured, titled
from skillcore.charts.markup import Markup, coordinate, element
from skillcore.charts.scales import Scale, brief, date_ticks, long_date, spread, ticks
from skillcore.charts.text import clean, fit, isolate, width

__all__ = ["paint"]

WIDE, PLOT = 680.0, 220.0
MARKED = 31
"""Up to so many points, each bears its mark; of more, as many at even distances."""

ALONE = 8.0
"""How far a target for a single label reaches to both sides of it."""

Place = tuple[float, float]


class Ground(Struct, frozen=True):
    """Where things lie: the scale of the values, and the coordinate and name of each label, those of the forecast included."""

    scale: Scale
    across: tuple[float, ...]
    names: tuple[str, ...]
    left: float
    right: float


def paint(chart: LineChart) -> Picture:
    """Return the picture of a line chart."""
    if not any(value is not None for series in chart.series for value in series.values):
        return empty(chart.title, WIDE, 200)
    note = "" if chart.unit == "%" else chart.unit
    keys, top = legend(_keys(chart), WIDE, 66 if note else 46)
    ground = _ground(chart, top + 12)
    body = (
        *heading(chart.title, note, WIDE),
        *keys,
        *_axes(chart, ground),
        *_forecast(chart, ground),
        *_target(chart, ground),
        *(shape for number, series in enumerate(chart.series) for shape in _series(chart, ground, number, series)),
        *_last(chart, ground),
    )
    return Picture(WIDE, top + 12 + PLOT + 40, body)


def _sign(chart: LineChart) -> str:
    """Return what stands behind each number of the axis; a longer unit stands under the title."""
    return "%" if chart.unit == "%" else ""


def _keys(chart: LineChart) -> list[tuple[str, str]]:
    keys = [(str(number), series.name) for number, series in enumerate(chart.series)]
    if chart.forecast:
        keys.append(("forecast", f"Forecast ({chart.forecast.cover}%)"))
    if chart.target:
        keys.append(("aim", chart.target.name))
    return keys


def _ground(chart: LineChart, top: float) -> Ground:
    values = [value for series in chart.series for value in series.values if value is not None]
    values += [value for value in chart.target.values if value is not None] if chart.target else []
    values += (*chart.forecast.low, *chart.forecast.high) if chart.forecast else ()
    scale = ticks(values, top + PLOT, top, bounds=chart.bounds)
    left = EDGE + max(width(name + _sign(chart), 12) for _, name in scale.marks) + 10
    ends = [width(brief(value), 12, bold=True) for series in chart.series for value in series.values[-1:] if value is not None]
    right = WIDE - EDGE - (0 if chart.forecast else min(max(ends, default=0) + 8, 120))
    names = chart.all_labels
    if chart.axis == "dates":
        days = [datetime.date.fromisoformat(name) for name in names]
        places = [float((day - days[0]).days) for day in days]
        names = tuple(long_date(day) for day in days)
    else:
        places = [float(place) for place in range(len(names))]
    span = places[-1]
    across = tuple(left + 8 + (right - left - 16) * (place / span if span else 0.5) for place in places)
    return Ground(scale, across, tuple(isolate(clean(name, "unnamed")) for name in names), left, right)


def _axes(chart: LineChart, ground: Ground) -> Iterator[Markup]:
    for value, name in ground.scale.marks:
        y = coordinate(ground.scale.at(value))
        zero = value == 0 and ground.scale.low < 0
        yield element("path", class_="axis" if zero else "grid", d=f"M{coordinate(ground.left)} {y}H{coordinate(ground.right)}")
        yield label(name + _sign(chart), ground.left - 10, ground.scale.at(value) + 4, "muted end", ground.left)
    low = ground.scale.start + 20
    free = 0.0
    for x, name, room in _names(chart, ground):
        middle = min(max(x, EDGE + room / 2), WIDE - EDGE - room / 2)
        if middle - room / 2 >= free:
            yield label(name, middle, low, "muted mid", room + 0.01)
            free = middle + room / 2 + 6


def _names(chart: LineChart, ground: Ground) -> Iterator[tuple[float, str, float]]:
    """Yield what stands under the axis: the place, the name, and how much room it takes."""
    if chart.axis == "dates":
        days = [datetime.date.fromisoformat(name) for name in chart.all_labels]
        span = (days[-1] - days[0]).days
        for day, name in date_ticks(days[0], days[-1], 8):
            part = (day - days[0]).days / span if span else 0.0
            yield ground.across[0] + (ground.across[-1] - ground.across[0]) * part, name, width(name, 12)
        return
    every = max(1, -(-len(ground.across) // 8))
    room = (ground.right - ground.left) / max(1, min(len(ground.across), 8)) - 10
    for x, name in list(zip(ground.across, ground.names, strict=True))[::every]:
        short = fit(name, room, 12)
        yield x, name, width(short, 12)


def _target(chart: LineChart, ground: Ground) -> Iterator[Markup]:
    if chart.target is None:
        return
    values, name = chart.target.values, isolate(clean(chart.target.name, "unnamed"))
    first = values[0]
    if len(values) == 1 and first is not None:
        y = ground.scale.at(first)
        line = element(
            "path", class_="thin aim dash", d=f"M{coordinate(ground.left)} {coordinate(y)}H{coordinate(ground.right)}"
        )
        yield titled(f"{name}: {measured(first, chart.unit)}", line)
        return
    for run in _runs(ground, values):
        # One place alone would be a line without length.
        (x, y), *others = run
        yield element("path", class_="thin aim dash", d=_path(run if others else [(x - ALONE, y), (x + ALONE, y)]))
    for x, day, value in zip(ground.across, ground.names, values, strict=True):
        if value is not None:
            hit = element("circle", class_="hit", cx=x, cy=ground.scale.at(value), r=5)
            yield titled(f"{name}, {day}: {measured(value, chart.unit)}", hit)


def _forecast(chart: LineChart, ground: Ground) -> Iterator[Markup]:
    forecast = chart.forecast
    if forecast is None or not forecast.labels:
        return
    start = len(chart.labels)
    across, scale = ground.across[start:], ground.scale
    known = [(x, scale.at(value)) for x, value in zip(ground.across, chart.series[0].values, strict=False) if value is not None]
    middle = known[-1:] + [(x, scale.at(value)) for x, value in zip(across, forecast.values, strict=True)]
    high = known[-1:] + [(x, scale.at(value)) for x, value in zip(across, forecast.high, strict=True)]
    low = [(x, scale.at(value)) for x, value in zip(across, forecast.low, strict=True)]
    yield element("path", class_="band f0", d=f"{_path([*high, *reversed(low)])}Z")
    yield element("path", class_="line s0 dots", d=_path(middle))
    for x, name, *values in zip(across, ground.names[start:], forecast.values, forecast.low, forecast.high, strict=True):
        value, least, most = (measured(number, chart.unit) for number in values)
        words = f"Forecast, {name}: {value}, between {least} and {most}"
        yield titled(words, element("circle", class_="hit", cx=x, cy=scale.at(values[0]), r=5))


def _series(chart: LineChart, ground: Ground, number: int, series: Series) -> Iterator[Markup]:
    """Yield a series: its line, broken where values are missing, and its points."""
    known = [
        (index, x, ground.scale.at(value), value)
        for index, (x, value) in enumerate(zip(ground.across, series.values, strict=False))
        if value is not None
    ]
    runs = _runs(ground, series.values)
    if len(chart.series) == 1:
        foot = coordinate(ground.scale.at(0))
        for run in runs:
            ends = f"L{coordinate(run[-1][0])} {foot}L{coordinate(run[0][0])} {foot}Z"
            yield element("path", class_="area f0", d=_path(run) + ends)
    for run in runs:
        yield element("path", class_=f"line s{number}", d=_path(run))
    every = max(1, -(-len(known) // MARKED))
    name = isolate(clean(series.name, "unnamed"))
    for rank, (index, x, y, value) in enumerate(known):
        words = f"{name}, {ground.names[index]}: {measured(value, chart.unit)}"
        alone = index - 1 not in {one[0] for one in known[max(rank - 1, 0) : rank]} and (
            rank + 1 == len(known) or known[rank + 1][0] != index + 1
        )
        seen = alone or (len(known) - 1 - rank) % every == 0
        yield titled(words, mark(number, x, y) if seen else element("circle", class_="hit", cx=x, cy=y, r=5))


def _runs(ground: Ground, values: Iterable[float | None]) -> list[list[Place]]:
    """Return where values stand, apart where some are missing between them."""
    runs: list[list[Place]] = []
    goes_on = False
    for x, value in zip(ground.across, values, strict=False):
        if value is not None:
            if not goes_on:
                runs.append([])
            runs[-1].append((x, ground.scale.at(value)))
        goes_on = value is not None
    return runs


def _last(chart: LineChart, ground: Ground) -> Iterator[Markup]:
    """Yield the last values beside the lines' ends, moved apart where they would touch. A forecast needs their place."""
    if chart.forecast:
        return
    ends = [value for series in chart.series for value in series.values[-1:] if value is not None]
    places = spread([ground.scale.at(value) for value in ends], 15, ground.scale.end, ground.scale.start)
    for value, y in zip(ends, places, strict=True):
        yield label(brief(value), ground.right + 4, y + 4, "strong ink", WIDE - ground.right - 4)


def _path(places: list[Place]) -> str:
    return "M" + "L".join(f"{coordinate(x)} {coordinate(y)}" for x, y in places)
