"""Hashes and checks passwords, in threads of its own: one bcrypt hash takes long enough to stop everything else.

bcrypt heeds 72 bytes, so it gets base64(SHA-384(password)), in which every character counts. Passwords are in Unicode's form
NFKC, so that they fit whatever keyboard they are typed on.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import secrets
import threading
import unicodedata
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

import bcrypt

from skillcore.runtime.engine import Engine
from skillcore.runtime.problems import UnavailableNow

__all__ = ["Passwords", "digest", "normal"]

T = TypeVar("T")

MOST_THREADS = 4
RETRY_AFTER = 5
"""Seconds after which somebody may try again who found too many waiting."""


class Passwords:
    """The service that hashes. Only API processes run it."""

    def __init__(self, cost: int, queue: int) -> None:
        """Prepare.

        Args:
            cost: of bcrypt: 2 to the power of it rounds.
            queue: how many may be under way or wait at once.
        """
        self._cost = cost
        self._threads = ThreadPoolExecutor(threads(), thread_name_prefix="bcrypt")
        self._places = threading.BoundedSemaphore(queue)
        self._nobody = b""

    @classmethod
    @asynccontextmanager
    async def opened(cls, engine: Engine) -> AsyncIterator[Passwords]:
        """Run the service for the duration of the block."""
        passwords = cls(engine.settings.auth.bcrypt_cost, engine.settings.auth.hashing_queue)
        passwords._nobody = (await passwords.hash(secrets.token_urlsafe())).encode()
        try:
            async with engine.open(passwords):
                yield passwords
        finally:
            passwords._threads.shutdown(wait=False, cancel_futures=True)

    async def hash(self, password: str) -> str:
        """Return the hash to keep.

        Raises:
            UnavailableNow: too many wait.
        """
        return (await self._run(lambda: bcrypt.hashpw(digest(password), bcrypt.gensalt(self._cost)))).decode()

    async def fits(self, password: str, kept: str | None) -> bool:
        """Tell whether a password is the one that was hashed; without a hash it takes as long, and is none.

        Raises:
            UnavailableNow: too many wait.
        """
        against = self._nobody if kept is None else kept.encode()
        fits = await self._run(lambda: bcrypt.checkpw(digest(password), against))
        return fits and kept is not None

    def is_outdated(self, kept: str) -> bool:
        """Tell whether a hash has another cost than new ones get."""
        return not kept.startswith(f"$2b${self._cost:02}$")

    async def _run(self, work: Callable[[], T]) -> T:
        if not self._places.acquire(blocking=False):
            raise UnavailableNow(
                "too many people sign in just now: try again in a moment", headers={"Retry-After": str(RETRY_AFTER)}
            )
        try:
            future = self._threads.submit(work)
        except BaseException:
            self._places.release()
            raise
        # Not when the caller goes away, but when the thread is done: the place stands for its work.
        future.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(future)


def threads() -> int:
    """Return how many hash at once: half of the processors, so that the loop and the database keep the rest."""
    return max(1, min(MOST_THREADS, len(os.sched_getaffinity(0)) // 2))


def normal(password: str) -> str:
    """Return a password as it is hashed and compared."""
    return unicodedata.normalize("NFKC", password)


def digest(password: str) -> bytes:
    """Return what bcrypt gets."""
    return base64.b64encode(hashlib.sha384(normal(password).encode()).digest())
