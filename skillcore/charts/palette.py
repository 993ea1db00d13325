"""Colours for light and dark surroundings, and the style sheet made of them.

Text stands out from the surface by 4.5 : 1 or more, marks by 3 : 1 or more, in both. Colour never tells anything alone: series
have marks of different shape, levels marks of different size, states an icon.
"""

from __future__ import annotations

from collections.abc import Set

from msgspec import Struct

__all__ = ["DARK", "LIGHT", "Scheme", "stylesheet"]

FONT = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,'DejaVu Sans',sans-serif"


class Scheme(Struct, frozen=True):
    """The colours for one kind of surroundings.

    Attributes:
        surface: what all else stands on.
        ink: text that matters.
        muted: other text, and lines that are read.
        edge: lines between things.
    grid: lines that only guide the eye.
        track: what could be filled and is not.
        series: one for each series.
        levels: low, medium, high, peak.
        done: what is reached.
        current: what comes next.
    """

    surface: str
    ink: str
    muted: str
    edge: str
    grid: str
    track: str
    series: tuple[str, str, str, str, str, str]
    levels: tuple[str, str, str, str]
    done: str
    current: str


LIGHT = Scheme(
    surface="#ffffff",
    ink="#1a2230",
    muted="#5a6575",
    edge="#848f9e",
    grid="#e4e8ee",
    track="#eef1f5",
    series=("#2b5fd0", "#b4530f", "#0c7a68", "#a63a86", "#6d4fc2", "#56616f"),
    levels=("#5f86de", "#3f68cf", "#274ca8", "#12307a"),
    done="#0c7a68",
    current="#b4530f",
)

DARK = Scheme(
    surface="#12171f",
    ink="#e8ecf2",
    muted="#9aa6b6",
    edge="#6b7686",
    grid="#272f3b",
    track="#1f2630",
    series=("#7ba4ff", "#f0a05a", "#43c6ab", "#ee8ccb", "#b59cff", "#a8b3c2"),
    levels=("#4a6bc0", "#6288e4", "#8caaf5", "#c3d3ff"),
    done="#43c6ab",
    current="#f0a05a",
)

_TEXT = {
    "title": "font-size:15px;font-weight:600",
    "figure": "font-size:30px;font-weight:600",
    "strong": "font-weight:600",
    "halo": "paint-order:stroke;stroke-width:3px;stroke-linejoin:round",
    "mid": "text-anchor:middle",
    "end": "text-anchor:end",
}
"""What classes do to texts, whatever the colours."""

_MARKS = {
    "grid": "fill:none;stroke-width:1",
    "axis": "fill:none;stroke-width:1",
    "line": "fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round",
    "thin": "fill:none;stroke-width:1.5;stroke-linejoin:round;stroke-linecap:round",
    "area": "stroke:none;fill-opacity:.1",
    "band": "stroke:none;fill-opacity:.16",
    "dash": "stroke-dasharray:6 4",
    "dots": "stroke-dasharray:1 5;stroke-width:2.5",
    "mark": "stroke-width:1.5;stroke-linejoin:round",
    "hit": "fill:none;stroke:none;pointer-events:all",
    "arc": "fill:none;stroke-width:14",
    "box": "stroke-width:1.5",
    "firm": "stroke-width:3",
}
"""What classes do to shapes, whatever the colours."""


def _colours(scheme: Scheme) -> dict[str, str]:
    """Return what classes do, by their names; later ones win."""
    colours = {
        "surface": f"fill:{scheme.surface}",
        "frame": f"stroke:{scheme.grid}",
        "ink": f"fill:{scheme.ink}",
        "muted": f"fill:{scheme.muted}",
        "grid": f"stroke:{scheme.grid}",
        "axis": f"stroke:{scheme.muted}",
        "track": f"fill:{scheme.track}",
        "rail": f"stroke:{scheme.track}",
        "halo": f"stroke:{scheme.surface}",
        "mark": f"stroke:{scheme.surface}",
        "aim": f"stroke:{scheme.muted}",
        "done": f"stroke:{scheme.done}",
        "current": f"stroke:{scheme.current}",
        "open": f"stroke:{scheme.series[0]}",
        "edge": f"stroke:{scheme.edge}",
        "locked": f"stroke:{scheme.edge}",
        "bow": f"stroke:{scheme.muted}",
        "bare": f"stroke:{scheme.surface}",
        "fdone": f"fill:{scheme.done}",
        "fcurrent": f"fill:{scheme.current}",
        "fopen": f"fill:{scheme.series[0]}",
        "flocked": f"fill:{scheme.muted}",
        "fedge": f"fill:{scheme.edge}",
    }
    colours |= {f"s{number}": f"stroke:{colour}" for number, colour in enumerate(scheme.series)}
    colours |= {f"f{number}": f"fill:{colour}" for number, colour in enumerate(scheme.series)}
    return colours | {f"l{number}": f"fill:{colour}" for number, colour in enumerate(scheme.levels, start=1)}


def stylesheet(used: Set[str] | None = None) -> str:
    """Return the style sheet for charts, or as much of it as the classes that are used need.

    It says nothing about anything outside of an element of the class ``chart``.
    """

    def rules(declared: dict[str, str]) -> str:
        return "".join(f".chart .{name}{{{text}}}" for name, text in declared.items() if used is None or name in used)

    whole = ".chart{max-width:100%;height:auto}" if used is None else ""
    plain = f".chart text{{font-family:{FONT};font-size:12px}}" if used is None or used & {"ink", "muted"} else ""
    both = rules(_MARKS) + rules(_TEXT)
    return f"{whole}{plain}{both}{rules(_colours(LIGHT))}@media (prefers-color-scheme:dark){{{rules(_colours(DARK))}}}"
