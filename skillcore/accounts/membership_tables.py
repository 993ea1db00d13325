"""The table of invitations to become a platform's member."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, LargeBinary, Text, UniqueConstraint, func, text
from sqlalchemy import Uuid as SQLUuid
from sqlalchemy.orm import Mapped, mapped_column

from skillcore.runtime.database import Base, nature

__all__ = ["InvitationRow"]

Word = Text(collation="C")
Moment = DateTime(timezone=True)


class InvitationRow(Base):
    """A platform's invitation for one of its external ids; who had it, is known once somebody has answered it."""

    __tablename__ = "membership_invitations"
    __table_args__ = (
        UniqueConstraint("code_sha256"),
        Index(
            "membership_invitations_open_key",
            "platform_id",
            "external_id",
            unique=True,
            postgresql_where=text("state = 'open'"),
        ),
        Index("membership_invitations_platform_id_idx", "platform_id", "id"),
        Index("membership_invitations_user_id_idx", "user_id"),
        CheckConstraint("state in ('open', 'accepted', 'refused', 'withdrawn')", name="state"),
        CheckConstraint("(state in ('open', 'withdrawn')) = (user_id is null)", name="answered"),
        nature("record", person="user_id", erase="delete"),
    )

    id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    platform_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("platforms.id"))
    external_id: Mapped[str] = mapped_column(Word)
    code_sha256: Mapped[bytes] = mapped_column(LargeBinary, info={"secret": True})
    state: Mapped[str] = mapped_column(Word)
    user_id: Mapped[UUID | None] = mapped_column(SQLUuid, ForeignKey("users.id"))
    expires_at: Mapped[datetime] = mapped_column(Moment)
    settled_at: Mapped[datetime | None] = mapped_column(Moment)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())
