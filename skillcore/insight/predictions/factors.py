"""What a completion forecast rests on, in words, and by how many days each thing moves the day."""

from __future__ import annotations

from calendar import day_name

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from skillcore.insight.predictions.pace import Known, present

__all__ = ["Factor", "factors"]

MONTH = 28
"""Days of which the last are compared with those before them."""

NOTED = 0.1
"""Smaller changes, as shares, are not told."""

PLAIN = 1.25
"""How much more than on average is done on a weekday before it is told."""

LIKELY = 0.5


class Factor(Struct, frozen=True, kw_only=True):
    """Something that moves the day.

    Attributes:
        name: `pace`, `pauses`, `weekdays` or `trend`.
        words: what was found.
        days: by how many days it puts the completion off, at most by all that lie before it; below zero it brings it nearer.
            None where that is not said.
    """

    name: str
    words: str
    days: float | None


def factors(history: NDArray[np.float64], known: Known, remaining: float, day: int | None, most: int) -> tuple[Factor, ...]:
    """Return what a forecast rests on.

    Args:
        history: what was done on each day, the last one being yesterday; some of it is above 0.
        known: what the days tell.
        remaining: what is to be done.
        day: on which day to come that is as probably done as not; None if not within those that are looked at.
        most: how many those are.
    """
    usual = known.habits.pace
    current = usual * known.level
    found = [_pace(usual, current, remaining, day, most)]
    away = 1 - float(present(history > 0).mean())
    if away > 0 or known.paused > LIKELY:
        found.append(_pauses(away, known.paused, len(history), day))
    best = int(known.habits.weekdays.argmax())
    if known.habits.weekdays[best] >= PLAIN:
        words = f"most is done on {day_name[best]}s: {known.habits.weekdays[best]:.1f} times as much as on the average day"
        found.append(Factor(name="weekdays", words=words, days=None))
    if len(history) >= 2 * MONTH and (before := float(history[-2 * MONTH : -MONTH].sum())) > 0:
        change = float(history[-MONTH:].sum()) / before - 1
        if abs(change) >= NOTED:
            words = (
                f"{abs(change):.0%} {'more' if change > 0 else 'less'} was done in the last four weeks than in the four before"
            )
            found.append(Factor(name="trend", words=words, days=None))
    return tuple(found)


def _pace(usual: float, current: float, remaining: float, day: int | None, most: int) -> Factor:
    """Tell of the present pace beside the usual one: the days that what remains takes more at the one than at the other.

    A pace does not last: the day may come sooner than the present one alone would have it, and is put off by no more than all
    the days before it. Of a day that is not known nothing is said that lies beyond those that are looked at.
    """
    change = current / usual - 1
    compared = "as usual" if abs(change) < NOTED else f"{abs(change):.0%} {'above' if change > 0 else 'below'} the usual pace"
    words = f"when at work, about {7 * current:.3g} a week lately, {compared}"
    return Factor(name="pace", words=words, days=_within(remaining / current - remaining / usual, day, most))


def _within(days: float, day: int | None, most: int) -> float | None:
    if day is not None:
        return round(min(days, day - 1), 1)
    return round(days, 1) if abs(days) <= most else None


def _pauses(away: float, paused: float, days: int, day: int | None) -> Factor:
    """Tell of pauses: of the days up to the expected one, as large a part as of the days seen; on the last one work is done."""
    words = f"{round(away * days)} of the last {days} days were in pauses of a week or longer"
    if paused > LIKELY:
        words += "; one seems to be on"
    return Factor(name="pauses", words=words, days=None if day is None else round(min(away * day, day - 1), 1))
