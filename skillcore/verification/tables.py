"""The tables of this room: whose account is whose, how that was proved, what sources answered, and what is imported."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, JSON, BigInteger, CheckConstraint, DateTime, ForeignKey, Index, LargeBinary, Text, func, text
from sqlalchemy import Uuid as SQLUuid
from sqlalchemy.orm import Mapped, mapped_column

from skillcore.runtime.database import Base, nature

__all__ = [
    "AnswerRow",
    "ImportRow",
    "LinkAttemptRow",
    "SourceAccountRow",
    "SourceTokenRow",
    "StatsRow",
    "TokenRevocationRow",
    "TopicRow",
]

Word = Text(collation="C")
Moment = DateTime(timezone=True)

ACTIVE = "unlinked_at is null"
PROVED = "platform_id is null and unlinked_at is null"
VOUCHED = "platform_id is not null and unlinked_at is null"
DISPLACED = "displaced_by is not null"
PENDING = "state in ('open', 'checking')"
ENDED = "state in ('done', 'failed')"
UNDER_WAY = "state in ('waiting', 'running')"


class SourceAccountRow(Base):
    """An account at a source, as its user proved it or a platform vouches for it.

    The row stays after the account was unlinked: linking another one withdraws the evidence of the one before
    (``withdrawn_at``), so at most one account a source has evidence that counts. ``displaced_by`` is the row that took its
    place or its account, for as long as that one counts.
    """

    __tablename__ = "source_accounts"
    __table_args__ = (
        CheckConstraint("(method = 'vouched') = (platform_id is not null)", name="voucher"),
        CheckConstraint("method in ('vouched', 'oauth', 'oidc', 'challenge')", name="method"),
        Index("source_accounts_person_key", "user_id", "source", unique=True, postgresql_where=text(ACTIVE)),
        Index("source_accounts_proved_key", "source", "external_id", "by_id", unique=True, postgresql_where=text(PROVED)),
        Index(
            "source_accounts_vouched_key",
            "platform_id",
            "source",
            "external_id",
            unique=True,
            postgresql_where=text(VOUCHED),
        ),
        Index("source_accounts_account_idx", "source", "external_id"),
        Index("source_accounts_handle_key_idx", "source", "handle_key"),
        Index("source_accounts_displaced_by_idx", "displaced_by", postgresql_where=text(DISPLACED)),
        nature("record", person="user_id", erase="delete"),
    )

    id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("users.id"))
    platform_id: Mapped[UUID | None] = mapped_column(SQLUuid, ForeignKey("platforms.id"))
    source: Mapped[str] = mapped_column(Word)
    handle: Mapped[str] = mapped_column(Text)
    handle_key: Mapped[str] = mapped_column(Word)
    external_id: Mapped[str] = mapped_column(Word)
    by_id: Mapped[bool] = mapped_column(server_default=text("false"))
    method: Mapped[str] = mapped_column(Word)
    vouched_at: Mapped[datetime | None] = mapped_column(Moment)
    proved_at: Mapped[datetime | None] = mapped_column(Moment)
    unlinked_at: Mapped[datetime | None] = mapped_column(Moment)
    withdrawn_at: Mapped[datetime | None] = mapped_column(Moment)
    displaced_by: Mapped[UUID | None] = mapped_column(
        SQLUuid,
        ForeignKey("source_accounts.id", ondelete="SET NULL"),
        info={"withheld": "it may be somebody else's account"},
    )
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())


class LinkAttemptRow(Base):
    """Somebody's attempt to prove an account. The last five columns are for proofs by signing in at the site."""

    __tablename__ = "link_attempts"
    __table_args__ = (
        CheckConstraint("method in ('challenge', 'oauth', 'oidc')", name="method"),
        CheckConstraint(
            "state in ('open', 'checking', 'proved', 'failed', 'expired', 'superseded', 'cancelled')",
            name="state",
        ),
        CheckConstraint("(method = 'challenge') = (challenge_key is not null)", name="challenge"),
        Index("link_attempts_person_key", "user_id", "source", unique=True, postgresql_where=text(PENDING)),
        Index(
            "link_attempts_challenge_key",
            "source",
            "handle_key",
            "challenge_key",
            unique=True,
            postgresql_where=text(f"challenge_key is not null and {PENDING}"),
        ),
        Index("link_attempts_mark_key", "source", "mark", unique=True, postgresql_where=text("mark <> ''")),
        Index("link_attempts_state_key", "state_sha256", unique=True, postgresql_where=text("state_sha256 is not null")),
        Index("link_attempts_issued_idx", "user_id", "issued_at"),
        nature("record", person="user_id", erase="delete"),
    )

    id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("users.id"))
    source: Mapped[str] = mapped_column(Word)
    method: Mapped[str] = mapped_column(Word)
    handle: Mapped[str] = mapped_column(Text, server_default=text("''"))
    handle_key: Mapped[str] = mapped_column(Word, server_default=text("''"))
    challenge_key: Mapped[str | None] = mapped_column(Word)
    data: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    instructions: Mapped[str] = mapped_column(Text, server_default=text("''"))
    issued_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment)
    state: Mapped[str] = mapped_column(Word)
    reason: Mapped[str] = mapped_column(Text, server_default=text("''"))
    looked_for: Mapped[str] = mapped_column(Text, server_default=text("''"))
    found: Mapped[str] = mapped_column(Text, server_default=text("''"))
    mark: Mapped[str] = mapped_column(Word, server_default=text("''"))
    job_id: Mapped[int | None] = mapped_column(BigInteger)
    account_id: Mapped[UUID | None] = mapped_column(SQLUuid, ForeignKey("source_accounts.id", ondelete="SET NULL"))
    state_sha256: Mapped[bytes | None] = mapped_column(LargeBinary, info={"secret": True})
    nonce: Mapped[bytes | None] = mapped_column(LargeBinary, info={"sealed": True})
    verifier: Mapped[bytes | None] = mapped_column(LargeBinary, info={"sealed": True})
    redirect_uri: Mapped[str | None] = mapped_column(Text)
    code: Mapped[bytes | None] = mapped_column(LargeBinary, info={"sealed": True})


