"""Time spent in training, as the moments of a session's events tell it."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import Struct

from skillcore.plugin import Event

__all__ = ["Spent"]

START = datetime(1970, 1, 1, tzinfo=UTC)


class Spent(Struct, frozen=True):
    """Time spent so far.

    The gaps from one event to the next, but for long ones, those after an end, and those before a start. An end that the
    engine recorded says no more than that nothing else was seen, and is passed over.

    Attributes:
        seconds: how much.
        last: when the last event was, in seconds since 1970; None before the first, and after an end.
    """

    seconds: float = 0.0
    last: float | None = None

    def after(self, event: Event, longest: float) -> Spent:
        """Return the time after the next event of a session; gaps of more than ``longest`` seconds are left out."""
        if event.kind == "session.ended" and event.via == "engine":
            return self
        moment = (event.occurred_at - START).total_seconds()
        seconds = self.seconds
        if self.last is not None and event.kind != "session.started" and moment - self.last <= longest:
            seconds += moment - self.last
        return Spent(seconds, None if event.kind == "session.ended" else moment)
