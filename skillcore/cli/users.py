"""``skillcore users``: what must be possible for somebody who has the machine and no administrator."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import get_args

from skillcore.accounts import recovery, roles, second_factor
from skillcore.accounts.access import Role
from skillcore.accounts.people import by_address
from skillcore.accounts.tables import UserRow
from skillcore.app import ROOMS
from skillcore.cli import erasing
from skillcore.cli.commands import Commands
from skillcore.cli.printing import plain
from skillcore.cli.reaching import on_database
from skillcore.delivery import mail
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.jobs import Jobs
from skillcore.runtime.keyring import KeyFileDamaged
from skillcore.runtime.problems import NotFound, Problem
from skillcore.runtime.sealing import KeysMissing, Sealer

__all__ = ["register"]

Act = Callable[[Transaction, UserRow], Awaitable[str]]
"""What is done for a person; returns what to print."""


def register(commands: Commands) -> None:
    """Add the commands."""
    group = commands.group("users", summary="look after people's accounts")
    parsers = [
        group.add(name, run, summary=summary, details=details)
        for name, run, summary, details in (
            ("role", run_role, "give somebody a role", _ends("it is the only administrator's")),
            ("reset-link", run_reset_link, "make a token by which somebody chooses a new password, once", _ends("it has none")),
            (
                "remove-second-factor",
                run_remove_second_factor,
                "take a second factor from somebody who has lost it; their sessions end",
                _ends("it has none"),
            ),
        )
    ]
    for parser in parsers:
        parser.add_argument("email", metavar="EMAIL", help="with which they sign in")
    parsers[0].add_argument("role", metavar="ROLE", choices=get_args(Role), help=", ".join(get_args(Role)))
    erasing.add(group)


def run_role(options: argparse.Namespace) -> int:
    """Give a role to whoever signs in with an e-mail address."""

    async def act(tx: Transaction, user: UserRow) -> str:
        await roles.appoint(tx, None, user.id, options.role)
        return f"{options.email} is {options.role}"

    return _run(options, act)


def run_reset_link(options: argparse.Namespace) -> int:
    """Show a token by which a person chooses a new password."""

    async def act(tx: Transaction, user: UserRow) -> str:
        link = await recovery.link_for(tx, None, user.id)
        shown = [f"token: {link.token}", *([f"link: {link.link}"] if link.link else [])]
        return "\n".join([*shown, f"it works once, until {link.expires_at:%Y-%m-%d %H:%M} UTC"])

    return _run(options, act)


def run_remove_second_factor(options: argparse.Namespace) -> int:
    """Take a second factor away."""

    async def act(tx: Transaction, user: UserRow) -> str:
        await second_factor.remove(tx, None, user.id)
        return "the second factor is removed, and all sessions have ended"

    return _run(options, act)


def _run(options: argparse.Namespace, act: Act) -> int:
    async def work(engine: Engine) -> int:
        try:
            print(plain_lines(await _done(engine, options.email, act)))
        except Problem as problem:
            print(plain(problem.detail), file=sys.stderr)
            return 1
        except (KeysMissing, KeyFileDamaged) as error:
            print(plain(error), file=sys.stderr)
            return 1
        return 0

    return on_database(options, work)


async def _done(engine: Engine, email: str, act: Act) -> str:
    async with AsyncExitStack() as stack:
        if mail.is_configured(engine.settings):  # then the person is told, and mails are sealed
            await stack.enter_async_context(Sealer.opened(engine))
            await stack.enter_async_context(engine.open(Jobs(ROOMS)))
        tx = await stack.enter_async_context(engine.transaction())
        user = await by_address(tx, email)
        if user is None:
            raise NotFound(f"nobody signs in with {email!r}")
        return await act(tx, user)


def plain_lines(text: str) -> str:
    """Return lines for a terminal, with everything that steers it written out."""
    return "\n".join(plain(line) for line in text.split("\n"))


def _ends(otherwise: str) -> str:
    return (
        f"exit codes: 0 done, 1 there is no such account or {otherwise}, 2 the command line or the\n"
        "configuration cannot be used, 3 the database cannot be reached or used"
    )
