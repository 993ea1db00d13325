"""Where a score is going: its value on each of the days to come, with a band, from how it changed from week to week.

The change until a day h days ahead is taken to have the mean m·h and the variance s²·h/7 + (s²/(7·7·n))·h², where m is the mean
change a day and s² the variance of the changes of whole weeks, both with weights that halve every `HALF_LIFE` weeks, and n the
number of weeks that these weights amount to. The first part is chance from week to week, the second is that the mean is known
from n weeks alone. A score that has never fallen is forecast not to fall, by a gamma distribution; any other by Student's t.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from scipy.special import gammaincinv, stdtrit

__all__ = ["LEAST_WEEKS", "WEEKS", "Band", "curve"]

WEEKS = 12
"""Weeks that are looked at, at most."""

LEAST_WEEKS = 3
HALF_LIFE = 6.0


class Band(Struct, frozen=True, kw_only=True):
    """A score on a day to come: as probably higher as lower than ``value``, and between the others as often as asked."""

    value: float
    low: float
    high: float


def curve(
    history: Sequence[float | None],
    days: int,
    level: float = 0.8,
    *,
    least: float = -math.inf,
    most: float = math.inf,
) -> list[Band] | None:
    """Return a score's forecast for some days, or None where there is too little to say anything.

    Args:
        history: the score at the end of each day, up to the present; None where there was nothing to judge by.
            Zeros before any other value are a time before the beginning.
        days: how many to forecast.
        level: the probability that each day's band is to have.
        least: the lowest value that the score can have.
        most: the highest.
    """
    known = [value for value in history[_begin(history) :] if value is not None]
    weeks = min((len(known) - 1) // 7, WEEKS)
    if weeks < LEAST_WEEKS:
        return None
    last = known[-1]
    changes = np.array([known[-1 - 7 * back] - known[-8 - 7 * back] for back in range(weeks)])
    if not changes.any():
        return None
    weights = 0.5 ** (np.arange(weeks) / HALF_LIFE)
    weights /= weights.sum()
    count = 1 / float((weights**2).sum())
    mean = float(weights @ changes)
    variance = float(weights @ (changes - mean) ** 2) * count / (count - 1)
    shares = ((1 - level) / 2, 0.5, (1 + level) / 2)
    bands = []
    for ahead in range(1, days + 1):
        expected = mean * ahead / 7
        spread = variance * (ahead / 7 + (ahead / 7) ** 2 / count)
        if min(np.diff(known)) >= 0:
            changed = _rising(expected, spread * (count + 1) / max(count - 1, 1), shares)
        else:
            changed = [expected + float(stdtrit(count - 1, share)) * math.sqrt(spread) for share in shares]
        low, value, high = (min(max(last + change, least), most) for change in changed)
        bands.append(Band(value=value, low=low, high=high))
    return bands


def _rising(expected: float, spread: float, shares: Sequence[float]) -> list[float]:
    """Return quantiles of the gamma distribution with a mean and a variance."""
    if spread < 1e-12 * expected * expected:
        return [expected] * len(shares)
    shape = expected * expected / spread
    return [float(gammaincinv(shape, share)) * spread / expected for share in shares]


def _begin(history: Sequence[float | None]) -> int:
    """Return where the values begin that are followed by no gap; of zeros before the first other value, the last one."""
    gaps = [place for place, value in enumerate(history) if value is None]
    begin = gaps[-1] + 1 if gaps else 0
    while begin + 1 < len(history) and history[begin] == history[begin + 1] == 0:
        begin += 1
    return begin
