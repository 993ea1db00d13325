"""The keys that sign access tokens: files of a directory that all API processes of an installation share.

A key's file is called after the moment from which it signs, such as ``20261121T140000Z.pem``; the very first one, which
processes that start at once must agree on, after the earliest moment there is. The newest key whose time has come signs. All
are published and verify, so a key that is made for a time to come is known everywhere before the first token is signed with
it. Once the last token of a key has expired that has a successor, it is removed.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import structlog
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from msgspec import Struct

from skillcore.runtime.clock import now
from skillcore.runtime.secret_files import keep_first
from skillcore.runtime.settings import Settings

__all__ = [
    "FIRST",
    "KEY_BITS",
    "Keys",
    "SigningKey",
    "UnderWay",
    "ensure_first",
    "file_for",
    "keys_directory",
    "read_key",
    "rotate",
    "thumbprint",
]

log = structlog.get_logger(__name__)

KEY_BITS = 3072
DIRECTORY = "signing-keys"
MOMENT = "%Y%m%dT%H%M%SZ"
NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z\.pem\Z")
FIRST = "19700101T000000Z.pem"
LEEWAY = timedelta(minutes=1)
"""By how much the clocks of API processes may differ."""

PATIENCE = 1.0
"""Seconds between two looks for a key that was asked for and is not there."""


class UnderWay(Exception):
    """A rotation has begun, and its key does not sign yet; the message names it."""


class SigningKey(Struct, frozen=True):
    """A key. What it is made of, shows nowhere.

    Attributes:
        id: its thumbprint (RFC 7638), which tokens have as ``kid``.
        signs_from: the moment from which it signs.
        path: of its file.
        private: signs.
        public: verifies.
    """

    id: str
    signs_from: datetime
    path: Path
    private: RSAPrivateKey
    public: RSAPublicKey

    def __repr__(self) -> str:
        """Show the id alone."""
        return f"{type(self).__name__}({self.id})"


class Keys:
    """The keys of a directory, read again now and then.

    Args:
        directory: it and the first key must be there.
        lifetime: of the tokens that they sign.

    Raises:
        ValueError: a file is no key that may be used; the message says which and what to do.
        OSError: the directory or a file cannot be read.
    """

    def __init__(self, directory: Path, lifetime: timedelta) -> None:
        self.directory = directory
        self.lifetime = lifetime
        self._keys: tuple[SigningKey, ...] = ()
        self._unusable: set[Path] = set()
        self._read_at = 0.0
        self.read(strict=True)

    def read(self, *, strict: bool = False) -> None:
        """Read the directory again: keys may have come, and gone. A file that was read before is not read again.

        Args:
            strict: raise what a file that cannot be used raises, rather than log it.
        """
        known = {key.path: key for key in self._keys}
        found = []
        for path in sorted(self.directory.glob("[!.]*.pem")):
            try:
                found.append(known.get(path) or read_key(path))
            except FileNotFoundError:
                continue  # removed just now
            except (ValueError, TypeError, OSError) as error:
                if strict:
                    raise
                if path not in self._unusable:
                    log.warning("a signing key cannot be used", file=str(path), reason=str(error))
                self._unusable.add(path)
        if strict and not found:
            message = f"there is no signing key in {self.directory}"
            raise ValueError(message)
        # Without its last key a process could neither sign nor verify; a directory that is empty for a while is no reason.
        self._keys, self._read_at = tuple(found) or self._keys, time.monotonic()

    def signing(self, moment: datetime) -> SigningKey:
        """Return the key that signs: the newest whose time has come, else the oldest."""
        return next((key for key in reversed(self._keys) if key.signs_from <= moment), self._keys[0])

    def verifying(self, moment: datetime) -> tuple[SigningKey, ...]:
        """Return the keys with which tokens may be signed that have not expired, and those that are to come."""
        return tuple(key for key in self._keys if not self._is_over(key, moment))

    def find(self, id_: str, moment: datetime) -> SigningKey | None:
        """Return the key of an id, if it verifies; one that is not known is looked for, but not too often."""
        if all(key.id != id_ for key in self._keys) and time.monotonic() - self._read_at > PATIENCE:
            self.read()
        return next((key for key in self.verifying(moment) if key.id == id_), None)

    def remove_old(self, moment: datetime) -> None:
        """Remove the files of keys that verify nothing any more, where this process may."""
        for key in self._keys:
            if self._is_over(key, moment):
                with contextlib.suppress(OSError):
                    key.path.unlink()
                    log.info("a signing key has served its time", key=key.id)

    def published(self, moment: datetime) -> list[dict[str, Any]]:
        """Return the public keys as JSON Web Keys (RFC 7517)."""
        return [{**members(key.public), "kid": key.id, "use": "sig", "alg": "RS256"} for key in self.verifying(moment)]

    def _is_over(self, key: SigningKey, moment: datetime) -> bool:
        successor = next((other for other in self._keys if other.signs_from > key.signs_from), None)
        return successor is not None and successor.signs_from + self.lifetime + LEEWAY < moment


def keys_directory(settings: Settings) -> Path:
    """Return where the keys are."""
    return Path(settings.auth.keys_dir or Path(settings.data_dir) / DIRECTORY)


def ensure_first(directory: Path) -> None:
    """Make the first key, if there is none; of processes that do so at once, one makes it for all."""
    if not any(directory.glob("[!.]*.pem")):
        keep_first(directory / FIRST, new_key())


def rotate(directory: Path, overlap: timedelta, *, drop_old: bool = False) -> SigningKey:
    """Make the next key.

    Args:
        directory: of the keys.
        overlap: for how long it is published before it signs.
        drop_old: have it sign at once, and remove all others: no token that they signed is good any more.

    Raises:
        UnderWay: the key of an earlier rotation does not sign yet.
        ValueError: a file in the directory is no key that may be used.
        OSError: the directory cannot be written to.
    """
    moment = now().replace(microsecond=0)
    earlier = [read_key(path) for path in sorted(directory.glob("[!.]*.pem"))]
    if not drop_old and (coming := [key for key in earlier if key.signs_from > moment]):
        message = f"a rotation is under way: the key {coming[0].id} signs from {coming[0].signs_from:%Y-%m-%d %H:%M:%S} UTC"
        raise UnderWay(message)
    starts = moment if drop_old else moment + overlap
    while (path := directory / file_for(starts)).exists():
        starts += timedelta(seconds=1)
    keep_first(path, new_key())
    made = read_key(path)
    for key in earlier if drop_old else ():
        key.path.unlink(missing_ok=True)
    return made


def file_for(signs_from: datetime) -> str:
    """Return the name of the file of a key that signs from a moment."""
    return f"{signs_from.astimezone(UTC):{MOMENT}}.pem"


def new_key() -> bytes:
    """Return a new private key as a PEM."""
    return generate_private_key(public_exponent=65537, key_size=KEY_BITS).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def read_key(path: Path) -> SigningKey:
    """Read a key.

    Raises:
        ValueError: the file holds no RSA key that is long enough, or its name does not say from when it signs.
    """
    try:
        signs_from = datetime.strptime(path.name.removesuffix(".pem"), MOMENT).replace(tzinfo=UTC)
    except ValueError:
        signs_from = None
    if signs_from is None or not NAME.match(path.name):
        message = f"{path} must be named after the moment from which it signs, in UTC, like 20261121T140000Z.pem"
        raise ValueError(message) from None
    private = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(private, RSAPrivateKey) or private.key_size < KEY_BITS:
        message = f"{path} must hold an RSA private key of {KEY_BITS} bits or more, in PEM without a password"
        raise ValueError(message)
    public = private.public_key()
    return SigningKey(thumbprint(public), signs_from, path, private, public)


def thumbprint(public: RSAPublicKey) -> str:
    """Return the thumbprint of a key (RFC 7638): of the members that make it, in alphabetical order and without spaces."""
    return text_of(hashlib.sha256(msgspec.json.encode(members(public), order="sorted")).digest())


def members(public: RSAPublicKey) -> dict[str, str]:
    """Return the members of a JSON Web Key that make a public key."""
    numbers = public.public_numbers()
    return {"e": _number(numbers.e), "kty": "RSA", "n": _number(numbers.n)}


def text_of(octets: bytes) -> str:
    """Return octets as base64url without padding."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _number(number: int) -> str:
    return text_of(number.to_bytes((number.bit_length() + 7) // 8, "big"))
