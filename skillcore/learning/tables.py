"""The tables of definitions, which learning paths, modules and the like share."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, DateTime, ForeignKey, Index, Text, func, text
from sqlalchemy import Uuid as SQLUuid
from sqlalchemy.orm import Mapped, mapped_column

from skillcore.runtime.database import Base, nature

__all__ = ["DefinitionRow", "DefinitionVersionRow"]

Word = Text(collation="C")
Moment = DateTime(timezone=True)
STANDING = text("retired_at is null")


class DefinitionRow(Base):
    """A definition of some kind: the installation's, a platform's, a person's, or a person's as a platform set it for them."""

    __tablename__ = "definitions"
    __table_args__ = (
        Index(
            "definitions_name_idx",
            "kind",
            "name",
            "platform_id",
            "owner_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=STANDING,
        ),
        Index("definitions_listing_idx", "kind", "id", postgresql_where=STANDING),
        Index("definitions_owner_id_idx", "owner_id", "kind", "id"),
        nature("record", person="owner_id", erase="delete"),
    )

    id: Mapped[UUID] = mapped_column(SQLUuid, primary_key=True)
    kind: Mapped[str] = mapped_column(Word)
    name: Mapped[str] = mapped_column(Text)
    platform_id: Mapped[UUID | None] = mapped_column(SQLUuid, ForeignKey("platforms.id"))
    owner_id: Mapped[UUID | None] = mapped_column(SQLUuid, ForeignKey("users.id"))
    version: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())
    edited_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())
    retired_at: Mapped[datetime | None] = mapped_column(Moment)


class DefinitionVersionRow(Base):
    """What a definition says from one edit to the next; never changed."""

    __tablename__ = "definition_versions"
    __table_args__ = nature("record", person=None, erase="keep", through="definition_id")

    definition_id: Mapped[UUID] = mapped_column(SQLUuid, ForeignKey("definitions.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[Any] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())
