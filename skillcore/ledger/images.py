"""Events and signals as PostgreSQL's binary COPY writes them: what `skillcore.runtime.chain` digests. Pure.

    leaf   = SHA-256(user ‖ salt ‖ content)
    digest = SHA-256(digest before ‖ leaf)

``content`` is the image of the columns from ``id`` on, in the order of `EVENT_COLUMNS`.
"""

from __future__ import annotations

import struct
from datetime import datetime
from uuid import UUID

from skillcore.runtime.chain import NULL, integer_image, microseconds, text_image

__all__ = [
    "CONTENT_COLUMNS",
    "CONTENT_TIME",
    "EVENT_COLUMNS",
    "SIGNAL_COLUMNS",
    "content_image",
    "event_head",
    "signal_image",
]

CONTENT_COLUMNS = "id, occurred_at, kind, subject_id, via, skills, data, origin, origin_seq"
EVENT_COLUMNS = f"user_id, version, recorded_at, digest, leaf, salt, {CONTENT_COLUMNS}"
CONTENT_TIME = slice(20, 32)
"""Where a content's image has the event's time."""
SIGNAL_COLUMNS = "user_id, skill_id, source_type, source_id, signal_type, weight, event_id, rule, rule_version, created_at"

TEXT_OID = 25
NO_SKILLS = struct.pack(">iiii", 12, 0, 0, TEXT_OID)

_length = struct.Struct(">i").pack
_event_head = struct.Struct(">hi16siqiqi32si32si16s").pack
_id_and_time = struct.Struct(">i16siq").pack
_array_head = struct.Struct(">iiiii").pack
_signal_head = struct.Struct(">hi16s").pack
_float8 = struct.Struct(">id").pack
_uuid = struct.Struct(">i16s").pack
_signal_tail = struct.Struct(">iiiq").pack


def _texts(values: tuple[str, ...]) -> bytes:
    if not values:
        return NO_SKILLS
    items = b"".join(map(text_image, values))
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
            text_image(kind),
            text_image(subject_id),
            text_image(via),
            _texts(skills),
            _length(len(data)),
            data,
            text_image(origin),
            integer_image(origin_seq),
        )
    )


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
            text_image(skill),
            text_image(source_type),
            text_image(source_id),
            text_image(signal_type),
            _float8(8, weight),
            NULL if event is None else _uuid(16, event),
            text_image(rule),
            _signal_tail(4, version, 8, created_at),
        )
    )
