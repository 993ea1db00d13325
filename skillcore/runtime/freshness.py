"""Whether a caller still has what it would be answered with: entity tags and ``If-None-Match`` (RFC 9110, 13.1.2)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from litestar.datastructures import Headers

__all__ = ["KEPT", "is_held", "tag_of"]

KEPT: Mapping[str, str] = {"Cache-Control": "private, no-cache"}
"""Of an answer for its caller alone: browsers keep it, and ask each time whether it still holds."""

TAG = re.compile(r'(?:W/)?("[^"]*")')


def tag_of(content: bytes) -> str:
    """Return the entity tag of a body: equal for equal bodies, and telling nothing of what else is kept."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def is_held(headers: Headers, tag: str) -> bool:
    """Tell whether a request says that its sender has the body of this tag; any body, if it says ``*``."""
    named = ",".join(headers.getall("if-none-match", []))
    return named.strip() == "*" or tag in TAG.findall(named)
