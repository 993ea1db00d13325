"""Known values stand where sums by hand put them."""

import datetime
import math
import re
from itertools import pairwise

import msgspec
import pytest

from skillcore.charts import (
    Bars,
    Card,
    CardSkill,
    Day,
    Forecast,
    Heatmap,
    LineChart,
    Radar,
    Ring,
    Series,
    Sparkline,
    Target,
    draw,
    tabulate,
)
from skillcore.charts.heatmap import level, steps
from tests.charts.examples import examples
from tests.charts.reading import SVG, classes, parsed, path_numbers, texts, titles, words

D = datetime.date
MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul")


def shapes(root, name, *wanted):
    """Return the elements of a kind that have the classes."""
    return [one for one in root.iter(f"{SVG}{name}") if set(wanted) <= classes(one)]


def places(root, name, *wanted):
    """Return the middles of circles."""
    return [(float(one.attrib["cx"]), float(one.attrib["cy"])) for one in shapes(root, name, *wanted)]


def shown(root):
    """Return the visible texts."""
    return [words(element).strip("\u2068\u2069") for element, _ in texts(root)]


def near(*numbers):
    return pytest.approx(list(numbers), abs=0.011)


# A scale from 0 to 100 takes 220: a value of 25 stands 55 above zero.
def line(**fields):
    return LineChart(**{"title": "A", "labels": ("a", "b", "c"), "series": (Series("S", (0.0, 25.0, 100.0)),),
                        "bounds": (0.0, 100.0), **fields})  # fmt: skip


def legend_free(root):
    """Return the marks of the first series, the key left out."""
    return places(root, "circle", "mark", "f0")[1:]


def test_points_of_a_line_stand_at_their_values():
    root = parsed(draw(line()))
    (x0, y0), (x1, y1), (x2, y2) = legend_free(root)
    assert [y0 - y1, y0 - y2] == near(55, 220)
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.011)
    (path,) = [one for one in shapes(root, "path", "line", "s0") if one.attrib["d"].startswith(f"M{x0:g} {y0:g}")]
    assert path_numbers(path.attrib["d"]) == near(x0, y0, x1, y1, x2, y2)
    grid = [path_numbers(one.attrib["d"].replace("H", " ")) for one in shapes(root, "path", "grid")]
    assert [round(y0 - y, 2) for _, y, _ in grid] == [0, 44, 88, 132, 176, 220]
    assert shown(root)[:2] == ["A", "S"]
    assert {"0", "20", "40", "60", "80", "100", "a", "b", "c"} <= set(shown(root))


def test_days_stand_apart_as_they_lie_apart():
    root = parsed(draw(line(labels=("2026-03-01", "2026-03-02", "2026-03-11"), axis="dates")))
    (x0, _), (x1, _), (x2, _) = legend_free(root)
    assert (x2 - x0) / (x1 - x0) == pytest.approx(10, rel=1e-3)
    assert [one for one in shown(root) if "Mar" in one] == ["1 Mar", "3 Mar", "5 Mar", "7 Mar", "9 Mar", "11 Mar"]
    ticks = {words(element): (box.left + box.right) / 2 for element, box in texts(root)}
    assert ticks["11 Mar"] - ticks["1 Mar"] == pytest.approx(x2 - x0, abs=0.1)


def test_a_line_breaks_where_values_are_missing():
    root = parsed(draw(line(labels=tuple("abcde"), series=(Series("S", (1.0, 2.0, None, 4.0, None)),))))
    assert len(legend_free(root)) == 3
    drawn = [one.attrib["d"] for one in shapes(root, "path", "line", "s0")][1:]
    assert [d.count("L") for d in drawn] == [1, 0]
    assert titles(root) == ["S, a: 1", "S, b: 2", "S, d: 4"]


def test_one_point_is_a_mark():
    root = parsed(draw(LineChart(title="A", labels=("a",), series=(Series("S", (5.0,)),))))
    assert len(legend_free(root)) == 1
    assert titles(root) == ["S, a: 5"]


