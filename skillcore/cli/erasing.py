"""``skillcore users erase`` and ``erased``: what operators do to have people erased, also once a backup was restored."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import func, select

from skillcore.accounts.people import by_address
from skillcore.accounts.tables import UserRow
from skillcore.app import ROOMS
from skillcore.cli.commands import Commands
from skillcore.cli.reaching import on_database
from skillcore.ledger.tables import ErasureRow
from skillcore.privacy import requests
from skillcore.privacy.duties import Duties
from skillcore.privacy.erasure import Busy, erase, erase_again
from skillcore.runtime.engine import Engine
from skillcore.runtime.problems import Problem

__all__ = ["add"]

NOBODY = 4
CODES = (
    "exit codes: 0 done, 1 others hold what is theirs: try again; or nobody else could administrate, 2 the command line or\n"
    "the configuration cannot be used, 3 the database cannot be reached or used, 4 there is no such person"
)


def add(group: Commands) -> None:
    """Add the commands to those about people."""
    erasing = group.add("erase", run_erase, summary="erase a person and everything that is kept of them", details=CODES)
    erasing.add_argument("person", metavar="EMAIL|ID", nargs="?", help="whom")
    erasing.add_argument("--now", action="store_true", help="at once; otherwise after privacy.erasure_grace_days")
    erasing.add_argument("--again", metavar="FILE", help="erase those anew whose ids a file has, a line each: after a restore")
    listing = group.add(
        "erased",
        run_erased,
        summary="print the ids of those who were erased, for --again",
        details="exit codes: 0 done, 2 the command line or the configuration cannot be used,\n"
        "3 the database cannot be reached or used",
    )
    listing.add_argument("--since", metavar="DATE", help="only from this day on, such as 2026-11-01")


def run_erase(options: argparse.Namespace) -> int:
    """Erase somebody, or those of a file."""
    if (options.person is None) is (options.again is None):
        print("name one person, or a file with --again", file=sys.stderr)
        return 2
    try:
        ids = None if options.again is None else [UUID(line) for line in Path(options.again).read_text().split()]
    except (OSError, ValueError) as error:
        print(f"--again: {error}", file=sys.stderr)
        return 2

    async def work(engine: Engine) -> int:
        async with engine.open(Duties(ROOMS)):
            try:
                return await (_erase(engine, options) if ids is None else _again(engine, ids))
            except (Busy, Problem) as error:
                print(error.detail if isinstance(error, Problem) else error, file=sys.stderr)
                return 1

    return on_database(options, work)


def run_erased(options: argparse.Namespace) -> int:
    """Print who was erased."""
    try:
        since = datetime.fromisoformat(options.since).replace(tzinfo=UTC) if options.since else datetime.min.replace(tzinfo=UTC)
    except ValueError as error:
        print(f"--since: {error}", file=sys.stderr)
        return 2

    async def work(engine: Engine) -> int:
        query = select(ErasureRow.user_id).where(ErasureRow.erased_at >= since).group_by(ErasureRow.user_id)
        async with engine.transaction() as tx:
            for user_id in await tx.session.scalars(query.order_by(func.min(ErasureRow.id))):
                print(user_id)
        return 0

    return on_database(options, work)


async def _erase(engine: Engine, options: argparse.Namespace) -> int:
    user_id = await _found(engine, options.person)
    if user_id is None:
        print(f"there is no account of {options.person}", file=sys.stderr)
        return NOBODY
    if options.now:
        await erase(engine, user_id, "command")
        print("erased")
        return 0
    async with engine.transaction() as tx:
        request = await requests.command(tx, user_id)
    print(f"will be erased on {request.due_at:%Y-%m-%d at %H:%M} UTC by a worker; --now does it at once")
    return 0


async def _again(engine: Engine, ids: list[UUID]) -> int:
    print(f"{await erase_again(engine, ids)} erased")
    return 0


async def _found(engine: Engine, named: str) -> UUID | None:
    async with engine.transaction() as tx:
        try:
            user = await tx.session.get(UserRow, UUID(named))
        except ValueError:
            user = await by_address(tx, named)
    return None if user is None else user.id
