"""The days that a time zone had: when each began, and how time falls into them.

A day begins at the first midnight of its date; where clocks skip midnight, at the moment at which they do. So a day has 23,
24 or 25 hours, or whatever its zone decreed, and one that the zone skipped altogether is no day.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from skillcore.insight.doings import Stretch

__all__ = ["Calendar"]


class Calendar:
    """The days of a zone from one to another, both included.

    Attributes:
        days: in order; skipped ones are missing.
        bounds: when each begins, and after them when the last one ends.
    """

    def __init__(self, zone: ZoneInfo, first: date, last: date) -> None:
        days: list[date] = []
        bounds = [_begin(zone, first)]
        day = first
        while day <= last:
            following = _begin(zone, day + timedelta(days=1))
            if following > bounds[-1]:
                days.append(day)
                bounds.append(following)
            day += timedelta(days=1)
        self.days: Sequence[date] = days
        self.bounds: Sequence[datetime] = bounds
        self.zone = zone

    @property
    def begin(self) -> datetime:
        """When the first day begins."""
        return self.bounds[0]

    @property
    def end(self) -> datetime:
        """When the last day ends."""
        return self.bounds[-1]

    def place(self, moment: datetime) -> int | None:
        """Return which of the days a moment lies in; None outside of them."""
        if not self.begin <= moment < self.end:
            return None
        return bisect_right(self.bounds, moment) - 1

    def hours(self, place: int) -> float:
        """Return how long a day is."""
        return (self.bounds[place + 1] - self.bounds[place]) / timedelta(hours=1)

    def minutes(self, stretches: Iterable[Stretch]) -> list[float]:
        """Return how many minutes of some stretches lie in each day: what crosses midnight is split there."""
        found = [0.0] * len(self.days)
        for stretch in stretches:
            for place, minutes in self._split(stretch):
                found[place] += minutes
        return found

    def _split(self, stretch: Stretch) -> Iterator[tuple[int, float]]:
        begin, end = max(stretch[0], self.begin), min(stretch[1], self.end)
        while begin < end:
            place = bisect_right(self.bounds, begin) - 1
            until = min(end, self.bounds[place + 1])
            yield place, (until - begin) / timedelta(minutes=1)
            begin = until


def _begin(zone: ZoneInfo, day: date) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
