"""Days as zones had them, and minutes that fall into them. The hours are those of the zones' decrees."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillcore.insight.calendars import Calendar


def day_of(zone: str, day: date) -> Calendar:
    return Calendar(ZoneInfo(zone), day, day)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23.0),
        ("Europe/Berlin", date(2026, 10, 25), 25.0),
        ("Europe/Berlin", date(2026, 10, 26), 24.0),
        ("America/New_York", date(2026, 3, 8), 23.0),
        ("America/New_York", date(2026, 11, 1), 25.0),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),  # half an hour is put back
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("Asia/Kathmandu", date(2026, 3, 29), 24.0),
        ("Asia/Kathmandu", date(1986, 1, 1), 23.75),  # from +05:30 to +05:45, at midnight
        ("America/Sao_Paulo", date(2018, 11, 4), 23.0),  # which has no midnight
        ("Pacific/Apia", date(2011, 12, 29), 24.0),
        ("Pacific/Apia", date(2011, 12, 31), 24.0),
    ],
)
def test_a_day_is_as_long_as_its_zone_had_it(zone: str, day: date, hours: float) -> None:
    assert day_of(zone, day).hours(0) == hours


@pytest.mark.parametrize(
    ("zone", "day", "begin"),
    [
        ("Europe/Berlin", date(2026, 3, 30), "2026-03-29T22:00"),
        ("America/New_York", date(2026, 11, 1), "2026-11-01T04:00"),
        ("Asia/Kathmandu", date(2026, 11, 1), "2026-10-31T18:15"),
        ("America/Sao_Paulo", date(2018, 11, 4), "2018-11-04T03:00"),
        ("America/Havana", date(2026, 11, 1), "2026-11-01T04:00"),  # the first of two midnights
    ],
)
def test_a_day_begins_at_its_first_midnight(zone: str, day: date, begin: str) -> None:
    assert day_of(zone, day).begin == datetime.fromisoformat(begin).replace(tzinfo=UTC)


def test_a_skipped_day_is_none() -> None:
    calendar = Calendar(ZoneInfo("Pacific/Apia"), date(2011, 12, 28), date(2012, 1, 1))
    assert [day.day for day in calendar.days] == [28, 29, 31, 1]
    assert calendar.end - calendar.begin == timedelta(days=4)
    assert day_of("Pacific/Apia", date(2011, 12, 30)).days == []


def test_a_moment_lies_in_one_day() -> None:
    calendar = Calendar(ZoneInfo("Asia/Kathmandu"), date(2026, 5, 1), date(2026, 5, 2))
    moments = [datetime(2026, 4, 30, 18, minute, tzinfo=UTC) for minute in (14, 15)]
    last = datetime(2026, 5, 2, 18, 15, tzinfo=UTC)
    assert [calendar.place(moment) for moment in [*moments, last - timedelta(seconds=1), last]] == [None, 0, 1, None]


def test_an_hour_told_twice_by_the_clock_is_two() -> None:
    calendar = Calendar(ZoneInfo("Europe/Berlin"), date(2026, 10, 24), date(2026, 10, 26))
    # from 23:00 on Saturday to 03:30 on Sunday by the clock: one hour, and four and a half
    stretch = (datetime(2026, 10, 24, 21, tzinfo=UTC), datetime(2026, 10, 25, 2, 30, tzinfo=UTC))
    assert calendar.minutes([stretch]) == [60.0, 270.0, 0.0]


def test_what_lies_outside_is_cut() -> None:
    calendar = Calendar(ZoneInfo("UTC"), date(2026, 5, 1), date(2026, 5, 2))
    before = (datetime(2026, 4, 30, 23, tzinfo=UTC), datetime(2026, 5, 1, 0, 10, tzinfo=UTC))
    after = (datetime(2026, 5, 2, 23, 45, tzinfo=UTC), datetime(2026, 5, 3, 1, tzinfo=UTC))
    assert calendar.minutes([before, after]) == [10.0, 15.0]


ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu", "America/Havana", "UTC")


@given(
    zone=st.sampled_from(ZONES),
    first=st.dates(date(2009, 1, 1), date(2027, 1, 1)),
    length=st.integers(1, 60),
    begin=st.floats(0, 60),
    minutes=st.floats(0, 5000),
)
def test_days_together_hold_all_the_minutes(zone: str, first: date, length: int, begin: float, minutes: float) -> None:
    calendar = Calendar(ZoneInfo(zone), first, first + timedelta(days=length))
    assert list(calendar.bounds) == sorted(set(calendar.bounds))
    stretch = (calendar.begin + timedelta(days=begin), calendar.begin + timedelta(days=begin, minutes=minutes))
    held = max((min(stretch[1], calendar.end) - stretch[0]) / timedelta(minutes=1), 0.0)
    assert sum(calendar.minutes([stretch])) == pytest.approx(held, abs=1e-6)
