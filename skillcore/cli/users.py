"""``skillcore users``: what must be possible for somebody who has the machine and no administrator."""

from __future__ import annotations

import argparse
import sys
from typing import get_args

from sqlalchemy import func, select

from skillcore.accounts import roles
from skillcore.accounts.access import Role
from skillcore.accounts.tables import UserRow
from skillcore.cli.commands import Commands
from skillcore.cli.reaching import on_database
from skillcore.runtime.engine import Engine
from skillcore.runtime.problems import Conflict

__all__ = ["register"]


def register(commands: Commands) -> None:
    """Add the commands."""
    group = commands.group("users", summary="look after people's accounts")
    role = group.add(
        "role",
        run_role,
        summary="give somebody a role",
        details="exit codes: 0 done, 1 there is no such account or it is the only administrator's, 2 the command line or the\n"
        "configuration cannot be used, 3 the database cannot be reached or used",
    )
    role.add_argument("email", metavar="EMAIL", help="with which they sign in")
    role.add_argument("role", metavar="ROLE", choices=get_args(Role), help=", ".join(get_args(Role)))


def run_role(options: argparse.Namespace) -> int:
    """Give a role to whoever signs in with an e-mail address."""

    async def work(engine: Engine) -> int:
        try:
            async with engine.transaction() as tx:
                query = select(UserRow.id).where(func.lower(UserRow.email) == func.lower(options.email))
                user_id = await tx.session.scalar(query)
                if user_id is None:
                    print(f"nobody signs in with {options.email!r}", file=sys.stderr)
                    return 1
                await roles.appoint(tx, None, user_id, options.role)
        except Conflict as error:
            print(error, file=sys.stderr)
            return 1
        print(f"{options.email} is {options.role}")
        return 0

    return on_database(options, work)
