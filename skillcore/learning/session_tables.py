"""The table of training sessions, which follows from their events."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, DateTime, Double, Index, Text, text
from sqlalchemy import Uuid as SQLUuid
from sqlalchemy.orm import Mapped, mapped_column

from skillcore.runtime.database import Base, nature

__all__ = ["TrainingSessionRow"]

Word = Text(collation="C")
Moment = DateTime(timezone=True)


class TrainingSessionRow(Base):
    """A training session. Whatever it says follows from its events: `skillcore.learning.session_standing` derives it.

    Attributes:
        platform_id: whose business it is; None where the person recorded it themselves.
        subject: under which its events stand in the ledger.
        last_at: its last event but for ends.
        ended_at: its end, unless something came after it.
        automatic: nobody set this end.
        head: the version of its last event.
        stretch_starts: when each stretch of time spent in it began, in order; those without any length are left out.
        stretch_seconds: how long each of them was.
    """

    __tablename__ = "training_sessions"
    __table_args__ = (
        Index("training_sessions_listing_idx", "user_id", "started_at", "id"),
        Index("training_sessions_last_idx", "user_id", "last_at"),
        Index("training_sessions_open_idx", "last_at", "id", postgresql_where=text("ended_at is null")),
        nature("derived", person="user_id", erase="delete"),
    )

    id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(SQLUuid)
    platform_id: Mapped[UUID | None] = mapped_column(SQLUuid)
    subject: Mapped[str] = mapped_column(Word)
    module: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(Moment)
    last_at: Mapped[datetime] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    automatic: Mapped[bool]
    activities: Mapped[int] = mapped_column(BigInteger)
    head: Mapped[int] = mapped_column(BigInteger)
    stretch_starts: Mapped[list[datetime]] = mapped_column(ARRAY(Moment), server_default=text("'{}'"))
    stretch_seconds: Mapped[list[float]] = mapped_column(ARRAY(Double), server_default=text("'{}'"))
