"""Learning curves: constant, linear, power and exponential, fitted by least squares and compared by AICc."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

__all__ = ["Curve", "Shape", "aicc", "fitted", "residuals"]

Values = NDArray[np.float64]
Shape = str
"""``constant``, ``linear``, ``power`` or ``exponential``."""

STEPS = 40
FINER = 4
"""Times that the grid of the rate is made finer around its best point."""
TINY = 1e-300
EXACT = 1e-6
"""Variance below which a fit counts as exact, in squared points: no criterion could tell better ones apart."""


class Curve(Struct, frozen=True, kw_only=True):
    """A curve through scores, by how many attempts x came before.

    Attributes:
        shape: ``constant`` is a; ``linear`` a + b·x; ``power`` a - b·x^-c; ``exponential`` a - b·e^(-c·x).
        aicc: Akaike's criterion, corrected for small samples: the lowest fits best.
        weight: how probable the shape is beside the others, by Akaike's weights.
    """

    shape: Shape
    a: float
    b: float
    c: float
    aicc: float
    weight: float


def fitted(x: Values, y: Values) -> list[Curve]:
    """Return the four curves through some points, the best first; x is 1 or more, and there are at least six points."""
    last = float(x.max())
    constant = float(y.mean())
    slope, start = (float(value) for value in np.polyfit(x, y, 1))
    found = [
        ("constant", constant, 0.0, 0.0, 2, y - constant),
        ("linear", start, slope, 0.0, 3, y - start - slope * x),
    ]
    shapes: dict[Shape, tuple[Callable[[Values], Values], float, float]] = {
        "power": (lambda rate: x**-rate, 0.05, 3.0),
        "exponential": (lambda rate: np.exp(-rate * x), 0.5 / last, 30.0 / last),
    }
    for shape, (basis, low, high) in shapes.items():
        rate = _rate(y, basis, low, high)
        column = basis(np.array(rate))
        a, b = _line(y, column)
        found.append((shape, a, -b, rate, 4, y - a - b * column))
    scored = [(aicc(left, parameters), shape, a, b, c) for shape, a, b, c, parameters, left in found]
    best = min(scored)[0]
    weights = [math.exp(-(one[0] - best) / 2) for one in scored]
    curves = [
        Curve(shape=shape, a=a, b=b, c=c, aicc=criterion, weight=weight / sum(weights))
        for (criterion, shape, a, b, c), weight in zip(scored, weights, strict=True)
    ]
    return sorted(curves, key=lambda curve: curve.aicc)


def aicc(left: Values, parameters: int) -> float:
    """Return Akaike's criterion of what a fit leaves over, the variance being one of its parameters."""
    n = len(left)
    variance = max(float(left @ left) / n, EXACT)
    return n * math.log(variance) + 2 * parameters + 2 * parameters * (parameters + 1) / (n - parameters - 1)


def residuals(y: Values, *columns: Values) -> Values:
    """Return what least squares on some columns and a constant leaves of values."""
    design = np.column_stack([np.ones(len(y)), *columns])
    return np.asarray(y - design @ np.linalg.lstsq(design, y)[0])


def _rate(y: Values, basis: Callable[[Values], Values], low: float, high: float) -> float:
    """Return the rate that leaves least, on a grid of logarithms which is made finer and finer."""
    centred = y - y.mean()
    for _ in range(FINER):
        grid = np.geomspace(low, high, STEPS)
        columns = basis(grid[:, None])
        columns = columns - columns.mean(axis=1, keepdims=True)
        explained = (columns @ centred) ** 2 / np.maximum((columns**2).sum(axis=1), TINY)
        best = int(np.argmax(explained))
        low, high = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, STEPS - 1)])
    return float(grid[best])


def _line(y: Values, column: Values) -> tuple[float, float]:
    """Return the line through values over a column."""
    centred = column - column.mean()
    spread = float(centred @ centred)
    slope = float(centred @ y) / spread if spread > 0 else 0.0
    return float(y.mean()) - slope * float(column.mean()), slope
