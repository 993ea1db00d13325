"""What is recommended: each rule with a situation of which it speaks and one of which it does not, and their order."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillcore.insight.recommendations import MOST, Ability, Course, Goal, Recommendation, Situation, Topic, recommended

TODAY = date(2026, 3, 4)


def only(**known: Any) -> Recommendation:
    (found,) = recommended(Situation(today=TODAY, **known))
    return found


def goal(progress: float, on_the_way: float, days: int, name: str = "g") -> Goal:
    return Goal(id=f"id of {name}", name=name, progress=progress, on_the_way=on_the_way, due=TODAY + timedelta(days=days))


def test_of_nothing_nothing_is_said() -> None:
    assert recommended(Situation(today=TODAY)) == []


@pytest.mark.parametrize(
    ("progress", "on_the_way", "days", "priority", "reason"),
    [
        (40, 50, 8, "medium", "it is at 40 of 100 where 50 is on the way to 2026-03-12"),
        (40, 50, 7, "high", "it is at 40 of 100 where 50 is on the way to 2026-03-11"),
        (30, 50, 60, "high", "it is at 30 of 100 where 50 is on the way to 2026-05-03"),
        (99, 100, 0, "high", "it is at 99 of 100 where 100 is on the way to 2026-03-04"),  # its day is not over
        (99, 100, -1, "high", "it was due on 2026-03-03, and is at 99 of 100"),
    ],
)
def test_a_goal_that_is_behind(progress: float, on_the_way: float, days: int, priority: str, reason: str) -> None:
    found = only(goals=(goal(progress, on_the_way, days),))
    assert found == Recommendation(priority=priority, kind="goal", subject="id of g", title="g", reason=reason)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("progress", "on_the_way"),
    [
        (50, 50),
        (60, 50),
        (100, 100),
        (99.99999999999999, 100),  # reached, but for what doubles make of a sum of shares
        (200 / 3, 66.666667),  # which is what is on the way, rounded
    ],
)
def test_a_goal_on_its_way_needs_no_word(progress: float, on_the_way: float) -> None:
    assert recommended(Situation(today=TODAY, goals=(goal(progress, on_the_way, 3),))) == []


@pytest.mark.parametrize(
    ("minutes", "works", "days", "priority", "reason"),
    [
        (90.0, 2, 3, "medium", "90 minutes and 2 works are missing, with 3 days left"),
        (90.0, 0, 2, "high", "90 minutes are missing, with 2 days left"),
        (None, 1, 1, "high", "1 work is missing, with 1 day left"),
        (0.2, 0, 3, "medium", "1 minute is missing, with 3 days left"),
        (1.2, 1, 3, "medium", "2 minutes and 1 work are missing, with 3 days left"),
    ],
)
def test_what_is_missing_to_the_weekly_goal(
    minutes: float | None, works: int | None, days: int, priority: str, reason: str
) -> None:
    found = only(minutes_missing=minutes, works_missing=works, days_left=days, difficulty=4.0)
    assert (found.kind, found.priority, found.reason, found.minutes) == ("week", priority, reason, minutes)
    assert found.difficulty == (4.0 if works else None)


def test_a_weekly_goal_that_is_met_needs_no_word() -> None:
    assert recommended(Situation(today=TODAY, minutes_missing=0.0, works_missing=0)) == []


def test_the_next_topic_of_a_path() -> None:
    found = only(topics=(Topic(path_id="1-2", path="web", name="CSS", hours=1.5),))
    assert (found.kind, found.subject, found.title, found.minutes) == ("topic", "1-2", "CSS", 90)
    assert found.reason == "all that it requires is completed, and it comes next on web"


@pytest.mark.parametrize(
    ("pace", "minutes"),
    [
        (None, 60),  # a quarter of 240
        (2.0, 30),
        (0.5, 120),
        (100.0, 15),  # no faster than 4
        (0.001, 240),  # and no slower than 1/4
    ],
)
def test_a_module_that_is_begun_with_what_is_left_of_it(pace: float | None, minutes: float) -> None:
    found = only(modules=(Course(name="m", tasks=4, completion=75, minutes=240, pace=pace),))
    assert (found.kind, found.priority, found.subject, found.minutes) == ("module", "medium", "m", minutes)
    assert found.reason == "3 of 4 tasks are completed"


def test_a_module_whose_average_is_too_low() -> None:
    found = only(modules=(Course(name="m", tasks=3, completion=100 / 3, average=62.4, required=70),))
    assert (found.reason, found.minutes) == ("1 of 3 tasks is completed, with 62 on average where 70 is asked", None)


def test_an_average_that_is_what_is_asked_needs_no_word() -> None:
    found = only(modules=(Course(name="m", tasks=3, completion=100 / 3, average=70, required=70),))
    assert found.reason == "1 of 3 tasks is completed"


def test_the_modules_nearest_to_their_end_and_one_that_is_not_begun() -> None:
    shares = {"a": 10, "b": 90, "c": 50, "d": 50, "e": 0, "f": 0, "g": 100}
    courses = tuple(Course(name=name, tasks=10, completion=share) for name, share in shares.items())
    found = recommended(Situation(today=TODAY, modules=courses))
    assert [(one.subject, one.priority) for one in found] == [("b", "medium"), ("c", "medium"), ("d", "medium"), ("e", "low")]


def test_a_module_is_done_or_not_begun_however_doubles_were_rounded() -> None:
    almost = (Course(name="done", tasks=97, completion=99.99999999999999), Course(name="fresh", tasks=97, completion=1e-14))
    found = only(modules=almost)
    assert (found.subject, found.reason) == ("fresh", "it has not been begun")


def test_the_weakest_skills_and_the_nearest_milestones() -> None:
    weak = tuple(Ability(skill=name, name=name.title(), reasons=("r", "s")) for name in ("x", "y", "z"))
    near = tuple(
        Ability(skill=name, name=name, milestone=("advanced", missing))
        for name, missing in (("p", 5.1), ("q", 5.0), ("r", 0.24))
    )
    found = recommended(Situation(today=TODAY, weak=weak, near=near, difficulty=3.5))
    assert [(one.kind, one.subject, one.reason, one.difficulty) for one in found] == [
        ("skill", "x", "r; s", 3.5),
        ("skill", "y", "r; s", 3.5),
        ("milestone", "r", "0.2 points are missing to 'advanced'", None),
        ("milestone", "q", "5.0 points are missing to 'advanced'", None),
    ]


def test_a_streak_worth_keeping() -> None:
    assert only(streak=3).reason == "3 days in a row go on if something is done today"
    assert recommended(Situation(today=TODAY, streak=2)) == []


def test_the_most_urgent_comes_first_and_only_so_much_is_said() -> None:
    goals = tuple(goal(40, 50, days, name) for days, name in ((20, "far"), (5, "near")))
    topics = tuple(Topic(path_id=f"p{number:02}", path="p", name="t") for number in range(20))
    found = recommended(Situation(today=TODAY, goals=goals, topics=topics, streak=9, works_missing=1, days_left=1))
    assert [one.title for one in found[:3]] == ["near", "this week", "far"]
    assert [one.subject for one in found[3:]] == [f"p{number:02}" for number in range(7)]
    assert len(found) == MOST


SITUATIONS = st.builds(
    Situation,
    today=st.just(TODAY),
    goals=st.lists(
        st.builds(goal, st.floats(0, 100), st.floats(0, 100), st.integers(-400, 400), st.text("abc", min_size=1, max_size=2)),
        max_size=4,
    ).map(tuple),
    modules=st.lists(
        st.builds(
            Course,
            name=st.text("abc", min_size=1, max_size=2),
            tasks=st.integers(1, 200),
            completion=st.floats(0, 100),
            minutes=st.none() | st.floats(0, 1e6),
            pace=st.none() | st.floats(0, 1e9),
        ),
        max_size=5,
    ).map(tuple),
    minutes_missing=st.none() | st.floats(0, 1e4),
    streak=st.integers(0, 10_000),
)


@given(SITUATIONS)
def test_whatever_is_known_the_order_holds_and_equal_situations_say_the_same(situation: Situation) -> None:
    found = recommended(situation)
    order = ["high", "medium", "low"]
    assert [one.priority for one in found] == sorted((one.priority for one in found), key=order.index)
    assert len(found) <= MOST
    assert all(one.reason and (one.minutes is None or 0 <= one.minutes <= 4e6) for one in found)
    turned = Situation(
        today=situation.today,
        goals=situation.goals,
        modules=situation.modules,
        minutes_missing=situation.minutes_missing,
        streak=situation.streak,
    )
    assert recommended(turned) == found
