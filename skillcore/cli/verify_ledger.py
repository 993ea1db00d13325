"""``skillcore verify-ledger``: every room's checks of what is stored, and where something does not fit."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence

import msgspec
import psycopg
from msgspec import Struct
from sqlalchemy.exc import DBAPIError

from skillcore.app import ROOMS
from skillcore.cli.commands import Commands
from skillcore.cli.reaching import on_database
from skillcore.runtime.engine import Engine
from skillcore.runtime.rooms import Check, Finding

__all__ = ["register"]

CHECKS: Mapping[str, Check] = {name: check for room in ROOMS for name, check in room.checks.items()}


class Summary(Struct, frozen=True):
    """How a check went."""

    check: str
    findings: int
    seconds: float


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "verify-ledger",
        run,
        summary="check all that is stored: streams and digests, signals against their rules, records against their events",
        details="exit codes: 0 all fits, 1 something does not, 2 the command line or the configuration cannot be used,\n"
        "3 the database cannot be reached or used",
    )
    parser.add_argument("--check", metavar="NAME", nargs="+", action="extend", help=f"only these: {', '.join(sorted(CHECKS))}")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Run the checks and print what they find, as they find it."""
    unknown = sorted(set(options.check or ()) - set(CHECKS))
    if unknown:
        print(f"--check: found {', '.join(unknown)}; allowed: {', '.join(sorted(CHECKS))}", file=sys.stderr)
        return 2
    chosen = [name for name in CHECKS if not options.check or name in options.check]

    async def work(engine: Engine) -> int:
        return await (_as_json if options.json else _as_text)(engine, chosen)

    return on_database(options, work)


async def _as_text(engine: Engine, chosen: Sequence[str]) -> int:
    total = 0
    for name in chosen:
        began, found = time.perf_counter(), 0
        async for finding in _findings(engine, name):
            found += 1
            print(_line(finding), flush=True)
        total += found
        words = f"{found} {'finding' if found == 1 else 'findings'}" if found else "fine"
        print(f"{name}: {words} ({time.perf_counter() - began:.1f} s)", flush=True)
    return 1 if total else 0


async def _as_json(engine: Engine, chosen: Sequence[str]) -> int:
    findings: list[Finding] = []
    checks: list[Summary] = []
    for name in chosen:
        began = time.perf_counter()
        found = [finding async for finding in _findings(engine, name)]
        findings += found
        checks.append(Summary(name, len(found), round(time.perf_counter() - began, 3)))
    print(json.dumps({"checks": msgspec.to_builtins(checks), "findings": msgspec.to_builtins(findings)}, indent=2))
    return 1 if findings else 0


async def _findings(engine: Engine, name: str) -> AsyncIterator[Finding]:
    """Yield what a check finds; that it cannot go on is a finding too, since something stored must have stopped it."""
    try:
        async for finding in CHECKS[name](engine):
            yield finding
    except (psycopg.Error, DBAPIError, OSError):
        raise
    except Exception as error:  # noqa: BLE001 - a stored value that no code can read breaks whatever reads it
        yield Finding(name, f"the check could not go on: {type(error).__name__}: {error}")


def _line(finding: Finding) -> str:
    where = [f"user {finding.user_id}"] if finding.user_id else []
    where += [finding.subject] if finding.subject else []
    return f"{finding.check}: {', '.join(where)}: {finding.message}" if where else f"{finding.check}: {finding.message}"
