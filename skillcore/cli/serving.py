"""What an API process and a worker have in common: the engine, and the services that rooms open in it."""

from __future__ import annotations

import argparse
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from skillcore.app import opened as open_rooms
from skillcore.cli.commands import configuration, plugins
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.logins import logins
from skillcore.runtime.logs import configure_logging
from skillcore.runtime.processes import SUPERVISED, end_with_parent
from skillcore.runtime.rooms import Process

__all__ = ["engine_for", "opened", "watch_parent"]


def engine_for(options: argparse.Namespace) -> Engine:
    """Return an engine as configured, with the log as configured too; nothing connects yet.

    Raises:
        ConfigurationError: ends the command with exit code 2.
        FileNotFoundError: the embedded server does not run.
    """
    loaded = configuration(options)
    configure_logging(loaded.settings.log)
    return Engine(loaded.settings, plugins(loaded), Database(logins(loaded.settings).service, loaded.settings.database))


def watch_parent(engine: Engine) -> None:
    """End with ``skillcore serve``, if that started this process."""
    if os.environ.get(SUPERVISED):
        end_with_parent(engine.settings.server.grace + 2)


@asynccontextmanager
async def opened(engine: Engine, process: Process) -> AsyncIterator[None]:
    """Open what a kind of process runs, and close it in reverse order, the database last."""
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.database.close)
        await stack.enter_async_context(open_rooms(engine, process))
        yield
