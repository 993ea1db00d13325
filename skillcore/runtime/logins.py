"""How a process finds the database, from the settings alone: nothing secret stands on a command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from skillcore.runtime.postgres import EmbeddedPostgres
from skillcore.runtime.processes import Lock
from skillcore.runtime.settings import Settings

__all__ = ["EMBEDDED", "Logins", "embedded", "instance_lock", "logins", "reachable"]

EMBEDDED = "embedded"


class Logins(Struct, frozen=True):
    """Connection strings of the two logins. They may be one and the same, which then acts as either role."""

    owner: str
    service: str


def embedded(settings: Settings) -> EmbeddedPostgres | None:
    """Return the embedded server of the settings; None where the database is somewhere else."""
    return EmbeddedPostgres(Path(settings.data_dir)) if settings.database.url == EMBEDDED else None


def instance_lock(settings: Settings) -> Lock:
    """Return the lock of whoever runs a data directory's server."""
    directory = Path(settings.data_dir)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Lock(directory / "skillcore.lock")


def logins(settings: Settings) -> Logins:
    """Return how to connect; an embedded server must have been started.

    Raises:
        FileNotFoundError: the embedded server does not run.
    """
    server = embedded(settings)
    if server is not None:
        return Logins(owner=server.owner_dsn, service=server.service_dsn)
    return Logins(owner=settings.database.owner_url or settings.database.url, service=settings.database.url)


@contextmanager
def reachable(settings: Settings) -> Iterator[Logins]:
    """Give a command the database: an embedded server that does not run is started for as long as the block lasts.

    Raises:
        InUse: the data directory is somebody's, whose server does not answer just now.
        PostgresFailed: it does not start.
    """
    server = embedded(settings)
    if server is None or server.running:
        yield logins(settings)
        return
    with instance_lock(settings):
        server.start()
        try:
            yield logins(settings)
        finally:
            server.stop()
