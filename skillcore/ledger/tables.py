"""The ledger's tables. The migrations create them, guards and partitions included; this is what queries are written on."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Computed,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy import Uuid as SQLUuid
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import UserDefinedType

from skillcore.runtime.database import Base, nature

__all__ = [
    "CheckpointRow",
    "CommitRow",
    "ErasureRow",
    "EventRow",
    "ParkedEventRow",
    "SignalRow",
    "SkillAliasRow",
    "SkillRow",
    "SnapshotRow",
    "StreamRow",
    "SubscriptionRow",
]

Word = Text(collation="C")
Moment = DateTime(timezone=True)


class TransactionId(UserDefinedType[str]):
    """PostgreSQL's ``xid8``: the id of a transaction, which never wraps."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Return the type's name."""
        return "xid8"


class SkillRow(Base):
    """A known skill."""

    __tablename__ = "skills"
    __table_args__ = nature("record", person=None, erase="keep")

    id: Mapped[str] = mapped_column(Word, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    category: Mapped[str] = mapped_column(Text, server_default="")
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())


class SkillAliasRow(Base):
    """Another normalised name of a skill."""

    __tablename__ = "skill_aliases"
    __table_args__ = nature("record", person=None, erase="keep")

    alias: Mapped[str] = mapped_column(Word, primary_key=True)
    skill_id: Mapped[str] = mapped_column(Word, ForeignKey("skills.id"), index=True)


class StreamRow(Base):
    """A person's stream: its head, and the lock under which it grows. An erasure closes it for good."""

    __tablename__ = "streams"
    __table_args__ = nature("derived", person="user_id", erase="keep")

    user_id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger, server_default="0")
    digest: Mapped[bytes] = mapped_column(LargeBinary, server_default="", info={"shown": "hex"})
    closed: Mapped[bool] = mapped_column(server_default=text("false"))


class EventRow(Base):
    """A fact."""

    __tablename__ = "events"
    __table_args__ = (
        UniqueConstraint("user_id", "id"),
        Index("events_time_idx", "user_id", "occurred_at", "id"),
        Index(
            "events_account_idx",
            "user_id",
            "version",
            postgresql_where=text("kind in ('account.linked', 'evidence.withdrawn')"),
        ),
        Index(
            "events_profile_idx",
            "user_id",
            "subject_id",
            "version",
            postgresql_where=text("kind in ('account.linked', 'account.unlinked', 'evidence.withdrawn', 'source.stats')"),
        ),
        Index("events_level_idx", "user_id", "version", postgresql_where=text("kind = 'level.changed'")),
        Index("events_task_idx", "user_id", "subject_id", "version", postgresql_where=text("kind = 'task.state'")),
        Index(
            "events_milestone_idx",
            "user_id",
            "subject_id",
            "occurred_at",
            postgresql_where=text("kind = 'progress.milestone'"),
        ),
        Index(
            "events_session_idx",
            "user_id",
            "subject_id",
            "occurred_at",
            "id",
            postgresql_where=text("kind in ('session.started', 'session.activity', 'session.ended')"),
        ),
        Index(
            "events_attempt_idx",
            "user_id",
            "occurred_at",
            "id",
            postgresql_where=text("kind in ('evidence.accepted', 'session.activity')"),
        ),
        Index("events_completed_idx", "user_id", "occurred_at", "id", postgresql_where=text("kind = 'task.completed'")),
        nature("fact", person="user_id", erase="strip"),
    )

    user_id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    recorded_at: Mapped[datetime] = mapped_column(Moment)
    digest: Mapped[bytes] = mapped_column(LargeBinary, info={"shown": "hex"})
    leaf: Mapped[bytes] = mapped_column(LargeBinary, info={"shown": "hex"})
    salt: Mapped[bytes | None] = mapped_column(LargeBinary, info={"shown": "hex"})
    id: Mapped[UUID] = mapped_column(SQLUuid)
    occurred_at: Mapped[datetime] = mapped_column(Moment)
    kind: Mapped[str] = mapped_column(Word)
    subject_id: Mapped[str] = mapped_column(Word)
    via: Mapped[str] = mapped_column(Word)
    skills: Mapped[list[str]] = mapped_column(ARRAY(Text))
    data: Mapped[Any] = mapped_column(JSON)
    origin: Mapped[str | None] = mapped_column(Word)
    origin_seq: Mapped[int | None] = mapped_column(BigInteger)


