"""The table behind the limits on how often who may call."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import DateTime, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from skillcore.runtime.database import Base, nature

__all__ = ["RateLimitRow"]


class RateLimitRow(Base):
    """A bucket, by the hash of its key, so that no address stands here; after the moment it says nothing more."""

    __tablename__ = "rate_limits"
    __table_args__ = (
        Index("rate_limits_full_at_idx", "full_at"),
        {"prefixes": ["UNLOGGED"], **nature("transient", person=None, erase="keep")},
    )

    key_sha256: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True, info={"secret": True})
    full_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
