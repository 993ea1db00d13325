"""Access tokens: JWTs signed with RS256, by a key of 3072 bits that is made at the first start."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from skillcore.runtime.clock import new_id, now
from skillcore.runtime.engine import Engine
from skillcore.runtime.problems import Unauthenticated
from skillcore.runtime.secret_files import keep_first

__all__ = ["AUDIENCE", "Claims", "Tokens", "signing_key"]

AUDIENCE = "skillcore"
ALGORITHM = "RS256"
KIND = "access"
KEY_BITS = 3072
KEY_FILE = "token-key.pem"


class Claims(NamedTuple):
    """What an access token says."""

    user_id: UUID
    session_id: UUID


class Tokens:
    """The service that issues and reads access tokens."""

    def __init__(self, key: RSAPrivateKey, *, issuer: str, lifetime: timedelta) -> None:
        self._key = key
        self._public = key.public_key()
        self._issuer = issuer
        self.lifetime = lifetime

    @classmethod
    @asynccontextmanager
    async def opened(cls, engine: Engine) -> AsyncIterator[Tokens]:
        """Run the service for the duration of the block, with the key of the settings or of the data directory."""
        settings = engine.settings
        path = settings.auth.private_key_file
        key = await asyncio.to_thread(read_key, Path(path)) if path else await asyncio.to_thread(signing_key, settings.data_dir)
        tokens = cls(key, issuer=settings.auth.issuer, lifetime=timedelta(minutes=settings.auth.access_minutes))
        async with engine.open(tokens):
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
        return jwt.encode(claims, self._key, algorithm=ALGORITHM)

    def read(self, token: str) -> Claims:
        """Return what a token says.

        Raises:
            Unauthenticated: it is none of ours, or no longer valid.
        """
        try:
            claims = jwt.decode(
                token,
                self._public,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=self._issuer,
                options={"require": ["exp", "iat", "iss", "aud", "sub", "typ", "sid", "jti"]},
            )
            if claims["typ"] != KIND:
                raise Unauthenticated("this is no access token")
            return Claims(UUID(claims["sub"]), UUID(claims["sid"]))
        except jwt.ExpiredSignatureError as error:
            raise Unauthenticated("the access token has expired: refresh it, or sign in again") from error
        except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError) as error:
            raise Unauthenticated("the access token is not valid: sign in again") from error


def signing_key(data_dir: str | Path) -> RSAPrivateKey:
    """Return the key of a data directory. Whoever asks first makes it; processes that ask at once get the same."""
    path = Path(data_dir) / KEY_FILE
    if not path.exists():
        pem = generate_private_key(public_exponent=65537, key_size=KEY_BITS).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        keep_first(path, pem)
    return read_key(path)


def read_key(path: Path) -> RSAPrivateKey:
    """Read a private key.

    Raises:
        ValueError: the file holds no RSA key that is long enough.
    """
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, RSAPrivateKey) or key.key_size < KEY_BITS:
        raise ValueError(f"{path} must hold an RSA private key of {KEY_BITS} bits or more, in PEM without a password")
    return key
