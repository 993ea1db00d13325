"""``skillcore audit``: all that was noted, as lines that anybody can verify."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from skillcore.accounts.audit import note_apart
from skillcore.accounts.audit.checks import Follower
from skillcore.accounts.audit.reading import Exported, content_fields, export
from skillcore.cli.commands import Commands
from skillcore.cli.reaching import on_database
from skillcore.runtime.chain import microseconds
from skillcore.runtime.engine import Engine

__all__ = ["register"]


def register(commands: Commands) -> None:
    """Add the commands."""
    group = commands.group("audit", summary="export the audit, and verify an export")
    group.add(
        "export",
        run_export,
        summary="print every entry as a line of JSON, with the digests of the chain, the oldest first",
        details="exit codes: 0 done, 2 the command line or the configuration cannot be used,\n"
        "3 the database cannot be reached or used",
    )
    verify = group.add(
        "verify",
        run_verify,
        summary="check the chain of an export; needs no database",
        details="That the newest entries are missing, it cannot tell: compare the end that it prints with one told before.\n\n"
        "exit codes: 0 the chain holds, 1 it does not, 2 the file cannot be read",
    )
    verify.add_argument("file", metavar="FILE", help="as `audit export` prints it; - for standard input")


def run_export(options: argparse.Namespace) -> int:
    """Print the audit."""

    async def work(engine: Engine) -> int:
        await note_apart(engine, "audit.exported")
        encode = msgspec.json.Encoder().encode
        async for entry in export(engine):
            print(encode(entry).decode())
        return 0

    return on_database(options, work)


def run_verify(options: argparse.Namespace) -> int:
    """Check an export, and print what is wrong with it, or where it ends."""
    follower, found = Follower(), 0
    try:
        for number, line in enumerate(_lines(options.file), start=1):
            try:
                wrong = _follow(follower, msgspec.json.decode(line, type=Exported))
            except (msgspec.MsgspecError, ValueError) as error:
                wrong = f"it is no entry: {error}"
            if wrong:
                found += 1
                print(f"line {number}: {wrong}")
    except OSError as error:
        print(f"{options.file} cannot be read: {error.strerror}", file=sys.stderr)
        return 2
    if not found:
        print(f"the chain holds: {follower.position} entries, digest {follower.digest.hex() or 'none'}")
    return 1 if found else 0


def _lines(name: str) -> Iterator[bytes]:
    if name == "-":
        yield from sys.stdin.buffer
        return
    with Path(name).open("rb") as file:
        yield from file


def _follow(follower: Follower, entry: Exported) -> str:
    return follower.follow(
        entry.position,
        microseconds(entry.at),
        entry.act.encode(),
        None if entry.salt is None else bytes.fromhex(entry.salt),
        bytes.fromhex(entry.leaf),
        bytes.fromhex(entry.digest),
        content_fields(entry),
    )
