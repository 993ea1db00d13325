"""``python -m benchmarks.truth NAME --seed N``: checks of how true it is what skillcore says, on generated learners.

Exit codes: 0 every bar is met, 1 one is not. The model of attempts has a check of its own: ``benchmarks.truth.attempts``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from benchmarks.truth import growth, intervals, patterns, replay
from benchmarks.truth.reports import Report, table

__all__ = ["CHECKS"]


class Found(Protocol):
    """A Struct with whatever a check found."""

    @property
    def met(self) -> bool:
        """Whether every bar is met."""


CHECKS: Mapping[str, Callable[[int], Found]] = {
    "growth": growth.run,
    "intervals": intervals.run,
    "patterns": patterns.run,
    "replay": replay.run,
}


def main() -> int:
    """Run the check that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.truth", description=__doc__)
    parser.add_argument("name", choices=sorted(CHECKS))
    parser.add_argument("--seed", type=int, default=1, help="that draws the learners (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    report = CHECKS[options.name](options.seed)
    if isinstance(report, Report) and not options.json:
        print(table(report))
    else:
        print(msgspec.json.format(msgspec.json.encode(report), indent=0 if options.json else 2).decode())
    return 0 if report.met else 1


if __name__ == "__main__":
    sys.exit(main())
