"""What all rooms owe people: what they forget in time, and what they do when somebody is erased."""

from __future__ import annotations

from collections.abc import Iterable

from skillcore.runtime.rooms import Erase, Retention, Room

__all__ = ["Duties"]


class Duties:
    """The rooms' duties. Open it in an engine, so that erasure and retention find them."""

    def __init__(self, rooms: Iterable[Room]) -> None:
        """Collect them.

        Raises:
            ValueError: two rooms forget something of the same name.
        """
        rooms = tuple(rooms)
        self.erase: tuple[Erase, ...] = tuple(erase for room in reversed(rooms) for erase in room.erase)
        """From the highest floor down: what others stand on goes last."""
        self.retention: tuple[Retention, ...] = tuple(retention for room in rooms for retention in room.retention)
        names = [retention.name for retention in self.retention]
        if len(set(names)) < len(names):
            raise ValueError(f"two rooms forget the same: {sorted(name for name in names if names.count(name) > 1)[0]}")
