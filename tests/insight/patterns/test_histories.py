"""What is put together to one sitting, one bout, one week; counted by hand."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from skillcore.insight.calendars import Calendar
from skillcore.insight.doings import Doing
from skillcore.insight.patterns.histories import History
from tests.insight.patterns.made import at, history, scored, work


def test_half_an_hour_parts_sittings_and_six_hours_bouts() -> None:
    made = history([work(0, 9), work(0, 9.5), work(0, 10.1), work(0, 16.1), work(0, 22.2)], 2)
    assert [(begin - at(0, 0), end - at(0, 0)) for begin, end in made.sittings] == [
        (timedelta(hours=begin), timedelta(hours=end)) for begin, end in [(9, 9.5), (10.1, 10.1), (16.1, 16.1), (22.2, 22.2)]
    ]
    assert [len(bout) for bout in made.bouts] == [3, 1]


def test_time_stated_is_a_sitting_that_ends_when_it_is_told() -> None:
    made = history([Doing(at=at(1, 10), kind="progress.time", minutes=90)], 3)
    assert made.sittings == [(at(1, 8.5), at(1, 10))]
    assert made.lengths.tolist() == [90.0]
    assert np.flatnonzero(made.half_hours(made.bouts[0])).tolist() == [17, 18, 19]
    assert made.half_hours(made.bouts[0]).sum() == pytest.approx(1.0)


def test_an_end_is_nothing_done() -> None:
    ends = [Doing(at=at(day, 13), kind="task.completed", done=False) for day in (0, 8)]
    made = history([work(0), *ends, work(9)], 14)
    assert made.sittings == [(at(day), at(day)) for day in (0, 9)]
    assert made.weeks == [[day == 2 for day in range(7)]]


def test_half_hours_are_those_of_the_local_clock() -> None:
    made = history([work(80, 12.0)], 100, "Europe/Berlin")  # in winter
    assert np.flatnonzero(made.half_hours(made.bouts[0])).tolist() == [26]
    summer = history([work(90, 12.0)], 100, "Europe/Berlin")
    assert np.flatnonzero(summer.half_hours(summer.bouts[0])).tolist() == [28]


def test_lengths_are_averaged_by_day() -> None:
    spent = [(0, 10.0, 20), (0, 15.0, 40), (3, 10.0, 10)]
    made = history([Doing(at=at(day, hour), kind="progress.time", minutes=minutes) for day, hour, minutes in spent], 7)
    assert made.lengths.tolist() == [30.0, 10.0]


def test_scores_are_averaged_by_bout() -> None:
    made = history([scored(0, 40), scored(0, 80, 13), scored(0, 10, 23), work(2), scored(3, 70, difficulty=4.0)], 7)
    assert made.scores.tolist() == [60.0, 10.0, 70.0]
    assert [len(bout.rated) for bout in made.scored] == [0, 0, 1]


def test_weeks_are_whole_and_follow_that_of_the_first_day() -> None:
    made = history([work(3), work(7), work(9), work(20)], 28)
    on = [[day in held for day in range(7)] for held in ({0, 2}, {6}, set())]
    assert made.weeks == on
    assert history([work(3), work(7)], 28, today=20).weeks == [[True, *[False] * 6]]  # the third is not over
    assert history([work(7), work(14)], 21).weeks == [[True, *[False] * 6]]  # the first thing was done on a Monday


def test_a_week_of_which_a_day_was_skipped_is_none() -> None:
    calendar = Calendar(ZoneInfo("Pacific/Apia"), date(2011, 12, 12), date(2012, 1, 15))
    first = Doing(at=calendar.begin, kind="evidence.accepted")
    assert len(History([first], calendar, len(calendar.days)).weeks) == 3  # of five the first, and that of the 30th


def test_what_lies_outside_is_left_out() -> None:
    made = history([work(-1), work(0), work(7)], 7)
    assert len(made.sittings) == 1
    # an hour that began on the day before, of which nobody can tell how long it was within these days
    assert history([Doing(at=at(0, 0.5), kind="progress.time", minutes=60)], 7).stretches == []
    assert history([], 7).weeks == []
    assert history([], 7).bouts == []
