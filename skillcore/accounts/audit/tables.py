"""The tables of the audit: what was done, by whom and about whom, in one chain that only grows."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    Text,
    func,
    text,
)
from sqlalchemy import Uuid as SQLUuid
from sqlalchemy.orm import Mapped, mapped_column

from skillcore.runtime.database import Also, Base, nature

__all__ = ["CONTENT", "AuditErasureRow", "AuditHeadRow", "AuditRow"]

CONTENT = "actor_kind, actor_id, about_id, platform_id, address, agent, request_id, detail"
"""The columns that an erasure strips, in the order in which the leaf digests them."""

Word = Text(collation="C")
Moment = DateTime(timezone=True)


class AuditRow(Base):
    """An entry. An erased one keeps its place, its time, its act, and what the chain needs."""

    __tablename__ = "audit"
    __table_args__ = (
        CheckConstraint("(salt is null) = (erasure_id is not null)", name="erased"),
        Index("audit_at_idx", "at"),
        Index("audit_act_idx", "act", "position"),
        Index("audit_actor_idx", "actor_id", "position", postgresql_where=text("actor_id is not null")),
        Index("audit_about_idx", "about_id", "position", postgresql_where=text("about_id is not null")),
        Index("audit_erasure_idx", "erasure_id", postgresql_where=text("erasure_id is not null")),
        nature(
            "fact",
            person="actor_id",
            erase="strip",
            also={"about_id": Also(shows=("position", "at", "act", "actor_kind"), erase="strip")},
        ),
    )

    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(Moment)
    act: Mapped[str] = mapped_column(Word)
    actor_kind: Mapped[str] = mapped_column(Word)
    actor_id: Mapped[UUID | None] = mapped_column(SQLUuid)
    about_id: Mapped[UUID | None] = mapped_column(SQLUuid)
    platform_id: Mapped[UUID | None] = mapped_column(SQLUuid)
    address: Mapped[str] = mapped_column(Word)
    agent: Mapped[str] = mapped_column(Word)
    request_id: Mapped[str] = mapped_column(Word)
    detail: Mapped[object] = mapped_column(JSON)
    salt: Mapped[bytes | None] = mapped_column(LargeBinary, info={"withheld": "it is of use to the chain alone"})
    leaf: Mapped[bytes] = mapped_column(LargeBinary, info={"shown": "hex"})
    digest: Mapped[bytes] = mapped_column(LargeBinary, info={"shown": "hex"})
    erasure_id: Mapped[int | None] = mapped_column(ForeignKey("audit_erasures.id"))


class AuditHeadRow(Base):
    """Where the chain ends: one row, whose lock gives entries their order."""

    __tablename__ = "audit_head"
    __table_args__ = (CheckConstraint("one", name="one"), nature("record", person=None, erase="keep"))

    one: Mapped[bool] = mapped_column(Boolean, primary_key=True, server_default=text("true"))
    position: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    digest: Mapped[bytes] = mapped_column(LargeBinary, server_default=text("''::bytea"), info={"shown": "hex"})


class AuditErasureRow(Base):
    """That entries by and about a person were stripped of their content, and how many."""

    __tablename__ = "audit_erasures"
    __table_args__ = nature("record", person="user_id", erase="keep")

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(SQLUuid)
    entries: Mapped[int] = mapped_column(BigInteger)
    erased_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())
