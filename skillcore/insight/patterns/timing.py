"""When and how much somebody practises: peak hours and weekdays, an even rhythm, longer sessions, more or less of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec.structs import replace

from skillcore.insight.patterns.findings import Figure, Finding
from skillcore.insight.patterns.histories import History
from skillcore.insight.patterns.probabilities import (
    Trend,
    binomial_tail,
    bounded_tail,
    chi_square_below,
    rotation_tail,
    trend,
)

__all__ = ["engagement", "peak_hours", "peak_weekdays", "rhythm", "session_length"]

WIDTH = 3
"""Hours that a peak takes."""
BOUTS = 20
WEEKS = 10
DAYS = 20
LEAST_VARIANCE = 0.5
"""Of the active days of a week by chance: with less there is nothing that could be more even."""

NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SETS = {**{name: (day,) for day, name in enumerate(NAMES)}, "the weekend": (5, 6), "Monday to Friday": (0, 1, 2, 3, 4)}


def peak_hours(history: History) -> Finding:
    """Look for three hours of the day in which bouts begin, or practice lies, more than the clock would give them.

    Null: each bout could as well have begun at any other hour, independently of the others. Two tests of each three hours.
    """
    bouts = history.bouts
    found = Finding(
        name="peak_hours", group="time", unit="bouts", n=len(bouts), needed=BOUTS, effect_is="share of the bouts in these hours"
    )
    if len(bouts) < BOUTS:
        return found
    zone = history.calendar.zone
    begins = np.bincount([bout[0][0].astimezone(zone).hour for bout in bouts], minlength=24)
    spent = np.sum([history.half_hours(bout) for bout in bouts], axis=0).reshape(24, 2).sum(axis=1)
    tested = [
        min((chance(_within(held, hour), len(bouts), WIDTH / 24), hour) for hour in range(24))
        for held, chance in ((begins, binomial_tail), (spent, bounded_tail))
    ]
    p, begin = min(tested)
    share = _within(spent if tested[1] < tested[0] else begins, begin) / len(bouts)
    end = (begin + WIDTH) % 24
    return replace(
        found,
        p=min(1.0, 48 * p),
        effect=share,
        words=f"You practise most from {begin}:00 to {end}:00: {share:.0%} of it, where {WIDTH / 24:.1%} would be chance.",
        figures=(Figure("from_hour", begin), Figure("until_hour", end), Figure("chance", WIDTH / 24)),
    )


def peak_weekdays(history: History) -> Finding:
    """Look for a weekday, the weekend or the days from Monday to Friday that hold more than their share.

    Null: each week could as well be turned round by some days, independently of the others.
    """
    weeks = [week for week in history.weeks if any(week)]
    found = Finding(
        name="peak_weekdays",
        group="time",
        unit="active weeks",
        n=len(weeks),
        needed=WEEKS,
        effect_is="share of the active days",
    )
    if len(weeks) < WEEKS:
        return found
    chances = {name: rotation_tail(weeks, days) for name, days in SETS.items()}
    name = min(chances, key=lambda name: chances[name])
    total = sum(map(sum, weeks))
    share, chance = sum(week[day] for week in weeks for day in SETS[name]) / total, len(SETS[name]) / 7
    return replace(
        found,
        p=min(1.0, len(SETS) * chances[name]),
        effect=share,
        words=f"You practise most on {name}: {share:.0%} of your days, where {chance:.0%} would be chance.",
        figures=(
            *(Figure(day.lower(), sum(week[place] for week in weeks) / total) for place, day in enumerate(NAMES)),
            Figure("chance", chance),
        ),
    )


def rhythm(history: History) -> Finding:
    """Look for weeks that are more alike in their active days than days drawn by lot.

    Null: every day is active with the same probability. Practice that comes in clusters varies more than that, and never less.
    """
    counts = [sum(week) for week in history.weeks]
    found = Finding(
        name="rhythm",
        group="time",
        unit="weeks",
        n=len(counts),
        needed=WEEKS,
        effect_is="variance of active days a week, as a share of what chance gives",
    )
    mean = float(np.mean(counts)) if counts else 0.0
    chance = mean * (1 - mean / 7) * 7 * len(counts) / max(7 * len(counts) - 1, 1)
    if len(counts) < WEEKS:
        return found
    if chance < LEAST_VARIANCE:
        return replace(found, p=1.0)
    squares = float(np.sum((np.array(counts) - mean) ** 2)) / chance
    return replace(
        found,
        p=chi_square_below(squares, len(counts) - 1),
        effect=squares / (len(counts) - 1),
        words=f"You keep a steady rhythm of {mean:.1f} days a week: weeks differ far less than by chance.",
        figures=(Figure("days_a_week", mean),),
    )


def session_length(history: History) -> Finding:
    """Look for sessions that get longer or shorter.

    Null: the days on which time was spent could have come in any other order.
    """
    lengths = history.lengths
    found = Finding(
        name="session_length",
        group="time",
        unit="days with time spent",
        n=len(lengths),
        needed=DAYS,
        effect_is="Kendall's tau of length and time",
    )
    if len(lengths) < DAYS:
        return found
    long, short = _ends(lengths)
    rising = trend(lengths)
    way = "longer" if rising.tau > 0 else "shorter"
    return replace(
        found,
        p=rising.either,
        effect=rising.tau,
        words=f"Your sessions get {way}: about {long:.0f} minutes at first, {short:.0f} of late.",
        figures=(Figure("median_minutes", float(np.median(lengths))), Figure("first", long), Figure("last", short)),
    )


def engagement(history: History) -> Finding:
    """Look for more or less practice from week to week.

    Null: the weeks could have come in any other order.
    """
    weeks = np.array([sum(week) for week in history.weeks], dtype=np.float64)
    found = Finding(
        name="engagement",
        group="engagement",
        unit="weeks",
        n=len(weeks),
        needed=WEEKS,
        effect_is="Kendall's tau of active days and time",
    )
    if len(weeks) < WEEKS:
        return found
    rising: Trend = trend(weeks)
    early, late = _ends(weeks)
    way = "more" if rising.tau > 0 else "less"
    return replace(
        found,
        p=rising.either,
        effect=rising.tau,
        words=f"You practise {way} and {way}: on about {early:.0f} days a week at first, {late:.0f} of late.",
        figures=(Figure("first", early), Figure("last", late), Figure("days_a_week", float(weeks.mean()))),
    )


def _ends(values: Sequence[float] | np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[float, float]:
    """Return the medians of the first and the last third."""
    third = max(len(values) // 3, 1)
    return float(np.median(values[:third])), float(np.median(values[-third:]))


def _within(held: np.ndarray[tuple[int, ...], np.dtype[Any]], hour: int) -> float:
    """Return how much of what 24 hours hold lies in those that begin with one."""
    return float(np.roll(held, -hour)[:WIDTH].sum())
