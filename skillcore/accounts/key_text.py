"""What platforms' keys look like: recognisable wherever one leaks, and told from other texts without asking anybody.

    sk_<8 letters and digits: the prefix>_<52: the secret><7: the checksum>

All are of the lower-case alphabet of base 32 (``a`` to ``z``, ``2`` to ``7``). The checksum is the CRC-32 of everything before
it, big-endian; so a scanner that finds ``PATTERN`` knows a key from a text that happens to look like one.
"""

from __future__ import annotations

import re
import secrets
import zlib
from base64 import b32encode
from typing import NamedTuple

__all__ = ["KEY_MARK", "PATTERN", "KeyText", "drawn", "read"]

KEY_MARK = "sk_"
"""What platform keys begin with."""

PATTERN = re.compile(r"sk_([a-z2-7]{8})_([a-z2-7]{52}[a-z2-7]{7})")
PREFIX_BYTES = 5
SECRET_BYTES = 32


class KeyText(NamedTuple):
    """A key in parts.

    Attributes:
        prefix: by which it is found; no secret.
        secret: the rest, with the checksum.
    """

    prefix: str
    secret: str

    def __str__(self) -> str:
        """Return the whole key."""
        return f"{KEY_MARK}{self.prefix}_{self.secret}"

    def __repr__(self) -> str:
        """Show nothing of the secret."""
        return f"{type(self).__name__}(prefix={self.prefix!r})"


def drawn() -> KeyText:
    """Return a new key, with a secret of 256 bits."""
    prefix, secret = (_letters(secrets.token_bytes(size)) for size in (PREFIX_BYTES, SECRET_BYTES))
    return KeyText(prefix, secret + _checksum(f"{KEY_MARK}{prefix}_{secret}"))


def read(text: str) -> KeyText | None:
    """Return the parts of a key; None for what cannot be one."""
    found = PATTERN.fullmatch(text)
    if found is None or not text.endswith(_checksum(text[:-7])):
        return None
    return KeyText(*found.groups())


def _checksum(text: str) -> str:
    return _letters(zlib.crc32(text.encode()).to_bytes(4, "big"))


def _letters(data: bytes) -> str:
    return b32encode(data).decode().rstrip("=").lower()
