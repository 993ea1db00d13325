"""Days, weeks and months: where they begin and end, by the calendar and the zones' decrees."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from skillcore.insight.spans import Span, Weekday, after, end_of_day, last_day, past_end, start_of, starts
from skillcore.runtime.clock import now
from skillcore.runtime.problems import InvalidField


@pytest.mark.parametrize(
    ("bucket", "day", "week", "first", "last"),
    [
        ("day", "2026-03-11", "monday", "2026-03-11", "2026-03-11"),
        ("week", "2026-03-11", "monday", "2026-03-09", "2026-03-15"),  # a Wednesday
        ("week", "2026-03-11", "wednesday", "2026-03-11", "2026-03-17"),
        ("week", "2026-03-11", "thursday", "2026-03-05", "2026-03-11"),
        ("week", "2026-01-01", "monday", "2025-12-29", "2026-01-04"),
        ("month", "2026-02-28", "monday", "2026-02-01", "2026-02-28"),
        ("month", "2028-02-29", "sunday", "2028-02-01", "2028-02-29"),
        ("month", "2026-12-31", "monday", "2026-12-01", "2026-12-31"),
        ("month", "2026-04-01", "monday", "2026-04-01", "2026-04-30"),
    ],
)
def test_a_bucket_goes_from_its_first_day_to_its_last(bucket: Span, day: str, week: Weekday, first: str, last: str) -> None:
    begin = start_of(bucket, date.fromisoformat(day), week)
    assert (begin.isoformat(), last_day(bucket, begin, week).isoformat()) == (first, last)
    assert after(bucket, begin, week) == date.fromisoformat(last) + timedelta(days=1)


def test_buckets_follow_upon_each_other() -> None:
    march = date(2026, 3, 11)
    assert starts("week", date(2026, 2, 25), march, week="sunday") == [
        date(2026, 2, 22),
        date(2026, 3, 1),
        date(2026, 3, 8),
    ]
    assert starts("month", date(2025, 12, 31), march) == [
        date(2025, 12, 1),
        *(date(2026, month, 1) for month in (1, 2, 3)),
    ]
    assert starts("day", march, march) == [march]
    latest = starts("week", None, march, week="friday")
    assert (len(latest), latest[-1], latest[0]) == (12, date(2026, 3, 6), date(2025, 12, 19))
    months = starts("month", None, march)
    assert (len(months), months[0], months[-1]) == (12, date(2025, 4, 1), date(2026, 3, 1))
    days = starts("day", None, march)
    assert (len(days), days[0], days[-1]) == (30, date(2026, 2, 10), march)


def test_four_hundred_buckets_are_the_most() -> None:
    assert len(starts("day", date(2025, 1, 1), date(2026, 2, 4))) == 400  # the year, and 35 days more
    with pytest.raises(InvalidField, match="at most 400"):
        starts("day", date(2025, 1, 1), date(2026, 2, 5))


def test_years_have_their_ends() -> None:
    assert len(starts("day", date(1970, 1, 1), date(1970, 1, 5))) == 5
    assert len(starts("month", date(9000, 11, 1), date(9000, 12, 31))) == 2
    assert last_day("month", date(9000, 12, 1)) == date(9000, 12, 31)
    assert starts("month", None, date(1970, 1, 1))[0] == date(1969, 2, 1)
    for since, until, field in (
        (date(1969, 12, 31), date(1970, 1, 5), "since"),
        (date(9000, 12, 1), date(9001, 1, 1), "until"),
        (None, date(1, 1, 5), "until"),
        (None, date(9999, 12, 31), "until"),
    ):
        with pytest.raises(InvalidField, match=f"{field}: .* ask for a day of the years 1970 to 9000") as refused:
            starts("month", since, until)
        assert refused.value.field == field
    with pytest.raises(InvalidField, match="lies after"):
        starts("day", date(2026, 3, 2), date(2026, 3, 1))


@pytest.mark.parametrize(
    ("day", "zone", "following"),
    [
        ("2026-03-11", "UTC", "2026-03-12T00:00"),
        ("2026-03-28", "Europe/Berlin", "2026-03-28T23:00"),
        ("2026-03-29", "Europe/Berlin", "2026-03-29T22:00"),  # of 23 hours
        ("2026-10-25", "Europe/Berlin", "2026-10-25T23:00"),  # of 25
        ("2026-03-11", "Pacific/Kiritimati", "2026-03-11T10:00"),
        ("2018-11-03", "America/Sao_Paulo", "2018-11-04T03:00"),  # the next one has no midnight
        ("1970-01-01", "UTC", "1970-01-02T00:00"),
        ("9000-12-31", "UTC", "9001-01-01T00:00"),
    ],
)
def test_a_day_ends_just_before_the_next_one(day: str, zone: str, following: str) -> None:
    expected = datetime.fromisoformat(following).replace(tzinfo=UTC) - timedelta(microseconds=1)
    assert end_of_day(date.fromisoformat(day), zone) == expected


def test_a_day_that_is_not_over_has_no_end_yet() -> None:
    today = now().date()
    assert past_end(None, "UTC") is None
    assert past_end(today + timedelta(days=1), "UTC") is None
    yesterday = past_end(today - timedelta(days=1), "UTC")
    assert yesterday is not None
    assert yesterday.date() == today - timedelta(days=1)
    for day in (date(1969, 12, 31), date(9001, 1, 1)):
        with pytest.raises(InvalidField, match="1970"):
            past_end(day, "UTC")
