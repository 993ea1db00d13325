"""What former forecasts would have been, held against what came: how far those of an installation are to be corrected.

Each history is cut at some of its days, and on each of them a forecast is made of what was known then, of so much that it
should have been done well within the days that followed. Where it was not, the day lies beyond the end of the history, and
that is all that is known of it.

A forecast gives each day a probability of being done by then. Were all right, the deviates that belong to the probabilities of
the days that came would have a standard normal distribution. What distribution they have is found by the EM algorithm, as each
is known to lie between those of the day before and of the day itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from skillcore.insight.predictions.completion import HORIZON, Correction, distribution, shares
from skillcore.insight.predictions.pace import LONGEST_HISTORY

__all__ = ["LEAST_LOOKS", "Look", "correction", "held", "looks"]

Numbers = NDArray[np.float64]

LEAST_LOOKS = 100
"""Fewer teach nothing that chance could not have brought."""

LEAST_HISTORY, LEAST_SEEN = 28, 14
"""Days of a history that is looked back on, and those before and after the day of the forecast, at least."""

DAYS_A_LOOK, MOST_LOOKS = 40, 4
"""Of each history, one forecast for so many days, and no more than so many."""

SHORTEST, LONGEST = 3.0, 200.0
"""Days that what remains would take at the pace before."""

WITHIN = 1.5
"""What remains would take no more than the days that followed, divided by this."""

GOLDEN = (math.sqrt(5) - 1) / 2

DRAWN = 25.0
"""As many forecasts that were right are taken to have been made besides, so that few teach little."""

WEIGHT = 0.5
"""Of each look: those of the same person resemble each other."""

LEAST_SHARE = 1e-3
"""Probabilities below it and above its complement are not told apart."""

SURE, NARROW = 9.0, 1e-3
"""A deviate beyond all, and how far apart two lie at least between which another one does."""

STEPS, SETTLED = 500, 1e-7


class Look(Struct, frozen=True):
    """A forecast, and what came of it.

    Attributes:
        before: the probability that it gave to an earlier day than came.
        by: to that day or an earlier one; 1 where it was not done when the history ended.
        done: whether it was.
    """

    before: float
    by: float
    done: bool


def looks(history: Sequence[float], today: date, place: int) -> Iterator[Look]:
    """Make the forecasts of a person's past.

    Args:
        history: what was done on each day, up to the day before ``today``.
        today: in the person's time zone.
        place: of the person among all. What remains is spread evenly over the lengths that there may be, by the numbers of
            people and of forecasts, so that nothing is left to chance.
    """
    days = len(history)
    if days < LEAST_HISTORY:
        return
    count = min(MOST_LOOKS, max(1, days // DAYS_A_LOOK))
    for number in range(count):
        seen = LEAST_SEEN + int((number + 0.5) / count * (days - 2 * LEAST_SEEN))
        most = math.log(min(LONGEST, max(SHORTEST, (days - seen) / WITHIN)))
        length = math.exp(math.log(SHORTEST) + (most - math.log(SHORTEST)) * ((place * MOST_LOOKS + number) * GOLDEN % 1))
        wanted = sum(history[:seen]) / seen * length
        if all(day % 1 == 0 for day in history):
            wanted = max(1.0, float(round(wanted)))
        look = _look(history, seen, wanted, today - timedelta(days=days - seen))
        if look is not None:
            yield look


def _look(history: Sequence[float], seen: int, wanted: float, today: date) -> Look | None:
    """Return how a forecast went that knew so many days; None if they were too few."""
    if wanted <= 0:
        return None
    # One as long as is looked at may have begun earlier.
    probability = distribution(history[:seen], wanted, today, went_before=len(history) >= LONGEST_HISTORY)
    if probability is None:
        return None
    reached = np.flatnonzero(np.cumsum(history[seen:]) >= wanted)
    if not len(reached):
        return Look(probability(min(len(history) - seen, HORIZON)), 1.0, done=False)
    day = int(reached[0]) + 1
    return Look(probability(day - 1) if day > 1 else 0.0, probability(day), done=True)


def correction(found: Sequence[Look], measures: int = 1) -> Correction:
    """Return what forecasts teach about others to come; no correction if there are none.

    Args:
        found: the forecasts.
        measures: in how many the same days were counted: each forecast weighs the less, since they go on and pause together.
    """
    weight = WEIGHT / measures
    before, by = np.array([look.before for look in found]), np.array([look.by for look in found])
    # Of what is next to impossible, or to certain, it is known on which side it lies, and not how far.
    low = np.where(before <= LEAST_SHARE, -SURE, _deviates(before))
    high = np.where(by >= 1 - LEAST_SHARE, SURE, np.maximum(_deviates(by), low + NARROW))
    mean, spread = 0.0, 1.0
    for _ in range(STEPS):
        deviate, square = _expected((low - mean) / spread, (high - mean) / spread)
        placed = mean + spread * deviate
        sums = weight * len(found) + DRAWN
        new = weight * float(placed.sum()) / sums
        about = (placed - new) ** 2 + spread**2 * (square - deviate**2)
        wide = math.sqrt((weight * float(about.sum()) + DRAWN * (new**2 + 1)) / sums)
        moved = max(abs(new - mean), abs(wide - spread))
        mean, spread = new, wide
        if moved < SETTLED:
            break
    return Correction(mean, spread)


def _deviates(probabilities: Numbers) -> Numbers:
    """Return standard normal deviates, of which none lies so far out that rounding would make it."""
    return np.asarray(ndtri(np.clip(probabilities, LEAST_SHARE, 1 - LEAST_SHARE)))


def _expected(low: Numbers, high: Numbers) -> tuple[Numbers, Numbers]:
    """Return the mean and the mean square of standard normal deviates that are known to lie between two."""
    # On the side where both tails are small, so that their difference is not lost in rounding.
    mirrored = low + high > 0
    left, right = np.where(mirrored, -high, low), np.where(mirrored, -low, high)
    between = np.maximum(ndtr(right) - ndtr(left), 1e-300)
    begin, end = np.exp(-0.5 * left**2) / math.sqrt(2 * math.pi), np.exp(-0.5 * right**2) / math.sqrt(2 * math.pi)
    mean = np.clip((begin - end) / between, left, right)
    square = np.clip(1 + (left * begin - right * end) / between, mean**2, None)
    return np.where(mirrored, -mean, mean), square


def held(found: Sequence[Look], level: float, corrected: Correction) -> tuple[int, int]:
    """Return of how many forecasts it is known whether an interval holds what came, and of how many of them it does.

    Args:
        found: the forecasts.
        level: of the intervals.
        corrected: by what they are.
    """
    before, _, by = (corrected.of(share) for share in shares(level))
    # A day has many probabilities, from that of being done before it to that of being done by its end.
    places = [(look.before + look.by) / 2 for look in found if look.done]
    missed = sum(look.before >= by for look in found if not look.done)
    return len(places) + missed, sum(before < place <= by for place in places)
