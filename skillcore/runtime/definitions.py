"""Definitions: what formulas judge by besides events, such as a space's targets; each room knows those of its own types."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from skillcore.runtime.engine import Transaction
from skillcore.runtime.rooms import Define, Room

__all__ = ["Definitions"]


class Definitions:
    """The rooms' definitions, by type. Open it in an engine, so that reading a score finds them."""

    def __init__(self, rooms: Iterable[Room]) -> None:
        """Collect them.

        Raises:
            ValueError: two rooms define the same type.
        """
        self.by_type: dict[type[Struct], Define] = {}
        for room in rooms:
            for defined, define in room.definitions.items():
                if defined in self.by_type:
                    raise ValueError(f"two rooms define {defined.__qualname__}")
                self.by_type[defined] = define

    async def of(self, tx: Transaction, wanted: type[Struct], user_id: UUID, subject: str, at: datetime) -> Struct | None:
        """Return the definition of a person's subject as it stood at a moment; None if there is none, or no room knows any."""
        define = self.by_type.get(wanted)
        return None if define is None else await define(tx, user_id, subject, at)
