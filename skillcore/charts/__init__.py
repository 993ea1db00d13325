"""Charts: data in, accessible SVG out. Pure: no clock, no I/O, no randomness; equal charts give equal bytes, everywhere.

`draw` makes a picture of any chart, `tabulate` the table beside it, `stylesheet` the colours for pages; `as_chartjs` and
`as_calendar` give the same data to those who draw themselves.
"""

from skillcore.charts.chartjs import CalendarData, CalendarDay, ChartData, Dataset, as_calendar, as_chartjs
from skillcore.charts.drawing import draw, tabulate
from skillcore.charts.figures import (
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
from skillcore.charts.palette import stylesheet

__all__ = [
    "Bars",
    "CalendarData",
    "CalendarDay",
    "Card",
    "CardSkill",
    "Chart",
    "ChartData",
    "Dataset",
    "Day",
    "Forecast",
    "Heatmap",
    "LineChart",
    "MindMap",
    "Radar",
    "Ring",
    "Series",
    "Sparkline",
    "Target",
    "Topic",
    "as_calendar",
    "as_chartjs",
    "draw",
    "stylesheet",
    "tabulate",
]
