"""``skillcore keys``: the keys that sign access tokens; and, by their own module, those of platforms."""

from __future__ import annotations

import argparse
import asyncio
import sys
from datetime import timedelta

from skillcore.accounts.audit import note
from skillcore.accounts.signing_keys import LEEWAY, SigningKey, UnderWay, keys_directory, rotate
from skillcore.cli import platform_keys
from skillcore.cli.commands import Commands
from skillcore.cli.reaching import on_database
from skillcore.runtime.engine import Engine

__all__ = ["register"]


def register(commands: Commands) -> None:
    """Add the command."""
    group = commands.group("keys", summary="rotate the keys that sign access tokens; make, renew and revoke those of platforms")
    command = group.add(
        "rotate",
        run_rotate,
        summary="make the key that signs access tokens after the present one; nobody is signed out",
        details="exit codes: 0 made, 1 an earlier rotation is under way or a key cannot be used, 2 the command line or the\n"
        "configuration cannot be used, 3 the database cannot be used",
    )
    command.add_argument(
        "--drop-old",
        action="store_true",
        help="a key may have leaked: the new one signs at once, and no token that others signed is good any more",
    )
    platform_keys.add_to(group)


def run_rotate(options: argparse.Namespace) -> int:
    """Make the next signing key."""

    async def work(engine: Engine) -> int:
        try:
            made = await _rotate(engine, drop_old=options.drop_old)
        except (UnderWay, ValueError) as error:
            print(error, file=sys.stderr)
            return 1
        except OSError as error:
            print(f"{error.filename or keys_directory(engine.settings)}: {error.strerror}", file=sys.stderr)
            return 1
        print("\n".join(_words(engine, made, drop_old=options.drop_old)))
        return 0

    return on_database(options, work)


async def _rotate(engine: Engine, *, drop_old: bool) -> SigningKey:
    overlap = timedelta(seconds=engine.settings.auth.key_overlap)
    async with engine.transaction() as tx:
        made = await asyncio.to_thread(rotate, keys_directory(engine.settings), overlap, drop_old=drop_old)
        await note(tx, "keys.rotated", key=made.id, signs_from=f"{made.signs_from:%Y-%m-%dT%H:%M:%SZ}", dropped=drop_old)
    return made


def _words(engine: Engine, made: SigningKey, *, drop_old: bool) -> list[str]:
    words = [f"key {made.id} in {made.path}", f"signs from {made.signs_from:%Y-%m-%d %H:%M:%S} UTC, and is published now"]
    if drop_old:
        return [*words, "all others are removed: programs refresh their tokens"]
    until = made.signs_from + timedelta(minutes=engine.settings.auth.access_minutes) + LEEWAY
    return [*words, f"the one before verifies until {until:%Y-%m-%d %H:%M:%S} UTC, and is removed then"]
