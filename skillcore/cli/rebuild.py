"""``skillcore rebuild``: drops what every room derives from events, and derives it anew."""

from __future__ import annotations

import argparse

from skillcore.app import ROOMS
from skillcore.cli.commands import Commands
from skillcore.cli.reaching import on_database
from skillcore.runtime.engine import Engine

__all__ = ["register"]


def register(commands: Commands) -> None:
    """Add the command."""
    commands.add(
        "rebuild",
        run,
        summary="drop derived state and recompute it from the events; may be stopped and run again at any time",
        details="exit codes: 0 done, 2 the configuration cannot be used, 3 the database cannot be reached or used,\n"
        "130 interrupted: run it again",
    )


def run(options: argparse.Namespace) -> int:
    """Rebuild every room, from the lowest to the highest."""
    return on_database(options, _rebuild)


async def _rebuild(engine: Engine) -> int:
    for room in ROOMS:
        for rebuild in room.rebuild:
            await rebuild(engine, lambda line, name=room.name: print(f"{name}: {line}", flush=True))  # type: ignore[misc]
    print("rebuilt")
    return 0
