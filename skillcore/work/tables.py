"""The tables of this room: projects with their members and updates, mentorship sessions, tasks."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, JSON, BigInteger, CheckConstraint, DateTime, ForeignKey, Index, Text, func, text
from sqlalchemy import Uuid as SQLUuid
from sqlalchemy.orm import Mapped, mapped_column

from skillcore.runtime.database import Also, Base, nature

__all__ = [
    "MentorshipSessionRow",
    "ProgressUpdateRow",
    "ProjectMemberRow",
    "ProjectRow",
    "ProjectSkillRow",
    "TaskRow",
]

Word = Text(collation="C")
Moment = DateTime(timezone=True)

SHOWN_TO_MENTORS = ("id", "platform_id", "mentor_id", "focus", "status", "minutes", "created_at")
"""Of a session, in the mentor's own export: with whom it was is the intern's."""


class ProjectRow(Base):
    """A project: a platform's, or a person's own."""

    __tablename__ = "projects"
    __table_args__ = (
        CheckConstraint("num_nonnulls(platform_id, owner_id) = 1", name="owner"),
        Index("projects_platform_id_idx", "platform_id", "id"),
        Index("projects_owner_id_idx", "owner_id", "id"),
        nature("record", person="owner_id", erase="delete"),
    )

    id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    platform_id: Mapped[UUID | None] = mapped_column(SQLUuid, ForeignKey("platforms.id"))
    owner_id: Mapped[UUID | None] = mapped_column(SQLUuid, ForeignKey("users.id"))
    name: Mapped[str] = mapped_column(Text)
    # Named so because `metadata` is SQLAlchemy's own on mapped classes.
    details: Mapped[Any] = mapped_column("metadata", JSON)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())


class ProjectSkillRow(Base):
    """A skill that a project declares."""

    __tablename__ = "project_skills"
    __table_args__ = nature("record", person=None, erase="keep", through="project_id")

    project_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True)
    skill_id: Mapped[str] = mapped_column(Word, ForeignKey("skills.id"), primary_key=True)


class ProjectMemberRow(Base):
    """A person in a project, until they leave."""

    __tablename__ = "project_members"
    __table_args__ = (
        Index("project_members_user_id_idx", "user_id"),
        nature("record", person="user_id", erase="delete"),
    )

    project_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("users.id"), primary_key=True)
    joined_at: Mapped[datetime] = mapped_column(Moment)
    left_at: Mapped[datetime | None] = mapped_column(Moment)


class ProgressUpdateRow(Base):
    """What a person reported of their progress on a project."""

    __tablename__ = "progress_updates"
    __table_args__ = (
        Index("progress_updates_user_id_idx", "user_id", "id"),
        Index("progress_updates_project_id_idx", "project_id", "id"),
        nature("record", person="user_id", erase="delete"),
    )

    id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    project_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("projects.id", ondelete="CASCADE"))
    user_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("users.id"))
    content: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())


class MentorshipSessionRow(Base):
    """A session of a mentor with an intern, who keeps it when the mentor is erased."""

    __tablename__ = "mentorship_sessions"
    __table_args__ = (
        CheckConstraint("status in ('planned', 'held', 'cancelled')", name="status"),
        CheckConstraint("mentor_id <> intern_id", name="two"),
        Index("mentorship_sessions_intern_id_idx", "intern_id", "id"),
        Index("mentorship_sessions_mentor_id_idx", "mentor_id", "id"),
        nature("record", person="intern_id", erase="delete", also={"mentor_id": Also(shows=SHOWN_TO_MENTORS, erase="clear")}),
    )

    id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    platform_id: Mapped[UUID | None] = mapped_column(SQLUuid, ForeignKey("platforms.id"))
    mentor_id: Mapped[UUID | None] = mapped_column(SQLUuid, ForeignKey("users.id"))
    intern_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("users.id"))
    project_id: Mapped[UUID | None] = mapped_column(SQLUuid, ForeignKey("projects.id", ondelete="SET NULL"))
    focus: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Word)
    minutes: Mapped[float | None]
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())


class TaskRow(Base):
    """Work to be shown at a source. Its ``state`` is assigned by `skillcore.work.states` alone."""

    __tablename__ = "tasks"
    __table_args__ = (
        CheckConstraint("state in ('pending', 'in_progress', 'completed', 'failed')", name="state"),
        CheckConstraint("set_by in ('learner', 'mentor', 'admin', 'platform')", name="set_by"),
        CheckConstraint("(difficulty is null) = (difficulty_by is null)", name="difficulty_by"),
        Index("tasks_listing_idx", "user_id", "id", postgresql_where=text("deleted_at is null")),
        Index("tasks_state_idx", "user_id", "state"),
        Index("tasks_path_id_idx", "path_id", postgresql_where=text("path_id is not null")),
        Index("tasks_in_progress_idx", "updated_at", postgresql_where=text("state = 'in_progress'")),
        nature("record", person="user_id", erase="delete"),
    )

    id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("users.id"))
    platform_id: Mapped[UUID | None] = mapped_column(SQLUuid, ForeignKey("platforms.id"))
    description: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Word)
    requirements: Mapped[Any] = mapped_column(JSON)
    difficulty: Mapped[float | None]
    difficulty_by: Mapped[str | None] = mapped_column(Word)
    topic: Mapped[str] = mapped_column(Text)
    skills: Mapped[list[str]] = mapped_column(ARRAY(Text))
    project_id: Mapped[UUID | None] = mapped_column(SQLUuid, ForeignKey("projects.id", ondelete="SET NULL"))
    path_id: Mapped[UUID | None] = mapped_column(SQLUuid, ForeignKey("definitions.id", ondelete="SET NULL"))
    set_by: Mapped[str] = mapped_column(Word)
    state: Mapped[str] = mapped_column(Word)
    attempt: Mapped[int] = mapped_column(server_default=text("0"))
    job_id: Mapped[int | None] = mapped_column(BigInteger)
    outcome: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())
    completed_at: Mapped[datetime | None] = mapped_column(Moment)
    hidden_at: Mapped[datetime | None] = mapped_column(Moment)
    deleted_at: Mapped[datetime | None] = mapped_column(Moment)
