"""How well somebody does: the best hours, the difficulty at which a target is met, and how difficulty follows success."""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import fmean

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from skillcore.insight.patterns.curves import residuals
from skillcore.insight.patterns.findings import Figure, Finding
from skillcore.insight.patterns.histories import History
from skillcore.insight.patterns.probabilities import rank_sum_tail, student_tail, theil_sen

__all__ = ["adaptation", "best_hours", "optimal_difficulty"]

PARTS = [[(begin + hour) % 24 for hour in range(4)] for begin in range(24)]
"""Parts of the day that are compared with the rest of it: four hours each."""
BOUTS = 30
OF_PART = 6
"""Bouts within a part of the day, and outside of it, with less of which it is not compared."""
RATED = 20
STEADY = 1e-9

Values = NDArray[np.float64]


def best_hours(history: History) -> Finding:
    """Look for a part of the day in which scores are higher than in the others.

    Null: by how much a bout lies above the line through all of them has nothing to do with the hour at which it began.
    """
    scored = history.scored
    found = Finding(
        name="best_hours",
        group="performance",
        unit="bouts with scores",
        n=len(scored),
        needed=BOUTS,
        effect_is="points above the rest of the day",
    )
    if len(scored) < BOUTS:
        return found
    scores = history.scores
    above = scores - theil_sen(scores) * np.arange(len(scores))
    hours = [bout.attempts[0].at.astimezone(history.calendar.zone).hour for bout in scored]
    within = {part[0]: np.isin(hours, part) for part in PARTS}
    tested = {begin: held for begin, held in within.items() if OF_PART <= int(held.sum()) <= len(scored) - OF_PART}
    if not tested:
        return replace(found, p=1.0)
    chances = {begin: rank_sum_tail(above[held], above[~held]) for begin, held in tested.items()}
    begin = min(chances, key=lambda begin: chances[begin])
    held, end = tested[begin], (begin + len(PARTS[0])) % 24
    gain = float(np.median(above[held]) - np.median(above[~held]))
    return replace(
        found,
        p=min(1.0, len(tested) * chances[begin]),
        effect=gain,
        words=f"You do best between {begin}:00 and {end}:00: by about {gain:.0f} points.",
        figures=(Figure("from_hour", begin), Figure("until_hour", end), Figure("bouts", int(held.sum()))),
    )


def optimal_difficulty(history: History, target: float) -> Finding:
    """Look for the difficulty at which the target is met on average.

    Null: scores do not fall with difficulty, within bouts or between them; bouts are independent of each other. The difficulty
    is told only if it lies within those that were tried.
    """
    bouts = [bout.rated for bout in history.scored if bout.rated]
    found = Finding(
        name="optimal_difficulty",
        group="progression",
        unit="bouts with scores of known difficulty",
        n=len(bouts),
        needed=RATED,
        effect_is="points by which scores fall with a step of difficulty",
    )
    if len(bouts) < RATED:
        return found
    difficulties = np.array([attempt.difficulty or 0.0 for bout in bouts for attempt in bout])
    scores = np.array([attempt.score for bout in bouts for attempt in bout])
    hard, well = difficulties - difficulties.mean(), scores - scores.mean()
    spread = float(hard @ hard)
    if spread < STEADY:
        return replace(found, p=1.0)
    slope = float(hard @ well) / spread
    ends = np.cumsum([len(bout) for bout in bouts])[:-1]
    together = np.array([float(part.sum()) for part in np.split(hard * well, ends)])
    optimum = float(difficulties.mean()) + (target - float(scores.mean())) / slope if slope < 0 else math.inf
    low, high = (float(value) for value in np.quantile(difficulties, (0.05, 0.95)))
    within = low <= optimum <= high
    return replace(
        found,
        p=_below(together) if within else 1.0,
        effect=-slope,
        words=f"Tasks of difficulty {optimum:.1f} suit you: there you reach about {target:.0f} of 100.",
        figures=(Figure("difficulty", optimum), Figure("target", target)) if within else (Figure("target", target),),
    )


def adaptation(history: History) -> Finding:
    """Look for difficulty that follows success: harder tasks after good bouts, easier ones after bad.

    Null: the next bout's difficulty depends on this one's and on time, and not on how well this one went.
    """
    bouts = [bout.rated for bout in history.scored if bout.rated]
    found = Finding(
        name="adaptation",
        group="progression",
        unit="bouts with scores of known difficulty",
        n=len(bouts),
        needed=BOUTS,
        effect_is="steps of difficulty for ten points more",
    )
    if len(bouts) < BOUTS:
        return found
    hard = np.array([fmean(attempt.difficulty or 0.0 for attempt in bout) for bout in bouts])
    well = np.array([fmean(attempt.score for attempt in bout) for bout in bouts])
    given = (hard[:-1], np.arange(len(bouts) - 1, dtype=np.float64))
    following, success = residuals(hard[1:], *given), residuals(well[:-1], *given)
    spread = float(success @ success)
    slope = float(success @ following) / spread if spread > STEADY else 0.0
    left = following - slope * success
    degrees = len(following) - 4
    deviation = math.sqrt(float(left @ left) / degrees / spread) if spread > STEADY else 0.0
    kept = sum(after > before for before, after in pairwise(hard)) / (len(hard) - 1)
    return replace(
        found,
        p=student_tail(slope / deviation, degrees) if deviation > STEADY else 1.0,
        effect=10 * slope,
        words=f"You adapt: after a bout that goes ten points better you take tasks {10 * slope:.1f} steps harder.",
        figures=(Figure("rate", 10 * slope), Figure("harder_next", kept)),
    )


def _below(sums: Values) -> float:
    """Return the probability that sums of independent bouts are as far below zero as these."""
    deviation = float(sums.std(ddof=1)) / math.sqrt(len(sums))
    return student_tail(-float(sums.mean()) / deviation, len(sums) - 1) if deviation > 0 else 1.0
