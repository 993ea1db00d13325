"""How fast somebody works, as far as their days tell: what the pace is now, how it changes, and where it may go.

A hidden Markov model. The pace is at one of some levels about the person's usual one; now and then it jumps to another. A
person is at work, or in a pause that is short, long or very long. How often the pace jumps and how far, how often they pause
and what is usual, is not known: the model takes all of a grid of such figures and weighs each by how well it explains the
days. At a level, a day is active with a probability that depends on the weekday; the amount of an active day has a gamma
distribution. All is relative to the person's own amounts, so that minutes and tasks are forecast alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

__all__ = ["LONGEST_HISTORY", "Habits", "Known", "Paths", "habits", "learned", "present", "walked"]

Numbers = NDArray[np.float64]

LONGEST_HISTORY = 400
"""Days that are looked at: what lies farther back says nothing of the present pace."""

LEVELS: Numbers = np.linspace(-2.4, 2.4, 13)
"""Logarithms of the pace, relative to the usual one."""

JUMPS = (1 / 90, 1 / 30)
SWINGS = (0.3, 0.6, 1.0)
USUAL = (-0.8, -0.4, 0.0, 0.4, 0.8)
PAUSES = (1 / 120, 1 / 40)
"""The grid: jumps of the pace a day, standard deviation of its logarithm, its mean, and pauses begun a day."""

USUAL_SPREAD = 0.4
"""By how much the usual pace may lie beside that of the days seen."""

EVEN, RETURN = 0.7, 0.5
"""Who was active on more than half of the days (an intensity of 0.7) will usually be less so, and the other way round: the
usual pace is drawn to that intensity by so much of the distance between logarithms."""

ENTERED: Numbers = np.array([0.5, 0.49, 0.01])
LEFT: Numbers = np.array([1 / 4, 1 / 11, 1 / 40])
"""Kinds of pauses: the share of them that are of each, and how many are over on the next day."""

ODD = 0.02
"""Days of a pause on which something is done all the same."""

WEEKS = 5.0
"""How many weeks of like days the habits of weekdays are drawn to."""

AMOUNTS, USUAL_VARIATION = 12.0, 0.5
"""How many active days the usual squared coefficient of variation of amounts counts for."""

PAUSED = 7
"""So many idle days in a row are not days on which somebody might have worked."""

SCALED = 8
"""Days after which probabilities are scaled anew, so that they do not vanish."""

PATHS = 300
CHANGES = 40
"""Of each kind that are drawn for a course: more than there are within the horizon."""

SEED = 20


class Habits(Struct, frozen=True):
    """What is regular in a person's days.

    Attributes:
        weekdays: a factor for each, Monday first, 1 on average.
        intensity: minus the logarithm of the share of days without work, on a day like any.
        amount: mean of what is done for one unit of intensity.
        variation: squared coefficient of variation of the amounts of active days.
    """

    weekdays: Numbers
    intensity: float
    amount: float
    variation: float

    @property
    def pace(self) -> float:
        """What is done a day, on average, by somebody at work."""
        return self.intensity * self.amount

    @property
    def dispersion(self) -> float:
        """The variance of a day's amount, divided by its mean."""
        active = -math.expm1(-self.intensity)
        mean = self.pace / active
        return max((1 + self.variation) * mean * mean * active / self.pace - self.pace, 1e-3 * mean)


class Known(Struct, frozen=True):
    """What the days tell: a weight for each way of changing, and for each state that the person may be in.

    Attributes:
        weights: by mode (at work, or in one of the pauses), model of the grid, and level; they sum to 1.
    """

    habits: Habits
    weights: Numbers

    @property
    def level(self) -> float:
        """The pace when at work, relative to the person's usual one."""
        return float(self.weights.sum(axis=(0, 1)) @ np.exp(LEVELS))

    @property
    def paused(self) -> float:
        """The probability that a pause is on."""
        return float(self.weights[1:].sum())


class Paths(Struct, frozen=True):
    """Courses that the future may take, equally probable.

    Attributes:
        expected: what is expected to be done by the end of each day, a row a day and a column a course.
        dispersion: by how much what is done varies about that: variance divided by mean.
    """

    expected: Numbers
    dispersion: float


MODELS = tuple(product(JUMPS, SWINGS, USUAL, PAUSES))
_JUMP, _SWING, _MEAN, _PAUSE = (np.array(column) for column in zip(*MODELS, strict=True))


def habits(history: Numbers, first_weekday: int) -> Habits:
    """Return what is regular in days of which at least one is active.

    Args:
        history: what was done on each day.
        first_weekday: of the first of them, 0 for Monday.
    """
    active = history > 0
    amounts = history[active]
    mean = float(amounts.mean())
    weekday = (first_weekday + np.arange(len(history))) % 7
    there = present(active)
    clipped = np.minimum(history, 3 * mean)[there]
    usual = float(clipped.mean())
    sums = np.bincount(weekday[there], clipped, 7)
    counts = np.bincount(weekday[there], minlength=7)
    weekdays = (sums + WEEKS * usual) / ((counts + WEEKS) * usual)
    share = min((float(active.sum()) + 0.5) / (float(there.sum()) + 1), 0.97)
    intensity = -math.log1p(-share)
    variation = float(((amounts / mean - 1) ** 2).sum() + AMOUNTS * USUAL_VARIATION) / (len(amounts) + AMOUNTS)
    return Habits(weekdays / weekdays.mean(), intensity, mean * share / intensity, max(variation, 0.01))


