"""``skillcore secrets``: the keys with which secrets are sealed that must be read again."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Awaitable, Callable

from skillcore.accounts.audit import note
from skillcore.app import tables
from skillcore.cli.commands import Commands
from skillcore.cli.printing import as_json
from skillcore.cli.reaching import on_database
from skillcore.runtime.engine import Engine
from skillcore.runtime.keyring import KeyFileDamaged
from skillcore.runtime.rotation import TooEarly, prune, rotate, states
from skillcore.runtime.sealing import KeysMissing, Sealer

__all__ = ["register"]

CODES = "2 the configuration cannot be used, or keys are missing,\n3 the database cannot be reached or used"


def register(commands: Commands) -> None:
    """Add the commands."""
    group = commands.group("secrets", summary="keys that seal secrets: change them, list them, remove old ones")
    group.add(
        "rotate",
        _command(_rotate),
        summary="make a new key and seal everything with it, while all else goes on; may be stopped and run again",
        details=f"exit codes: 0 done, 1 something sealed does not open, {CODES},\n130 interrupted: run it again",
    )
    shown = group.add(
        "list",
        _command(_list),
        summary="list the keys: since when each seals, how much is sealed with it, and from when it can go",
        details=f"exit codes: 0 done, 1 something is sealed with a key that is not here, {CODES}",
    )
    shown.add_argument("--json", action="store_true", help="print JSON")
    group.add(
        "prune",
        _command(_prune),
        summary="remove keys with which nothing is sealed, once sealing.key_grace is over",
        details=f"exit codes: 0 done, {CODES}",
    )


def _command(work: Callable[[Engine, argparse.Namespace], Awaitable[int]]) -> Callable[[argparse.Namespace], int]:
    def run(options: argparse.Namespace) -> int:
        async def with_keys(engine: Engine) -> int:
            try:
                async with Sealer.opened(engine):
                    return await work(engine, options)
            except (KeysMissing, KeyFileDamaged, TooEarly) as error:
                print(error, file=sys.stderr)
                return 2

        return on_database(options, with_keys)

    return run


async def _rotate(engine: Engine, options: argparse.Namespace) -> int:
    done = await rotate(engine, tables(), lambda line: print(line, flush=True))
    async with engine.transaction() as tx:
        await note(tx, "secrets.rotated", key=done.key, sealed=done.sealed, removed=list(done.removed))
    print(f"sealed with key {done.key}: {done.sealed} values anew")
    _tell_removed(done.removed)
    for place, count in sorted(done.broken.items()):
        print(f"{place}: {count} do not open, and stay as they are", file=sys.stderr)
    return 1 if done.broken else 0


async def _list(engine: Engine, options: argparse.Namespace) -> int:
    found = await states(engine, tables())
    if options.json:
        print(as_json({"keys": found}))
    else:
        for state in found:
            where = "" if state.here else "  NOT HERE"
            until = f"  can go from {state.removable_from:%Y-%m-%d %H:%M}" if state.removable_from else ""
            print(f"{state.name}  since {state.seals_from:%Y-%m-%d %H:%M}  {state.values} values{until}{where}")
    return 1 if any(state.values and not state.here for state in found) else 0


async def _prune(engine: Engine, options: argparse.Namespace) -> int:
    removed = await prune(engine, tables())
    _tell_removed(removed)
    if not removed:
        print("no key can go yet: `skillcore secrets list` says why")
    return 0


def _tell_removed(names: tuple[str, ...]) -> None:
    for name in names:
        print(f"removed key {name}: nothing is sealed with it any more")
