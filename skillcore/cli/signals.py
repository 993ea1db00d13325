"""``skillcore signals``: what operators do about signals that rules failed to derive."""

from __future__ import annotations

import argparse
import sys

from skillcore.cli.commands import Commands
from skillcore.cli.reaching import on_database
from skillcore.ledger.maintenance import backfill
from skillcore.runtime.engine import Engine

__all__ = ["register"]


def register(commands: Commands) -> None:
    """Add the command."""
    group = commands.group("signals", summary="repair skill signals")
    parser = group.add(
        "backfill",
        run,
        summary="derive all signals anew and add those that are missing, also those that a rule failed on before",
        details="exit codes: 0 done, 1 done and rules still fail on some events, 2 the command line or the configuration\n"
        "cannot be used, 3 the database cannot be reached or used, 130 interrupted: run it again",
    )
    parser.add_argument("--rule", metavar="NAME", nargs="+", action="extend", default=[], help="only these rules")


def run(options: argparse.Namespace) -> int:
    """Backfill, and say what came of it."""

    async def work(engine: Engine) -> int:
        known = sorted(rule.name for rule in engine.plugins.rules)
        unknown = sorted(set(options.rule) - set(known))
        if unknown:
            print(f"--rule: found {', '.join(unknown)}; allowed: {', '.join(known)}", file=sys.stderr)
            return 2
        done = await backfill(engine, options.rule, lambda line: print(line, flush=True))
        print(f"{_counted(done.users, 'person', 'people')}, {_counted(done.signals, 'signal', 'signals')} added")
        if done.failed:
            print(f"still failing: {_counted(done.failed, 'derivation', 'derivations')}, parked until a backfill succeeds")
        return 1 if done.failed else 0

    return on_database(options, work)


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
