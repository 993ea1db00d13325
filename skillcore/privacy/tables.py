"""The tables of this room: who asked to be erased, what people chose to show, and what was forgotten in time."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, Text, func, text
from sqlalchemy import Uuid as SQLUuid
from sqlalchemy.orm import Mapped, mapped_column

from skillcore.runtime.database import Base, nature

__all__ = ["ErasureRequestRow", "RetentionRunRow", "ShareRow"]

Word = Text(collation="C")
Moment = DateTime(timezone=True)


class ErasureRequestRow(Base):
    """That a person is to be erased, and when. It goes with them; that it was done stands in ``erasures``."""

    __tablename__ = "erasure_requests"
    __table_args__ = (
        CheckConstraint("reason in ('asked', 'administrator')", name="reason"),
        Index("erasure_requests_due_at_idx", "due_at"),
        nature("record", person="user_id", erase="delete"),
    )

    user_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("users.id"), primary_key=True)
    reason: Mapped[str] = mapped_column(Word)
    requested_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())
    due_at: Mapped[datetime] = mapped_column(Moment)


class RetentionRunRow(Base):
    """When something was last looked through for what is kept no longer, and how many rows of it have gone in all."""

    __tablename__ = "retention_runs"
    __table_args__ = nature("transient", person=None, erase="keep")

    what: Mapped[str] = mapped_column(Word, primary_key=True)
    ran_at: Mapped[datetime] = mapped_column(Moment)
    forgotten: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))


class ShareRow(Base):
    """Something of their own that a person lets everybody see, and since when."""

    __tablename__ = "shares"
    __table_args__ = (
        CheckConstraint("share in ('public_profile', 'public_level')", name="share"),
        nature("record", person="user_id", erase="delete"),
    )

    user_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("users.id"), primary_key=True)
    share: Mapped[str] = mapped_column(Word, primary_key=True)
    granted_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())
