"""``skillcore migrate``: brings the database to this code's schema, for clusters that run no ``skillcore serve``."""

from __future__ import annotations

import argparse
import sys

import psycopg
from sqlalchemy.exc import OperationalError

from skillcore.cli.commands import Commands, configuration
from skillcore.cli.reaching import UNREACHABLE
from skillcore.plugin.sections import without_password
from skillcore.runtime.logins import reachable
from skillcore.runtime.migrations import MigrationFailed, migrate, pending
from skillcore.runtime.postgres import PostgresFailed
from skillcore.runtime.processes import InUse

__all__ = ["register"]


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "migrate",
        run,
        summary="bring the database to this code's schema, as `serve` does at its start",
        details="exit codes: 0 done, or nothing to do, 1 with --check: revisions are pending; or the server refused one,\n"
        "2 the configuration cannot be used, 3 the database cannot be reached",
    )
    parser.add_argument("--check", action="store_true", help="only list the revisions that are pending")


def run(options: argparse.Namespace) -> int:
    """Migrate, one process at a time."""
    settings = configuration(options).settings
    try:
        with reachable(settings) as logins:
            lacking = pending(logins.owner)
            if not options.check:
                migrate(logins.owner)
    except MigrationFailed as error:
        print(error, file=sys.stderr)
        return 1
    except (InUse, PostgresFailed, OperationalError, psycopg.OperationalError) as error:
        cause = error.orig if isinstance(error, OperationalError) else error
        print(f"the database cannot be reached: {' '.join(without_password(str(cause)).split())}", file=sys.stderr)
        return UNREACHABLE
    done = "pending" if options.check else "migrated"
    print(f"{done}: {', '.join(lacking)}" if lacking else "nothing to do: the schema is this code's")
    return 1 if options.check and lacking else 0
