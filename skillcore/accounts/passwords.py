"""Hashes and checks passwords, in threads of its own: one bcrypt hash takes long enough to stop everything else."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import bcrypt

from skillcore.runtime.engine import Engine

__all__ = ["Passwords"]

THREADS = 2


class Passwords:
    """The service that hashes. Only API processes run it."""

    def __init__(self, cost: int) -> None:
        """Prepare.

        Args:
            cost: of bcrypt: 2 to the power of it rounds.
        """
        self._cost = cost
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="bcrypt")
        self._nobody = b""

    @classmethod
    @asynccontextmanager
    async def opened(cls, engine: Engine) -> AsyncIterator[Passwords]:
        """Run the service for the duration of the block."""
        passwords = cls(engine.settings.auth.bcrypt_cost)
        passwords._nobody = (await passwords.hash(secrets.token_urlsafe())).encode()
        try:
            async with engine.open(passwords):
                yield passwords
        finally:
            passwords._threads.shutdown(wait=False, cancel_futures=True)

    async def hash(self, password: str) -> str:
        """Return the hash to keep."""
        loop = asyncio.get_running_loop()
        return (await loop.run_in_executor(self._threads, bcrypt.hashpw, digest(password), bcrypt.gensalt(self._cost))).decode()

    async def fits(self, password: str, kept: str | None) -> bool:
        """Tell whether a password is the one that was hashed; without a hash it takes as long, and is none."""
        loop = asyncio.get_running_loop()
        against = self._nobody if kept is None else kept.encode()
        fits = await loop.run_in_executor(self._threads, bcrypt.checkpw, digest(password), against)
        return fits and kept is not None


def digest(password: str) -> bytes:
    """Return what bcrypt gets: it heeds 72 bytes, and this makes every character of a long passphrase count."""
    return base64.b64encode(hashlib.sha384(password.encode()).digest())
