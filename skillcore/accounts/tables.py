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
from sqlalchemy.orm import Mapped, mapped_column, validates

from skillcore.delivery.addresses import compared
from skillcore.runtime.database import Base, nature

__all__ = ["ApiKeyRow", "MembershipRow", "PlatformRow", "RefreshTokenRow", "SessionRow", "UserRow"]

Word = Text(collation="C")
Moment = DateTime(timezone=True)


class UserRow(Base):
    """A person. Those whom only platforms know have neither e-mail nor password."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("role in ('learner', 'mentor', 'admin')", name="role"),
        CheckConstraint("password_hash is null or email is not null", name="login"),
        CheckConstraint("(email is null) = (email_key is null)", name="email"),
        UniqueConstraint("email_key"),
        nature("record", person="id", erase="delete"),
    )

    id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    email: Mapped[str | None] = mapped_column(Text)
    email_key: Mapped[str | None] = mapped_column(Word)
    email_verified_at: Mapped[datetime | None] = mapped_column(Moment)
    password_hash: Mapped[str | None] = mapped_column(Text, info={"secret": True})
    display_name: Mapped[str] = mapped_column(Text, server_default=text("''"))
    role: Mapped[str] = mapped_column(Word, server_default=text("'learner'"))
    time_zone: Mapped[str] = mapped_column(Text, server_default=text("'UTC'"))
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())

    @validates("email")
    def _compare(self, _name: str, email: str | None) -> str | None:
        """Keep beside an address, which stays as typed, what it is compared by."""
        self.email_key = None if email is None else compared(email)
        return email


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
        UniqueConstraint("replaces"),
        UniqueConstraint("replaced_by"),
        Index("api_keys_platform_id_idx", "platform_id", "id"),
        nature("record", person=None, erase="keep"),
    )

    id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    platform_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("platforms.id"))
    name: Mapped[str] = mapped_column(Text)
    prefix: Mapped[str] = mapped_column(Word)
    secret_sha256: Mapped[bytes] = mapped_column(LargeBinary, info={"secret": True})
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    requests_per_minute: Mapped[int | None]
    replaces: Mapped[UUID | None] = mapped_column(SQLUuid, ForeignKey("api_keys.id"))
    replaced_by: Mapped[UUID | None] = mapped_column(SQLUuid, ForeignKey("api_keys.id"))
    expires_at: Mapped[datetime | None] = mapped_column(Moment)
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)
    last_used_at: Mapped[datetime | None] = mapped_column(Moment)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())


class MembershipRow(Base):
    """By which name a platform knows a person: one name for one person, within the platform."""

    __tablename__ = "memberships"
    __table_args__ = (
        UniqueConstraint("platform_id", "user_id"),
        CheckConstraint("(consent is null) = (consented_at is null)", name="consent"),
        Index("memberships_user_id_idx", "user_id"),
        nature("record", person="user_id", erase="delete"),
    )

    platform_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("platforms.id"), primary_key=True)
    external_id: Mapped[str] = mapped_column(Word, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("users.id"))
    consent: Mapped[str | None] = mapped_column(Word)
    consented_at: Mapped[datetime | None] = mapped_column(Moment)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())


class SessionRow(Base):
    """That a person is signed in somewhere. It is over when it was revoked, or at the earlier of two moments."""

    __tablename__ = "sessions"
    __table_args__ = (
        CheckConstraint("how in ('password', 'oidc', 'setup', 'register')", name="how"),
        CheckConstraint("kept in ('token', 'cookie')", name="kept"),
        CheckConstraint("(kept = 'cookie') = (cookie_sha256 is not null)", name="cookie"),
        CheckConstraint("(revoked_at is null) = (revoked_why is null)", name="revoked"),
        UniqueConstraint("cookie_sha256"),
        Index("sessions_user_id_idx", "user_id", "id"),
        Index("sessions_over_idx", text("least(idle_at, expires_at, revoked_at)")),
        nature("record", person="user_id", erase="delete"),
    )

    id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("users.id"))
    how: Mapped[str] = mapped_column(Word)
    kept: Mapped[str] = mapped_column(Word)
    address: Mapped[str] = mapped_column(Text, server_default=text("''"))
    agent: Mapped[str] = mapped_column(Text, server_default=text("''"))
    cookie_sha256: Mapped[bytes | None] = mapped_column(LargeBinary, info={"secret": True})
    created_at: Mapped[datetime] = mapped_column(Moment)
    last_seen_at: Mapped[datetime] = mapped_column(Moment)
    idle_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment)
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)
    revoked_why: Mapped[str | None] = mapped_column(Text)


class RefreshTokenRow(Base):
    """A refresh token, by its hash. A used one has the seed of its successor, and stays so that a second use is noticed."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (
        CheckConstraint("(used_at is null) = (seed is null)", name="used"),
        Index("refresh_tokens_session_id_idx", "session_id"),
        Index("refresh_tokens_user_id_idx", "user_id"),
        nature("record", person="user_id", erase="delete"),
    )

    sha256: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True, info={"secret": True})
    session_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("sessions.id", ondelete="CASCADE"))
    user_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("users.id"))
    issued_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment)
    used_at: Mapped[datetime | None] = mapped_column(Moment)
    seed: Mapped[bytes | None] = mapped_column(LargeBinary, info={"secret": True})
