"""The table of this room."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, Index, LargeBinary, Text, func, text
from sqlalchemy import Uuid as SQLUuid
from sqlalchemy.orm import Mapped, mapped_column

from skillcore.runtime.database import Base, nature

__all__ = ["MailRow"]

Word = Text(collation="C")
Moment = DateTime(timezone=True)


class MailRow(Base):
    """A mail in the outbox. It is deleted once it was handed over; one that never was keeps no text, only why."""

    __tablename__ = "mails"
    __table_args__ = (
        CheckConstraint("state in ('waiting', 'refused', 'given_up')", name="state"),
        CheckConstraint("(state = 'waiting') = (body is not null)", name="body"),
        Index("mails_user_id_idx", "user_id"),
        Index("mails_expires_at_idx", "expires_at"),
        nature("record", person="user_id", erase="delete"),
    )

    id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    user_id: Mapped[UUID | None] = mapped_column(SQLUuid)
    body: Mapped[bytes | None] = mapped_column(LargeBinary, info={"sealed": True})
    state: Mapped[str] = mapped_column(Word, server_default=text("'waiting'"))
    reason: Mapped[str] = mapped_column(Text, server_default=text("''"))
    expires_at: Mapped[datetime] = mapped_column(Moment)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())
