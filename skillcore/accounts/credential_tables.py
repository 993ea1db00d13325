"""The tables of what people prove themselves with, beside their passwords."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, LargeBinary, Text, UniqueConstraint, func, text
from sqlalchemy import Uuid as SQLUuid
from sqlalchemy.orm import Mapped, mapped_column

from skillcore.runtime.database import Base, nature

__all__ = ["DeviceRow", "OneTimeTokenRow", "RecoveryCodeRow", "SecondFactorRow"]

Word = Text(collation="C")
Moment = DateTime(timezone=True)


class OneTimeTokenRow(Base):
    """What somebody gets who can read a mail, or whom an administrator gives it: good for one act, once, for a while."""

    __tablename__ = "one_time_tokens"
    __table_args__ = (
        CheckConstraint("purpose in ('registration', 'reset', 'email')", name="purpose"),
        UniqueConstraint("token_sha256"),
        Index("one_time_tokens_user_id_idx", "user_id"),
        Index("one_time_tokens_expires_at_idx", "expires_at"),
        nature("record", person="user_id", erase="delete"),
    )

    id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    user_id: Mapped[UUID | None] = mapped_column(SQLUuid, ForeignKey("users.id"))
    purpose: Mapped[str] = mapped_column(Word)
    token_sha256: Mapped[bytes] = mapped_column(LargeBinary, info={"secret": True})
    details: Mapped[bytes | None] = mapped_column(LargeBinary, info={"sealed": True})
    expires_at: Mapped[datetime] = mapped_column(Moment)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())


class SecondFactorRow(Base):
    """The secret from which a person's device computes codes, and the last step of which a code was accepted."""

    __tablename__ = "second_factors"
    __table_args__ = nature("record", person="user_id", erase="delete")

    user_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("users.id"), primary_key=True)
    secret: Mapped[bytes] = mapped_column(LargeBinary, info={"sealed": True})
    last_step: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    confirmed_at: Mapped[datetime | None] = mapped_column(Moment)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())


class RecoveryCodeRow(Base):
    """A code that serves once where the device is lost."""

    __tablename__ = "recovery_codes"
    __table_args__ = (
        UniqueConstraint("user_id", "code_sha256"),
        nature("record", person="user_id", erase="delete"),
    )

    id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("users.id"))
    code_sha256: Mapped[bytes] = mapped_column(LargeBinary, info={"secret": True})
    used_at: Mapped[datetime | None] = mapped_column(Moment)


class DeviceRow(Base):
    """A device on which a person has signed in: what others try elsewhere does not use up its attempts."""

    __tablename__ = "devices"
    __table_args__ = (
        UniqueConstraint("token_sha256"),
        Index("devices_user_id_idx", "user_id", "id"),
        Index("devices_last_used_at_idx", "last_used_at"),
        nature("record", person="user_id", erase="delete"),
    )

    id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("users.id"))
    token_sha256: Mapped[bytes] = mapped_column(LargeBinary, info={"secret": True})
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())
    last_used_at: Mapped[datetime] = mapped_column(Moment)