class SourceTokenRow(Base):
    """What a sign-in at a site gave, by which the site is asked for the account's name; kept while the account is linked.

    ``asked_at`` is when the site last said it, and ``busy_until`` until when somebody asks, or nobody since it was in vain.
    """

    __tablename__ = "source_tokens"
    __table_args__ = (
        CheckConstraint("method in ('oauth', 'oidc')", name="method"),
        Index("source_tokens_user_id_idx", "user_id"),
        nature("record", person="user_id", erase="delete"),
    )

    account_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("source_accounts.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("users.id"))
    method: Mapped[str] = mapped_column(Word)
    token: Mapped[bytes] = mapped_column(LargeBinary, info={"sealed": True})
    kept_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime | None] = mapped_column(Moment)
    asked_at: Mapped[datetime] = mapped_column(Moment)
    busy_until: Mapped[datetime | None] = mapped_column(Moment)


class TokenRevocationRow(Base):
    """A token that is kept no longer, and that its site is to take back. It names nobody: a person may be gone before it is."""

    __tablename__ = "token_revocations"
    __table_args__ = (
        CheckConstraint("method in ('oauth', 'oidc')", name="method"),
        Index("token_revocations_next_at_idx", "next_at"),
        nature("transient", person=None, erase="keep"),
    )

    id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    source: Mapped[str] = mapped_column(Word)
    method: Mapped[str] = mapped_column(Word)
    token: Mapped[bytes] = mapped_column(LargeBinary, info={"sealed": True})
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    next_at: Mapped[datetime] = mapped_column(Moment)
    given_up_at: Mapped[datetime] = mapped_column(Moment)


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
        CheckConstraint("outcome in ('verified', 'not_verified', 'undecided', 'history')", name="outcome"),
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
    sha256: Mapped[bytes] = mapped_column(LargeBinary, info={"shown": "hex"})
    body: Mapped[bytes] = mapped_column(LargeBinary, info={"shown": "text"})


class ImportRow(Base):
    """How far the past work of an account is imported. The counts are those of the run under way, or of the last one.

    ``cursor`` and ``behind`` stand for all pages that were ever kept, and ``gap`` for what may be missing between them.
    ``attempts`` counts how often the source was asked in vain since.
    """

    __tablename__ = "imports"
    __table_args__ = (
        CheckConstraint("state in ('waiting', 'running', 'done', 'failed')", name="state"),
        Index("imports_user_id_idx", "user_id"),
        Index("imports_next_at_idx", "next_at", postgresql_where=text(ENDED)),
        Index("imports_under_way_idx", "updated_at", postgresql_where=text(UNDER_WAY)),
        nature("record", person="user_id", erase="delete"),
    )

    account_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("source_accounts.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("users.id"))
    state: Mapped[str] = mapped_column(Word)
    cursor: Mapped[str | None] = mapped_column(Text)
    behind: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    total: Mapped[int | None] = mapped_column(BigInteger)
    pages: Mapped[int] = mapped_column(server_default=text("0"))
    seen: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    added: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    unmapped: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    gap: Mapped[str] = mapped_column(Text, server_default=text("''"))
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    reason: Mapped[str] = mapped_column(Text, server_default=text("''"))
    job_id: Mapped[int | None] = mapped_column(BigInteger)
    started_at: Mapped[datetime | None] = mapped_column(Moment)
    finished_at: Mapped[datetime | None] = mapped_column(Moment)
    next_at: Mapped[datetime | None] = mapped_column(Moment)
    updated_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())


class StatsRow(Base):
    """When the figures of an account's public profile were last read, and are to be read again; what they are is a fact."""

    __tablename__ = "stats"
    __table_args__ = (
        Index("stats_user_id_idx", "user_id"),
        Index("stats_next_at_idx", "next_at"),
        nature("record", person="user_id", erase="delete"),
    )

    account_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("source_accounts.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("users.id"))
    job_id: Mapped[int | None] = mapped_column(BigInteger)
    read_at: Mapped[datetime | None] = mapped_column(Moment)
    next_at: Mapped[datetime | None] = mapped_column(Moment)


class TopicRow(Base):
    """A topic that a source names, and of how many works."""

    __tablename__ = "topics"
    __table_args__ = nature("derived", person=None, erase="keep")

    source: Mapped[str] = mapped_column(Word, primary_key=True)
    topic: Mapped[str] = mapped_column(Word, primary_key=True)
    works: Mapped[int] = mapped_column(BigInteger)
