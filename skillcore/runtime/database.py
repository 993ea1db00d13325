"""The database: one pool of connections acting as the service's role, and the metadata that tables declare."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal

import psycopg
import structlog
from msgspec import Struct
from psycopg import errors
from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from skillcore.runtime.settings import DatabaseSettings

__all__ = ["LOST", "SERVICE_ROLE", "Also", "Base", "Database", "nature"]

log = structlog.get_logger(__name__)

SERVICE_ROLE = "skillcore_service"
"""The role that API and workers act as: it owns nothing, and may only SELECT and INSERT facts."""


LOST = (psycopg.OperationalError, psycopg.InterfaceError, errors.IdleInTransactionSessionTimeout)
"""What the driver raises when the database is away, or has ended the session of a process that was suspended."""


class Base(DeclarativeBase):
    """Base of all mapped tables. Each declares `nature` in its ``info``."""

    metadata = MetaData(
        naming_convention={
            "ix": "%(table_name)s_%(column_0_N_name)s_idx",
            "uq": "%(table_name)s_%(column_0_N_name)s_key",
            "ck": "%(table_name)s_%(constraint_name)s_check",
            "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
            "pk": "%(table_name)s_pkey",
        }
    )


class Also(Struct, frozen=True, kw_only=True):
    """A further column of a table that names a person: its rows are about two.

    Attributes:
        shows: the columns that the export of this second person shows of such a row. What is about the first one stays theirs.
        erase: what erasing the second person does: clear the column, delete the row, keep both, or leave it to the room's own
            function (strip).
    """

    shows: tuple[str, ...]
    erase: Literal["clear", "delete", "keep", "strip"]


def nature(
    kind: Literal["fact", "record", "derived", "transient"],
    *,
    person: str | None,
    erase: Literal["strip", "delete", "keep"],
    also: Mapping[str, Also] = {},
    through: str | None = None,
) -> dict[str, Any]:
    """Return the ``info`` of a table, which rebuild, export and erasure walk.

    Columns declare in their own ``info`` what an export must know: ``{"secret": True}`` for what proves something and is
    never shown, such as hashes of passwords and tokens; ``{"sealed": True}`` for ciphertexts, which are not shown either;
    ``{"withheld": "why"}`` for what is left out for another reason; ``{"shown": "text"}`` or ``{"shown": "hex"}`` for bytes
    that are shown, and how. Bytes must declare one of these.

    Args:
        kind: would a rebuild bring a deleted row back (derived)? If not, may it change (record) or not (fact)? Would
            nobody miss it (transient)?
        person: the column that names the person a row is about, or None.
        erase: what erasure does with that person's rows: delete them, keep them, or leave their content to a function that
            the room declares (strip).
        also: further columns that name people.
        through: a foreign key, where a row belongs to the person of the row that it refers to, and goes with it.
    """
    return {"info": {"nature": kind, "person": person, "erase": erase, "also": also, "through": through}}


async def _rolled_back(session: AsyncSession) -> None:
    """Undo a transaction; a connection that cannot do that is thrown away."""
    try:
        await session.rollback()
    except Exception as error:  # noqa: BLE001 - the connection is gone or busy, and its transaction with it
        log.debug("connection thrown away", error=str(error))
        await session.invalidate()
    except BaseException:
        await session.invalidate()
        raise


class Database:
    """A pool of connections, all acting as the service's role."""

    def __init__(self, dsn: str, settings: DatabaseSettings) -> None:
        """Prepare the pool; nothing connects yet.

        Args:
            dsn: libpq connection string or URL of the service's login.
            settings: pool size and time-outs.
        """
        self.dsn = dsn
        self.settings = settings
        self.sqlalchemy: AsyncEngine = create_async_engine(
            "postgresql+psycopg://",
            async_creator=self.connect,
            # No overflow: its connections are closed as soon as they are given back, and opening one costs the server more
            # than many a request.
            pool_size=2 * settings.pool_size,
            max_overflow=0,
            pool_pre_ping=True,
            hide_parameters=True,  # an error shows its statement, not the values, which may be secrets
        )

    async def connect(self, *, options: str = "", autocommit: bool = False) -> psycopg.AsyncConnection[Any]:
        """Open a connection of one's own, as the service's role.

        A transaction in which nothing is asked for longer than `DatabaseSettings.idle_transaction_timeout` is undone by the
        server: a process that was suspended, or whose machine is gone, would keep its locks from all others.

        Args:
            options: further server options, such as ``-c enable_seqscan=off``.
            autocommit: commit each statement by itself.
        """
        idle = round(1000 * self.settings.idle_transaction_timeout)
        return await psycopg.AsyncConnection.connect(
            self.dsn,
            autocommit=autocommit,
            options=f"-c role={SERVICE_ROLE} -c timezone=UTC -c idle_in_transaction_session_timeout={idle} {options}".strip(),
            connect_timeout=max(2, round(self.settings.connect_timeout)),
            application_name="skillcore",
        )

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """Open a session in a transaction; it commits when the block ends and rolls back when the block raises.

        What the block raises is what comes out. A cancelled statement may leave its connection in a state in which even a
        rollback fails; were that raised instead, a task that is to end would go on.
        """
        async with AsyncSession(self.sqlalchemy, expire_on_commit=False) as session:
            try:
                yield session
                await session.commit()
            except BaseException:
                await _rolled_back(session)
                raise

    async def close(self) -> None:
        """Close all pooled connections."""
        await self.sqlalchemy.dispose()