def test_the_last_value_stands_beside_its_line():
    root = parsed(draw(line(series=(Series("S", (1.0, 2.0, 40.0)), Series("T", (1.0, 2.0, 41.0))))))
    ends = [(words(element), box) for element, box in texts(root) if "strong" in classes(element)]
    assert [name for name, _ in ends] == ["40", "41"]
    (_, low), (_, high) = ends
    assert low.top - high.top == pytest.approx(15, abs=0.02)


def test_the_target_lies_at_its_value_and_slopes_with_several():
    root = parsed(draw(line(target=Target((50.0,), "Goal"))))
    (_, y0), _, _ = legend_free(root)
    drawn = shapes(root, "path", "aim")[-1]
    assert path_numbers(drawn.attrib["d"])[1] == pytest.approx(y0 - 110, abs=0.02)
    assert "Goal: 50" in titles(root)
    root = parsed(draw(line(target=Target((0.0, 50.0, 100.0), "Goal"))))
    drawn = shapes(root, "path", "aim")[-1]
    assert path_numbers(drawn.attrib["d"])[1::2] == near(y0, y0 - 110, y0 - 220)
    assert {"Goal, a: 0", "Goal, b: 50", "Goal, c: 100"} <= set(titles(root))


def test_a_target_is_drawn_where_there_is_one():
    root = parsed(draw(line(target=Target((None, 50.0, None), "Goal"))))
    (_, y0), (x1, _), _ = legend_free(root)
    drawn = shapes(root, "path", "aim")[-1]
    assert path_numbers(drawn.attrib["d"]) == near(x1 - 8, y0 - 110, x1 + 8, y0 - 110)
    assert [title for title in titles(root) if title.startswith("Goal")] == ["Goal, b: 50"]
    assert "Goal: 50, then none" in root.findtext(f"{SVG}desc")
    root = parsed(draw(line(target=Target((None, 50.0, 100.0), "Goal"))))
    drawn = shapes(root, "path", "aim")[-1]
    assert path_numbers(drawn.attrib["d"])[1::2] == near(y0 - 110, y0 - 220)
    assert "Goal: 100" in root.findtext(f"{SVG}desc")


def test_the_forecast_goes_on_from_the_last_value_within_its_band():
    forecast = Forecast(("d", "e"), (50.0, 60.0), (40.0, 45.0), (60.0, 75.0), 90)
    root = parsed(draw(line(series=(Series("S", (0.0, 25.0, 30.0)),), forecast=forecast)))
    (x0, y0), (x1, _), (x2, _) = legend_free(root)
    step = x1 - x0
    (band,) = shapes(root, "path", "band")
    expected = [(x2, 30), (x2 + step, 60), (x2 + 2 * step, 75), (x2 + 2 * step, 45), (x2 + step, 40)]
    assert path_numbers(band.attrib["d"]) == near(*(one for x, value in expected for one in (x, y0 - 2.2 * value)))
    assert "Forecast (90%)" in shown(root)
    assert titles(root)[:2] == ["Forecast, d: 50, between 40 and 60", "Forecast, e: 60, between 45 and 75"]
    rows = re.findall(r"<tr>(.*?)</tr>", tabulate(line(series=(Series("S", (0.0, 25.0, 30.0)),), forecast=forecast)))
    assert [re.sub(r"<.*?>", "|", row).replace("||", "|") for row in rows[-2:]] == ["|d||50|40|60|", "|e||60|45|75|"]


def test_negative_values_hang_below_a_zero_that_is_seen():
    root = parsed(draw(LineChart(title="A", labels=("a", "b"), series=(Series("S", (-50.0, 50.0)),))))
    (axis,) = shapes(root, "path", "axis")
    (_, low), (_, high) = legend_free(root)
    assert path_numbers(axis.attrib["d"])[1] == pytest.approx((low + high) / 2, abs=0.02)


def test_corners_of_a_radar_lie_on_their_axes():
    chart = Radar(title="A", labels=("up", "right", "down", "left"), series=(Series("S", (100.0, 50.0, 0.0, 150.0)),))
    root = parsed(draw(chart))
    top, right, middle, left = legend_free(root)
    # The reach is 130: upwards all of it, to the right half, to the left all of it, however large the value.
    assert [top[0] - middle[0], middle[1] - top[1]] == near(0, 130)
    assert [right[0] - middle[0], middle[1] - right[1]] == near(65, 0)
    assert [middle[0] - left[0], middle[1] - left[1]] == near(130, 0)
    assert titles(root) == ["S, up: 100", "S, right: 50", "S, down: 0", "S, left: 150"]
    assert [one for one in shown(root) if one.isdigit()] == ["50", "100"]


