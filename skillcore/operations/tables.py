"""The tables of this room."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, DateTime, Index, LargeBinary, Text, func, text
from sqlalchemy import Uuid as SQLUuid
from sqlalchemy.orm import Mapped, mapped_column

from skillcore.runtime.database import Base, nature

__all__ = ["IdempotencyKeyRow", "WorkerSourceRow"]

Word = Text(collation="C")
Moment = DateTime(timezone=True)


class IdempotencyKeyRow(Base):
    """A request that its sender may repeat, and the answer it got. ``status`` is null until there is one.

    ``user_id`` is that of an actor who is a person.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        Index("idempotency_keys_expires_at_idx", "expires_at"),
        Index("idempotency_keys_user_id_idx", "user_id"),
        nature("transient", person="user_id", erase="delete"),
    )

    actor: Mapped[str] = mapped_column(Word, primary_key=True)
    route: Mapped[str] = mapped_column(Word, primary_key=True)
    key_sha256: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True, info={"secret": True})
    request_sha256: Mapped[bytes] = mapped_column(LargeBinary, info={"secret": True})
    attempt: Mapped[UUID] = mapped_column(SQLUuid)
    taken_at: Mapped[datetime] = mapped_column(Moment)
    effected: Mapped[bool] = mapped_column(server_default=text("false"))
    status: Mapped[int | None]
    media_type: Mapped[str | None] = mapped_column(Text)
    location: Mapped[str | None] = mapped_column(Text)
    body: Mapped[bytes | None] = mapped_column(LargeBinary, info={"shown": "text"})
    expires_at: Mapped[datetime] = mapped_column(Moment)
    user_id: Mapped[UUID | None] = mapped_column(
        SQLUuid,
        Computed("case when starts_with(actor, 'user:'::text) then substr(actor, 6)::uuid else null::uuid end", persisted=True),
    )


class WorkerSourceRow(Base):
    """What a worker process last said of a source's server."""

    __tablename__ = "worker_sources"
    __table_args__ = (
        CheckConstraint("state in ('closed', 'open', 'half_open')", name="state"),
        {"prefixes": ["UNLOGGED"], **nature("transient", person=None, erase="keep")},
    )

    worker: Mapped[str] = mapped_column(Word, primary_key=True)
    source: Mapped[str] = mapped_column(Word, primary_key=True)
    state: Mapped[str] = mapped_column(Word)
    failures: Mapped[int] = mapped_column(server_default=text("0"))
    retry_at: Mapped[datetime | None] = mapped_column(Moment)
    server_version: Mapped[str] = mapped_column(Text, server_default=text("''"))
    error: Mapped[str] = mapped_column(Text, server_default=text("''"))
    updated_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())
