"""The tables of learning paths: who follows which, and what advisors were asked."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, DateTime, ForeignKey, Index, Text, func
from sqlalchemy import Uuid as SQLUuid
from sqlalchemy.orm import Mapped, mapped_column

from skillcore.runtime.database import Base, nature

__all__ = ["EnrolmentRow", "PathAdviceRow"]

Word = Text(collation="C")
Moment = DateTime(timezone=True)


class EnrolmentRow(Base):
    """That a person follows a path, until they leave it."""

    __tablename__ = "path_enrolments"
    __table_args__ = (
        Index("path_enrolments_definition_id_idx", "definition_id"),
        nature("record", person="user_id", erase="delete"),
    )

    user_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("users.id"), primary_key=True)
    definition_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("definitions.id", ondelete="CASCADE"), primary_key=True)
    started_at: Mapped[datetime] = mapped_column(Moment)
    left_at: Mapped[datetime | None] = mapped_column(Moment)


class PathAdviceRow(Base):
    """What advisors are asked about a path, and what they said; for a while."""

    __tablename__ = "path_advice"
    __table_args__ = (
        Index("path_advice_user_id_idx", "user_id"),
        Index("path_advice_expires_at_idx", "expires_at"),
        nature("transient", person="user_id", erase="delete"),
    )

    id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    user_id: Mapped[UUID | None] = mapped_column(SQLUuid, ForeignKey("users.id"))
    platform_id: Mapped[UUID | None] = mapped_column(SQLUuid, ForeignKey("platforms.id"))
    job_id: Mapped[int | None] = mapped_column(BigInteger)
    advisor: Mapped[str] = mapped_column(Word)
    topics: Mapped[Any] = mapped_column(JSON)
    reason: Mapped[str] = mapped_column(Text)
    outcome: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(Moment)