@pytest.mark.parametrize("count", [1, 2])
def test_a_radar_of_few_axes_is_drawn_all_the_same(count):
    root = parsed(draw(Radar(title="A", labels=("up", "down")[:count], series=(Series("S", (40.0, 60.0)[:count]),))))
    assert len(legend_free(root)) == count


@pytest.mark.parametrize(
    ("value", "percent", "large"), [(25.0, "25%", 0), (75.0, "75%", 1), (99.98, "99%", 1), (0.1, "<1%", 0)]
)
def test_a_ring_turns_clockwise_from_the_top(value, percent, large):
    root = parsed(draw(Ring(title="A", unit="tasks", value=value)))
    (rail,) = shapes(root, "circle", "rail")
    x, y, r = (float(rail.attrib[name]) for name in ("cx", "cy", "r"))
    (arc,) = shapes(root, "path", "arc")
    numbers = path_numbers(arc.attrib["d"])
    angle = math.radians(value * 3.6)
    assert numbers[:2] == near(x, y - r)
    assert numbers[5:7] == [large, 1]
    assert numbers[7:] == near(x + r * math.sin(angle), y - r * math.cos(angle))
    assert numbers[7:] != numbers[:2]
    assert percent in shown(root)
    assert titles(root) == [f"{value:g} of 100 tasks"]


def test_a_tiny_whole_is_more_than_filled():
    assert ">999%" in shown(parsed(draw(Ring(title="A", value=1.0, maximum=5e-324))))


def test_a_ring_that_is_almost_whole_is_seen():
    root = parsed(draw(Ring(title="A", value=99.999_999_999)))
    (arc,) = shapes(root, "path", "arc")
    numbers = path_numbers(arc.attrib["d"])
    assert 0 < numbers[0] - numbers[-2] < 0.1
    assert "99%" in shown(root)


@pytest.mark.parametrize(("value", "percent"), [(0.0, "0%"), (100.0, "100%"), (250.0, "250%"), (1e15, ">999%")])
def test_a_ring_is_whole_or_bare_at_its_ends(value, percent):
    root = parsed(draw(Ring(title="A", value=value)))
    assert len(shapes(root, "circle", "arc", "s0")) == (value >= 100)
    assert shapes(root, "path", "arc") == []
    assert root[1].text.startswith(percent)


def bars(root):
    """Return the bars as left end, right end and upper edge."""
    found = []
    for path in root.iter(f"{SVG}path"):
        if re.fullmatch(r"f\d", path.get("class", "")):
            zero, top, long, turn = map(float, re.match(r"M(\S+) (\S+)h(\S+?)a([\d.]+) ", path.attrib["d"]).groups())
            found.append((zero, top, long + math.copysign(turn, long)))
    return found


def test_bars_are_as_long_as_their_values():
    root = parsed(draw(Bars(title="A", labels=("x", "y", "z"), series=(Series("S", (100.0, 25.0, -50.0)),))))
    (zero, y0, long), (_, y1, quarter), (_, y2, back) = bars(root)
    assert [quarter / long, back / long] == pytest.approx([0.25, -0.5], abs=0.001)
    assert [y1 - y0, y2 - y1] == near(28, 28)
    assert titles(root) == ["x: 100", "y: 25", "z: -50"]
    (axis,) = shapes(root, "path", "axis")
    assert path_numbers(axis.attrib["d"])[0] == zero
    assert {"100", "25", "-50", "x", "y", "z"} <= set(shown(root))


def test_bars_of_several_series_bear_their_marks():
    root = parsed(draw(Bars(title="A", labels=("x",), series=(Series("S", (1.0,)), Series("T", (2.0,)), Series("U", (None,))))))
    assert titles(root) == ["S, x: 1", "T, x: 2"]
    assert len(shapes(root, "circle", "mark", "f0")) == 2
    assert len(shapes(root, "rect", "mark", "f1")) == 2
    assert len(shapes(root, "polygon", "mark", "f2")) == 1
    assert "\u2013" in shown(root)


