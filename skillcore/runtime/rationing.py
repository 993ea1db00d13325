"""Rations what code that is not the engine's may log, so that a plugin that floods the log slows nobody down.

What a line costs is its making, formatting and writing, which a worker's loop waits for. Beyond its package's ration a
logger is switched off for a moment, so that not even its records are made, and a line of the engine's own says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable

__all__ = ["Ration"]

OWN = "skillcore"
RATE = 50.0
"""Lines a second that the loggers of one package may write for good."""

BURST = 500.0
"""Lines that they may write at once."""

SILENCE = 1.0
"""Seconds for which a logger beyond the ration is switched off."""

TELL_EVERY = 10.0
"""Seconds between two lines that say how many were left out at least."""


class Ration(logging.Filter):
    """Lets so many lines of each package through, and all of the engine's own. For a handler.

    Args:
        tell: is handed a package and how many of its lines were left out; those of a logger that is off are not counted.
        clock: seconds that only go forward.
    """

    def __init__(self, tell: Callable[[str, int], None], clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._tell = tell
        self._clock = clock
        self._budgets: dict[str, _Budget] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether a line is written."""
        package = record.name.partition(".")[0]
        if package == OWN:
            return True
        moment = self._clock()
        budget = self._budgets.get(package)
        if budget is None:
            budget = self._budgets[package] = _Budget(moment)
        written = budget.spend(moment)
        if not written:
            _silence(logging.getLogger(record.name))
        if left_out := budget.to_tell(moment):
            self._tell(package, left_out)
        return written


def _silence(logger: logging.Logger) -> None:
    """Switch a logger off for a moment; not where no loop runs that could be held up, and would switch it on again."""
    with contextlib.suppress(RuntimeError):
        asyncio.get_running_loop().call_later(SILENCE, setattr, logger, "disabled", False)
        logger.disabled = True


class _Budget:
    """A bucket of lines that fills with time."""

    def __init__(self, moment: float) -> None:
        self.lines = BURST
        self.filled_at = moment
        self.left_out = 0
        self.told_at = moment - TELL_EVERY

    def spend(self, moment: float) -> bool:
        self.lines = min(BURST, self.lines + (moment - self.filled_at) * RATE)
        self.filled_at = moment
        if self.lines < 1:
            self.left_out += 1
            return False
        self.lines -= 1
        return True

    def to_tell(self, moment: float) -> int:
        """Return how many lines were left out, if it is time to say so."""
        if not self.left_out or moment - self.told_at < TELL_EVERY:
            return 0
        self.told_at = moment
        told, self.left_out = self.left_out, 0
        return told
