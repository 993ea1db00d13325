"""The tables of signing in at other places: whom a provider knows, and sign-ins under way."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, LargeBinary, Text, UniqueConstraint, func
from sqlalchemy import Uuid as SQLUuid
from sqlalchemy.orm import Mapped, mapped_column

from skillcore.runtime.database import Base, nature

__all__ = ["IdentityRow", "SignInRow"]

Word = Text(collation="C")
Moment = DateTime(timezone=True)


class IdentityRow(Base):
    """That somebody whom a provider knows is a person here. ``role`` is what the provider's groups gave them last."""

    __tablename__ = "identities"
    __table_args__ = (
        CheckConstraint("role in ('learner', 'mentor', 'admin')", name="role"),
        UniqueConstraint("issuer", "subject"),
        UniqueConstraint("user_id", "issuer"),
        nature("record", person="user_id", erase="delete"),
    )

    id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("users.id"))
    issuer: Mapped[str] = mapped_column(Word)
    subject: Mapped[str] = mapped_column(Word)
    email: Mapped[str | None] = mapped_column(Text)
    role: Mapped[str | None] = mapped_column(Word)
    connected_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())
    used_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())


class SignInRow(Base):
    """A sign-in under way. With a person it is one of somebody signed in already, who connects their account."""

    __tablename__ = "sign_ins"
    __table_args__ = (
        CheckConstraint("(user_id is null) = (session_id is null)", name="connecting"),
        UniqueConstraint("state_sha256"),
        Index("sign_ins_expires_at_idx", "expires_at"),
        Index("sign_ins_user_id_idx", "user_id"),
        nature("transient", person="user_id", erase="delete"),
    )

    id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    state_sha256: Mapped[bytes] = mapped_column(LargeBinary, info={"secret": True})
    browser_sha256: Mapped[bytes] = mapped_column(LargeBinary, info={"secret": True})
    provider: Mapped[str] = mapped_column(Word)
    user_id: Mapped[UUID | None] = mapped_column(SQLUuid, ForeignKey("users.id"))
    session_id: Mapped[UUID | None] = mapped_column(SQLUuid)
    verifier: Mapped[bytes] = mapped_column(LargeBinary, info={"sealed": True})
    nonce: Mapped[bytes] = mapped_column(LargeBinary, info={"sealed": True})
    redirect_uri: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime] = mapped_column(Moment)
