"""An event on its way into the ledger."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID, uuid5

from msgspec import Struct

__all__ = ["EARLIEST", "PLATFORMS", "NewEvent", "Via", "consequence", "of_platform"]

Via = Literal["engine", "platform", "edge", "page"]

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
"""Nothing that is recorded here happened before."""

PLATFORMS = "platform:"
"""What the origins of platforms begin with."""

CONSEQUENCES = UUID("6f1f4a39-98b5-5d9f-9a3d-3c0a5f6f2c11")
"""Namespace of the ids of recorded consequences."""


class NewEvent(Struct, frozen=True, kw_only=True):
    """What is to be recorded.

    Attributes:
        user_id: whose stream it joins.
        kind: a registered kind, or one of a platform's own below ``x.``.
        data: the kind's payload; a dict for kinds below ``x.``.
        subject_id: what it is about.
        skills: ids of known skills that hold now.
        occurred_at: when it happened; now, if not given.
        id: makes recording it again harmless; a new one, if not given. The ledger itself derives that of
            ``evidence.accepted`` from its subject.
        via: by which way it came.
        origin: where it came from, if not from the engine alone: see `of_platform`. Other platforms never see it then.
        origin_seq: the origin's own counter.
    """

    user_id: UUID
    kind: str
    data: Any
    subject_id: str = ""
    skills: tuple[str, ...] = ()
    occurred_at: datetime | None = None
    id: UUID | None = None
    via: Via = "engine"
    origin: str | None = None
    origin_seq: int | None = None


def of_platform(platform_id: UUID | None) -> str | None:
    """Return the origin of what is one platform's business: what it reports, vouches for, or set up."""
    return None if platform_id is None else f"{PLATFORMS}{platform_id}"


def consequence(subscription: str, cause: UUID, suffix: str = "") -> UUID:
    """Return the id of what a subscription records because of an event: handled twice, it is recorded once."""
    return uuid5(CONSEQUENCES, f"{subscription}:{cause}:{suffix}")
