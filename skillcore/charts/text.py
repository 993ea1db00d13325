"""Texts of people: made harmless, measured, and shortened to the room that there is."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

__all__ = ["clean", "clusters", "fit", "isolate", "width", "wrap"]

ELLIPSIS = "…"
JOINERS = "\u200c\u200d"
"""Format characters that words and emoji need; every other one, such as those that turn the direction, is left out."""

MARKS = 4
"""Marks that a letter may carry; towers of them would leave their line."""

# Advance widths of the printable ASCII characters from U+0020, in thousandths of the size, of a wide common face (DejaVu
# Sans): what fits in it also fits in the narrower ones that most machines have.
_REGULAR = (
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636, 636, 636, 636, 636,
    636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632, 575, 775, 752, 295, 295, 656, 557, 863, 748, 787,
    603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352, 635,
    634, 278, 278, 579, 278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838,
)  # fmt: skip
_BOLD = (
    348, 456, 521, 838, 696, 1002, 872, 306, 457, 457, 523, 838, 380, 415, 380, 365, 696, 696, 696, 696, 696, 696, 696, 696,
    696, 696, 400, 400, 838, 838, 838, 580, 1000, 774, 762, 734, 830, 683, 683, 821, 837, 372, 372, 775, 637, 995, 837, 850,
    733, 850, 770, 720, 682, 812, 774, 1103, 771, 724, 725, 457, 365, 457, 838, 500, 500, 675, 716, 593, 716, 678, 435, 716,
    712, 343, 343, 665, 343, 1042, 712, 687, 716, 716, 493, 595, 478, 712, 652, 924, 645, 652, 582, 712, 365, 712, 838,
)  # fmt: skip
_OWN = {"…": 1.0, "·": 0.32, "\u2013": 0.5, "—": 1.0, "‱": 1.8, "‰": 1.4, "\ufdfd": 11.0, "⸻": 3.2, "⸺": 2.2}

_BLOCKS = ((1.4, 0x2600, 0x27BF), (1.4, 0x1F000, 0x1FAFF), (1.3, 0x10000, 0x1FFFF))
"""Blocks of signs that are wider than others: symbols, emoji, old scripts."""

_JOINED = range(0x0620, 0x064B)
"""Arabic letters, which are narrower where they join the next one."""

_OWN |= dict.fromkeys("سشصضڛڜښڝڞۺۻ", 1.3)


def clean(text: str, otherwise: str = "") -> str:
    """Return a text on one line that any XML may hold.

    Controls, characters that turn the direction of writing, and those that no document may hold are left out; runs of
    blanks become one; a letter keeps four marks at most. What is empty then becomes `otherwise`.
    """
    kept: list[str] = []
    marks = 0
    for char in text:
        category = unicodedata.category(char)
        marks = marks + 1 if category.startswith("M") else 0
        if char.isspace() or category.startswith("Z"):
            kept.append(" ")
        elif category in {"Cc", "Cs"} or (category == "Cf" and char not in JOINERS) or _no_character(char):
            continue
        elif marks <= MARKS:
            kept.append(char)
    return " ".join("".join(kept).split()) or otherwise


def _no_character(char: str) -> bool:
    code = ord(char)
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF


def isolate(text: str) -> str:
    """Return a text so that it reads in its own direction whatever stands around it."""
    turns = any(unicodedata.bidirectional(char) in {"R", "AL"} for char in text)
    return f"\u2068{text}\u2069" if turns else text


def width(text: str, size: float, *, bold: bool = False) -> float:
    """Return how wide a text stands at most, in the units of its size; for rare scripts it is a careful guess."""
    joined = sum(one in _JOINED and other in _JOINED for one, other in pairwise(map(ord, text)))
    return size * (sum(_em(char, bold) for char in text) - 0.4 * joined)


@lru_cache(maxsize=4096)
def _em(char: str, bold: bool) -> float:
    """Return the width of a character, as a part of the size."""
    if char in _OWN:
        return _OWN[char]
    if unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0.0
    base = ord(unicodedata.normalize("NFD", char)[0])
    if 0x20 <= base < 0x7F:
        return (_BOLD if bold else _REGULAR)[base - 0x20] / 1000
    for widest, first, last in _BLOCKS:
        if first <= ord(char) <= last:
            return widest
    if unicodedata.east_asian_width(char) in "WF":
        return 1.05
    return 1.15 if bold or char.isupper() else 1.0


def clusters(text: str) -> Iterator[str]:
    """Yield what stands as one sign: a letter with its marks, an emoji with what belongs to it, a flag."""
    held = ""
    for char in text:
        joins = unicodedata.category(char).startswith("M") or char in JOINERS or 0x1F3FB <= ord(char) <= 0x1F3FF
        if held and (joins or held[-1] == JOINERS[1] or (_half_flag(char) and len(held) == 1 and _half_flag(held))):
            held += char
        else:
            if held:
                yield held
            held = char
    if held:
        yield held


def _half_flag(char: str) -> bool:
    return 0x1F1E6 <= ord(char) <= 0x1F1FF


def fit(text: str, room: float, size: float, *, bold: bool = False) -> str:
    """Return a text, or as much of its beginning as stands within the room with an ellipsis."""
    if width(text, size, bold=bold) <= room:
        return text
    return _beginning(text, room - width(ELLIPSIS, size, bold=bold), size, bold=bold).rstrip() + ELLIPSIS


def _beginning(text: str, room: float, size: float, *, bold: bool = False) -> str:
    """Return as many whole signs as stand within the room."""
    taken, used = "", 0.0
    for cluster in clusters(text):
        used += width(taken[-1:] + cluster, size, bold=bold) - width(taken[-1:], size, bold=bold)
        if used > room:
            break
        taken += cluster
    return taken


def wrap(text: str, room: float, size: float, lines: int) -> tuple[str, ...]:
    """Return a text on at most so many lines, broken at blanks, else between signs; an ellipsis tells that some is left out."""
    done: list[str] = []
    rest = text
    while rest and len(done) < lines - 1 and width(rest, size) > room:
        line, rest = _break(rest, room, size)
        done.append(line)
    return (*done, fit(rest, room, size)) if rest else tuple(done)


def _break(text: str, room: float, size: float) -> tuple[str, str]:
    """Return what stands on the first line, and the rest."""
    taken = _beginning(text, room, size) or next(clusters(text))
    if len(taken) < len(text) and text[len(taken)] != " " and " " in taken:
        taken = taken[: taken.rindex(" ")]
    return taken.strip(), text[len(taken) :].strip()
