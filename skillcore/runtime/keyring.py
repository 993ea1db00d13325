"""The keys that seal secrets: files of a directory that all processes of an installation share.

A key's file is called after its id: the second from which it seals, in four bytes, and four bytes of its digest, by which a
file that was damaged or swapped shows. It holds 32 random bytes, as 64 hexadecimal digits. The newest key whose time has come
seals; all open. A key made for a time to come has been read by every process before the first secret is sealed with it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from pathlib import Path

import structlog
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from skillcore.runtime.secret_files import keep_first

__all__ = ["ID_LENGTH", "REREAD", "KeyFileDamaged", "Keyring", "SealingKey", "make_key", "read_key"]

log = structlog.get_logger(__name__)

ID_LENGTH = 8
KEY_LENGTH = 32
NAME = re.compile(r"([0-9a-f]{16})\.key\Z")
LABEL = b"skillcore sealing key\0"
REREAD = 2.0
"""Seconds after which a process looks for new keys before it seals."""

PATIENCE = 1.0
"""Seconds between two looks for a key that was asked for and is not there."""


class KeyFileDamaged(Exception):
    """A key's file does not hold the key that its name says."""


class SealingKey(Struct, frozen=True):
    """A key. What it is made of, shows nowhere.

    Attributes:
        id: as it stands in what it has sealed.
        cipher: seals and opens.
    """

    id: bytes
    cipher: AESGCM

    @property
    def name(self) -> str:
        """The id as people read it."""
        return self.id.hex()

    @property
    def seals_from(self) -> int:
        """The second since 1970 from which it seals."""
        return int.from_bytes(self.id[:4], "big")

    def __repr__(self) -> str:
        """Show the id alone."""
        return f"{type(self).__name__}({self.name})"


class Keyring:
    """The keys of a directory, read again now and then."""

    def __init__(self, directory: Path) -> None:
        """Read the keys that are there.

        Raises:
            KeyFileDamaged: one of them is not what its name says.
            OSError: the directory is there and cannot be read.
        """
        self.directory = directory
        self._keys: dict[bytes, SealingKey] = {}
        self._read_at = 0.0
        self.read(strict=True)

    def __repr__(self) -> str:
        """Show the ids alone."""
        return f"{type(self).__name__}({', '.join(key.name for key in self.keys)})"

    @property
    def keys(self) -> tuple[SealingKey, ...]:
        """All keys, the oldest first."""
        return tuple(self._keys[id_] for id_ in sorted(self._keys))

    def read(self, *, strict: bool = False) -> None:
        """Read the directory again: keys may have come, and gone.

        Args:
            strict: raise what a file that cannot be used raises, rather than log it.

        Raises:
            OSError: the directory cannot be read.
        """
        found: dict[bytes, SealingKey] = {}
        for path in sorted(self.directory.iterdir()) if self.directory.exists() else ():
            name = NAME.match(path.name)
            if name is None:
                continue
            id_ = bytes.fromhex(name[1])
            try:
                found[id_] = self._keys.get(id_) or read_key(path)
            except FileNotFoundError:
                continue  # removed just now
            except (KeyFileDamaged, OSError) as error:
                if strict:
                    raise
                log.warning("a key cannot be used", file=str(path), reason=str(error))
        self._keys, self._read_at = found, time.monotonic()

    def sealing(self) -> SealingKey:
        """Return the key that seals now: the newest whose time has come, else the oldest.

        Raises:
            LookupError: there is none.
            OSError: the directory cannot be read any more, so that nobody knows which key seals.
        """
        if time.monotonic() - self._read_at > REREAD:
            self.read()
        keys = self.keys
        if not keys:
            message = f"there are no keys in {self.directory}"
            raise LookupError(message)
        moment = time.time()
        return next((key for key in reversed(keys) if key.seals_from <= moment), keys[0])

    def get(self, id_: bytes) -> SealingKey | None:
        """Return a key; one that is not known is looked for in the directory, but not too often."""
        if id_ not in self._keys and time.monotonic() - self._read_at > PATIENCE:
            self.read()
        return self._keys.get(id_)


def make_key(directory: Path, seals_from: int) -> SealingKey:
    """Make a key, and keep it in a file that its owner alone may read.

    Args:
        directory: made if need be, with mode 700.
        seals_from: the second since 1970 from which it seals.
    """
    secret = secrets.token_bytes(KEY_LENGTH)
    id_ = _id(seals_from, secret)
    path = directory / f"{id_.hex()}.key"
    keep_first(path, f"{secret.hex()}\n".encode())
    return read_key(path)


def read_key(path: Path) -> SealingKey:
    """Read a key's file.

    Raises:
        KeyFileDamaged: it does not hold the key that its name says.
        OSError: it cannot be read.
    """
    name = NAME.match(path.name)
    try:
        secret = bytes.fromhex(path.read_bytes().strip().decode("ascii"))
    except ValueError:
        secret = b""
    if name is None or len(secret) != KEY_LENGTH or _id(int(name[1][:8], 16), secret).hex() != name[1]:
        message = f"{path} does not hold the key that its name says: restore it from a backup"
        raise KeyFileDamaged(message) from None
    return SealingKey(bytes.fromhex(name[1]), AESGCM(secret))


def _id(seals_from: int, secret: bytes) -> bytes:
    return seals_from.to_bytes(4, "big") + hashlib.sha256(LABEL + secret).digest()[: ID_LENGTH - 4]
