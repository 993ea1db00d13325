"""Figures of an account's public profile, judged before the engine relies on them: names, numbers, bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skillcore.plugin import Unavailable, VerificationSource

__all__ = ["MOST_FIGURES", "offers_figures", "sound_figures"]

MOST_FIGURES = 50
LONGEST = 100
LARGEST = 2.0**53
"""Up to here every whole number is a float of its own."""

COUNTS = frozenset({"problems_solved", "contributions"})
"""Figures that are whole numbers, 0 and more."""


def offers_figures(source: VerificationSource[Any]) -> bool:
    """Say whether a source's plugin knows how to read figures; which, it says when it is asked."""
    return type(source).get_user_stats is not VerificationSource.get_user_stats


def sound_figures(who: str, returned: object) -> dict[str, float]:
    """Return figures by name, in the order of their names, if they are such in every part, as they will be recorded.

    Raises:
        Unavailable: they are something else, or one of them is not what its name says.
    """
    if not isinstance(returned, Mapping):
        raise Unavailable(f"{who} returned {type(returned).__name__}, which is no mapping of figures")
    try:
        figures = dict(returned.items())
    except Exception as error:  # whatever kind of mapping it is may fail in its own way
        raise Unavailable(f"{who} returned figures that cannot be read: {type(error).__name__}: {error}") from error
    if len(figures) > MOST_FIGURES:
        raise Unavailable(f"{who} returned {len(figures)} figures; allowed: {MOST_FIGURES}")
    for name, value in figures.items():
        if not (isinstance(name, str) and 0 < len(name) <= LONGEST and name.isprintable()):
            raise Unavailable(
                f"{who} names a figure {name!a:.200}; a name is text of 1 to {LONGEST} characters that can be seen"
            )
        if not _is_number(value):
            raise Unavailable(f"{who} returned {value!a:.100} for {name}, which is no finite number up to 2**53")
        if name in COUNTS and (value < 0 or value != int(value)):
            raise Unavailable(f"{who} returned {value!a:.100} for {name}, which is a whole number, 0 and more")
    return {name: float(figures[name]) for name in sorted(figures)}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST
