"""What can be drawn: the data of each chart, as it comes in and as it is served."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from itertools import pairwise
from typing import Annotated, Literal

from msgspec import Meta, Struct

from skillcore.charts.paths import check_path

__all__ = [
    "Bars",
    "Card",
    "CardSkill",
    "Chart",
    "Day",
    "Forecast",
    "Heatmap",
    "LineChart",
    "MindMap",
    "Radar",
    "Ring",
    "Series",
    "Sparkline",
    "State",
    "Target",
    "Topic",
]

LARGEST = 1e15
"""Beyond it neighbouring numbers can no longer be told apart on an axis."""

SERIES = 6
POINTS = 400
AXES = 16
BARS = 60
TOPICS = 120
DAYS = 371


State = Literal["done", "current", "open", "locked"]

Text = Annotated[str, Meta(max_length=500)]
Number = Annotated[float, Meta(ge=-LARGEST, le=LARGEST)]
Amount = Annotated[float, Meta(ge=0, le=LARGEST)]
Values = Annotated[tuple[Number | None, ...], Meta(max_length=POINTS)]
Labels = Annotated[tuple[Text, ...], Meta(max_length=POINTS)]


class Series(Struct, frozen=True, forbid_unknown_fields=True):
    """Values under a name, one for each label; None where there is none."""

    name: Text
    values: Values

    def __post_init__(self) -> None:
        _numbers(self.values)


class Target(Struct, frozen=True, forbid_unknown_fields=True):
    """What is aimed at: one value for all labels, or for each, those of the forecast included, one or None."""

    values: Annotated[tuple[Number | None, ...], Meta(min_length=1, max_length=2 * POINTS)]
    name: Text = "Target"

    def __post_init__(self) -> None:
        _numbers(self.values)
        _require(any(value is not None for value in self.values), "a target needs a value")


class Forecast(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the first series is expected to go, behind its last label.

    Attributes:
        labels: the labels that follow.
        values: the expectation at each.
        low: the lower end of the band at each.
        high: the upper end of the band at each.
        cover: how many of a hundred outcomes the band is meant to hold.
    """

    labels: Labels
    values: Annotated[tuple[Number, ...], Meta(max_length=POINTS)]
    low: Annotated[tuple[Number, ...], Meta(max_length=POINTS)]
    high: Annotated[tuple[Number, ...], Meta(max_length=POINTS)]
    cover: Annotated[int, Meta(ge=1, le=99)] = 80

    def __post_init__(self) -> None:
        for values in (self.values, self.low, self.high):
            _numbers(values)
            _require(len(values) == len(self.labels), "a forecast needs a value, a low and a high for each of its labels")
        _require(1 <= self.cover <= 99, "a band covers between 1 and 99 of a hundred")
        ordered = all(low <= value <= high for low, value, high in zip(self.low, self.values, self.high, strict=True))
        _require(ordered, "a forecast lies within its band")


class Figure(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="chart"):
    """What every chart has: a title, and the word for what is counted."""

    title: Text
    unit: Annotated[str, Meta(max_length=40)] = ""


class LineChart(Figure, frozen=True, kw_only=True, tag="line"):
    """Up to six series over labels or days.

    Attributes:
        labels: names of the points; ISO dates in order where `axis` is ``dates``, which stand apart as the days do.
        series: what is drawn.
        axis: what the labels are.
        target: what is aimed at.
        forecast: where the first series is expected to go.
        bounds: lower and upper end of the scale; values outside stretch it. None: as the values need it.
    """

    labels: Labels = ()
    series: Annotated[tuple[Series, ...], Meta(max_length=SERIES)] = ()
    axis: Literal["labels", "dates"] = "labels"
    target: Target | None = None
    forecast: Forecast | None = None
    bounds: tuple[Number, Number] | None = None

    def __post_init__(self) -> None:
        _series(self.labels, self.series, POINTS)
        _bounds(self.bounds)
        _require(self.forecast is None or bool(self.series and self.labels), "a forecast goes on from a series")
        if self.target is not None:
            fitting = {1, len(self.all_labels)}
            _require(len(self.target.values) in fitting, "a target has one value, or one for each label and forecast label")
        if self.axis == "dates":
            days = [_day(label) for label in self.all_labels]
            _require(all(one < other for one, other in pairwise(days)), "dates come in order, each once")

    @property
    def all_labels(self) -> tuple[str, ...]:
        """The labels with those of the forecast."""
        return self.labels + (self.forecast.labels if self.forecast else ())


class Radar(Figure, frozen=True, kw_only=True, tag="radar"):
    """Up to six series over the same axes, from 0 to `maximum`; what lies outside is drawn at the edge."""

    labels: Annotated[tuple[Text, ...], Meta(max_length=AXES)] = ()
    series: Annotated[tuple[Series, ...], Meta(max_length=SERIES)] = ()
    maximum: Annotated[float, Meta(gt=0, le=LARGEST)] = 100.0

    def __post_init__(self) -> None:
        _series(self.labels, self.series, AXES)
        _positive(self.maximum)


class Bars(Figure, frozen=True, kw_only=True, tag="bars"):
    """Up to six values for each label, as lying bars from zero."""

    labels: Annotated[tuple[Text, ...], Meta(max_length=BARS)] = ()
    series: Annotated[tuple[Series, ...], Meta(max_length=SERIES)] = ()
    bounds: tuple[Number, Number] | None = None

    def __post_init__(self) -> None:
        _series(self.labels, self.series, BARS)
        _bounds(self.bounds)


class Sparkline(Figure, frozen=True, kw_only=True, tag="sparkline"):
    """A line in the size of a word, without axes."""

    values: Annotated[tuple[Number, ...], Meta(max_length=POINTS)] = ()

    def __post_init__(self) -> None:
        _numbers(self.values)
        _require(len(self.values) <= POINTS, f"at most {POINTS} values are drawn")


