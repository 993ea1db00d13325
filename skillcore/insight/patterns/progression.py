"""How scores go on: the learning curve, a plateau after a rise, and a breakthrough."""

from __future__ import annotations

import math

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from skillcore.insight.patterns.curves import Curve, aicc, fitted, residuals
from skillcore.insight.patterns.findings import Figure, Finding
from skillcore.insight.patterns.histories import History
from skillcore.insight.patterns.probabilities import early_trend, inflation, student_tail, trend

__all__ = ["breakthrough", "curves", "learning_curve", "plateau"]

CURVE = 15
CHANGE = 30
PARTS = (1 / 3, 1 / 2, 2 / 3)
"""Where a plateau may begin."""
LEVEL_OFF = 1 / 3
"""A plateau rises by less than this share of the rise before it."""

Values = NDArray[np.float64]


class Line(Struct, frozen=True):
    """A line through values by least squares.

    Attributes:
        slope: per step.
        spread: of the steps: the sum of their squared deviations.
        left: what it leaves of the values.
    """

    slope: float
    spread: float
    left: Values


def curves(history: History) -> list[Curve]:
    """Return the four learning curves, the best first; none for too few bouts."""
    scored = history.scored
    if len(scored) < CURVE:
        return []
    counts = np.array([len(bout.attempts) for bout in scored], dtype=np.float64)
    return fitted(np.cumsum(counts) - counts / 2 + 0.5, history.scores)


def learning_curve(history: History, found_curves: list[Curve]) -> Finding:
    """Look for scores that rise or fall with practice; which curve they follow is chosen by AICc.

    Null: the bouts could have come in any other order. Two tests of that, one of them for what changes early.
    """
    scores = history.scores
    found = Finding(
        name="learning_curve",
        group="progression",
        unit="bouts with scores",
        n=len(scores),
        needed=CURVE,
        effect_is="points from the curve's beginning to its end",
    )
    if not found_curves:
        return found
    best = found_curves[0]
    attempts = float(sum(len(bout.attempts) for bout in history.scored))
    gained = _at(best, attempts) - _at(best, 1.0)
    way = "rise" if gained > 0 else "fall"
    return replace(
        found,
        p=1.0 if best.shape == "constant" else min(1.0, 2 * min(trend(scores).either, early_trend(scores))),
        effect=gained,
        words=f"Your scores {way} with practice, in the way of a {best.shape} curve: by {abs(gained):.0f} points so far.",
        figures=(
            Figure("akaike_weight", best.weight),
            Figure("better_than_next_by", found_curves[1].aicc - best.aicc),
        ),
    )


def plateau(history: History) -> Finding:
    """Look for scores that rose and then stay as they are.

    Null: they never rose, or still rise as before. Both must be refuted, at one of three points at which it may have begun.
    """
    scores = history.scores
    found = Finding(
        name="plateau",
        group="progression",
        unit="bouts with scores",
        n=len(scores),
        needed=CHANGE,
        effect_is="points a bout by which the slope fell",
    )
    if len(scores) < CHANGE:
        return found
    tested = [_levelled(scores, round(part * len(scores))) for part in PARTS]
    p, begin, before, after = min(tested)
    level = float(scores[begin:].mean())
    return replace(
        found,
        p=min(1.0, len(PARTS) * p),
        effect=before - after,
        words=f"Your scores rose and have levelled off at about {level:.0f} for {len(scores) - begin} bouts.",
        figures=(Figure("level", level), Figure("rise_before", before), Figure("rise_since", after)),
    )


def breakthrough(history: History) -> Finding:
    """Look for a leap upwards that neither a line nor a smooth learning curve explains.

    Null: scores follow a line. The greatest of the leaps is corrected for all places at which one could have been.
    """
    scores = history.scores
    found = Finding(
        name="breakthrough",
        group="progression",
        unit="bouts with scores",
        n=len(scores),
        needed=CHANGE,
        effect_is="points of the leap",
    )
    n = len(scores)
    if n < CHANGE:
        return found
    steps = np.arange(n, dtype=np.float64)
    margin = max(n // 6, 8)
    places = range(margin, n - margin + 1)
    free = residuals(scores, steps)
    clearest, leap, begin = max(_leap(free, steps, place) for place in places)
    after = (steps >= begin).astype(np.float64)
    smooth = fitted(steps + 1, scores)[0].aicc
    explains = aicc(residuals(scores, steps, after), 5) < smooth
    return replace(
        found,
        p=min(1.0, len(places) * student_tail(clearest, n - 3)) if explains else 1.0,
        effect=leap,
        words=f"A breakthrough {n - begin} bouts ago: your scores leapt by about {leap:.0f} points.",
        figures=(Figure("bouts_ago", n - begin), Figure("mean_since", float(scores[begin:].mean()))),
    )


def _at(curve: Curve, x: float) -> float:
    """Return the height of a curve."""
    match curve.shape:
        case "linear":
            return curve.a + curve.b * x
        case "power":
            return float(curve.a - curve.b * x**-curve.c)
        case "exponential":
            return curve.a - curve.b * math.exp(-curve.c * x)
        case _:
            return curve.a


def _levelled(scores: Values, begin: int) -> tuple[float, int, float, float]:
    """Return the probability that a plateau from some place on is chance; the place; the slopes before and after it."""
    before, after = _straight(scores[:begin]), _straight(scores[begin:])
    degrees = len(scores) - 4
    left = np.concatenate([before.left, after.left])
    variance = float(left @ left) / degrees * (1 / before.spread + 1 / after.spread) * inflation(left)
    if variance <= 0 or after.slope > LEVEL_OFF * before.slope:
        return 1.0, begin, before.slope, after.slope
    slower = student_tail((before.slope - after.slope) / math.sqrt(variance), degrees)
    return max(slower, trend(scores[:begin]).up), begin, before.slope, after.slope


def _straight(values: Values) -> Line:
    steps = np.arange(len(values), dtype=np.float64)
    steps -= steps.mean()
    spread = float(steps @ steps)
    slope = float(steps @ values) / spread
    return Line(slope, spread, values - values.mean() - slope * steps)


def _leap(free: Values, steps: Values, place: int) -> tuple[float, float, int]:
    """Return Student's t of a leap at some place, its height, and the place; `free` is what a line leaves of the scores."""
    own = residuals((steps >= place).astype(np.float64), steps)
    height = float(own @ free) / float(own @ own)
    left = free - height * own
    variance = float(left @ left) / (len(free) - 3) / float(own @ own) * inflation(left)
    return (height / math.sqrt(variance) if variance > 0 else 0.0), height, place
