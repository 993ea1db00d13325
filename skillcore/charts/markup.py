"""Markup from values: the one place where text becomes SVG or HTML, and where it is escaped."""

from __future__ import annotations

from html import escape
from typing import NewType

__all__ = ["Markup", "coordinate", "element", "points", "text"]

Markup = NewType("Markup", str)
"""A piece of a document. Only this module makes it from text."""


def coordinate(value: float) -> str:
    """Return a number with at most two decimals, and never a negative zero."""
    written = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if written == "-0" else written


def text(value: str) -> Markup:
    """Return a text, escaped for content and attributes alike."""
    return Markup(escape(value, quote=True))


def element(name: str, *children: Markup, **attributes: str | float | None) -> Markup:
    """Return an element; ``class_`` stands for ``class``, other underscores for hyphens, None for no attribute at all."""
    written = "".join(
        f' {_attribute(key)}="{text(value if isinstance(value, str) else coordinate(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if not children and name not in {"td", "th"}:
        return Markup(f"<{name}{written}/>")
    return Markup(f"<{name}{written}>{''.join(children)}</{name}>")


def _attribute(key: str) -> str:
    return "viewBox" if key == "viewbox" else key.rstrip("_").replace("_", "-")


def points(places: list[tuple[float, float]]) -> str:
    """Return places as the attribute ``points`` has them."""
    return " ".join(f"{coordinate(x)},{coordinate(y)}" for x, y in places)
