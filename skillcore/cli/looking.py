"""What the commands that look at a person have in common: whose eyes they have, how they find the person, how they end."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar
from uuid import UUID

from msgspec import Struct

from skillcore.accounts.access import Actor
from skillcore.accounts.audit import ROUTE
from skillcore.accounts.people import by_address
from skillcore.accounts.tables import UserRow
from skillcore.app import ROOMS
from skillcore.cli.outline import built
from skillcore.cli.printing import as_json, plain
from skillcore.cli.reaching import on_database
from skillcore.runtime.definitions import Definitions
from skillcore.runtime.engine import Engine
from skillcore.runtime.problems import BadRequest, InvalidField, NotFound, Problem

__all__ = ["ENDS", "OPERATOR", "look"]

S = TypeVar("S", bound=Struct)

OPERATOR = Actor(kind="user", role="admin")
"""Whose eyes the answer is for: those of an administrator, from whom nothing of a person is kept."""

ENDS = (
    "It is noted in the audit that the person was looked at.\n\n"
    "exit codes: 0 done, 1 there is no such person, or nothing of what is named, 2 the command line or the configuration\n"
    "cannot be used, 3 the database cannot be reached or used"
)
"""How these commands end, for their help."""


def look(
    options: argparse.Namespace,
    command: str,
    read: Callable[[Engine, str], Awaitable[S]],
    lines: Callable[[S], Iterable[str]],
) -> int:
    """Look at a person, and print what is found: as the API answers it with ``--json``, else for people.

    Args:
        options: the command line, with ``person`` and ``json``.
        command: which the audit names beside the person.
        read: a use case, given how the person is referred to; it notes whom it shows.
        lines: makes lines for people of what was found.

    Returns:
        the exit code.
    """

    async def work(engine: Engine) -> int:
        ROUTE.set(f"skillcore {command}")
        try:
            async with engine.open(Definitions(ROOMS)):
                found = await read(engine, await _reference(engine, options.person))
        except Problem as problem:
            print(plain(problem.detail), file=sys.stderr)
            return 2 if isinstance(problem, BadRequest | InvalidField) else 1
        print(as_json(built(found)) if options.json else "\n".join(lines(found)))
        return 0

    return on_database(options, work)


async def _reference(engine: Engine, given: str) -> str:
    """Return the reference by which use cases know the person of an e-mail address or an id."""
    async with engine.transaction() as tx:
        try:
            person = await tx.session.get(UserRow, UUID(given))
        except ValueError:
            person = await by_address(tx, given)
        if person is None:
            raise NotFound(f"there is no account of {given}")
        return str(person.id)
