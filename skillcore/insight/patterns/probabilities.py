"""Tails of the distributions that patterns are tested by. Exact, or on the safe side; nothing is drawn at random."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy import special

__all__ = [
    "Trend",
    "autocorrelation",
    "binomial_tail",
    "bounded_tail",
    "chi_square_below",
    "early_trend",
    "holm",
    "inflation",
    "normal_tail",
    "rank_sum_tail",
    "rotation_tail",
    "student_tail",
    "theil_sen",
    "trend",
]

MOST_ALIKE = 0.9
Values = NDArray[np.float64]


class Trend(Struct, frozen=True):
    """Whether values rise or fall in their order.

    Attributes:
        tau: Kendall's, from -1 to 1.
        slope: median of the slopes between all pairs, per step.
        up: probability that chance gives as much of a rise.
        down: the same of a fall.
    """

    tau: float
    slope: float
    up: float
    down: float

    @property
    def either(self) -> float:
        """Probability that chance gives as much of a rise or a fall."""
        return min(1.0, 2 * min(self.up, self.down))


def normal_tail(z: float) -> float:
    """Return the probability of more than `z`."""
    return float(special.ndtr(-z))


def student_tail(t: float, degrees: float) -> float:
    """Return the probability of more than `t` under Student's distribution."""
    return float(special.stdtr(degrees, -t))


def chi_square_below(value: float, degrees: float) -> float:
    """Return the probability of less than a value under the chi-square distribution."""
    return float(special.chdtr(degrees, value))


def binomial_tail(total: float, n: int, share: float) -> float:
    """Return the probability that of `n` independent things with probability `share` each at least `total` happen."""
    return float(special.bdtrc(total - 1, n, share)) if total > 0 else 1.0


def bounded_tail(total: float, n: int, share: float) -> float:
    """Return a bound for the probability that `n` independent values from 0 to 1 sum up to at least `total`.

    Their mean is `share` each; how they are distributed does not matter. The bound is e times the binomial tail, which
    between whole numbers is interpolated by its logarithm (Bentkus, On Hoeffding's inequalities, 2004).
    """
    if total <= 0:
        return 1.0
    if total > n:
        return 0.0
    below = math.floor(total + 1e-9)
    part = max(total - below, 0.0)
    low = special.bdtrc(below - 1, n, share) if below > 0 else 1.0
    high = special.bdtrc(below, n, share) if below < n else 0.0
    tail = low if part < 1e-9 or high <= 0 else math.exp((1 - part) * math.log(low) + part * math.log(high))
    return min(1.0, math.e * float(tail))


def rotation_tail(weeks: Sequence[Sequence[int]], days: Sequence[int]) -> float:
    """Return the probability that some days of the week hold as much as they do, if every week could as well be turned round.

    Each week is turned by 0 to 6 days with equal probability, independently of the others; exact, by convolution.

    Args:
        weeks: for each, how much each of its seven days holds, or whether it holds anything.
        days: places of the days in question.
    """
    chances = np.ones(1)
    for week in weeks:
        sums = [sum(week[(day + turn) % 7] for day in days) for turn in range(7)]
        chances = np.convolve(chances, np.bincount(sums) / 7)
    observed = sum(week[day] for week in weeks for day in days)
    return min(1.0, float(chances[observed:].sum()))


def rank_sum_tail(higher: Values, others: Values) -> float:
    """Return the probability that values are as much above others as these are (Wilcoxon, Mann and Whitney), ties included."""
    n, m = len(higher), len(others)
    everything = np.concatenate([higher, others])
    _, inverse, counts = np.unique(everything, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    excess = float(ranks[:n].sum()) - n * (n + m + 1) / 2
    ties = float((counts**3 - counts).sum()) / ((n + m) * (n + m - 1))
    variance = n * m / 12 * (n + m + 1 - ties)
    return normal_tail((excess - 0.5) / math.sqrt(variance)) if variance > 0 else 1.0


def theil_sen(values: Values) -> float:
    """Return the median of the slopes between all pairs of values, per step."""
    n = len(values)
    first, second = np.triu_indices(n, 1)
    return float(np.median((values[second] - values[first]) / (second - first))) if n > 1 else 0.0


def autocorrelation(values: Values) -> float:
    """Return the correlation of what a fit left over with its followers; 0 if it is no greater than chance makes it often.

    Corrected upwards, since what a fit leaves of few values seems less alike than it is.
    """
    n = len(values)
    centred = values - values.mean()
    total = float(centred @ centred)
    found = float(centred[:-1] @ centred[1:]) / total if total > 0 else 0.0
    return min(found + (2 + 4 * found) / n, MOST_ALIKE) if found > 1 / math.sqrt(n) else 0.0


def inflation(values: Values) -> float:
    """Return how much greater than without it the autocorrelation of values makes the variance of their mean.

    That of an autoregression of the first order with this correlation.
    """
    alike = autocorrelation(values)
    return (1 + alike) / (1 - alike)


def trend(values: Values) -> Trend:
    """Return whether values rise or fall (Mann and Kendall), ties included; what follows upon each other may be alike."""
    n = len(values)
    first, second = np.triu_indices(n, 1)
    differences = values[second] - values[first]
    score = float(np.sign(differences).sum())
    slope = float(np.median(differences / (second - first)))
    _, counts = np.unique(values, return_counts=True)
    ties = float((counts * (counts - 1) * (2 * counts + 5)).sum())
    variance = (n * (n - 1) * (2 * n + 5) - ties) / 18 * inflation(values - slope * np.arange(n))
    if variance <= 0:
        return Trend(0.0, 0.0, 1.0, 1.0)
    deviation = math.sqrt(variance)
    up, down = normal_tail((score - 1) / deviation), normal_tail((-score - 1) / deviation)
    return Trend(score / (n * (n - 1) / 2), slope, up, down)


def early_trend(values: Values) -> float:
    """Return the probability that values follow the logarithm of their places as much by chance, in either direction.

    Finds what changes early and then stays, which `trend` sees less. The permutation's variance, and the normal distribution.
    """
    logarithms = np.log(np.arange(1, len(values) + 1))
    given, centred = logarithms - logarithms.mean(), values - values.mean()
    variance = float(given @ given) * float(centred @ centred) / (len(values) - 1)
    if variance <= 0:
        return 1.0
    left = centred - given * float(given @ centred) / float(given @ given)
    return min(1.0, 2 * normal_tail(abs(float(given @ centred)) / math.sqrt(variance * inflation(left))))


def holm(chances: Sequence[float]) -> list[float]:
    """Return probabilities as they are once all of them are judged together (Holm, 1979): any wrong one counts."""
    adjusted = [1.0] * len(chances)
    worst = 0.0
    for rank, place in enumerate(sorted(range(len(chances)), key=lambda place: chances[place])):
        worst = max(worst, min(1.0, (len(chances) - rank) * chances[place]))
        adjusted[place] = worst
    return adjusted
