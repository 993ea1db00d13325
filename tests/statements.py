"""What SQLAlchemy compiles, kept for all engines of a test process.

An engine keeps its statements compiled, and a service has one engine for as long as it runs. Each test has an engine of its
own, which would compile all of them again: that took a fifth of the time of tests with a database.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import LRUCache

MANY = 5000


class Compiling:
    """Makes engines as SQLAlchemy does. They share a dialect, which statements are compiled for, and what was compiled."""

    def __init__(self) -> None:
        self.statements: LRUCache[Any, Any] = LRUCache(MANY)
        self.dialect: Dialect | None = None

    def create_async_engine(self, url: str, **options: Any) -> AsyncEngine:
        made = create_async_engine(url, **options)
        engine = made.sync_engine
        if self.dialect is None or self.dialect.server_version_info is None:
            self.dialect = engine.dialect  # the former's engine never met a server, of which a dialect must know
        engine.dialect = engine.pool._dialect = self.dialect
        engine._compiled_cache = self.statements
        return made
