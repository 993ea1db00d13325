"""``python -m benchmarks``: runs benchmarks on a database of their own and prints what skillcore is to its references."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import msgspec
import uvloop

from benchmarks import auditing, batches, isolation, limiting, posting, reading, signing_in, singles, starting, verifying
from benchmarks.ground import Ground, Sizes, ground
from benchmarks.measuring import Machine, Report, describe_machine, table
from skillcore.runtime.logs import configure_logging
from skillcore.runtime.settings import LogSettings

__all__ = ["BENCHMARKS"]

BENCHMARKS: Mapping[str, Callable[[Ground, Sizes], Coroutine[Any, Any, Report]]] = {
    "batches": batches.measure,
    "singles": singles.measure,
    "posting": posting.measure,
    "reading": reading.measure,
    "limiting": limiting.measure,
    "signing_in": signing_in.measure,
    "auditing": auditing.measure,
    "verifying": verifying.measure,
    "isolation": isolation.measure,
    "starting": starting.measure,
}


class Run(msgspec.Struct, frozen=True):
    """A run of some benchmarks."""

    machine: Machine
    reports: tuple[Report, ...]


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all without")
    parser.add_argument("--rounds", type=int, default=Sizes().rounds, help="that count (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(BENCHMARKS))
    if unknown or options.rounds < 1:
        parser.error(f"there is no benchmark {unknown[0]!r}" if unknown else "--rounds must be 1 or more")
    configure_logging(LogSettings(level="error"))
    load = os.getloadavg()[0]
    reports = []
    with ground() as found:
        for name in options.names or BENCHMARKS:
            report = uvloop.run(BENCHMARKS[name](found, Sizes(rounds=options.rounds)))
            reports.append(report)
            if not options.json:
                print(table(report), end="\n\n", flush=True)
        run = Run(describe_machine(found.postgresql, load), tuple(reports))
    if options.json:
        print(msgspec.json.encode(run).decode())
    else:
        shown = msgspec.json.encode(run.machine).decode()
        print(f"machine: {shown}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
