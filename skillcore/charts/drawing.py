"""A chart as an SVG document, and as an HTML table for those whom a picture tells nothing."""

from __future__ import annotations

import hashlib
import re
from typing import Literal, assert_never

from skillcore.charts import bars, card, heatmap, line, mindmap, radar, ring, sparkline
from skillcore.charts.facts import Facts, facts
from skillcore.charts.figures import Bars, Card, Chart, Heatmap, LineChart, MindMap, Radar, Ring, Sparkline
from skillcore.charts.frame import Picture
from skillcore.charts.markup import Markup, element, text
from skillcore.charts.palette import stylesheet
from skillcore.charts.text import clean, isolate

__all__ = ["draw", "tabulate"]

_CLASSES = re.compile(r' class="([^"]*)"')


def draw(chart: Chart, mode: Literal["file", "page"] = "file", key: str = "") -> str:
    """Return a chart as SVG; equal charts give equal bytes.

    Args:
        chart: what is drawn.
        mode: ``file`` is a document of its own, with its style inside and a surface to stand on; ``page`` is markup for an
            HTML page that has the style sheet of `skillcore.charts.stylesheet`.
        key: tells two equal charts on one page apart, whose ids would be equal otherwise.
    """
    picture, told = _paint(chart), facts(chart)
    title, described = clean(chart.title, "Untitled"), describe(told)
    body = Markup("".join(picture.body))
    content = "\0".join((title, described, body, mode, key))
    name = f"c{hashlib.sha256(content.encode()).hexdigest()[:12]}"
    alone = mode == "file"
    return element(
        "svg",
        element("title", text(title), id=f"{name}-title"),
        element("desc", text(described), id=f"{name}-desc"),
        *((_style(body), _surface(chart, picture)) if alone else ()),
        body,
        xmlns="http://www.w3.org/2000/svg",
        viewbox=f"0 0 {picture.wide:.0f} {picture.high:.0f}",
        width=picture.wide,
        height=picture.high,
        class_=f"chart chart-{type(chart).__struct_config__.tag}",
        role="img",
        aria_labelledby=f"{name}-title",
        aria_describedby=f"{name}-desc",
        direction="ltr",
        lang="en",
    )


def _paint(chart: Chart) -> Picture:
    match chart:
        case LineChart():
            picture = line.paint(chart)
        case Radar():
            picture = radar.paint(chart)
        case Bars():
            picture = bars.paint(chart)
        case Sparkline():
            picture = sparkline.paint(chart)
        case Ring():
            picture = ring.paint(chart)
        case Heatmap():
            picture = heatmap.paint(chart)
        case MindMap():
            picture = mindmap.paint(chart)
        case Card():
            picture = card.paint(chart)
        case _:
            assert_never(chart)
    return picture


def _style(body: Markup) -> Markup:
    used = {name for classes in _CLASSES.findall(body) for name in classes.split()}
    return element("style", Markup(stylesheet(used | {"surface"})))


def _surface(chart: Chart, picture: Picture) -> Markup:
    """Return what a document stands on, so that its colours stand out whatever lies behind; a card brings its own."""
    if isinstance(chart, Card):
        return Markup("")
    return element("rect", class_="surface", width=picture.wide, height=picture.high, rx=8)


def describe(told: Facts) -> str:
    """Return facts as a text: the summary, then each row."""
    sentences = told.sentences
    if sentences is None:
        sentences = tuple(_sentence(told.columns, row) for row in told.rows)
    return ". ".join([told.summary, *sentences]) + "."


def _sentence(columns: tuple[str, ...], row: tuple[str, ...]) -> str:
    cells = [(name, cell) for name, cell in zip(columns[1:], row[1:], strict=True) if cell]
    words = [cell if len(columns) == 2 else f"{isolate(name)} {isolate(cell)}" for name, cell in cells]
    return f"{isolate(row[0])}: {', '.join(words) or 'nothing'}" if len(columns) > 1 else isolate(row[0])


def tabulate(chart: Chart) -> str:
    """Return the same data as an HTML table."""
    told = facts(chart)
    caption = element("caption", text(clean(chart.title, "Untitled")), dir="auto")
    head = element("tr", *(_cell("th", name, "col") for name in told.columns))
    rows = [element("tr", _cell("th", row[0], "row"), *(_cell("td", cell) for cell in row[1:])) for row in told.rows]
    body = element("tbody", *rows) if rows else Markup("<tbody></tbody>")
    return element("table", caption, element("thead", head), body, class_="chart-table")


def _cell(name: str, words: str, scope: str | None = None) -> Markup:
    return element(name, text(words), scope=scope, dir="auto")