def present(active: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the days that belong to no long run of idle ones."""
    found = np.ones(len(active), dtype=bool)
    edges = np.flatnonzero(np.diff(np.concatenate([[1], active, [1]])))
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if end - start >= PAUSED:
            found[start:end] = False
    return found


def learned(history: Sequence[float], first_weekday: int) -> Known:
    """Return what days tell, of which at least one is active; arguments as for `habits`."""
    days = np.asarray(history, dtype=np.float64)
    found = habits(days, first_weekday)
    likely, odd = _likelihoods(days, found, first_weekday)
    stationary = _stationary()
    state = stationary * np.concatenate([[0.95], 0.05 * ENTERED])[:, None, None]
    work, rest = state[0], state[1:]
    jump, pause, left, entered = _JUMP[:, None], _PAUSE[:, None], LEFT[:, None, None], ENTERED[:, None, None]
    jumped, back = jump * stationary, np.empty_like(rest)
    evidence = -0.5 * ((_MEAN - RETURN * math.log(EVEN / found.intensity)) / USUAL_SPREAD) ** 2
    for day in range(len(days)):
        np.multiply(rest, left, out=back)
        rest -= back
        begun = work * pause
        rest += entered * begun
        work += back[0] + back[1] + back[2] - begun
        moved = jumped * work.sum(axis=1, keepdims=True)
        work *= 1 - jump
        work += moved
        work *= likely[day]
        rest *= odd[day]
        if day % SCALED == 0 or day == len(days) - 1:
            total = state.sum(axis=(0, 2))
            state /= total[:, None]
            evidence += np.log(total)
    weights = np.exp(evidence - evidence.max())
    return Known(found, state * (weights / weights.sum())[:, None])


def _stationary() -> Numbers:
    """Return the levels' probabilities after a jump, a row a model."""
    spread = np.exp(-0.5 * ((LEVELS - _MEAN[:, None]) / _SWING[:, None]) ** 2)
    return np.asarray(spread / spread.sum(axis=1, keepdims=True))


def _likelihoods(days: Numbers, found: Habits, first_weekday: int) -> tuple[Numbers, Numbers]:
    """Return how probable each day is at each level, and in a pause; each day up to a factor of its own."""
    factor = found.weekdays[(first_weekday + np.arange(len(days))) % 7]
    done = days[:, None]
    # Who works more does so half by working more often, and half by doing more at a time.
    intensity = found.intensity * factor[:, None] * np.exp(LEVELS / 2)
    active = -np.expm1(-intensity)
    mean = found.amount * np.exp(LEVELS / 2) * intensity / active
    shape = 1 / found.variation
    logs = shape * (np.log(done / mean, where=done > 0, out=np.zeros_like(mean)) - done / mean)
    logs -= logs.max(axis=1, keepdims=True)
    idle = days == 0
    likely = np.where(idle[:, None], 1 - active, active * np.exp(logs))
    return np.maximum(likely, 1e-12), np.where(idle, 1 - ODD, ODD * 0.5)


def walked(known: Known, first_weekday: int, days: int, enough: float) -> Paths:
    """Return courses that the future may take.

    Args:
        known: the present.
        first_weekday: of the first day to come.
        days: how many to go, at most.
        enough: the courses may end where all of them have come well past this amount. What they hold of a day does not
            depend on it.
    """
    chance = np.random.Generator(np.random.PCG64(SEED))
    chosen = np.searchsorted(np.cumsum(known.weights.ravel()), (np.arange(PATHS) + 0.5) / PATHS)
    mode, model, place = np.unravel_index(np.minimum(chosen, known.weights.size - 1), known.weights.shape)
    # A cell of the grid stands for all paces as near to it as half a step.
    usually = _MEAN[model] + chance.uniform(-0.2, 0.2, PATHS)
    levels = usually + _SWING[model] * chance.standard_normal((CHANGES, PATHS))
    levels = np.concatenate([(LEVELS[place] + chance.uniform(-0.2, 0.2, PATHS))[None], levels])
    changes = np.cumsum(chance.geometric(_JUMP[model], (CHANGES, PATHS)), axis=0)
    work = chance.geometric(_PAUSE[model], (CHANGES, PATHS))
    kinds = np.searchsorted(np.cumsum(ENTERED), chance.random((CHANGES, PATHS)))
    pauses = chance.geometric(LEFT[np.minimum(kinds, len(LEFT) - 1)])
    paused = np.where(mode > 0, chance.geometric(LEFT[np.maximum(mode - 1, 0)]), 0)
    ends = paused + np.cumsum(work + pauses, axis=0)
    usual = known.habits.pace * known.habits.weekdays[(first_weekday + np.arange(days)) % 7]
    for ahead in (min(days, 120), min(days, 320), days):
        level = np.cumsum(_placed(ahead, changes, np.diff(levels, axis=0), levels[0]), axis=0)
        # A pause of no day at all begins each course that is at work, so that all courses end as many as they begin.
        away = np.cumsum(_placed(ahead, ends - pauses, 1.0, 1.0) - _placed(ahead, np.vstack([paused, ends]), 1.0), axis=0)
        expected = np.cumsum(usual[:ahead, None] * np.exp(level) * (away < 0.5), axis=0)
        if ahead == days or expected[-1].min() > 2 * enough + 10 * known.habits.dispersion:
            break
    return Paths(expected, known.habits.dispersion)


def _placed(days: int, at: NDArray[np.int64], what: Numbers | float, first: NDArray[Any] | float = 0.0) -> Numbers:
    """Return a row a day and a column a course: what begins or ends there; ``first`` is added to the first day."""
    inside = at < days
    cells = (at * PATHS + np.arange(PATHS))[inside]
    sums = np.bincount(cells, np.broadcast_to(what, at.shape)[inside], days * PATHS)
    found = np.asarray(sums, dtype=np.float64).reshape(days, PATHS)
    found[0] += first
    return found
