"""What somebody did, as small records, and how these lie together: training sessions, time spent, and sittings.

Pure. Whatever is counted, summed or tested of a person's activity starts from a list of `Doing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

__all__ = ["IDLE", "REACH", "Doing", "Session", "Spending", "Stretch", "merged", "sessions", "stretches"]

IDLE = timedelta(hours=2)
"""A training session in which nothing happens for longer than this was left: the time between does not count."""

ENDED = "session.ended"

REACH = timedelta(days=1)
"""Time that one record can speak of at most, before or after it: so far beyond a window's ends must be read."""

Stretch = tuple[datetime, datetime]
"""Time from one moment to another."""


class Doing(Struct, frozen=True, kw_only=True):
    """Something that somebody did.

    Attributes:
        at: when.
        kind: of the event.
        session: which training session it belongs to; empty if none.
        minutes: that it says were spent, up to ``at``.
        score: from 0 to 100, if it counts; what learners state of themselves does not.
        difficulty: of what was attempted, from 1 to 10.
        done: it counts as something done; the end of a session or of a task does not, since their content counted before.
    """

    at: datetime
    kind: str
    session: str = ""
    minutes: float = 0.0
    score: float | None = None
    difficulty: float | None = None
    module: str = ""
    skills: tuple[str, ...] = ()
    done: bool = True


class Session(Struct, frozen=True):
    """A training session: from its first record to its last, none of them `IDLE` apart."""

    begin: datetime
    end: datetime


class Spending:
    """Training sessions and the time spent, followed from record to record in the order of time.

    It tells what `sessions` and `stretches` tell of all records at once, and forgets what is over.
    """

    def __init__(self) -> None:
        self._last: dict[str, datetime] = {}
        self._open: list[Stretch] = []

    def after(self, doing: Doing) -> bool:
        """Follow a record, and return whether a training session begins with it."""
        begin, last = doing.at - timedelta(minutes=doing.minutes), self._last.get(doing.session)
        goes_on = last is not None and doing.at - last <= IDLE
        begins = bool(doing.session) and not goes_on and doing.kind != ENDED
        if begins or goes_on:
            self._last[doing.session] = doing.at
        if last is not None and goes_on:
            begin = min(begin, last)
        while self._open and self._open[-1][1] >= begin:
            begin = min(begin, self._open.pop()[0])
        self._open.append((begin, doing.at))
        return begins

    def over(self, moment: datetime) -> list[Stretch]:
        """Return the stretches that nothing from a moment on adds to, and forget them."""
        self._last = {session: last for session, last in self._last.items() if moment - last <= IDLE}
        found = [stretch for stretch in self._open if moment - stretch[1] > REACH]
        del self._open[: len(found)]
        return found


def sessions(doings: Iterable[Doing]) -> list[Session]:
    """Return training sessions in the order in which they began. One that was left and taken up again is two.

    An end begins none: one that is set long after everything else is passed over.
    """
    found: list[Session] = []
    for records in _by_session(doings):
        begin = last = None
        for moment, is_end in records:
            if begin is not None and last is not None and moment - last <= IDLE:
                last = moment
            elif not is_end:
                if begin is not None and last is not None:
                    found.append(Session(begin, last))
                begin = last = moment
        if begin is not None and last is not None:
            found.append(Session(begin, last))
    return sorted(found, key=lambda session: (session.begin, session.end))


def stretches(doings: Sequence[Doing]) -> list[Stretch]:
    """Return the time that was spent, in order and without overlap: an hour counts once, by however many it is told.

    That is the time of training sessions, and the minutes which other records state, up to their own moment.
    """
    stated = [(doing.at - timedelta(minutes=doing.minutes), doing.at) for doing in doings if doing.minutes > 0]
    return merged([*stated, *((session.begin, session.end) for session in sessions(doings))])


def merged(found: Iterable[Stretch], gap: timedelta = timedelta()) -> list[Stretch]:
    """Return stretches in order, those put together that overlap or lie no further apart than a gap; empty ones stay."""
    whole: list[Stretch] = []
    for begin, end in sorted(found):
        if whole and begin - whole[-1][1] <= gap:
            whole[-1] = (whole[-1][0], max(whole[-1][1], end))
        else:
            whole.append((begin, end))
    return whole


def _by_session(doings: Iterable[Doing]) -> list[list[tuple[datetime, bool]]]:
    """Return the moments of each session's records, in order, and whether they are ends."""
    records: dict[str, list[tuple[datetime, bool]]] = {}
    for doing in doings:
        if doing.session:
            records.setdefault(doing.session, []).append((doing.at, doing.kind == ENDED))
    return [sorted(of_one) for of_one in records.values()]
