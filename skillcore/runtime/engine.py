"""What a process of skillcore holds: settings, plugins, the database, and the services that rooms open in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar, cast
from uuid import UUID

import psycopg
from sqlalchemy.ext.asyncio import AsyncSession

from skillcore.plugin.manager import Plugins
from skillcore.runtime.database import Database
from skillcore.runtime.outbound import Network
from skillcore.runtime.settings import Settings

__all__ = ["LAST_IN_TRANSACTION", "Closing", "Engine", "Transaction"]

T = TypeVar("T")


class Engine:
    """One per process. Use cases reach it through their transaction: ``tx.engine``."""

    def __init__(self, settings: Settings, plugins: Plugins, database: Database) -> None:
        self.settings = settings
        self.plugins = plugins
        self.database = database
        self.network = Network(settings.outbound.allow)
        self._services: dict[type[Any], Any] = {}
        self._caches: dict[type[Any], Any] = {}

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Open a transaction; it commits when the block ends and rolls back when the block raises."""
        async with self.database.session() as session:
            tx = Transaction(self, session)
            yield tx
            if (last := LAST_IN_TRANSACTION.get()) is not None:
                await last(tx)
            await tx.close()
        tx.committed()

    def service(self, kind: type[T]) -> T:
        """Return the service of a class that a room opened in this process.

        Raises:
            LookupError: this kind of process does not run it.
        """
        try:
            return cast("T", self._services[kind])
        except KeyError:
            message = f"{kind.__qualname__} is not open in this process"
            raise LookupError(message) from None

    def cache(self, kind: type[T]) -> T:
        """Return this process's one instance of a class that needs nothing to be made, such as a cache."""
        if kind not in self._caches:
            self._caches[kind] = kind()
        return cast("T", self._caches[kind])

    @asynccontextmanager
    async def open(self, service: T) -> AsyncIterator[T]:
        """Make a service known to this process for the duration of the block."""
        self._services[type(service)] = service
        try:
            yield service
        finally:
            del self._services[type(service)]


class Closing(Protocol):
    """Something gathered while a transaction runs, and written at its very end."""

    async def close(self, tx: Transaction) -> None:
        """Write it; the commit follows at once. What this raises rolls everything back."""


C = TypeVar("C", bound=Closing)


class Transaction:
    """An open database transaction: what a use case works in.

    Attributes:
        engine: settings, plugins and services.
        session: for records, by mapped classes.
        platform_id: of the platform for which somebody is read, if one asks: what is another one's must not show through.
    """

    def __init__(self, engine: Engine, session: AsyncSession) -> None:
        self.engine = engine
        self.session = session
        self.platform_id: UUID | None = None
        self.recorded = False
        self._after_commit: list[Callable[[], None]] = []
        self._closings: dict[type[Any], Any] = {}

    def closing(self, kind: type[C]) -> C:
        """Return this transaction's one instance of what is written just before its commit, made if need be.

        It is for what all transactions wait for each other at: a lock that is taken last is held shortest, and nobody who
        holds it waits for another one.
        """
        if kind not in self._closings:
            self._closings[kind] = kind()
        return cast("C", self._closings[kind])

    async def close(self) -> None:
        """Write what was gathered; called by the engine."""
        for closing in self._closings.values():
            await closing.close(self)

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Have something done once the transaction has committed, such as sending a hint. It must not raise."""
        self._after_commit.append(callback)

    def committed(self) -> None:
        """Do what was to be done after the commit; called by the engine."""
        for callback in self._after_commit:
            callback()

    async def psycopg(self) -> psycopg.AsyncConnection[Any]:
        """Return the driver's connection inside this transaction, with everything pending flushed to it."""
        await self.session.flush()
        connection = await self.session.connection()
        raw = await connection.get_raw_connection()
        driver: psycopg.AsyncConnection[Any] = raw.driver_connection  # type: ignore[assignment]
        return driver


LAST_IN_TRANSACTION: ContextVar[Callable[[Transaction], Awaitable[None]] | None] = ContextVar(
    "last_in_transaction", default=None
)
"""What each transaction of a request does last, inside it: this is how a request's effect and the note of it are one."""
