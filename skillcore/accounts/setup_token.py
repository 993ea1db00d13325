"""The one-time token of the first administrator. Whoever starts the service writes it, and needs nothing else of accounts."""

from __future__ import annotations

import secrets
from pathlib import Path

import psycopg

from skillcore.runtime.database import SERVICE_ROLE
from skillcore.runtime.secret_files import keep_first

__all__ = ["FILE", "ensure_token"]

FILE = "setup-token"
"""Its name in the data directory."""

ANY_ADMINISTRATOR = "select exists (select from users where role = 'admin')"


def ensure_token(service_dsn: str, data_dir: str | Path) -> Path | None:
    """Return the file with the one-time token, written if need be; None once there is an administrator.

    Args:
        service_dsn: how the service logs in; the schema must be there.
        data_dir: of the API processes.
    """
    path = Path(data_dir) / FILE
    with psycopg.connect(service_dsn, options=f"-c role={SERVICE_ROLE}") as connection:
        row = connection.execute(ANY_ADMINISTRATOR).fetchone()
    if row == (True,):
        path.unlink(missing_ok=True)
        return None
    keep_first(path, f"{secrets.token_urlsafe(32)}\n".encode())  # one that stands there already stays valid
    return path
