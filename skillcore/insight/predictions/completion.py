"""When what remains will be done: a day, the interval that holds it as often as asked, and what it rests on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import cache, partial
from statistics import NormalDist
from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.special import gammaincc

from skillcore.insight.predictions.factors import Factor, factors
from skillcore.insight.predictions.pace import LONGEST_HISTORY, Known, Paths, learned, walked

__all__ = ["HORIZON", "LEAST_ACTIVE", "LEAST_DAYS", "NONE", "Correction", "Forecast", "completion", "distribution", "shares"]

HORIZON = 730
"""Days ahead that are looked at."""

LEAST_DAYS, LEAST_ACTIVE = 7, 3
"""Of fewer days, or fewer of them active, nothing is said."""

LEAST_AMOUNT, MOST_AMOUNT = 1e-6, 1e9
"""Of a day: less counts as nothing, and more as so much."""

SKEW = 0.25
"""Delays are longer than leads, so an interval of fewer days holds as many if more of what it misses comes late than early."""

Status = Literal["done", "dated", "open", "beyond", "unknown"]


class Correction(Struct, frozen=True):
    """What looking back at former forecasts has taught: how probable a day proved that was given a probability.

    On the scale of standard normal deviates, a day came that lay, on average, `shift` farther on than the forecasts had it, and
    days lay `scale` as far apart. Without any, forecasts are taken at their word.
    """

    shift: float = 0.0
    scale: float = 1.0

    def of(self, share: float) -> float:
        """Return the probability that a forecast gives to what proves as probable as the share says."""
        if self == NONE:
            return share
        return _NORMAL.cdf(self.shift + self.scale * _NORMAL.inv_cdf(share))


_NORMAL = NormalDist()
NONE = Correction()
"""Forecasts are taken at their word."""


class Forecast(Struct, frozen=True, kw_only=True):
    """When something will be done.

    Attributes:
        status: `done` if nothing remains; `dated`: all three days are known; `open`: the later end lies beyond the horizon;
            `beyond`: even the middle one does; `unknown`: there is too little to say anything.
        day: as probably later as earlier.
        earliest: the interval's first day. Of the probability that the interval misses, less lies before it than after the last
            one (`shares`).
        latest: the interval's last day; None where it lies beyond the horizon.
        level: the probability that the interval holds the day, as near to it as whole days allow.
        correction: of what the model of the person's pace says, by how former forecasts went here.
        horizon: the last day that was looked at.
        factors: what it rests on.
    """

    status: Status
    remaining: float
    day: date | None = None
    earliest: date | None = None
    latest: date | None = None
    level: float
    correction: Correction = NONE
    horizon: date
    factors: tuple[Factor, ...] = ()


def completion(
    history: Sequence[float],
    remaining: float,
    today: date,
    level: float = 0.8,
    correction: Correction = NONE,
    *,
    went_before: bool = False,
) -> Forecast:
    """Return when what remains will be done; the same for equal arguments.

    Args:
        history: what was done on each day in the person's time zone, up to the day before ``today``; what is no finite number
            above 0 counts as nothing done. Of a shorter one than is looked at, what counts are the days after the first on
            which something was done.
        remaining: what is to be done from ``today`` on, in the same unit.
        today: the first day to come.
        level: the probability that the interval is to have, from 0.01 to 0.99.
        correction: by what is known of former forecasts.
        went_before: something was done before a shorter history, so that all of its days count.

    Raises:
        ValueError: a level or a remainder that there is not.
    """
    if not 0.01 <= level <= 0.99 or math.isnan(remaining):
        message = f"a level lies between 0.01 and 0.99, and a remainder is a number: {level}, {remaining}"
        raise ValueError(message)
    answer = partial(
        Forecast, level=level, correction=correction, horizon=today + timedelta(days=HORIZON - 1), remaining=max(remaining, 0.0)
    )
    if remaining <= 0:
        return answer(status="done")
    days = _counted(history)
    if (known := _known(days, today, went_before=went_before)) is None:
        return answer(status="unknown")
    probability = _done_by(known, days, remaining, today)
    earliest, middle, latest = _between(probability, *(correction.of(share) for share in shares(level)))
    status: Status = "beyond" if middle is None else "open" if latest is None else "dated"
    return answer(
        status=status,
        day=_day(today, middle),
        earliest=_day(today, earliest),
        latest=_day(today, latest),
        factors=factors(days, known, remaining, middle, HORIZON),
    )


def distribution(
    history: Sequence[float], remaining: float, today: date, *, went_before: bool = False
) -> Callable[[int], float] | None:
    """Return the probability, uncorrected, of being done by the end of a day to come; None if there is too little history.

    The first day to come is 1, the last `HORIZON`. Arguments are those of `completion`; something remains.
    """
    days = _counted(history)
    known = _known(days, today, went_before=went_before)
    return None if known is None else _done_by(known, days, remaining, today)


def shares(level: float) -> tuple[float, float, float]:
    """Return the probabilities of being done before the interval's first day, by the middle one, and by the last.

    An interval of a higher level holds one of a lower level, and each holds the middle: the ends move outwards as the level
    grows.
    """
    before = (1 - level) * (0.5 - SKEW * level)
    return before, 0.5, before + level


def _counted(history: Sequence[float]) -> NDArray[np.float64]:
    """Return the days that are looked at."""
    days = np.nan_to_num(np.asarray(history[-LONGEST_HISTORY:], dtype=np.float64), posinf=0.0)
    return np.where(days >= LEAST_AMOUNT, np.minimum(days, MOST_AMOUNT), 0.0)


def _known(days: NDArray[np.float64], today: date, *, went_before: bool = False) -> Known | None:
    """Return what days tell; None if they are too few.

    A history begins with a day on which something was done, since nobody is known before: that it was says nothing of others.
    """
    if not went_before and len(days) < LONGEST_HISTORY and days.any():
        days = days[int(np.argmax(days > 0)) + 1 :]
    if len(days) < LEAST_DAYS or int((days > 0).sum()) < LEAST_ACTIVE:
        return None
    return learned(days.tolist(), (today.weekday() - len(days)) % 7)


def _done_by(known: Known, days: NDArray[np.float64], remaining: float, today: date) -> Callable[[int], float]:
    """Return the probability of having done what remains by the end of a day to come."""
    # Whole numbers are reached when the last one is begun, so to speak: halfway is where a smooth amount stands for it.
    wanted = remaining - 0.5 if remaining >= 1 and not (days % 1).any() and remaining % 1 == 0 else remaining
    paths = walked(known, today.weekday(), HORIZON, wanted)
    return cache(partial(_probability, paths, wanted))  # the three searches ask for many of the same days


def _between(
    probability: Callable[[int], float], before: float, half: float, by: float
) -> tuple[int | None, int | None, int | None]:
    """Return an interval's first day to come, the middle one, and the last; None where they lie beyond the horizon.

    Few days have just the probabilities that are wanted: the ends are those that have them most nearly.
    """
    first, middle, last = (_reached(probability, share) for share in (before, half, by))
    if first is not None and probability(first) - before < before - _before(probability, first):
        first = min(first + 1, middle or HORIZON)
    if last is not None and by - _before(probability, last) < probability(last) - by:
        last = max(last - 1, middle or 1)
    return first, middle, last


def _before(probability: Callable[[int], float], day: int) -> float:
    """Return the probability of having done it before a day to come."""
    return probability(day - 1) if day > 1 else 0.0


def _day(today: date, days: int | None) -> date | None:
    return None if days is None else today + timedelta(days=days - 1)


def _reached(probability: Callable[[int], float], share: float) -> int | None:
    """Return on which day to come the probability of having done it reaches a share; None if not within the horizon."""
    if probability(HORIZON) < share:
        return None
    low, high = 1, HORIZON
    while low < high:
        between = (low + high) // 2
        if probability(between) < share:
            low = between + 1
        else:
            high = between
    return low


def _probability(paths: Paths, wanted: float, day: int) -> float:
    """Return the probability that it is done by the end of a day to come.

    What is done along a course has a gamma distribution about what is expected. Courses that end sooner have come well past
    what is wanted.
    """
    expected = paths.expected[min(day, len(paths.expected)) - 1] / paths.dispersion
    return float(np.where(expected > 0, gammaincc(np.maximum(expected, 1e-9), wanted / paths.dispersion), 0.0).mean())
