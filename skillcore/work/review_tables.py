"""The tables of reviews: who reviewed whom, and what they said."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, ForeignKey, Index, Text, UniqueConstraint, func, text
from sqlalchemy import Uuid as SQLUuid
from sqlalchemy.orm import Mapped, mapped_column

from skillcore.runtime.database import Also, Base, nature

__all__ = ["ReviewRow", "ReviewerRow"]

Moment = DateTime(timezone=True)

OF_A_REVIEWER = ("reviewer_id", "reviewed_at")
SHOWN_TO_REVIEWERS = ("id", "reviewer_id", "platform_id", "quality", "skills", "content", "created_at", "replaced_at")
"""Of a review, in the export of whoever wrote it: of whom it is, and of which work, is the reviewed one's."""


class ReviewerRow(Base):
    """That somebody reviews somebody: the only place that says who is behind an alias, which is all that events name.

    Attributes:
        alias: what the reviewer is called towards this person, and towards nobody else.
        discounted: their word counts less, since two or three people reviewed each other in a circle.
        reviewed_at: when they did so last.
    """

    __tablename__ = "reviewers"
    __table_args__ = (
        UniqueConstraint("user_id", "reviewer_id"),
        Index("reviewers_reviewer_id_idx", "reviewer_id"),
        nature("record", person="user_id", erase="delete", also={"reviewer_id": Also(shows=OF_A_REVIEWER, erase="clear")}),
    )

    alias: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("users.id"))
    reviewer_id: Mapped[UUID | None] = mapped_column(SQLUuid, ForeignKey("users.id"))
    discounted: Mapped[bool] = mapped_column(server_default=text("false"))
    reviewed_at: Mapped[datetime] = mapped_column(Moment)


class ReviewRow(Base):
    """What somebody said of a person's work; without its words once they are erased. Later ones take its place.

    Attributes:
        task_id: the work; None for skills as such.
        platform_id: whose business it is, if it is a platform's.
        replaced_at: since when each of its skills was judged again, by the same reviewer and in the same work.
    """

    __tablename__ = "reviews"
    __table_args__ = (
        Index("reviews_user_id_idx", "user_id", "id"),
        Index("reviews_reviewer_id_idx", "reviewer_id", "created_at"),
        Index("reviews_alias_idx", "alias", "task_id"),
        Index("reviews_task_id_idx", "task_id"),
        nature("record", person="user_id", erase="delete", also={"reviewer_id": Also(shows=SHOWN_TO_REVIEWERS, erase="strip")}),
    )

    id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("users.id"))
    alias: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("reviewers.alias", ondelete="CASCADE"))
    reviewer_id: Mapped[UUID | None] = mapped_column(SQLUuid, ForeignKey("users.id"))
    platform_id: Mapped[UUID | None] = mapped_column(SQLUuid, ForeignKey("platforms.id"))
    task_id: Mapped[UUID | None] = mapped_column(SQLUuid, ForeignKey("tasks.id", ondelete="CASCADE"))
    quality: Mapped[float]
    skills: Mapped[list[str]] = mapped_column(ARRAY(Text))
    content: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())
    replaced_at: Mapped[datetime | None] = mapped_column(Moment)
