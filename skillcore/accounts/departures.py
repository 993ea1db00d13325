"""What all rooms do when a person leaves a platform."""

from __future__ import annotations

from collections.abc import Iterable

from skillcore.runtime.rooms import Leave, Room

__all__ = ["Departures"]


class Departures:
    """What the rooms do then. Open it in an engine, so that leaving finds it; no more than one of them may record."""

    def __init__(self, rooms: Iterable[Room]) -> None:
        self.leave: tuple[Leave, ...] = tuple(leave for room in rooms for leave in room.leave)
