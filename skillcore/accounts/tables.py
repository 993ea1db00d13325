"""The tables of this room."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy import Uuid as SQLUuid
from sqlalchemy.orm import Mapped, mapped_column

from skillcore.runtime.database import Base, nature

__all__ = ["ApiKeyRow", "MembershipRow", "PlatformRow", "UserRow"]

Word = Text(collation="C")
Moment = DateTime(timezone=True)


class UserRow(Base):
    """A person. Those whom only platforms know have neither e-mail nor password."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("role in ('learner', 'mentor', 'admin')", name="role"),
        CheckConstraint("password_hash is null or email is not null", name="login"),
        Index("users_email_key", text("lower(email)"), unique=True),
        nature("record", person="id", erase="delete"),
    )

    id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    email: Mapped[str | None] = mapped_column(Text)
    password_hash: Mapped[str | None] = mapped_column(Text)
    display_name: Mapped[str] = mapped_column(Text, server_default=text("''"))
    role: Mapped[str] = mapped_column(Word, server_default=text("'learner'"))
    time_zone: Mapped[str] = mapped_column(Text, server_default=text("'UTC'"))
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())


class PlatformRow(Base):
    """A platform that brings people and their work."""

    __tablename__ = "platforms"
    __table_args__ = nature("record", person=None, erase="keep")

    id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())


class ApiKeyRow(Base):
    """A platform's key: its secret is kept as a hash only."""

    __tablename__ = "api_keys"
    __table_args__ = (
        UniqueConstraint("prefix"),
        Index("api_keys_platform_id_idx", "platform_id", "id"),
        nature("record", person=None, erase="keep"),
    )

    id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    platform_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("platforms.id"))
    name: Mapped[str] = mapped_column(Text)
    prefix: Mapped[str] = mapped_column(Word)
    secret_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    expires_at: Mapped[datetime | None] = mapped_column(Moment)
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)
    last_used_at: Mapped[datetime | None] = mapped_column(Moment)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())


class MembershipRow(Base):
    """By which name a platform knows a person: one name for one person, within the platform."""

    __tablename__ = "memberships"
    __table_args__ = (
        UniqueConstraint("platform_id", "user_id"),
        Index("memberships_user_id_idx", "user_id"),
        nature("record", person="user_id", erase="delete"),
    )

    platform_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("platforms.id"), primary_key=True)
    external_id: Mapped[str] = mapped_column(Word, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())
