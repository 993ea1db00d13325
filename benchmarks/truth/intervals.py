"""Intervals of completion, held against what came: do they hold as many as they say, and how wide are they?

Learners are generated from the seed (`benchmarks.truth.learners`). Forecasts are corrected as `skillcore models forecasts`
would correct them in an installation of these learners: by looking back on their own histories, of which none goes beyond the
day of the forecast. How many hold what came without that is told as well. Beside the forecast stand two naive ones, of a pace
that is redrawn:

- *days*: days are drawn from the history, each as probable as the other and again and again, until nothing remains. That takes
  days for independent of each other, and the pace so far for the pace for good.
- *weeks*: first a history that might as well have been is drawn, in runs of seven days, and then, from that one, the runs of
  seven days to come. So days that follow each other stay together, and the pace itself is uncertain. It is what somebody would
  write who knows the bootstrap (blocks as in Künsch, 1989, bent to a circle as in Politis and Romano, 1992).

Naive intervals hold far fewer than they say, so their width alone tells nothing. They are therefore stretched about their
middles until they hold as many as ours, and ours have to be better than those in three ways:

- in the days of a forecast, by the geometric mean of the ratios, in which each counts alike, where one factor stretches all;
- in all days of all intervals, which long forecasts make up, where each length of what remains is stretched by a factor of its
  own, so that each is held as often as ours. One factor for all leaves long forecasts held less often than short ones, which
  saves the most days and keeps no promise; the sum beside such intervals is told, and has no bar;
- in the interval score (Gneiting and Raftery, 2007), where one factor stretches all: the width, and 2 / (1 - level) days for
  each day by which the interval misses, which nobody makes smaller by saying anything but what they believe.

The figures beside naive intervals as they are are told as well.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from itertools import compress
from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from benchmarks.truth.learners import PHASES, Case, cases
from benchmarks.truth.reports import Check, Report, share
from skillcore.insight.predictions.completion import HORIZON, NONE, Correction, Forecast, completion
from skillcore.insight.predictions.hindsight import correction, looks

__all__ = ["COUNT", "LENGTHS", "Interval", "length", "naive", "run", "score", "stretched", "weekly"]

COUNT = 900
LEVEL = 0.8
LEAST_COVERED, MOST_COVERED = 0.75, 0.85
DRAWS = 300
WEEK = 7
LENGTHS = {"short": 14, "medium": 60, "long": math.inf}
"""Days, fewer than which what remains takes at the mean pace of the history."""

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


class Outcome(Struct, frozen=True, kw_only=True):
    """One forecast, the same uncorrected, two naive ones, and what came."""

    ours: Interval
    bare: Interval
    days: Interval
    weeks: Interval
    came: int
    phase: str
    length: str

    @property
    def held(self) -> bool:
        """Whether our interval holds what came."""
        return self.ours.holds(self.came)


def run(seed: int, *, count: int = COUNT) -> Report:
    """Make forecasts for generated learners and hold them against what came."""
    made = cases(seed, count)
    learned = correction([look for place, case in enumerate(made) for look in looks(case.history, case.today, place)])
    found = _outcomes(made, learned, seed)
    ours = [one.ours for one in found]
    hits = sum(one.held for one in found)
    sides = [_beside("days", found), _beside("weeks", found)]
    checks = [
        share("held by the intervals", hits, len(found), bar=LEAST_COVERED),
        share("held by the intervals, and no more", hits, len(found), bar=MOST_COVERED, at_most=True),
        *(check for side in sides for check in side if check.bar is not None),
        *(_held(f"held, {phase}", [one for one in found if one.phase == phase]) for phase in PHASES),
        *(_held(f"held, {length}", [one for one in found if one.length == length]) for length in LENGTHS),
        share("held uncorrected", _hits([one.bare for one in found], [one.came for one in found]), len(found)),
        *(check for side in sides for check in side if check.bar is None),
        share("answered", len(found), count),
    ]
    return Report(
        name="intervals",
        seed=seed,
        measured=f"80% intervals of {count} completions by generated learners, {_days(ours) / len(ours):.1f} days on average;"
        f" shift {learned.shift:.3f}, scale {learned.scale:.3f}",
        checks=tuple(checks),
        met=all(check.met for check in checks),
    )


def _outcomes(made: Sequence[Case], learned: Correction, seed: int) -> list[Outcome]:
    """Return the forecasts that say anything."""
    by_day, by_week = np.random.default_rng([seed, 1]), np.random.default_rng([seed, 2])
    found = []
    for case in made:
        forecast, bare = (completion(case.history, case.remaining, case.today, LEVEL, one) for one in (learned, NONE))
        if forecast.status != "unknown":
            found.append(
                Outcome(
                    ours=_interval(forecast, case.today),
                    bare=_interval(bare, case.today),
                    days=naive(case, by_day),
                    weeks=weekly(case, by_week),
                    came=min(case.days or NEVER, NEVER),
                    phase=case.phase,
                    length=length(case),
                )
            )
    return found


def _held(name: str, found: Sequence[Outcome]) -> Check:
    return share(name, sum(one.held for one in found), len(found))


def _beside(kind: Literal["days", "weeks"], found: Sequence[Outcome]) -> list[Check]:
    """Return how ours stand beside naive intervals of a kind."""
    ours, came = [one.ours for one in found], [one.came for one in found]
    theirs = [one.days if kind == "days" else one.weeks for one in found]
    wide = stretched(theirs, came, _share(ours, came))
    even = list(theirs)
    for name in LENGTHS:
        if there := [place for place, one in enumerate(found) if one.length == name]:
            held = [came[place] for place in there]
            level = _share([ours[place] for place in there], held)
            for place, one in zip(there, stretched([theirs[place] for place in there], held, level), strict=True):
                even[place] = one
    told = [
        ("days, of {} stretched to hold as many", _days(ours) / _days(wide), None),
        ("days of a forecast, of such a one of {}", _each(ours, wide), 1.0),
        ("days, of {} stretched to hold as many of each length", _days(ours) / _days(even), 1.0),
        ("days of a forecast, of such a one of {} and its length", _each(ours, even), None),
        ("days, of {} as they are", _days(ours) / _days(theirs), None),
        ("days of a forecast, of one of {} as it is", _each(ours, theirs), None),
        ("interval score, of that of {}", _scored(ours, came) / _scored(theirs, came), None),
        ("interval score, of that of {} stretched", _scored(ours, came) / _scored(wide, came), 1.0),
    ]
    long = [one.length == "long" for one in found]
    counted = [
        ("held by {}", theirs, came),
        ("held by {}, long", list(compress(theirs, long)), list(compress(came, long))),
        ("held by {} stretched, long", list(compress(wide, long)), list(compress(came, long))),
    ]
    name = f"naive {kind}"
    return [
        *(_ratio(words.format(name), ratio, len(found), bar=bar) for words, ratio, bar in told),
        *(share(words.format(name), _hits(intervals, days), len(days)) for words, intervals, days in counted),
    ]


def length(case: Case) -> str:
    """Return which of the lengths it is that remains."""
    needed = case.remaining * len(case.history) / max(sum(case.history), 1)
    return next(name for name, most in LENGTHS.items() if needed < most)


def naive(case: Case, random: np.random.Generator) -> Interval:
    """Return the interval of the days so far, drawn again and again until nothing remains."""
    return _between(random.choice(np.array(case.history, dtype=float), size=(DRAWS, HORIZON)), case.remaining)


def weekly(case: Case, random: np.random.Generator) -> Interval:
    """Return the interval of weeks drawn from histories that are themselves drawn, in weeks, from the one that was.

    A week is any seven days in a row; the last days are followed by the first, so that each day is in as many as any other.
    """
    days = np.array(case.history, dtype=float)
    week = min(WEEK, len(days))
    runs = np.lib.stride_tricks.sliding_window_view(np.concatenate([days, days[: week - 1]]), week)
    histories = random.integers(len(runs), size=(DRAWS, -(-len(days) // week)))
    places = random.integers(histories.shape[1], size=(DRAWS, -(-HORIZON // week)))
    ahead = runs[np.take_along_axis(histories, places, axis=1)]
    return _between(ahead.reshape(DRAWS, -1)[:, :HORIZON], case.remaining)


def _between(ahead: NDArray[np.float64], remaining: float) -> Interval:
    """Return the interval of the day on which what remains is done, by courses: a row each."""
    days = (ahead.cumsum(axis=1) < remaining).sum(axis=1) + 1
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


def _hits(intervals: Sequence[Interval], came: Sequence[int]) -> int:
    return sum(one.holds(day) for one, day in zip(intervals, came, strict=True))


def _share(intervals: Sequence[Interval], came: Sequence[int]) -> float:
    return _hits(intervals, came) / len(came)


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
