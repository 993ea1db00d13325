"""The tables of this room: whose account is whose, and what sources answered."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, CheckConstraint, DateTime, ForeignKey, Index, LargeBinary, Text, func, text
from sqlalchemy import Uuid as SQLUuid
from sqlalchemy.orm import Mapped, mapped_column

from skillcore.runtime.database import Base, nature

__all__ = ["AnswerRow", "SourceAccountRow"]

Word = Text(collation="C")
Moment = DateTime(timezone=True)

ACTIVE = "unlinked_at is null"
PROVED = "platform_id is null and unlinked_at is null"
VOUCHED = "platform_id is not null and unlinked_at is null"


class SourceAccountRow(Base):
    """An account at a source, as its user proved it or a platform vouches for it.

    The row stays after the account was unlinked: linking another one withdraws the evidence of the one before
    (``withdrawn_at``), so at most one account a source has evidence that counts.
    """

    __tablename__ = "source_accounts"
    __table_args__ = (
        CheckConstraint("(method = 'vouched') = (platform_id is not null)", name="voucher"),
        CheckConstraint("method in ('vouched', 'oauth', 'oidc', 'challenge')", name="method"),
        Index("source_accounts_person_key", "user_id", "source", unique=True, postgresql_where=text(ACTIVE)),
        Index("source_accounts_proved_key", "source", "external_id", unique=True, postgresql_where=text(PROVED)),
        Index(
            "source_accounts_vouched_key",
            "platform_id",
            "source",
            "external_id",
            unique=True,
            postgresql_where=text(VOUCHED),
        ),
        Index("source_accounts_account_idx", "source", "external_id"),
        nature("record", person="user_id", erase="delete"),
    )

    id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("users.id"))
    platform_id: Mapped[UUID | None] = mapped_column(SQLUuid, ForeignKey("platforms.id"))
    source: Mapped[str] = mapped_column(Word)
    handle: Mapped[str] = mapped_column(Text)
    external_id: Mapped[str] = mapped_column(Word)
    method: Mapped[str] = mapped_column(Word)
    vouched_at: Mapped[datetime | None] = mapped_column(Moment)
    proved_at: Mapped[datetime | None] = mapped_column(Moment)
    unlinked_at: Mapped[datetime | None] = mapped_column(Moment)
    withdrawn_at: Mapped[datetime | None] = mapped_column(Moment)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())


class AnswerRow(Base):
    """A source's raw answer, with the verdict that it led to. The answers of one verification share its id."""

    __tablename__ = "answers"
    __table_args__ = (
        Index(
            "answers_reuse_idx",
            "account",
            "requirement_hash",
            "received_at",
            postgresql_where=text("place = 0 and outcome = 'verified'"),
        ),
        CheckConstraint("outcome in ('verified', 'not_verified', 'undecided')", name="outcome"),
        Index("answers_expires_at_idx", "expires_at"),
        Index("answers_user_id_idx", "user_id"),
        nature("record", person="user_id", erase="delete"),
    )

    verification_id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("users.id"))
    source: Mapped[str] = mapped_column(Word)
    account: Mapped[str] = mapped_column(Word)
    requirement_hash: Mapped[str] = mapped_column(Word)
    outcome: Mapped[str] = mapped_column(Word)
    verdict: Mapped[Any] = mapped_column(JSON)
    received_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(Moment)
    tool: Mapped[str] = mapped_column(Text)
    arguments: Mapped[Any] = mapped_column(JSON)
    failed: Mapped[bool]
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    body: Mapped[bytes] = mapped_column(LargeBinary)