class Ring(Figure, frozen=True, kw_only=True, tag="ring"):
    """How much of a whole is reached; None where nothing is known yet. More than the whole fills the ring."""

    value: Amount | None = None
    maximum: Annotated[float, Meta(gt=0, le=LARGEST)] = 100.0

    def __post_init__(self) -> None:
        _amounts((self.value,))
        _positive(self.maximum)


class Day(Struct, frozen=True, forbid_unknown_fields=True):
    """What a day holds."""

    date: datetime.date
    value: Amount


class Heatmap(Figure, frozen=True, kw_only=True, tag="heatmap"):
    """A calendar of weeks, each day in one of five levels; up to 371 days.

    Attributes:
        first: the first day shown.
        last: the last day shown.
        days: what days hold, in any order; one that isn't named holds nothing.
        steps: where the levels medium, high and peak begin. None: at the quartiles of the days that hold something.
        week_start: the day on which weeks begin.
    """

    first: datetime.date
    last: datetime.date
    days: Annotated[tuple[Day, ...], Meta(max_length=DAYS)] = ()
    steps: tuple[Amount, Amount, Amount] | None = None
    week_start: Literal["monday", "saturday", "sunday"] = "monday"

    def __post_init__(self) -> None:
        _require(self.first.year > 1 and self.last.year < 9999, "a calendar lies between the years 2 and 9998")
        _require(0 <= (self.last - self.first).days < DAYS, f"a calendar shows between 1 and {DAYS} days")
        _amounts(day.value for day in self.days)
        _require(len({day.date for day in self.days}) == len(self.days), "each day is named once")
        _require(all(self.first <= day.date <= self.last for day in self.days), "days lie between the first and the last")
        if self.steps is not None:
            _amounts(self.steps)
            _require(0 < self.steps[0] < self.steps[1] < self.steps[2], "steps rise, and begin above 0")


class Topic(Struct, frozen=True, forbid_unknown_fields=True):
    """A topic of a learning path; `requires` names others by their ids."""

    id: Text
    name: Text
    state: State
    requires: Annotated[tuple[Text, ...], Meta(max_length=TOPICS)] = ()


class MindMap(Figure, frozen=True, kw_only=True, tag="mindmap"):
    """The topics of a learning path with what they require; up to 120."""

    topics: Annotated[tuple[Topic, ...], Meta(max_length=TOPICS)] = ()

    def __post_init__(self) -> None:
        _require(len(self.topics) <= TOPICS, f"at most {TOPICS} topics are drawn")
        _require(len({topic.id for topic in self.topics}) == len(self.topics), "each topic has an id of its own")
        check_path({topic.id: topic.requires for topic in self.topics})


class CardSkill(Struct, frozen=True, forbid_unknown_fields=True):
    """A skill on a card, with its level."""

    name: Text
    level: Amount

    def __post_init__(self) -> None:
        _amounts((self.level,))


class Card(Figure, frozen=True, kw_only=True, tag="card"):
    """A small public card of a person, to be embedded elsewhere.

    Attributes:
        title: the person's name, as they show it.
        level: the level that all evidence gives; None where there is none yet.
        shows_level: whether there is a word on the level at all; not where its person keeps it for themselves.
        history: the level over time, oldest first.
        skills: the strongest skills, at most five.
        works: how many pieces of work were verified.
        as_of: the day of which this holds.
    """

    level: Amount | None = None
    shows_level: bool = True
    history: Annotated[tuple[Amount, ...], Meta(max_length=POINTS)] = ()
    skills: Annotated[tuple[CardSkill, ...], Meta(max_length=5)] = ()
    works: Annotated[int, Meta(ge=0, le=10**9)] | None = None
    as_of: datetime.date | None = None

    def __post_init__(self) -> None:
        _amounts((self.level, *self.history))
        _require(len(self.history) <= POINTS, f"at most {POINTS} values are drawn")
        _require(self.shows_level or (self.level is None and not self.history), "a level that is not shown is not given")
        _require(len(self.skills) <= 5, "a card shows at most five skills")
        _require(self.works is None or 0 <= self.works <= 10**9, "a card counts between 0 and 10⁹ works")


Chart = LineChart | Radar | Bars | Sparkline | Ring | Heatmap | MindMap | Card


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)


def _numbers(values: Iterable[float | None]) -> None:
    for value in values:
        # Nothing compares with NaN, so that it is refused too.
        if value is not None and not abs(value) <= LARGEST:
            raise ValueError(f"{value} is no number between -10¹⁵ and 10¹⁵")


def _amounts(values: Iterable[float | None]) -> None:
    for value in values:
        _numbers((value,))
        if value is not None and value < 0:
            raise ValueError(f"{value} is below 0")


def _positive(value: float) -> None:
    _numbers((value,))
    _require(value > 0, f"{value} is not above 0")


def _bounds(bounds: tuple[float, float] | None) -> None:
    if bounds is not None:
        _numbers(bounds)
        _require(bounds[0] < bounds[1], "the lower bound lies below the upper one")


def _series(labels: tuple[str, ...], series: tuple[Series, ...], most: int) -> None:
    _require(len(labels) <= most, f"at most {most} labels are drawn")
    _require(len(series) <= SERIES, f"at most {SERIES} series are drawn")
    for one in series:
        _require(len(one.values) == len(labels), f"the series {one.name!r} has not one value for each label")


def _day(label: str) -> datetime.date:
    try:
        day = datetime.date.fromisoformat(label)
    except ValueError:
        day = None
    if day is None or day.isoformat() != label:
        raise ValueError(f"{label!r} is no date like 2026-03-01")
    return day
