"""When what remains will be done: a day, the interval that holds it as often as asked, and what it rests on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import cache, partial
from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.special import gammaincc

from skillcore.insight.predictions.factors import Factor, factors
from skillcore.insight.predictions.pace import LONGEST_HISTORY, Paths, learned, walked

__all__ = ["HORIZON", "LEAST_ACTIVE", "LEAST_DAYS", "Forecast", "completion", "shares"]

HORIZON = 730
"""Days ahead that are looked at."""

LEAST_DAYS, LEAST_ACTIVE = 7, 3
"""Of fewer days, or fewer of them active, nothing is said."""

LEAST_AMOUNT, MOST_AMOUNT = 1e-6, 1e9
"""Of a day: less counts as nothing, and more as so much."""

SKEW = 0.25
"""Delays are longer than leads, so an interval of fewer days holds as many if more of what it misses comes late than early."""

Status = Literal["done", "dated", "open", "beyond", "unknown"]


class Forecast(Struct, frozen=True, kw_only=True):
    """When something will be done.

    Attributes:
        status: `done` if nothing remains; `dated`: all three days are known; `open`: the later end lies beyond the horizon;
            `beyond`: even the middle one does; `unknown`: there is too little to say anything.
        day: as probably later as earlier.
        earliest: the interval's first day. Of the probability that the interval misses, less lies before it than after the last
            one (`shares`).
        latest: the interval's last day; None where it lies beyond the horizon.
        level: the probability that the interval holds the day.
        horizon: the last day that was looked at.
        factors: what it rests on.
    """

    status: Status
    remaining: float
    day: date | None = None
    earliest: date | None = None
    latest: date | None = None
    level: float
    horizon: date
    factors: tuple[Factor, ...] = ()


def completion(history: Sequence[float], remaining: float, today: date, level: float = 0.8) -> Forecast:
    """Return when what remains will be done; the same for equal arguments.

    Args:
        history: what was done on each day in the person's time zone, up to the day before ``today``; what is no finite number
            above 0 counts as nothing done.
        remaining: what is to be done from ``today`` on, in the same unit.
        today: the first day to come.
        level: the probability that the interval is to have, from 0.01 to 0.99.

    Raises:
        ValueError: a level or a remainder that there is not.
    """
    if not 0.01 <= level <= 0.99 or math.isnan(remaining):
        message = f"a level lies between 0.01 and 0.99, and a remainder is a number: {level}, {remaining}"
        raise ValueError(message)
    horizon = today + timedelta(days=HORIZON - 1)
    days = _counted(history)
    if remaining <= 0:
        return Forecast(status="done", remaining=0.0, level=level, horizon=horizon)
    if len(days) < LEAST_DAYS or int((days > 0).sum()) < LEAST_ACTIVE:
        return Forecast(status="unknown", remaining=remaining, level=level, horizon=horizon)
    first = (today.weekday() - len(days)) % 7
    known = learned(days.tolist(), first)
    # Whole numbers are reached when the last one is begun, so to speak: halfway is where a smooth amount stands for it.
    wanted = remaining - 0.5 if remaining >= 1 and not (days % 1).any() and remaining % 1 == 0 else remaining
    paths = walked(known, today.weekday(), HORIZON, wanted)
    probability = cache(partial(_probability, paths, wanted))  # the three searches ask for many of the same days
    earliest, middle, latest = (_reached(probability, len(paths.expected), share) for share in shares(level))
    status: Status = "beyond" if middle is None else "open" if latest is None else "dated"
    return Forecast(
        status=status,
        remaining=remaining,
        day=_day(today, middle),
        earliest=_day(today, earliest),
        latest=_day(today, latest),
        level=level,
        horizon=horizon,
        factors=factors(days, known, remaining),
    )


def shares(level: float) -> tuple[float, float, float]:
    """Return the probabilities of being done by the interval's first day, the middle one, and the last.

    An interval of a higher level holds one of a lower level, and each holds the middle: the ends move outwards as the level
    grows.
    """
    before = (1 - level) * (0.5 - SKEW * level)
    return before, 0.5, before + level


def _counted(history: Sequence[float]) -> NDArray[np.float64]:
    """Return the days that are looked at."""
    days = np.nan_to_num(np.asarray(history[-LONGEST_HISTORY:], dtype=np.float64), posinf=0.0)
    return np.where(days >= LEAST_AMOUNT, np.minimum(days, MOST_AMOUNT), 0.0)


def _day(today: date, days: int | None) -> date | None:
    return None if days is None else today + timedelta(days=days - 1)


def _reached(probability: Callable[[int], float], days: int, share: float) -> int | None:
    """Return on which day to come the probability of having done it reaches a share; None if not within so many."""
    if probability(days) < share:
        return None
    low, high = 1, days
    while low < high:
        between = (low + high) // 2
        if probability(between) < share:
            low = between + 1
        else:
            high = between
    return low


def _probability(paths: Paths, wanted: float, day: int) -> float:
    """Return the probability that it is done by the end of a day to come.

    What is done along a course has a gamma distribution about what is expected.
    """
    expected = paths.expected[day - 1] / paths.dispersion
    return float(np.where(expected > 0, gammaincc(np.maximum(expected, 1e-9), wanted / paths.dispersion), 0.0).mean())
