"""Generated learners: how much somebody does on each day, with habits, holidays, pauses, and a pace that changes.

A seed draws a population: how busy its people are, how regular, how often their pace changes and how much, how often they
pause. Each learner is drawn from that population, and each day from that learner. Nothing here knows how forecasts are made.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

__all__ = ["DAYS", "Case", "Learner", "Population", "cases", "learner", "population"]

DAYS = 365 * 5
"""Lived by each learner: far more than is to be forecast."""

PHASES = {"early": (14, 14), "middle": (40, 120), "late": (150, 400)}
"""Days of history, at least and at most."""

SHORTEST, LONGEST = 3.0, 200.0
"""Days that what remains would take at the learner's own average pace."""

Days = NDArray[np.float64]


class Population(Struct, frozen=True, kw_only=True):
    """What people of one population have in common; each learner's own figures lie about these.

    Attributes:
        amount: done on an active day, in the middle.
        activity: share of days that are active, in the middle.
        evenness: of weekdays; 1 is that a day of the week weighs little, 0.2 that one or two bear all.
        clumping: shape of an active day's amount; low is that most days are small and few are great.
        regime: days between changes of pace, on average.
        swing: standard deviation of the logarithm of the pace from one regime to the next.
        drift: by how much the logarithm of the pace wanders in a month.
        pauses: in a year.
        pause: days that one takes, on average.
        holidays: of two weeks, in a year, at most.
    """

    amount: float
    activity: float
    evenness: float
    clumping: float
    regime: float
    swing: float
    drift: float
    pauses: float
    pause: float
    holidays: int


class Learner(Struct, frozen=True):
    """How much was done on each day, from a first day on."""

    first: date
    done: tuple[int, ...]


class Case(Struct, frozen=True, kw_only=True):
    """A forecast to make, and what came of it.

    Attributes:
        history: of each day up to the one before ``today``.
        days: that it took, 1 if it was done by the end of today; None if more than were lived.
    """

    phase: str
    today: date
    history: tuple[int, ...]
    remaining: int
    days: int | None


def population(random: np.random.Generator) -> Population:
    """Draw a population."""
    return Population(
        amount=float(random.uniform(1.5, 5.0)),
        activity=float(random.uniform(0.35, 0.75)),
        evenness=float(random.uniform(0.3, 1.0)),
        clumping=float(random.uniform(0.7, 4.0)),
        regime=float(random.uniform(25, 90)),
        swing=float(random.uniform(0.25, 0.65)),
        drift=float(random.uniform(0.0, 0.12)),
        pauses=float(random.uniform(2, 9)),
        pause=float(random.uniform(3, 9)),
        holidays=int(random.integers(1, 4)),
    )


def learner(people: Population, random: np.random.Generator) -> Learner:
    """Draw a learner of a population and live their days."""
    first = date(2021, 1, 1) + timedelta(days=int(random.integers(0, 730)))
    pace = _pace(people, random)
    habit = _weekdays(people, random)[(first.weekday() + np.arange(DAYS)) % 7]
    ready = _present(people, first, random)
    activity = np.clip(people.activity * np.exp(random.normal(0, 0.3)), 0.1, 0.9)
    amount = people.amount * np.exp(random.normal(0, 0.5))
    # A change of pace is partly one of how often, and partly one of how much.
    often = random.uniform(0.2, 0.8)
    chance = np.clip(activity * habit * pace**often, 0.0, 0.97) * ready
    active = random.random(DAYS) < chance
    mean = np.maximum(amount * pace ** (1 - often), 0.2)
    shape = people.clumping * np.exp(random.normal(0, 0.3))
    done = active * (1 + random.poisson(random.gamma(shape, np.maximum(mean - 1, 0.1) / shape)))
    return Learner(first, tuple(done.tolist()))


def _pace(people: Population, random: np.random.Generator) -> Days:
    """Return a factor a day: regimes of an even pace, and a slow wandering."""
    logarithm = np.zeros(DAYS)
    keeps = random.uniform(0.0, 0.7)
    level, day = random.normal(0, people.swing), 0
    while day < DAYS:
        length = max(4, int(random.exponential(people.regime)))
        logarithm[day : day + length] = level
        level = keeps * level + np.sqrt(1 - keeps**2) * random.normal(0, people.swing)
        day += length
    wander, walk = random.normal(0, people.drift / np.sqrt(30), DAYS), 0.0
    for day in range(DAYS):
        walk = 0.995 * walk + wander[day]  # nobody becomes ever faster
        logarithm[day] += walk
    return np.exp(np.clip(logarithm, -2.0, 2.0))


def _weekdays(people: Population, random: np.random.Generator) -> Days:
    """Return a factor a weekday, 1 on average: of those who learn on workdays, at weekends, or as it suits them."""
    usual = [np.array([1, 1, 1, 1, 1, 0.4, 0.4]), np.array([0.4, 0.4, 0.4, 0.4, 0.6, 1.6, 1.6]), np.ones(7)]
    drawn = usual[random.integers(0, 3)] * random.dirichlet(np.full(7, 8 * people.evenness))
    return np.asarray(7 * drawn / drawn.sum())


def _present(people: Population, first: date, random: np.random.Generator) -> Days:
    """Return 1 for days on which the learner is there, 0 in pauses, and little or nothing in holidays."""
    ready = np.ones(DAYS)
    for day in np.flatnonzero(random.random(DAYS) < people.pauses / 365).tolist():
        ready[day : day + random.geometric(1 / people.pause)] = 0.0
    rest = 0.0 if random.random() < 0.8 else 0.2
    for _ in range(random.integers(1, people.holidays + 1)):
        at = int(random.integers(0, 365))
        for year in range(DAYS // 365 + 1):
            begin = (date(first.year + year, 1, 1) + timedelta(days=at + int(random.integers(-5, 6))) - first).days
            ready[max(begin, 0) : max(begin + 14, 0)] = rest
    return ready


def cases(seed: int, count: int) -> list[Case]:
    """Return forecasts to make, the same for the same seed; a third of them in each phase."""
    random = np.random.default_rng(seed)
    people = population(random)
    made: list[Case] = []
    while len(made) < count:
        phase = list(PHASES)[len(made) % len(PHASES)]
        least, most = PHASES[phase]
        lived = learner(people, random)
        length = int(random.integers(least, most + 1))
        # Long enough, even after the longest history: what remains takes a multiple of the average pace at most.
        average = sum(lived.done) / DAYS
        remaining = max(1, round(average * float(np.exp(random.uniform(np.log(SHORTEST), np.log(LONGEST))))))
        made.append(
            Case(
                phase=phase,
                today=lived.first + timedelta(days=length),
                history=lived.done[:length],
                remaining=remaining,
                days=_days(lived.done[length:], remaining),
            )
        )
    return made


def _days(done: tuple[int, ...], remaining: int) -> int | None:
    total = np.cumsum(done)
    place = int(np.searchsorted(total, remaining))
    return place + 1 if place < len(total) else None
