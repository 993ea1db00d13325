"""Days, weeks and months of a person's calendar: where they begin, and which moment ends a day in their time zone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from skillcore.runtime.clock import now
from skillcore.runtime.problems import InvalidField

__all__ = [
    "WEEKDAYS",
    "Span",
    "Weekday",
    "after",
    "check_day",
    "end_of_day",
    "last_day",
    "past_end",
    "start_of",
    "starts",
]

Span = Literal["day", "week", "month"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
SHOWN: dict[Span, int] = {"day": 30, "week": 12, "month": 12}
"""Buckets shown when no beginning is given."""

MOST_BUCKETS = 400

YEARS = (1970, 9000)
"""The years whose days can be asked for: no event is older, and calendars end soon after the last of them."""


def check_day(day: date, field: str) -> None:
    """Refuse a day of a year outside of `YEARS`.

    Raises:
        InvalidField: it is one; names the field.
    """
    first, last = YEARS
    if not first <= day.year <= last:
        raise InvalidField(f"{field}: {day} cannot be asked for; ask for a day of the years {first} to {last}", field=field)


def starts(bucket: Span, since: date | None, until: date, *, week: Weekday = "monday") -> Sequence[date]:
    """Return the first days of all buckets from that of ``since`` to that of ``until``; some time back without ``since``.

    Weeks begin on the day that ``week`` names.

    Raises:
        InvalidField: a day that cannot be asked for, or the time ends before it begins, or has too many buckets.
    """
    check_day(until, "until")
    last = start_of(bucket, until, week)
    if since is None:
        found = [last]
        while len(found) < SHOWN[bucket]:
            found.append(start_of(bucket, found[-1] - timedelta(days=1), week))
        return found[::-1]
    check_day(since, "since")
    if since > until:
        raise InvalidField(f"since: {since} lies after {until}", field="since")
    found = [start_of(bucket, since, week)]
    while found[-1] < last:
        found.append(after(bucket, found[-1], week))
        if len(found) > MOST_BUCKETS:
            raise InvalidField(f"since: at most {MOST_BUCKETS} buckets; ask for less time or longer buckets", field="since")
    return found


def start_of(bucket: Span, day: date, week: Weekday = "monday") -> date:
    """Return the first day of the bucket in which a day lies; weeks begin on the day that ``week`` names."""
    match bucket:
        case "day":
            return day
        case "week":
            return day - timedelta(days=(day.weekday() - WEEKDAYS.index(week)) % 7)
        case "month":
            return day.replace(day=1)


def after(bucket: Span, start: date, week: Weekday = "monday") -> date:
    """Return the first day of the next bucket."""
    return start_of(bucket, start + timedelta(days={"day": 1, "week": 7, "month": 31}[bucket]), week)


def last_day(bucket: Span, start: date, week: Weekday = "monday") -> date:
    """Return the last day of the bucket that begins on a day."""
    return after(bucket, start, week) - timedelta(days=1)


def end_of_day(day: date, time_zone: str) -> datetime:
    """Return the last moment of a day in a time zone."""
    following = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(time_zone))
    return following.astimezone(UTC) - timedelta(microseconds=1)


def past_end(day: date | None, time_zone: str) -> datetime | None:
    """Return the last moment of a day, or None if it is not yet over, or no day is given: then all there is counts.

    Raises:
        InvalidField: a day that cannot be asked for; names the field `as_of`.
    """
    if day is None:
        return None
    check_day(day, "as_of")
    end = end_of_day(day, time_zone)
    return None if end > now() else end
