"""The shape that Chart.js takes."""

import datetime

import msgspec

from skillcore.charts import Bars, Day, Forecast, Heatmap, LineChart, Radar, Series, Target, as_calendar, as_chartjs


def plain(data):
    return msgspec.json.decode(msgspec.json.encode(data))


def test_a_line_is_labels_and_datasets():
    chart = LineChart(title="A", labels=("a", "b"), series=(Series("Overall", (1.0, None)),))
    assert plain(as_chartjs(chart)) == {
        "labels": ["a", "b"],
        "datasets": [{"label": "Overall", "data": [1.0, None], "borderColor": "rgb(43, 95, 208)"}],
    }


def test_target_and_forecast_are_datasets_over_all_labels():
    chart = LineChart(
        title="A",
        labels=("a", "b"),
        series=(Series("Overall", (1.0, 2.0)),),
        target=Target((5.0,), "Goal"),
        forecast=Forecast(("c",), (3.0,), (2.5,), (4.0,)),
    )
    data = plain(as_chartjs(chart))
    assert data["labels"] == ["a", "b", "c"]
    assert [(one["label"], one["data"]) for one in data["datasets"]] == [
        ("Overall", [1.0, 2.0, None]),
        ("Goal", [5.0, 5.0, 5.0]),
        ("Forecast", [None, None, 3.0]),
        ("Forecast, low", [None, None, 2.5]),
        ("Forecast, high", [None, None, 4.0]),
    ]
    assert data["datasets"][1]["borderDash"] == [5, 5]
    assert data["datasets"][4]["fill"] == "-1"
    assert data["datasets"][4]["backgroundColor"] == "rgba(43, 95, 208, 0.16)"


def test_a_target_may_be_missing_in_places():
    chart = LineChart(title="A", labels=("a", "b"), series=(Series("S", (1.0, 2.0)),), target=Target((None, 5.0)))
    assert plain(as_chartjs(chart))["datasets"][1]["data"] == [None, 5.0]


def test_a_radar_is_filled_and_dotted():
    chart = Radar(title="A", labels=("x",), series=(Series("Current level", (40.0,)),))
    assert plain(as_chartjs(chart)) == {
        "labels": ["x"],
        "datasets": [
            {
                "label": "Current level",
                "data": [40.0],
                "borderColor": "rgb(43, 95, 208)",
                "backgroundColor": "rgba(43, 95, 208, 0.2)",
                "pointBackgroundColor": "rgb(43, 95, 208)",
            }
        ],
    }


def test_bars_are_filled():
    (dataset,) = plain(as_chartjs(Bars(title="A", labels=("x",), series=(Series("S", (1.0,)),))))["datasets"]
    assert dataset == {
        "label": "S",
        "data": [1.0],
        "borderColor": "rgb(43, 95, 208)",
        "backgroundColor": "rgba(43, 95, 208, 0.2)",
    }


def test_a_calendar_names_five_levels_and_their_colours():
    first = datetime.date(2026, 3, 4)
    values = (0, 10, 20, 40, 90)
    days = tuple(Day(first + datetime.timedelta(days=number), float(value)) for number, value in enumerate(values) if value)
    last = first + datetime.timedelta(days=4)
    data = plain(as_calendar(Heatmap(title="A", unit="minutes", first=first, last=last, days=days, steps=(15.0, 30.0, 60.0))))
    assert [(one["date"], one["value"], one["level"]) for one in data["data"]] == [
        ("2026-03-04", 0.0, "empty"),
        ("2026-03-05", 10.0, "low"),
        ("2026-03-06", 20.0, "medium"),
        ("2026-03-07", 40.0, "high"),
        ("2026-03-08", 90.0, "peak"),
    ]
    assert data["data"][1]["tooltip"] == "2026-03-05: 10 minutes"
    assert list(data["colors"]) == ["empty", "low", "medium", "high", "peak"]
    assert len(set(data["colors"].values())) == 5
