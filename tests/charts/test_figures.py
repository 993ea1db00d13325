"""What can't be drawn honestly is refused, with the value or the name in the message."""

import datetime

import msgspec
import pytest

from skillcore.charts import (
    Bars,
    Card,
    CardSkill,
    Chart,
    Day,
    Forecast,
    Heatmap,
    LineChart,
    MindMap,
    Radar,
    Ring,
    Series,
    Sparkline,
    Target,
    Topic,
)
from tests.charts.examples import examples

MONDAY = datetime.date(2026, 3, 2)
NAN, INFINITE = float("nan"), float("inf")


def line(**fields):
    return LineChart(**{"title": "A", "labels": ("2026-03-01", "2026-03-02"), "series": (Series("B", (1.0, 2.0)),), **fields})


def calendar(**fields):
    return Heatmap(**{"title": "A", "first": MONDAY, "last": MONDAY, **fields})


def path(*topics):
    return MindMap(title="A", topics=tuple(Topic(name, name, "open", requires) for name, *requires in topics))


@pytest.mark.parametrize("value", [NAN, INFINITE, -INFINITE, 1.1e15, -1.1e15])
@pytest.mark.parametrize(
    "make",
    [
        lambda value: Series("A", (1.0, value)),
        lambda value: Target((value,)),
        lambda value: Forecast(("1",), (value,), (0.0,), (1.0,)),
        lambda value: Forecast(("1",), (0.0,), (value,), (1.0,)),
        lambda value: Forecast(("1",), (0.0,), (0.0,), (value,)),
        lambda value: line(bounds=(0.0, value)),
        lambda value: line(bounds=(value, 0.0)),
        lambda value: Radar(title="A", maximum=value),
        lambda value: Ring(title="A", value=value),
        lambda value: Ring(title="A", maximum=value),
        lambda value: Sparkline(title="A", values=(value,)),
        lambda value: calendar(days=(Day(MONDAY, value),)),
        lambda value: calendar(steps=(1.0, 2.0, value)),
        lambda value: Card(title="A", level=value),
        lambda value: Card(title="A", history=(value,)),
        lambda value: CardSkill("A", value),
        lambda value: Bars(title="A", bounds=(0.0, value)),
    ],
)
def test_what_is_no_number_is_refused(make, value):
    with pytest.raises(ValueError, match="is no number between"):
        make(value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: line(series=(Series("short", (1.0,)),)), "'short' has not one value for each label"),
        (lambda: line(series=(Series("B", (1.0, 2.0)),) * 7), "at most 6 series"),
        (lambda: LineChart(title="A", labels=("1",) * 401), "at most 400 labels"),
        (lambda: Radar(title="A", labels=("1",) * 17), "at most 16 labels"),
        (lambda: Bars(title="A", labels=("1",) * 61), "at most 60 labels"),
        (lambda: Sparkline(title="A", values=(1.0,) * 401), "at most 400 values"),
        (lambda: line(bounds=(1.0, 1.0)), "the lower bound lies below"),
        (lambda: Bars(title="A", bounds=(2.0, 1.0)), "the lower bound lies below"),
        (lambda: Target(()), "a target needs a value"),
        (lambda: Target((None, None)), "a target needs a value"),
        (lambda: line(target=Target((1.0,) * 3)), "one value, or one for each label"),
        (lambda: line(labels=("2026-03-02", "2026-03-01"), axis="dates"), "dates come in order"),
        (lambda: line(labels=("2026-03-02", "2026-03-02"), axis="dates"), "dates come in order"),
        (lambda: line(labels=("2026-03-02", "20260303"), axis="dates"), "'20260303' is no date like"),
        (lambda: line(labels=("2026-03-02", "tomorrow"), axis="dates"), "'tomorrow' is no date like"),
        (
            lambda: line(axis="dates", forecast=Forecast(("2026-03-02",), (1.0,), (1.0,), (1.0,))),
            "dates come in order",
        ),
        (lambda: LineChart(title="A", forecast=Forecast((), (), (), ())), "goes on from a series"),
        (lambda: Forecast(("1",), (1.0, 2.0), (1.0,), (1.0,)), "a value, a low and a high"),
        (lambda: Forecast(("1",), (3.0,), (1.0,), (2.0,)), "lies within its band"),
        (lambda: Forecast(("1",), (0.0,), (1.0,), (2.0,)), "lies within its band"),
        (lambda: Forecast(("1",), (1.0,), (1.0,), (1.0,), 100), "between 1 and 99"),
        (lambda: Radar(title="A", maximum=0.0), "is not above 0"),
        (lambda: Ring(title="A", maximum=0.0), "is not above 0"),
        (lambda: Ring(title="A", value=-1.0), "-1.0 is below 0"),
        (lambda: Card(title="A", level=-1.0), "-1.0 is below 0"),
        (lambda: Card(title="A", skills=(CardSkill("B", 1.0),) * 6), "at most five skills"),
        (lambda: Card(title="A", level=1.0, shows_level=False), "not shown is not given"),
        (lambda: Card(title="A", history=(1.0,), shows_level=False), "not shown is not given"),
        (lambda: Card(title="A", works=-1), "between 0 and"),
        (lambda: calendar(days=(Day(MONDAY, -0.5),)), "-0.5 is below 0"),
        (lambda: calendar(days=(Day(MONDAY, 1.0), Day(MONDAY, 2.0))), "named once"),
        (lambda: calendar(days=(Day(datetime.date(2026, 3, 3), 1.0),)), "between the first and the last"),
        (lambda: calendar(last=datetime.date(2026, 3, 1)), "between 1 and 371 days"),
        (lambda: calendar(last=datetime.date(2027, 3, 8)), "between 1 and 371 days"),
        (lambda: calendar(first=datetime.date.max, last=datetime.date.max), "between the years"),
        (lambda: calendar(first=datetime.date.min, last=datetime.date.min), "between the years"),
        (lambda: calendar(steps=(0.0, 1.0, 2.0)), "steps rise"),
        (lambda: calendar(steps=(1.0, 1.0, 2.0)), "steps rise"),
        (lambda: path("a", "a"), "an id of its own"),
        (lambda: path(("a", "b")), "'a' requires 'b', which is no topic here"),
        (lambda: path(("a", "a")), "'a' → 'a'"),
        (lambda: path("x", ("a", "x", "c"), ("b", "a"), ("c", "b"), ("d", "c")), "'a' → 'c' → 'b' → 'a'"),
        (lambda: MindMap(title="A", topics=tuple(Topic(str(n), "A", "open") for n in range(121))), "at most 120 topics"),
    ],
)
def test_what_does_not_fit_together_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("name", examples())
def test_a_chart_goes_through_json_unchanged(name):
    chart = examples()[name]
    assert msgspec.json.decode(msgspec.json.encode(chart), type=Chart) == chart


@pytest.mark.parametrize(
    "text",
    [
        '{"chart": "ring", "title": "A", "value": -1}',
        '{"chart": "ring", "title": "A", "surplus": 1}',
        '{"chart": "pie", "title": "A"}',
        '{"title": "A"}',
        '{"chart": "sparkline", "title": "A", "values": [null]}',
        '{"chart": "mindmap", "title": "A", "topics": [{"id": "a", "name": "A", "state": "lost"}]}',
        '{"chart": "line", "title": "A", "labels": ["x"], "series": [{"name": "B", "values": []}]}',
    ],
)
def test_json_that_is_no_chart_is_refused(text):
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=Chart)
