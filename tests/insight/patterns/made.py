"""Histories written out by hand, from a Monday on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from skillcore.insight.calendars import Calendar
from skillcore.insight.doings import Doing
from skillcore.insight.patterns.histories import History

__all__ = ["MONDAY", "at", "history", "scored", "work"]

MONDAY = date(2026, 1, 5)


def at(day: int, hour: float = 12.0) -> datetime:
    """Return a moment by UTC, days after the Monday."""
    return datetime(2026, 1, 5, tzinfo=UTC) + timedelta(days=day, hours=hour)


def work(day: int, hour: float = 12.0) -> Doing:
    """Return something done in a moment."""
    return Doing(at=at(day, hour), kind="evidence.accepted")


def scored(day: int, score: float, hour: float = 12.0, difficulty: float | None = None) -> Doing:
    """Return an attempt of a session of its own."""
    return Doing(at=at(day, hour), kind="session.activity", session=f"{day} {hour}", score=score, difficulty=difficulty)


def history(doings: Iterable[Doing], days: int, zone: str = "UTC", today: int | None = None) -> History:
    """Return the history of so many days."""
    calendar = Calendar(ZoneInfo(zone), MONDAY, MONDAY + timedelta(days=days - 1))
    return History(sorted(doings, key=lambda doing: doing.at), calendar, len(calendar.days) if today is None else today)
