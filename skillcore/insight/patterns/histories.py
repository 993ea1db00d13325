"""A person's doings in the units that patterns are tested on.

What happens in one go belongs together, so events are not counted by themselves. A *sitting* is time spent, or things done,
with pauses of half an hour at most. A *bout* is sittings with pauses of six hours at most: an evening, say. Scores are
averaged over bouts. Weeks are whole ones, from Monday to Sunday.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from statistics import fmean

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from skillcore.insight.calendars import Calendar
from skillcore.insight.doings import Doing, Stretch, merged, stretches

__all__ = ["Attempt", "History", "Scored"]

SITTING = timedelta(minutes=30)
BOUT = timedelta(hours=6)
SLOT = timedelta(minutes=30)

Values = NDArray[np.float64]


class Attempt(Struct, frozen=True):
    """A score that counts, from 0 to 100."""

    at: datetime
    score: float
    difficulty: float | None


class Scored(Struct, frozen=True):
    """The attempts of one bout."""

    attempts: tuple[Attempt, ...]

    @property
    def rated(self) -> tuple[Attempt, ...]:
        """Those whose difficulty is known."""
        return tuple(attempt for attempt in self.attempts if attempt.difficulty is not None)


class History:
    """What somebody did in some days, up to one of them.

    Attributes:
        calendar: the days that are looked at.
        today: place of the first of them that is not over; their number if all are.
    """

    def __init__(self, doings: Sequence[Doing], calendar: Calendar, today: int) -> None:
        self.calendar = calendar
        self.today = today
        self._doings = [doing for doing in doings if calendar.place(doing.at) is not None]

    @cached_property
    def stretches(self) -> list[Stretch]:
        """Time that was spent, in order, without overlap."""
        return [(begin, end) for begin, end in stretches(self._doings) if end > begin >= self.calendar.begin]

    @cached_property
    def sittings(self) -> list[Stretch]:
        """Time that was spent and things that were done, with short pauses."""
        moments = [(doing.at, doing.at) for doing in self._doings if doing.done]
        return merged([*self.stretches, *moments], SITTING)

    @cached_property
    def bouts(self) -> list[list[Stretch]]:
        """Sittings that belong together."""
        found: list[list[Stretch]] = []
        for sitting in self.sittings:
            if found and sitting[0] - found[-1][-1][1] <= BOUT:
                found[-1].append(sitting)
            else:
                found.append([sitting])
        return found

    @cached_property
    def scored(self) -> list[Scored]:
        """Bouts with scores that count, in order."""
        ends = [bout[-1][1] for bout in self.bouts]
        groups: dict[int, list[Attempt]] = {}
        place = 0
        for doing in self._doings:
            if doing.score is not None:
                while place < len(ends) - 1 and ends[place] < doing.at:
                    place += 1
                groups.setdefault(place, []).append(Attempt(doing.at, doing.score, doing.difficulty))
        return [Scored(tuple(group)) for _, group in sorted(groups.items())]

    @cached_property
    def scores(self) -> Values:
        """The mean score of each bout that has any."""
        return np.array([fmean(attempt.score for attempt in bout.attempts) for bout in self.scored], dtype=np.float64)

    @cached_property
    def lengths(self) -> Values:
        """The mean length of the stretches of time spent on each day that has any, in minutes; each on the day it began."""
        of_day: dict[int, list[float]] = {}
        for begin, end in self.stretches:
            place = self.calendar.place(begin)
            if place is not None:
                of_day.setdefault(place, []).append((end - begin) / timedelta(minutes=1))
        return np.array([fmean(lengths) for _, lengths in sorted(of_day.items())], dtype=np.float64)

    @cached_property
    def weeks(self) -> list[list[bool]]:
        """For each whole week, from Monday on, which days are active.

        The week in which the first thing was done is left out, since nobody could be active in the days before; so is a week
        that is not over, and one of which the zone skipped a day.
        """
        active = {self.calendar.place(doing.at) for doing in self._doings if doing.done}
        days = self.calendar.days
        first = next((place for place in range(len(days)) if place in active), len(days))
        mondays = [place for place in range(first + 1, self.today - 6) if days[place].weekday() == 0]
        whole = [place for place in mondays if days[place + 6] - days[place] == timedelta(days=6)]
        return [[place + day in active for day in range(7)] for place in whole]

    def slots(self, found: Sequence[Stretch]) -> Iterator[datetime]:
        """Yield the half hours that stretches touch, by their beginnings on the clock of UTC."""
        last: datetime | None = None
        for begin, end in found:
            slot = begin.replace(minute=begin.minute // 30 * 30, second=0, microsecond=0)
            while slot < end or slot <= begin:
                if last is None or slot > last:
                    yield slot
                    last = slot
                slot += SLOT

    def half_hours(self, bout: Sequence[Stretch]) -> Values:
        """Return how a bout spreads over the 48 half hours of the local clock; sums up to 1."""
        held = np.zeros(48)
        for slot in self.slots(bout):
            local = slot.astimezone(self.calendar.zone)
            held[local.hour * 2 + local.minute // 30] += 1
        return np.asarray(held / held.sum())
