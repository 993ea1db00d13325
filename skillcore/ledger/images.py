"""Rows as PostgreSQL's binary COPY writes them, and the digests over exactly those bytes. Pure.

The image of a row's content serves three ends at once: it is what COPY sends, what the leaf digests, and what COPY gives
back when the chain is verified; no second encoding can disagree with the first.

    leaf   = SHA-256(user ‖ salt ‖ content)
    digest = SHA-256(digest before ‖ leaf)

``content`` is the image of the columns from ``id`` on, in the order of `EVENT_COLUMNS`: each field is a four-byte length
and its bytes, -1 for null; times are microseconds since 2000-01-01.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

__all__ = [
    "BEGIN",
    "CONTENT_COLUMNS",
    "CONTENT_TIME",
    "END",
    "EVENT_COLUMNS",
    "SIGNAL_COLUMNS",
    "chain",
    "content_image",
    "event_head",
    "leaf_of",
    "microseconds",
    "moment",
    "row_fields",
    "rows",
    "signal_image",
]

CONTENT_COLUMNS = "id, occurred_at, kind, subject_id, via, skills, data, origin, origin_seq"
EVENT_COLUMNS = f"user_id, version, recorded_at, digest, leaf, salt, {CONTENT_COLUMNS}"
CONTENT_TIME = slice(20, 32)
"""Where a content's image has the event's time."""
SIGNAL_COLUMNS = "user_id, skill_id, source_type, source_id, signal_type, weight, event_id, rule, rule_version, created_at"

BEGIN = b"PGCOPY\n\xff\r\n\0" + bytes(8)
END = b"\xff\xff"
NULL = b"\xff\xff\xff\xff"
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
TEXT_OID = 25
NO_SKILLS = struct.pack(">iiii", 12, 0, 0, TEXT_OID)

_length = struct.Struct(">i").pack
_event_head = struct.Struct(">hi16siqiqi32si32si16s").pack
_id_and_time = struct.Struct(">i16siq").pack
_int8 = struct.Struct(">iq").pack
_array_head = struct.Struct(">iiiii").pack
_signal_head = struct.Struct(">hi16s").pack
_float8 = struct.Struct(">id").pack
_uuid = struct.Struct(">i16s").pack
_signal_tail = struct.Struct(">iiiq").pack


def microseconds(moment: datetime) -> int:
    """Return a time as PostgreSQL keeps it: microseconds since 2000-01-01 UTC."""
    distance = moment - EPOCH
    return (distance.days * 86_400 + distance.seconds) * 1_000_000 + distance.microseconds


def moment(microseconds: int) -> datetime:
    """Return the time that `microseconds` stands for."""
    return EPOCH + timedelta(microseconds=microseconds)


def _text(value: str | None) -> bytes:
    if value is None:
        return NULL
    encoded = value.encode()
    return _length(len(encoded)) + encoded


def _texts(values: tuple[str, ...]) -> bytes:
    if not values:
        return NO_SKILLS
    items = b"".join(map(_text, values))
    return _length(20 + len(items)) + _array_head(1, 0, TEXT_OID, len(values), 1) + items


def content_image(
    id_: UUID,
    occurred_at: datetime,
    kind: str,
    subject_id: str,
    via: str,
    skills: tuple[str, ...],
    data: bytes,
    origin: str | None,
    origin_seq: int | None,
) -> bytes:
    """Return the image of an event's content columns."""
    return b"".join(
        (
            _id_and_time(16, id_.bytes, 8, microseconds(occurred_at)),
            _text(kind),
            _text(subject_id),
            _text(via),
            _texts(skills),
            _length(len(data)),
            data,
            _text(origin),
            NULL if origin_seq is None else _int8(8, origin_seq),
        )
    )


def leaf_of(user: bytes, salt: bytes, content: bytes) -> bytes:
    """Return the digest of one event's content; the salt keeps an erased content from being guessed."""
    return sha256(user + salt + content).digest()


def chain(digest: bytes, leaf: bytes) -> bytes:
    """Return a stream's digest after one more leaf."""
    return sha256(digest + leaf).digest()


def event_head(user: bytes, version: int, recorded_at: int, digest: bytes, leaf: bytes, salt: bytes) -> bytes:
    """Return the image of what the ledger adds to an event's content, with the row's field count in front."""
    return _event_head(15, 16, user, 8, version, 8, recorded_at, 32, digest, 32, leaf, 16, salt)


def signal_image(
    user: bytes,
    skill: str,
    source: tuple[str, str, str],
    weight: float,
    event: bytes | None,
    rule: str,
    version: int,
    created_at: int,
) -> bytes:
    """Return the image of a signal's row; ``source`` is its type, id and signal type."""
    source_type, source_id, signal_type = source
    return b"".join(
        (
            _signal_head(10, 16, user),
            _text(skill),
            _text(source_type),
            _text(source_id),
            _text(signal_type),
            _float8(8, weight),
            NULL if event is None else _uuid(16, event),
            _text(rule),
            _signal_tail(4, version, 8, created_at),
        )
    )


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