def test_bounds_show_how_much_is_left():
    root = parsed(draw(Bars(title="A", labels=("x",), series=(Series("S", (25.0,)),), bounds=(0.0, 100.0))))
    ((_, _, long),) = bars(root)
    (track,) = shapes(root, "rect", "track")
    assert long / float(track.attrib["width"]) == pytest.approx(0.25, abs=0.001)


def test_a_sparkline_goes_from_its_least_to_its_largest_value():
    root = parsed(draw(Sparkline(title="A", unit="points", values=(5.0, 10.0, 7.5))))
    (path,) = shapes(root, "path", "thin")
    assert path_numbers(path.attrib["d"]) == near(6, 28, 70, 8, 134, 18)
    assert titles(root) == ["Value 1 of 3: 5 points", "Value 2 of 3: 10 points", "Value 3 of 3: 7.5 points"]


def test_a_level_sparkline_runs_through_the_middle():
    root = parsed(draw(Sparkline(title="A", values=(5.0, 5.0))))
    (path,) = shapes(root, "path", "thin")
    assert path_numbers(path.attrib["d"]) == near(6, 18, 134, 18)


def calendar(**fields):
    return Heatmap(**{"title": "A", "unit": "minutes", "first": D(2026, 3, 4), "last": D(2026, 4, 5),
                      "steps": (15.0, 30.0, 60.0), **fields})  # fmt: skip


def tiles(root):
    """Return the column and row of each tile by its title."""
    found = {}
    for group in root.iter(f"{SVG}g"):
        if (match := re.match(r"(\d+ \w+ \d+): ", group[0].text)) is not None:
            rect = group.find(f"{SVG}rect")
            found[match[1]] = ((float(rect.attrib["x"]) - 56) / 15, (float(rect.attrib["y"]) - 88) / 15)
    return found


# 4 March 2026 is a Wednesday.
@pytest.mark.parametrize(
    ("start", "first", "monday", "sunday", "names"),
    [
        ("monday", (0, 2), (1, 0), (0, 6), ["Mon", "Wed", "Fri"]),
        ("sunday", (0, 3), (1, 1), (1, 0), ["Sun", "Tue", "Thu"]),
        ("saturday", (0, 4), (1, 2), (1, 1), ["Sat", "Mon", "Wed"]),
    ],
)
def test_days_stand_in_their_week(start, first, monday, sunday, names):
    root = parsed(draw(calendar(week_start=start)))
    found = tiles(root)
    assert len(found) == 33
    assert found["4 Mar 2026"] == first
    assert found["9 Mar 2026"] == monday
    assert found["8 Mar 2026"] == sunday
    assert [one for one in shown(root) if one in {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}] == names


def test_months_stand_over_the_week_in_which_they_begin():
    root = parsed(draw(calendar(first=D(2026, 1, 1), last=D(2026, 4, 30))))
    found = tiles(root)
    names = {words(element): (box.left - 56) / 15 for element, box in texts(root) if words(element) in MONTHS}
    assert names == {month: found[f"1 {month} 2026"][0] for month in ("Jan", "Feb", "Mar", "Apr")}


@pytest.mark.parametrize(
    ("value", "expected"), [(0, 0), (0.01, 1), (14.99, 1), (15, 2), (29, 2), (30, 3), (59.9, 3), (60, 4), (1e15, 4)]
)
def test_levels_begin_at_their_steps(value, expected):
    assert level(value, (15.0, 30.0, 60.0)) == expected
    root = parsed(draw(calendar(days=(Day(D(2026, 3, 4), value),))))
    (group,) = [one for one in root.iter(f"{SVG}g") if one[0].text.startswith("4 Mar 2026")]
    sizes = [(classes(one), float(one.attrib["width"])) for one in group.findall(f"{SVG}rect")]
    marked = [({f"l{expected}"}, {1: 6, 2: 8, 3: 10, 4: 12}[expected])] if expected else []
    assert sizes == [({"track"}, 12), *marked]


