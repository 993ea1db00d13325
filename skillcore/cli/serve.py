"""``skillcore serve``: everything on one machine: the embedded database if configured, the API and a worker."""

from __future__ import annotations

import argparse
import asyncio
import os
import ssl
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
import psycopg

from skillcore.accounts.setup_token import ensure_token
from skillcore.cli.commands import Commands, configuration
from skillcore.runtime.addresses import from_here, listening_at
from skillcore.runtime.configuration import Configuration
from skillcore.runtime.http import AddressInUse, Certificate, CertificateUnusable, check, free_port, stop_requested
from skillcore.runtime.logins import embedded, instance_lock, logins
from skillcore.runtime.logs import configure_logging
from skillcore.runtime.migrations import MigrationFailed, migrate
from skillcore.runtime.postgres import EmbeddedPostgres, PostgresFailed
from skillcore.runtime.processes import SUPERVISED, InUse
from skillcore.runtime.settings import Settings
from skillcore.runtime.supervisor import Child, GaveUp, Supervisor

__all__ = ["register"]

READY = b"GET /api/health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
LOOK_AGAIN = 0.05


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "serve",
        run,
        summary="migrate and serve: embedded database, API and worker, kept running until stopped",
        details="exit codes: 0 stopped, 1 it could not start, 2 the configuration cannot be used",
    )
    parser.add_argument("--host", help="overrides server.host")
    parser.add_argument("--port", type=int, help="overrides server.port; 0 takes a free one")
    parser.add_argument("--practice", action="store_true", help="offer the practice source, which judges nobody real")


def run(options: argparse.Namespace) -> int:
    """Serve until a signal comes."""
    loaded = configuration(options)
    configure_logging(loaded.settings.log)
    settings = msgspec.structs.replace(
        loaded.settings,
        server=msgspec.structs.replace(
            loaded.settings.server,
            host=options.host or loaded.settings.server.host,
            port=loaded.settings.server.port if options.port is None else options.port,
        ),
    )
    try:
        with instance_lock(settings):
            serve_all(loaded, settings, practice=options.practice)
    except InUse as error:
        print(f"skillcore serves this data directory already ({error}): stop it, or set another data_dir", file=sys.stderr)
        return 1
    except (AddressInUse, CertificateUnusable, GaveUp, MigrationFailed, PostgresFailed) as error:
        print(error, file=sys.stderr)
        return 1
    except psycopg.OperationalError as error:
        print(f"the database of database.url does not answer: {str(error).strip()}", file=sys.stderr)
        return 1
    return 0


def serve_all(loaded: Configuration, settings: Settings, *, practice: bool) -> None:
    """Start everything and keep it running; the caller holds the data directory's lock."""
    if (certificate := Certificate.of(settings.server)) is not None:
        check(certificate)
    port = free_port(settings.server.host, settings.server.port)
    settings = msgspec.structs.replace(settings, server=msgspec.structs.replace(settings.server, port=port))
    postgres = embedded(settings)
    if postgres is not None:
        postgres.start()
    try:
        found = logins(settings)
        migrate(found.owner)
        token = ensure_token(found.service, Path(settings.data_dir).resolve())
        environment = environment_of_children(loaded, settings, os.environ, practice=practice)
        asyncio.run(supervise(settings, postgres, environment, token))
    finally:
        if postgres is not None:
            postgres.stop()


async def supervise(
    settings: Settings, postgres: EmbeddedPostgres | None, environment: Mapping[str, str], token: Path | None
) -> None:
    """Keep the API and a worker running, and say when they are ready."""
    command = [sys.executable, "-m", "skillcore"]
    programs = {"api": ["api"], "worker": ["worker"]}
    programs |= {f"worker of {source}": ["worker", "--source", source] for source in settings.verification.isolated}
    children = [Child(name, [*command, *arguments], environment) for name, arguments in programs.items()]

    async def ready() -> None:
        await until_ready(settings)
        announce(settings, token)

    await Supervisor(postgres, children, grace=settings.server.grace).run(ready, stop_requested())


def environment_of_children(
    loaded: Configuration, settings: Settings, environ: Mapping[str, str], *, practice: bool
) -> dict[str, str]:
    """Return the environment by which children come to the same settings; it holds no secret that was not there before."""
    own = {
        "SKILLCORE__DATA_DIR": str(Path(settings.data_dir).resolve()),
        "SKILLCORE__SERVER__HOST": settings.server.host,
        "SKILLCORE__SERVER__PORT": str(settings.server.port),
    }
    if practice:
        own["SKILLCORE__PLUGINS__PRACTICE__ENABLED"] = "true"
    kept = {name: value for name, value in environ.items() if name.upper() not in own}
    return {**kept, **own, "SKILLCORE_CONFIG": str(loaded.file.resolve()), SUPERVISED: "1"}


async def until_ready(settings: Settings) -> None:
    """Wait until the API says that it is ready."""
    host = from_here(settings.server.host)
    while True:
        try:
            async with asyncio.timeout(5):
                if await is_ready(host, settings.server.port, encrypted=bool(settings.server.tls_certificate_file)):
                    return
        except (OSError, TimeoutError):
            pass
        await asyncio.sleep(LOOK_AGAIN)


async def is_ready(host: str, port: int, *, encrypted: bool) -> bool:
    """Ask once."""
    reader, writer = await asyncio.open_connection(host, port, ssl=to_oneself() if encrypted else None)
    try:
        writer.write(READY)
        status = await reader.readline()
    finally:
        writer.close()
    return b" 200 " in status


def to_oneself() -> ssl.SSLContext:
    """Return how TLS is spoken on the way to this very service: whom its certificate is for does not matter there."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def announce(settings: Settings, token: Path | None) -> None:
    """Tell whoever started it where it is and, until there is an administrator, how to become one."""
    lines = [f"skillcore is ready at {listening_at(settings.server, settings.server.host)}"]
    if token is not None:
        lines.append(f"there is no administrator yet: the one-time set-up token is in {token}")
    sys.stdout.write("".join(f"{line}\n" for line in lines))  # at once: the children write to the same place
    sys.stdout.flush()
