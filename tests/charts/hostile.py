"""Charts of every kind with texts and numbers that mean no good."""

from __future__ import annotations

import datetime

from hypothesis import strategies as st

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

AWFUL = (
    "",
    " \t\n\r ",
    "\x00\x01\x1b[31m\x7f\x85",
    "</title><script>alert(1)</script>",
    "\"' onload=alert(1) x='",
    "]]><!--&lt;&#x3c;%s{}",
    "&#0;&amp;&nope;",
    "\u202eevil\u2066\u200f\u061c",
    "\ud800\udfff\ufffe\uffff\ufdd0",
    "W" * 300,
    "wort" * 60,
    "many words that go on and on " * 12,
    "z" + "\u0336\u0489\u0301\u035f\u20dd" * 40,
    "ابدأ تعلم البرمجة خطوة بخطوة",
    "שלום 12 עולם",
    "競技プログラミングとデータ構造入門",
    "👩‍💻🔥🇫🇷🏳️‍🌈👍🏽" * 9,
    "हिन्दी में प्रोग्रामिंग",
    "\ufdfd⸻‱𒐫",
    "i" * 200,
)

TEXTS = st.sampled_from(AWFUL) | st.text(max_size=60) | st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)
UNITS = st.sampled_from(("", "%", "minutes", "<b>", "\x00", "ابد", "m" * 40))
NUMBERS = st.sampled_from((0.0, -0.0, 1.0, -1.0, 1e15, -1e15, 1e-9, 5e-324, 99_999.995, 33.3)) | st.floats(-1e15, 1e15)
AMOUNTS = NUMBERS.map(abs)
STARTS = st.dates(datetime.date(2, 1, 1), datetime.date(9990, 1, 1))


@st.composite
def _series(draw: st.DrawFn, count: int) -> tuple[Series, ...]:
    values = st.lists(st.none() | NUMBERS, min_size=count, max_size=count).map(tuple)
    return tuple(draw(st.lists(st.builds(Series, TEXTS, values), max_size=6)))


@st.composite
def lines(draw: st.DrawFn) -> LineChart:
    count, ahead = draw(st.integers(0, 40)), draw(st.integers(0, 10))
    series = draw(_series(count))
    if draw(st.booleans()):
        start, step = draw(STARTS), draw(st.sampled_from((1, 7, 30, 400, 20_000)))
        end = datetime.date(9999, 12, 31)
        step = min(step, max(1, (end - start).days // (count + ahead + 1)))
        days = [(start + datetime.timedelta(days=step * number)).isoformat() for number in range(count + ahead)]
        labels, axis = tuple(days), "dates"
    else:
        labels, axis = tuple(draw(st.lists(TEXTS, min_size=count + ahead, max_size=count + ahead))), "labels"
    forecast = None
    if series and count and draw(st.booleans()):
        rows = [sorted(draw(st.tuples(NUMBERS, NUMBERS, NUMBERS))) for _ in range(ahead)]
        low, middle, high = (tuple(row[place] for row in rows) for place in range(3))
        forecast = Forecast(labels[count:], middle, low, high)
    total = count + (ahead if forecast else 0)
    several = st.lists(st.none() | NUMBERS, min_size=max(total, 1), max_size=max(total, 1)).filter(lambda one: {*one} != {None})
    wanted = st.lists(NUMBERS, min_size=1, max_size=1) | several
    target = Target(tuple(draw(wanted)), draw(TEXTS)) if total and draw(st.booleans()) else None
    bounds = draw(st.none() | st.tuples(NUMBERS, NUMBERS).filter(lambda ends: ends[0] < ends[1]))
    return LineChart(
        title=draw(TEXTS), unit=draw(UNITS), labels=labels[:count], series=series, axis=axis, forecast=forecast,
        target=target, bounds=bounds,
    )  # fmt: skip


@st.composite
def _compared(draw: st.DrawFn, kind: type[Radar] | type[Bars], most: int) -> Chart:
    count = draw(st.integers(0, most))
    labels = tuple(draw(st.lists(TEXTS, min_size=count, max_size=count)))
    return kind(title=draw(TEXTS), unit=draw(UNITS), labels=labels, series=draw(_series(count)))


@st.composite
def heatmaps(draw: st.DrawFn) -> Heatmap:
    first, span = draw(STARTS), draw(st.integers(1, 371))
    numbers = draw(st.lists(st.integers(0, span - 1), unique=True, max_size=30))
    days = tuple(Day(first + datetime.timedelta(days=number), draw(AMOUNTS)) for number in numbers)
    return Heatmap(
        title=draw(TEXTS), unit=draw(UNITS), first=first, last=first + datetime.timedelta(days=span - 1), days=days,
        week_start=draw(st.sampled_from(("monday", "saturday", "sunday"))),
        steps=draw(st.sampled_from((None, (15.0, 30.0, 60.0)))),
    )  # fmt: skip


@st.composite
def mindmaps(draw: st.DrawFn, most: int = 40) -> MindMap:
    count = draw(st.integers(0, most))
    topics = []
    for number in range(count):
        earlier = st.lists(st.integers(0, number - 1), unique=True, max_size=4) if number else st.just([])
        requires = tuple(str(other) for other in draw(earlier))
        topics.append(Topic(str(number), draw(TEXTS), draw(st.sampled_from(("done", "current", "open", "locked"))), requires))
    return MindMap(title=draw(TEXTS), topics=tuple(draw(st.permutations(topics))))


CHARTS = st.one_of(
    lines(),
    _compared(Radar, 16),
    _compared(Bars, 20),
    heatmaps(),
    mindmaps(),
    st.builds(Ring, title=TEXTS, unit=UNITS, value=st.none() | AMOUNTS, maximum=AMOUNTS.filter(lambda value: value > 0)),
    st.builds(Sparkline, title=TEXTS, unit=UNITS, values=st.lists(NUMBERS, max_size=50).map(tuple)),
    st.builds(
        Card,
        title=TEXTS,
        unit=UNITS,
        level=st.none() | AMOUNTS,
        history=st.lists(AMOUNTS, max_size=30).map(tuple),
        skills=st.lists(st.builds(CardSkill, TEXTS, AMOUNTS), max_size=5).map(tuple),
        works=st.none() | st.integers(0, 10**9),
        as_of=st.none() | st.dates(),
    ),
)