def test_without_steps_quartiles_divide_the_days():
    days = tuple(Day(D(2026, 3, number), 10.0 * number - 30) for number in (4, 5, 6, 7))
    begins = steps(calendar(days=days, steps=None))
    assert [level(value, begins) for value in (0, 10, 20, 30, 40)] == [0, 1, 2, 3, 4]
    equal = tuple(msgspec.structs.replace(day, value=20.0) for day in days)
    assert level(20.0, steps(calendar(days=equal, steps=None))) == 1
    assert level(1.0, steps(calendar(steps=None))) == 2


def test_a_calendar_says_what_it_holds():
    root = parsed(draw(calendar(days=(Day(D(2026, 3, 5), 20.0), Day(D(2026, 3, 7), 45.5)))))
    assert titles(root).count("5 Mar 2026: 20 minutes") == 1
    assert titles(root).count("6 Mar 2026: 0 minutes") == 1
    assert "2 of 33 days with 65.5 minutes, most on 7 Mar 2026 with 45.5 minutes" in root[1].text
    assert "Nothing yet" in parsed(draw(calendar()))[1].text


def test_a_card_shows_level_skills_and_history():
    chart = Card(title="Ada", level=4.25, history=(1.0, 4.25), skills=(CardSkill("Python", 4.0), CardSkill("Git", 1.0)),
                 works=1, as_of=D(2026, 6, 1))  # fmt: skip
    root = parsed(draw(chart))
    assert {"Ada", "4.25", "level", "Python", "4", "Git", "1", "1 verified work · 1 Jun 2026"} <= set(shown(root))
    assert titles(root) == ["Level: 4.25", "Level 1 of 2: 1", "Level 2 of 2: 4.25", "Python: 4", "Git: 1"]
    python, git = (float(one.attrib["width"]) for one in shapes(root, "rect", "f0"))
    assert git / python == pytest.approx(0.25, abs=0.001)


def test_a_card_without_anything_says_so():
    root = parsed(draw(Card(title="Ada")))
    assert {"Ada", "Nothing yet"} <= set(shown(root))


def test_a_card_that_shows_no_level_has_no_word_on_it():
    root = parsed(draw(Card(title="Ada", skills=(CardSkill("Git", 1.0),), shows_level=False, as_of=D(2026, 6, 1))))
    assert set(shown(root)) == {"Ada", "Git", "1", "1 Jun 2026", "skillcore"}
    assert "evel" not in root[1].text
    places = [float(one.attrib["y"]) for one in root.iter(f"{SVG}text")]
    assert max(after - before for before, after in pairwise(sorted(places))) < 50  # nor a hole where it would stand


def in_full(label):
    """Return a day as people read it, any other label as it is."""
    day = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", label)
    return f"{int(day[3])} {MONTHS[int(day[2])]} {day[1]}" if day else label


def values_of(chart):
    """Return every datum of an example as the words that belong together."""
    if isinstance(chart, LineChart | Radar | Bars):
        several = not isinstance(chart, Bars) or len(chart.series) > 1
        for series in chart.series:
            for place, value in zip(chart.labels, series.values, strict=True):
                if value is not None:
                    yield {series.name} if several else set(), in_full(place), f"{value:g}"
    elif isinstance(chart, Heatmap):
        for day in chart.days:
            yield set(), in_full(day.date.isoformat()), f"{day.value:g} minutes"
    elif isinstance(chart, Sparkline):
        yield from ((set(), f"{number}", f"{value:g}") for number, value in enumerate(chart.values, 1))
    elif isinstance(chart, Card):
        yield from ((set(), skill.name, f"{skill.level:g}") for skill in chart.skills)
    elif isinstance(chart, Ring):
        yield set(), f"{chart.value:g}", f"{chart.maximum:g}"
    else:
        yield from ((set(), topic.name, topic.state) for topic in chart.topics)


@pytest.mark.parametrize("name", examples())
def test_every_datum_has_a_title_and_a_row(name):
    chart = examples()[name]
    found = titles(parsed(draw(chart)))
    rows = [re.sub(r"<[^>]*>", " | ", row) for row in re.findall(r"<tr>(.*?)</tr>", tabulate(chart))]
    for series, label, value in values_of(chart):
        parts = {*series, label, value}
        assert any(all(part in title for part in parts) for title in found), parts
        assert any(label in row and value.lower() in row.lower() for row in rows), parts
