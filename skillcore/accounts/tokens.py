"""Access tokens: JWTs signed with RS256, which name a session and end with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import jwt

from skillcore.accounts.signing_keys import Keys, ensure_first, keys_directory
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.engine import Engine
from skillcore.runtime.periodic import repeating
from skillcore.runtime.problems import Unauthenticated

__all__ = ["AUDIENCE", "Claims", "Tokens"]

AUDIENCE = "skillcore"
ALGORITHM = "RS256"
KIND = "access"
REQUIRED = ["iss", "aud", "sub", "sid", "typ", "iat", "exp", "jti"]
LOOK_EVERY = 5.0
"""Seconds between two looks for new signing keys."""


class Claims(NamedTuple):
    """What an access token says."""

    user_id: UUID
    session_id: UUID


class Tokens:
    """The service that issues and reads access tokens."""

    def __init__(self, keys: Keys, *, issuer: str) -> None:
        self.keys = keys
        self._issuer = issuer

    @property
    def lifetime(self) -> timedelta:
        """How long a token is valid."""
        return self.keys.lifetime

    @classmethod
    @asynccontextmanager
    async def opened(cls, engine: Engine) -> AsyncIterator[Tokens]:
        """Run the service for the duration of the block; it follows the rotation of its keys.

        Raises:
            ValueError: a file among the keys is none that may be used.
        """
        settings = engine.settings
        directory, lifetime = keys_directory(settings), timedelta(minutes=settings.auth.access_minutes)
        await asyncio.to_thread(ensure_first, directory)
        keys = await asyncio.to_thread(Keys, directory, lifetime)

        async def again() -> None:
            await asyncio.to_thread(keys.read)
            await asyncio.to_thread(keys.remove_old, now())

        tokens = cls(keys, issuer=settings.auth.issuer)
        async with engine.open(tokens), repeating("signing keys", again, LOOK_EVERY):
            yield tokens

    def issue(self, user_id: UUID, session_id: UUID, *, at: datetime | None = None, lifetime: timedelta | None = None) -> str:
        """Return an access token for a person.

        Args:
            user_id: the person.
            session_id: to which the token belongs, and with which it ends.
            at: from when it is valid; now, if not given.
            lifetime: if it is to be shorter than usual.
        """
        issued = at or now()
        claims = {
            "iss": self._issuer,
            "aud": AUDIENCE,
            "sub": str(user_id),
            "sid": str(session_id),
            "typ": KIND,
            "iat": issued,
            "exp": issued + (lifetime or self.lifetime),
            "jti": str(new_id()),
        }
        key = self.keys.signing(issued)
        return jwt.encode(claims, key.private, algorithm=ALGORITHM, headers={"kid": key.id})

    def read(self, token: str) -> Claims:
        """Return what a token says. With which key and algorithm it is checked, is not for the token to choose.

        Raises:
            Unauthenticated: it is none of ours, or no longer valid.
        """
        try:
            key = self.keys.find(str(jwt.get_unverified_header(token).get("kid")), now())
            if key is None:
                raise Unauthenticated("the access token is signed with a key that is not known here: sign in again")
            claims = jwt.decode(
                token,
                key.public,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=self._issuer,
                options={"require": REQUIRED},
            )
            if claims["typ"] != KIND:
                raise Unauthenticated("this is no access token")
            return Claims(UUID(claims["sub"]), UUID(claims["sid"]))
        except jwt.ExpiredSignatureError as error:
            raise Unauthenticated("the access token has expired: refresh it, or sign in again") from error
        except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError) as error:
            raise Unauthenticated("the access token is not valid: sign in again") from error
