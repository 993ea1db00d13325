"""The tables of mentoring by consent."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, Integer, LargeBinary, UniqueConstraint, func
from sqlalchemy import Uuid as SQLUuid
from sqlalchemy.orm import Mapped, mapped_column

from skillcore.runtime.database import Also, Base, nature

__all__ = ["MentorInvitationRow", "MentorRow"]

Moment = DateTime(timezone=True)


class MentorRow(Base):
    """That a learner accepted a mentor. It goes when either ends it; the audit keeps that it was."""

    __tablename__ = "mentors"
    __table_args__ = (
        Index("mentors_learner_id_idx", "learner_id"),
        CheckConstraint("mentor_id <> learner_id", name="two"),
        nature(
            "record",
            person="learner_id",
            erase="delete",
            also={"mentor_id": Also(shows=("mentor_id", "learner_id", "accepted_at"), erase="delete")},
        ),
    )

    mentor_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("users.id"), primary_key=True)
    learner_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("users.id"), primary_key=True)
    accepted_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())


class MentorInvitationRow(Base):
    """A code by which learners accept a mentor; kept as a hash. It goes with its last use, or when it is withdrawn."""

    __tablename__ = "mentor_invitations"
    __table_args__ = (
        UniqueConstraint("code_sha256"),
        Index("mentor_invitations_mentor_id_idx", "mentor_id", "id"),
        Index("mentor_invitations_expires_at_idx", "expires_at"),
        CheckConstraint("uses > 0", name="uses"),
        nature("transient", person="mentor_id", erase="delete"),
    )

    id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    mentor_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("users.id"))
    code_sha256: Mapped[bytes] = mapped_column(LargeBinary, info={"secret": True})
    uses: Mapped[int] = mapped_column(Integer)
    expires_at: Mapped[datetime] = mapped_column(Moment)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())