class SignalRow(Base):
    """A trace that an event left on a skill. Its id is derived by the database from skill, source and signal type."""

    __tablename__ = "skill_signals"
    __table_args__ = nature("fact", person="user_id", erase="delete")

    user_id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    id: Mapped[UUID] = mapped_column(
        SQLUuid, Computed("skill_signal_id(skill_id, source_type, source_id, signal_type)", persisted=True), primary_key=True
    )
    skill_id: Mapped[str] = mapped_column(Word)
    source_type: Mapped[str] = mapped_column(Word)
    source_id: Mapped[str] = mapped_column(Word)
    signal_type: Mapped[str] = mapped_column(Word)
    weight: Mapped[float]
    event_id: Mapped[UUID | None] = mapped_column(SQLUuid)
    rule: Mapped[str] = mapped_column(Word)
    rule_version: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(Moment)


class CommitRow(Base):
    """A transaction that recorded facts: outbox and feed in one."""

    __tablename__ = "commits"
    __table_args__ = (Index("commits_feed_idx", "xid", "pos"), nature("fact", person=None, erase="keep"))

    pos: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    xid: Mapped[str] = mapped_column(TransactionId, server_default=func.pg_current_xact_id())
    users: Mapped[list[UUID]] = mapped_column(ARRAY(SQLUuid))
    heads: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    sizes: Mapped[list[int]] = mapped_column(ARRAY(Integer))


class SnapshotRow(Base):
    """The states of a formula for one person, folded up to the stream's version ``head``."""

    __tablename__ = "snapshots"
    __table_args__ = nature("derived", person="user_id", erase="delete")

    user_id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    formula: Mapped[str] = mapped_column(Word, primary_key=True)
    formula_version: Mapped[int] = mapped_column(primary_key=True)
    parameters_hash: Mapped[str] = mapped_column(Word, primary_key=True)
    head: Mapped[int] = mapped_column(BigInteger)
    upto_at: Mapped[datetime | None] = mapped_column(Moment)
    upto_id: Mapped[UUID | None] = mapped_column(SQLUuid)
    folded: Mapped[int] = mapped_column(BigInteger)
    states: Mapped[Any] = mapped_column(JSON)


class CheckpointRow(Base):
    """The states of a formula for one person, as they were after one of their former events."""

    __tablename__ = "checkpoints"
    __table_args__ = nature("derived", person="user_id", erase="delete")

    user_id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    formula: Mapped[str] = mapped_column(Word, primary_key=True)
    formula_version: Mapped[int] = mapped_column(primary_key=True)
    parameters_hash: Mapped[str] = mapped_column(Word, primary_key=True)
    upto_at: Mapped[datetime] = mapped_column(Moment, primary_key=True)
    upto_id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    folded: Mapped[int] = mapped_column(BigInteger)
    states: Mapped[Any] = mapped_column(JSON)


class SubscriptionRow(Base):
    """How far a subscription has read the feed."""

    __tablename__ = "subscriptions"
    __table_args__ = nature("record", person=None, erase="keep")

    name: Mapped[str] = mapped_column(Word, primary_key=True)
    xid: Mapped[str] = mapped_column(TransactionId, server_default="0")
    pos: Mapped[int] = mapped_column(BigInteger, server_default="0")
    updated_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())


class ParkedEventRow(Base):
    """An event that a subscription or a rule failed on, with how often and why."""

    __tablename__ = "parked_events"
    __table_args__ = nature("record", person="user_id", erase="delete")

    consumer: Mapped[str] = mapped_column(Word, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    event_id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    attempts: Mapped[int] = mapped_column(server_default="1")
    parked: Mapped[bool] = mapped_column(server_default="false")
    error: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())


class ErasureRow(Base):
    """That a person's content was erased, when and why."""

    __tablename__ = "erasures"
    __table_args__ = nature("fact", person="user_id", erase="keep")

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(SQLUuid)
    reason: Mapped[str] = mapped_column(Text)
    events: Mapped[int] = mapped_column(BigInteger)
    signals: Mapped[int] = mapped_column(BigInteger)
    erased_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())
