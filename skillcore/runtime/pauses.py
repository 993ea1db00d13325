"""Pauses: a lane whose jobs find their source without an answer, one after another, is looked at ever more rarely.

What fails in vain still costs a job's transactions, and a source that only ever fails would take them from the others. So
after some failures in a row one job at a time tries, at growing distances, until one gets an answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Pauses"]

IN_A_ROW = 5
"""Failures of a lane's jobs, without an answer in between, after which it pauses."""

LONGEST = 30
"""The longest pause, as a multiple of the first."""


class Pauses:
    """Says when a lane's next job may begin.

    Args:
        first: seconds between the first jobs that try; twice as long after each further failure.
        clock: seconds that only go forward.
    """

    def __init__(self, first: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._first = first
        self._clock = clock
        self._failures: dict[str, int] = {}
        self._next: dict[str, float] = {}

    def is_over(self, lane: str) -> bool:
        """Say whether a job of the lane may begin now."""
        return self._clock() >= self._next.get(lane, 0.0)

    def begun(self, lane: str) -> None:
        """Note that a job of the lane begins; where jobs fail, the next one waits for a pause after it."""
        beyond = self._failures.get(lane, 0) - IN_A_ROW
        if beyond >= 0:
            self._next[lane] = self._clock() + self._first * min(2**beyond, LONGEST)

    def failed(self, lane: str) -> None:
        """Count a job that found its source without an answer."""
        self._failures[lane] = self._failures.get(lane, 0) + 1

    def answered(self, lane: str) -> None:
        """End the lane's pauses."""
        self._failures.pop(lane, None)
        self._next.pop(lane, None)
