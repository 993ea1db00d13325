"""Reads a drawn chart back: its elements, its titles, and where its texts stand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from xml.etree import ElementTree as ET

from skillcore.charts.text import width

SVG = "{http://www.w3.org/2000/svg}"
SIZES = {"title": 15.0, "figure": 30.0}
BOLD = {"title", "figure", "strong"}


class Box(NamedTuple):
    """A rectangle, and what it is."""

    left: float
    top: float
    right: float
    bottom: float
    name: str = ""

    def meets(self, other: Box) -> bool:
        """Tell whether two rectangles share an area."""
        return self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom

    def holds(self, other: Box, slack: float = 0.01) -> bool:
        """Tell whether another rectangle lies within."""
        across = self.left - slack <= other.left and other.right <= self.right + slack
        return across and self.top - slack <= other.top and other.bottom <= self.bottom + slack


def parsed(markup: str) -> ET.Element:
    """Return the root of an SVG."""
    return ET.fromstring(markup)


def frame(root: ET.Element) -> Box:
    """Return the view box."""
    left, top, wide, high = (float(number) for number in root.attrib["viewBox"].split())
    return Box(left, top, left + wide, top + high)


def titles(root: ET.Element) -> list[str]:
    """Return the titles of shapes, without the marks that keep directions apart."""
    found = [one.text or "" for one in root.iter(f"{SVG}title")][1:]
    return [title.replace("\u2068", "").replace("\u2069", "") for title in found]


def words(element: ET.Element) -> str:
    """Return what a text shows: not its title."""
    return (element.text or "") + "".join(child.tail or "" for child in element)


def classes(element: ET.Element) -> set[str]:
    """Return the classes of an element."""
    return set(element.get("class", "").split())


def texts(root: ET.Element) -> Iterator[tuple[ET.Element, Box]]:
    """Yield the visible texts with the room that they take by their measured width."""
    for element in root.iter(f"{SVG}text"):
        own = classes(element)
        size = next((SIZES[name] for name in own if name in SIZES), 12.0)
        wide = width(words(element), size, bold=bool(own & BOLD))
        x, y = float(element.attrib["x"]), float(element.attrib["y"])
        left = x - (wide / 2 if "mid" in own else wide if "end" in own else 0)
        yield element, Box(left, y - size * 0.78, left + wide, y + size * 0.22, words(element))


def path_numbers(d: str) -> list[float]:
    """Return the numbers of a path that is made of absolute commands."""
    for letter in "MLHVCAZ":
        d = d.replace(letter, " ")
    return [float(number) for number in d.split()]
