"""Rows as PostgreSQL's binary COPY writes them, and digests over exactly those bytes. Pure.

The image of a row's content serves several ends at once: it is what COPY sends, what the leaf digests, and what COPY gives
back when a chain is verified; no second encoding can disagree with the first.

    leaf   = SHA-256(owner ‖ salt ‖ content)
    digest = SHA-256(digest before ‖ leaf)

An image is a row of fields, each a four-byte length and its bytes, -1 for null; times are microseconds since 2000-01-01.
The salt keeps an erased content from being guessed: with it and the content gone, leaf and digest say nothing about either,
and the chain still verifies.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

__all__ = [
    "BEGIN",
    "END",
    "EPOCH",
    "NULL",
    "chain",
    "field_image",
    "integer_image",
    "leaf_of",
    "microseconds",
    "moment",
    "row_fields",
    "rows",
    "text_image",
    "uuid_image",
]

BEGIN = b"PGCOPY\n\xff\r\n\0" + bytes(8)
END = b"\xff\xff"
NULL = b"\xff\xff\xff\xff"
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

_length = struct.Struct(">i").pack
_int8 = struct.Struct(">iq").pack
_uuid = struct.Struct(">i16s").pack


def microseconds(moment: datetime) -> int:
    """Return a time as PostgreSQL keeps it: microseconds since 2000-01-01 UTC."""
    distance = moment - EPOCH
    return (distance.days * 86_400 + distance.seconds) * 1_000_000 + distance.microseconds


def moment(microseconds: int) -> datetime:
    """Return the time that `microseconds` stands for."""
    return EPOCH + timedelta(microseconds=microseconds)


def field_image(value: bytes | None) -> bytes:
    """Return the image of a field that stands as these bytes."""
    return NULL if value is None else _length(len(value)) + value


def text_image(value: str | None) -> bytes:
    """Return the image of a text."""
    if value is None:
        return NULL
    encoded = value.encode()
    return _length(len(encoded)) + encoded


def uuid_image(value: UUID | None) -> bytes:
    """Return the image of a UUID."""
    return NULL if value is None else _uuid(16, value.bytes)


def integer_image(value: int | None) -> bytes:
    """Return the image of an integer of eight bytes, or of a time given in `microseconds`."""
    return NULL if value is None else _int8(8, value)


def leaf_of(owner: bytes, salt: bytes, content: bytes) -> bytes:
    """Return the digest of one row's content; the salt keeps an erased content from being guessed."""
    return sha256(owner + salt + content).digest()


def chain(digest: bytes, leaf: bytes) -> bytes:
    """Return a chain's digest after one more leaf."""
    return sha256(digest + leaf).digest()


def rows(copied: bytes, offset: int = len(BEGIN)) -> Iterator[bytes]:
    """Yield the rows of a binary COPY, each without its field count."""
    while (count := int.from_bytes(copied[offset : offset + 2], "big")) != 0xFFFF:
        offset += 2
        start = offset
        for _ in range(count):
            size = int.from_bytes(copied[offset : offset + 4], "big", signed=True)
            offset += 4 + max(size, 0)
        yield copied[start:offset]


def row_fields(row: bytes) -> Iterator[bytes | None]:
    """Yield the fields of one row; None for null."""
    offset = 0
    while offset < len(row):
        size = int.from_bytes(row[offset : offset + 4], "big", signed=True)
        offset += 4
        yield None if size < 0 else row[offset : offset + size]
        offset += max(size, 0)
