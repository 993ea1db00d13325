"""Time and identity: the two things that a pure function must be given."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from uuid_utils import compat

__all__ = ["new_id", "now"]


def now() -> datetime:
    """Return the present moment in UTC, to the microsecond."""
    return datetime.now(UTC)


def new_id() -> UUID:
    """Return a UUID of version 7: ordered by time, so that new rows stand together in an index."""
    return compat.uuid7()
