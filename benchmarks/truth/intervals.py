"""Intervals of completion, held against what came: do they hold as many as they say, and how wide are they?

Learners are generated from the seed (`benchmarks.truth.learners`). Beside the forecast stands a naive one, "the pace so far":
days are drawn from the whole history, each as probable as the other and again and again, until nothing remains. Such an
interval holds far fewer than it says, so its width alone tells nothing. The naive intervals are therefore stretched about
their middles, all of a seed by the same factor, until they hold as many as ours, and ours have to be narrower than those in
two ways: all days in all intervals, which long forecasts make up, and the geometric mean of the ratios of single forecasts, in
which each counts alike. The widths beside naive intervals as they are, and the interval score (Gneiting and Raftery, 2007), are
told as well; the score is the width and 2 / (1 - level) days for each day by which the interval misses.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date

import numpy as np
from msgspec import Struct

from benchmarks.truth.learners import PHASES, Case, cases
from benchmarks.truth.reports import Check, Report, share
from skillcore.insight.predictions.completion import HORIZON, Forecast, completion

__all__ = ["COUNT", "Interval", "naive", "run", "score", "stretched"]

COUNT = 900
LEVEL = 0.8
LEAST_COVERED, MOST_COVERED = 0.75, 0.85
DRAWS = 300
NEVER = HORIZON + 1
"""The day that stands for all beyond the horizon."""


class Interval(Struct, frozen=True):
    """First, middle and last day to come, 1 being today."""

    low: int
    middle: int
    high: int

    def holds(self, day: int) -> bool:
        """Whether a day lies in it."""
        return self.low <= day <= self.high


def run(seed: int, *, count: int = COUNT) -> Report:
    """Make forecasts for generated learners and hold them against what came."""
    random = np.random.default_rng([seed, 1])
    ours: list[Interval] = []
    naives: list[Interval] = []
    came: list[int] = []
    phases: list[str] = []
    for case in cases(seed, count):
        forecast = completion(case.history, case.remaining, case.today, LEVEL)
        if forecast.status == "unknown":
            continue
        ours.append(_interval(forecast, case.today))
        naives.append(naive(case, random))
        came.append(min(case.days or NEVER, NEVER))
        phases.append(case.phase)
    held = [one.holds(day) for one, day in zip(ours, came, strict=True)]
    covered = sum(held) / len(held)
    wide = stretched(naives, came, covered)
    checks = [
        share("held by the intervals", sum(held), len(held), bar=LEAST_COVERED),
        share("held by the intervals, and no more", sum(held), len(held), bar=MOST_COVERED, at_most=True),
        _ratio("days, of naive intervals stretched to hold as many", _days(ours) / _days(wide), len(held), bar=1.0),
        _ratio("days of a forecast, of such a one", _each(ours, wide), len(held), bar=1.0),
        *(
            share(f"held, {phase}", sum(one for one, of in zip(held, phases, strict=True) if of == phase), phases.count(phase))
            for phase in PHASES
        ),
        share("held by the naive intervals", sum(one.holds(day) for one, day in zip(naives, came, strict=True)), len(held)),
        _ratio("days, of naive intervals as they are", _days(ours) / _days(naives), len(held)),
        _ratio("days of a forecast, of a naive one as it is", _each(ours, naives), len(held)),
        _ratio("interval score, of that of naive intervals", _scored(ours, came) / _scored(naives, came), len(held)),
        _ratio("interval score, of that of stretched ones", _scored(ours, came) / _scored(wide, came), len(held)),
        share("answered", len(held), count),
    ]
    return Report(
        name="intervals",
        seed=seed,
        measured=f"80% intervals of {count} completions by generated learners; {_days(ours) / len(ours):.1f} days on average",
        checks=tuple(checks),
        met=all(check.met for check in checks),
    )


def naive(case: Case, random: np.random.Generator) -> Interval:
    """Return the interval of the days so far, drawn again and again until nothing remains."""
    done = random.choice(np.array(case.history, dtype=float), size=(DRAWS, HORIZON)).cumsum(axis=1)
    days = (done < case.remaining).sum(axis=1) + 1
    low, middle, high = np.quantile(days, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2], method="inverted_cdf").tolist()
    return Interval(int(low), int(middle), int(high))


def stretched(intervals: Sequence[Interval], came: Sequence[int], covered: float) -> list[Interval]:
    """Return intervals stretched about their middles, on the scale of logarithms, until they hold a share of what came."""
    low, high = 0.0, 64.0
    for _ in range(40):
        between = (low + high) / 2
        if _share([_by(one, between) for one in intervals], came) < covered:
            low = between
        else:
            high = between
    return [_by(one, high) for one in intervals]


def _by(one: Interval, factor: float) -> Interval:
    # Even an interval of one day has something to stretch.
    down = math.log(one.middle + 0.5) - math.log(max(one.low - 0.5, 0.5))
    up = math.log(one.high + 0.5) - math.log(one.middle - 0.5)
    low = round((one.middle + 0.5) * math.exp(-down * factor) + 0.5)
    high = NEVER if up * factor > 20 else round((one.middle - 0.5) * math.exp(up * factor) - 0.5)
    return Interval(max(1, min(low, one.middle)), one.middle, min(NEVER, max(high, one.middle)))


def score(one: Interval, day: int) -> float:
    """Return an interval's score: its width, and what it is fined for missing."""
    missed = max(one.low - day, day - one.high, 0)
    return one.high - one.low + 2 / (1 - LEVEL) * missed


def _interval(forecast: Forecast, today: date) -> Interval:
    low, middle, high = (
        NEVER if day is None else (day - today).days + 1 for day in (forecast.earliest, forecast.day, forecast.latest)
    )
    return Interval(low, middle, high)


def _share(intervals: Sequence[Interval], came: Sequence[int]) -> float:
    return sum(one.holds(day) for one, day in zip(intervals, came, strict=True)) / len(came)


def _days(intervals: Sequence[Interval]) -> int:
    """Return how many days lie in intervals, first and last ones included."""
    return sum(one.high - one.low + 1 for one in intervals)


def _each(ours: Sequence[Interval], theirs: Sequence[Interval]) -> float:
    """Return the geometric mean of the ratios of days that lie in two intervals for the same forecast."""
    logarithms = [math.log(_days([one]) / _days([other])) for one, other in zip(ours, theirs, strict=True)]
    return math.exp(sum(logarithms) / len(logarithms))


def _scored(intervals: Sequence[Interval], came: Sequence[int]) -> float:
    return sum(score(one, day) for one, day in zip(intervals, came, strict=True)) / len(came)


def _ratio(name: str, found: float, of: int, *, bar: float | None = None) -> Check:
    return Check(name=name, share=found, of=of, error=0.0, bar=bar, at_most=True, met=bar is None or found <= bar)
