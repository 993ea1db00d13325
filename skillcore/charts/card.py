"""The card: a person's level and strongest skills, small enough to stand on somebody else's page."""

from __future__ import annotations

from collections.abc import Iterator

from skillcore.charts.figures import Card, CardSkill
from skillcore.charts.frame import EDGE, NOTHING, Picture, label, measured, titled
from skillcore.charts.markup import Markup, element
from skillcore.charts.scales import brief, long_date
from skillcore.charts.sparkline import trace
from skillcore.charts.text import clean, isolate, width

__all__ = ["footnote", "paint"]

WIDE, ROW = 420.0, 24.0
SKILLS = 118.0
"""Where skills begin; the level stands above them."""

PLAIN = 58.0
"""Where they begin on a card that shows no level."""

NUMBER = 68.0
"""The room for a skill's number."""


def footnote(chart: Card) -> str:
    """Return on what the level rests, and of which day it is."""
    works = [] if chart.works is None else [f"{chart.works:,} verified {'work' if chart.works == 1 else 'works'}"]
    return " · ".join([*works, *([long_date(chart.as_of)] if chart.as_of else [])])


def paint(chart: Card) -> Picture:
    """Return the picture of a card."""
    top = SKILLS if chart.shows_level else PLAIN
    high = top + ROW * len(chart.skills) + 44
    foot = high - 20
    body = (
        element("rect", class_="surface frame", x=0.5, y=0.5, width=WIDE - 1, height=high - 1, rx=12),
        label(clean(chart.title, "Unnamed"), EDGE, 34, "title ink", WIDE - 2 * EDGE, 15),
        *(_level(chart) if chart.shows_level else ()),
        *(shape for row, skill in enumerate(chart.skills) for shape in _skill(chart, skill, top + ROW * row)),
        label(footnote(chart), EDGE, foot, "muted", WIDE - 2 * EDGE - 80),
        label("skillcore", WIDE - EDGE, foot, "muted strong end", 80),
    )
    return Picture(WIDE, high, body)


def _level(chart: Card) -> Iterator[Markup]:
    """Yield the level, and how it came about."""
    if chart.level is None:
        yield label(NOTHING, EDGE, 78, "muted", WIDE - 2 * EDGE)
        return
    words = brief(chart.level)
    yield titled(f"Level: {measured(chart.level, chart.unit)}", label(words, EDGE, 84, "figure ink", 200, 30))
    beside = EDGE + min(width(words, 30, bold=True), 200) + 8
    if (room := WIDE - EDGE - 142 - beside) > 20:
        yield label(clean(chart.unit, "level"), beside, 84, "muted", room)
    if chart.history:
        yield from trace(chart.history, chart.unit, (WIDE - EDGE - 134, 54), (130, 32), "Level")


def _skill(chart: Card, skill: CardSkill, y: float) -> Iterator[Markup]:
    """Yield a skill: its name, a bar beside those of the others, its level."""
    name = clean(skill.name, "unnamed")
    most = max(one.level for one in chart.skills) or 1.0
    room = WIDE - 2 * EDGE - 150 - NUMBER
    bars = (
        element("rect", class_="track", x=EDGE + 150, y=y, width=room, height=8, rx=4),
        element("rect", class_="f0", x=EDGE + 150, y=y, width=room * skill.level / most, height=8, rx=4),
    )
    yield label(name, EDGE, y + 8, "ink", 138)
    yield titled(f"{isolate(name)}: {measured(skill.level, chart.unit)}", *(bars if skill.level else bars[:1]))
    yield label(brief(skill.level), WIDE - EDGE, y + 8, "muted end", NUMBER)
