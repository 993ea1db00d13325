"""``skillcore api``: one API process. ``skillcore serve`` runs one; a cluster runs as many as it needs."""

from __future__ import annotations

import argparse
import sys

import uvloop

from skillcore.app import create_app
from skillcore.cli.commands import Commands
from skillcore.cli.serving import engine_for, watch_parent
from skillcore.runtime.engine import Engine
from skillcore.runtime.http import AddressInUse, Certificate, CertificateUnusable, serve, stop_requested
from skillcore.runtime.watchdog import watched

__all__ = ["register"]


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "api",
        run,
        summary="serve HTTP alone, on a database that another process migrates and workers attend to",
        details=(
            "exit codes: 0 stopped, 1 it could not start or failed, "
            "2 the configuration cannot be used, 75 code held it up for too long"
        ),
    )
    parser.add_argument("--host", help="overrides server.host")
    parser.add_argument("--port", type=int, help="overrides server.port")


def run(options: argparse.Namespace) -> int:
    """Serve until a signal comes."""
    try:
        engine = engine_for(options)
        watch_parent(engine)
        uvloop.run(serve_api(engine, options.host, options.port))
    except (AddressInUse, CertificateUnusable, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


async def serve_api(engine: Engine, host: str | None = None, port: int | None = None) -> None:
    """Serve HTTP until asked to stop. The application opens what it needs, and closes it after the last answer."""
    stop = stop_requested()
    section = engine.settings.server
    app = create_app(engine)  # looks into all routes, which on a busy machine would be taken for being held up
    try:
        with watched(engine.settings.watchdog):
            await serve(
                app,
                host=host or section.host,
                port=section.port if port is None else port,
                grace=section.grace,
                stop=stop,
                certificate=Certificate.of(section),
                unread=section.body_timeout,
            )
    finally:
        await engine.database.close()
