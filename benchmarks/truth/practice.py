"""Generated practice: people without any pattern, as unevenly as people practise, and people with one pattern each.

What they do comes in sessions, several of them in one go; days come in bursts, weeks with holidays, scores with a form of the
day. Nothing here knows how patterns are looked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from skillcore.insight.calendars import Calendar
from skillcore.insight.doings import Doing

__all__ = ["NULLS", "PLANTED", "Nature", "Practice", "practised"]

MONDAY = date(2026, 1, 5)
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "America/Sao_Paulo",
    "UTC",
)
Random = np.random.Generator
Curve = Callable[[float], float]


class Nature(Struct, frozen=True, kw_only=True):
    """How somebody practises.

    Attributes:
        weeks: that are looked at, at least and at most.
        active: probability that a day is active, at the beginning and at the end.
        weekdays: factors of that, from Monday on.
        burst: how much likelier a day after an active one is active, and a day after an idle one is not; 0 is independent.
        holiday: probability that a week begins a holiday of one or two weeks.
        exact: active days of every week, drawn by lot among its days, where ``active`` does not decide.
        bouts: on an active day, on average; the first is certain.
        sittings: in a bout, on average.
        hour: share of the bouts that begin between 19:00 and 21:00; the others may begin at any time.
        minutes: length of a session, at the beginning and at the end; in the middle of its distribution.
        spread: standard deviation of the logarithm of that.
        alone: share of things done outside of sessions, as by people whose source tells of works only.
        curve: score by share of the time that has passed.
        evening: points more between 17:00 and 21:00.
        form: standard deviation of a bout's scores about the curve.
        lasting: how much of the form remains for the next bout, from 0 to 1.
        noise: standard deviation of a score within its bout.
        all_or_nothing: scores are 0 or 100.
        harder: points less for each step of difficulty.
        follows: steps of difficulty for ten points above the curve in the bout before.
    """

    weeks: tuple[int, int] = (26, 26)
    active: tuple[float, float] = (0.5, 0.5)
    weekdays: tuple[float, ...] = (1.0,) * 7
    burst: float = 0.0
    holiday: float = 0.0
    exact: int | None = None
    bouts: float = 1.3
    sittings: float = 1.5
    hour: float = 0.0
    minutes: tuple[float, float] = (30.0, 30.0)
    spread: float = 0.5
    alone: float = 0.0
    curve: Curve = lambda _: 65.0
    evening: float = 0.0
    form: float = 6.0
    lasting: float = 0.0
    noise: float = 10.0
    all_or_nothing: bool = False
    harder: float = 0.0
    follows: float = 0.0


class Practice(Struct, frozen=True):
    """What somebody did, in the days that are looked at."""

    doings: tuple[Doing, ...]
    calendar: Calendar


SCORED = 0.8
"""Share of what is done in sessions that has a score."""

BURSTS = Nature(burst=0.5, bouts=1.8, sittings=2.5, holiday=0.04)

NULLS: Mapping[str, tuple[Nature, frozenset[str]]] = {
    "even": (Nature(), frozenset()),
    "bursts": (BURSTS, frozenset()),
    "few weeks": (Nature(weeks=(6, 14), active=(0.6, 0.6), bouts=2.0), frozenset()),
    "seldom": (Nature(active=(0.12, 0.12), weeks=(26, 52), burst=0.3), frozenset()),
    "daily": (Nature(active=(0.93, 0.93), bouts=1.6), frozenset()),
    "lengths": (Nature(spread=1.2, sittings=3.0, minutes=(25.0, 25.0)), frozenset()),
    "more and more": (Nature(active=(0.25, 0.7), burst=0.3), frozenset({"engagement"})),
    "less and less": (Nature(active=(0.75, 0.2), holiday=0.03), frozenset({"engagement"})),
    "form": (Nature(lasting=0.4, form=10.0, sittings=2.0), frozenset()),
    "right or wrong": (Nature(all_or_nothing=True, burst=0.4), frozenset()),
    "high scores": (Nature(curve=lambda _: 92.0, form=8.0), frozenset()),
    "works only": (Nature(alone=1.0, burst=0.4, sittings=2.0), frozenset()),
}
"""People without a pattern, and which pattern theirs are yet: somebody who does more and more is told so rightly."""


def _rise(share: float) -> float:
    return 45.0 + 25.0 * share


def _bend(share: float) -> float:
    return 75.0 - 32.0 * float(np.exp(-4 * share))


def _power(share: float) -> float:
    return 88.0 - 48.0 / math.sqrt(1 + 15 * share)


def _level(share: float) -> float:
    return 36.0 + 42.0 * min(share * 2, 1.0)


def _leap(share: float) -> float:
    return 50.0 if share < 0.5 else 78.0


PLANTED: Mapping[str, tuple[str, Nature]] = {
    "two hours of the evening": ("peak_hours", Nature(hour=0.35)),
    "two hours, in bursts": ("peak_hours", replace(BURSTS, hour=0.35)),
    "weekends off": ("peak_weekdays", Nature(active=(0.6, 0.6), weekdays=(1, 1, 1, 1, 1, 0.25, 0.25))),
    "Saturdays": ("peak_weekdays", Nature(active=(0.35, 0.35), weekdays=(1, 1, 1, 1, 1, 2.5, 1))),
    "four days every week": ("rhythm", Nature(exact=4)),
    "sessions longer and longer": ("session_length", Nature(minutes=(24.0, 60.0))),
    "sessions shorter and shorter": ("session_length", Nature(minutes=(60.0, 24.0), burst=0.3)),
    "from one day a week to six": ("engagement", Nature(active=(0.12, 0.88), weeks=(34, 34))),
    "from six days a week to one": ("engagement", Nature(active=(0.88, 0.12), weeks=(34, 34), burst=0.1)),
    "twenty points in the evening": ("best_hours", Nature(evening=20.0)),
    "a straight rise": ("learning_curve", Nature(curve=_rise)),
    "an exponential rise": ("learning_curve", Nature(curve=_bend, burst=0.4)),
    "a rise by a power": ("learning_curve", Nature(curve=_power)),
    "a rise that ends": ("plateau", Nature(curve=_level)),
    "a leap": ("breakthrough", Nature(curve=_leap)),
    "six points a step": ("optimal_difficulty", Nature(harder=6.0)),
    "difficulty that follows": ("adaptation", Nature(follows=0.7, form=8.0)),
}
"""People with a pattern: which, and of what strength."""


def practised(nature: Nature, draw: Random) -> Practice:
    """Draw what somebody of some nature did."""
    zone = ZoneInfo(ZONES[int(draw.integers(len(ZONES)))])
    days = 7 * int(draw.integers(nature.weeks[0], nature.weeks[1] + 1))
    first = MONDAY + timedelta(days=int(draw.integers(365)))
    calendar = Calendar(zone, first, first + timedelta(days=days - 1))
    author = Author(nature, draw)
    begun = int(draw.integers(days // 6))  # the day on which they came
    for place, active in enumerate(author.days(days, first.weekday())):
        if active and place >= begun:
            author.live(datetime.combine(first + timedelta(days=place), time(), zone).astimezone(UTC), place / days, zone)
    return Practice(tuple(sorted(author.doings, key=lambda doing: doing.at)), calendar)


class Author:
    """Draws one person's practice, bout by bout."""

    def __init__(self, nature: Nature, draw: Random) -> None:
        self.nature, self.draw = nature, draw
        self.doings: list[Doing] = []
        self.sessions = 0
        self.form = 0.0
        self.level = 5.0
        self.above = 0.0

    def days(self, count: int, weekday: int) -> list[bool]:
        """Return which days are active."""
        nature, draw = self.nature, self.draw
        if nature.exact is not None:
            chosen = [set(draw.choice(7, nature.exact, replace=False).tolist()) for _ in range(count // 7 + 2)]
            return [(place + weekday) % 7 in chosen[(place + weekday) // 7] for place in range(count)]
        found: list[bool] = []
        off = 0
        for place in range(count):
            share = place / count
            chance = nature.active[0] + (nature.active[1] - nature.active[0]) * share
            chance *= nature.weekdays[(place + weekday) % 7]
            if found and nature.burst:
                chance += nature.burst * ((1 - chance) if found[-1] else -chance)
            if place % 7 == 0 and draw.random() < nature.holiday:
                off = int(draw.choice([7, 14]))
            found.append(bool(off <= 0 and draw.random() < chance))
            off -= 1
        return found

    def live(self, midnight: datetime, share: float, zone: ZoneInfo) -> None:
        """Draw the bouts of an active day."""
        hours = []
        for _ in range(1 + int(self.draw.poisson(self.nature.bouts - 1))):
            low, high = (19, 21) if self.draw.random() < self.nature.hour else (0, 24)
            hours.append(float(self.draw.uniform(low, high)))
        for hour in sorted(hours):
            self.bout(midnight + timedelta(hours=hour), share, zone)

    def bout(self, at: datetime, share: float, zone: ZoneInfo) -> None:
        """Draw what is done in one go: some sittings."""
        nature, draw = self.nature, self.draw
        fresh = float(draw.normal()) * nature.form * (1 - nature.lasting**2) ** 0.5
        self.form = nature.lasting * self.form + fresh
        base = nature.curve(share) + self.form
        if 17 <= at.astimezone(zone).hour < 21:
            base += nature.evening
        self.level = min(max(5.0 + nature.follows * self.above / 10 + float(draw.normal()), 1.0), 10.0)
        begin = len(self.doings)
        for _ in range(1 + int(draw.poisson(nature.sittings - 1))):
            at = self.sitting(at, share, base) + timedelta(minutes=float(draw.uniform(20, 120)))
        scores = [doing.score for doing in self.doings[begin:] if doing.score is not None]
        self.above = float(np.mean(scores)) - nature.curve(share) if scores else 0.0

    def sitting(self, at: datetime, share: float, base: float) -> datetime:
        """Draw a session, or some things done outside of one; returns when it ends."""
        nature, draw = self.nature, self.draw
        middle = nature.minutes[0] * (nature.minutes[1] / nature.minutes[0]) ** share
        length = min(middle * float(np.exp(draw.normal() * nature.spread)), 240.0)
        end = at + timedelta(minutes=length)
        if draw.random() < nature.alone:
            moments = [at + timedelta(minutes=length * part) for part in sorted(draw.random(1 + draw.poisson(2)).tolist())]
            self.doings += [Doing(at=moment, kind="evidence.accepted") for moment in moments]
            return end
        self.sessions += 1
        name = str(self.sessions)
        self.doings.append(Doing(at=at, kind="session.started", session=name))
        count = 1 + int(length // 15)
        for number in range(count):
            moment = at + timedelta(minutes=length * (number + 1) / (count + 1))
            self.doings.append(self.attempt(moment, name, base))
        self.doings.append(Doing(at=end, kind="session.ended", session=name, done=False))
        return end

    def attempt(self, at: datetime, session: str, base: float) -> Doing:
        """Draw something done in a session."""
        nature, draw = self.nature, self.draw
        difficulty = min(max(round(self.level + float(draw.normal()) * 1.2, 1), 1.0), 10.0)
        expected = base - nature.harder * (difficulty - 5.0)
        if nature.all_or_nothing:
            score = 100.0 if draw.random() * 100 < expected else 0.0
        else:
            score = min(max(round(expected + float(draw.normal()) * nature.noise), 0.0), 100.0)
        counts = draw.random() < SCORED
        return Doing(
            at=at,
            kind="session.activity",
            session=session,
            score=float(score) if counts else None,
            difficulty=difficulty,
        )
