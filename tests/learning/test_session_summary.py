"""What came of a session, by hand."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec import structs

from skillcore.learning.session_summary import MOST, Course, Tally, TrainingSummary
from skillcore.plugin import Event
from skillcore.testing import event
from tests.learning.trainings import at

IDLE = timedelta(hours=2)


def began(minutes: float) -> Event:
    return event("session.started", {}, at=at(minutes))


def over(minutes: float, via: str = "page") -> Event:
    return structs.replace(event("session.ended", {}, at=at(minutes)), via=via)


def did(
    minutes: float, score: float | None = None, item: str | None = None, skills: tuple[str, ...] = (), via: str = "platform"
) -> Event:
    data = {"type": "quiz"} | ({} if score is None else {"score": score}) | ({} if item is None else {"item": item})
    return structs.replace(event("session.activity", data, skills=skills, at=at(minutes)), via=via)


def summary(*events: Event, required: dict[str, float | None] | None = None) -> TrainingSummary:
    tally = Tally(IDLE)
    for one in events:
        tally.add(one)
    return tally.summary(required or {})


def test_nothing() -> None:
    assert summary() == TrainingSummary(
        seconds=0,
        activities=0,
        scored=0,
        average_score=None,
        own_scored=0,
        own_average_score=None,
        improvements=[],
        challenges=[],
    )


def test_scores_that_count_are_kept_apart_from_those_that_do_not() -> None:
    found = summary(began(0), did(5, 60, "a"), did(10, 90, "b"), did(15, 30, "a", via="page"), did(20), over(25))
    assert (found.seconds, found.activities) == (1500, 4)
    assert (found.scored, found.average_score) == (2, 75.0)  # (60 + 90) / 2
    assert (found.own_scored, found.own_average_score) == (1, 30.0)
    fell = Course(of="item", name="a", first=60, last=30, best=60, required=None, counts=False)
    assert (found.improvements, found.challenges) == ([], [fell])


def test_what_rose_fell_and_stays_behind() -> None:
    found = summary(
        did(0, 40, "a", ("loops",)),
        did(1, 90, "b", ("loops",)),
        did(2, 70, "a", ("sql",)),
        did(3, 80, "b", ("sql",)),
        did(4, 50, "c"),
        did(5, 95, "d"),
        required={"a": 75, "b": 90, "c": 60, "d": 95, "never tried": 100},
    )
    a = Course(of="item", name="a", first=40, last=70, best=70, required=75, counts=True)
    b = Course(of="item", name="b", first=90, last=80, best=90, required=90, counts=True)
    c = Course(of="item", name="c", first=50, last=50, best=50, required=60, counts=True)
    loops = Course(of="skill", name="loops", first=40, last=90, best=90, required=None, counts=True)
    sql = Course(of="skill", name="sql", first=70, last=80, best=80, required=None, counts=True)
    assert found.improvements == [loops, a, sql]  # by 50, 30 and 10
    assert found.challenges == [b, c, a]  # b fell by 10, c lacks 10, a lacks 5


@pytest.mark.parametrize(
    ("events", "minutes"),
    [
        ((began(0), over(30)), 30),
        ((began(0), did(120), over(240)), 240),
        ((began(0), did(121)), 0),  # it lay idle
        ((began(0), over(0, "engine"), did(121), did(131), over(131, "engine")), 10),
        ((began(0), over(30), did(50), over(60)), 40),  # nobody trained between the end and what came after it
        ((began(0), did(10), over(10, "engine"), did(20)), 20),  # others came late: it never was over
    ],
)
def test_time(events: tuple[Event, ...], minutes: float) -> None:
    assert summary(*events).seconds == minutes * 60


def test_a_flood_of_items_is_cut() -> None:
    found = summary(*(did(place, score, f"{place % 500:03}") for place in range(1000) for score in (place / 100, place / 50)))
    assert len(found.improvements) == MOST
    assert (found.activities, found.improvements[0].name) == (2000, "499")
