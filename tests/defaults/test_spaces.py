"""Progress of spaces and goals under the whole suite, with sums by hand, and what holds for all of them."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from skillcore.defaults import definitions
from skillcore.defaults.goal import Goal, GoalSettings, GoalState
from skillcore.defaults.reported import REMEMBERED, Tasks
from skillcore.defaults.space import Space, SpaceSettings, SpaceState
from skillcore.plugin import Reading, Score
from skillcore.testing import FormulaSample, FormulaSuite, event

MONDAY = datetime(2026, 6, 1, tzinfo=UTC)
ONE, OTHER = UUID(int=1), UUID(int=2)
GARDEN = definitions.Space(expected_minutes=120.0, milestones=("dug", "sown", "watered", "reaped"))
LISTED = structs.replace(GARDEN, tasks=("a", "b", "c", "d"))
BARE = definitions.Space()
AIM = definitions.Goal(spaces=(ONE, OTHER), milestones=("half", "whole"), target_date=date(2026, 12, 24))
OPEN = definitions.Goal(milestones=("half", "whole"))


def said(kind, days=0.0, subject="s", via="page", **data):
    made = event(f"progress.{kind}", data, subject_id=subject, at=MONDAY + timedelta(days=days))
    return structs.replace(made, via=via)


def task(value, name="", days=0.0, **more):
    return said("task", days, value=value, task=name, **more)


def milestone(name, days=0.0, **more):
    return said("milestone", days, milestone=name, **more)


EVERYTHING = (
    task(100, "a", 0),
    task(60, "b", 1),
    said("time", 2, minutes=30),
    said("time", 3, minutes=60),
    milestone("dug", 4),
    said("interaction", 5, quality=40),
    said("interaction", 6, quality=90),
)


class TestSpace(FormulaSuite):
    formula = Space()
    lowest, highest = 0, 100
    definitions = (None, GARDEN, LISTED, BARE)
    others = (
        Space(SpaceSettings(task=1)),
        Space(SpaceSettings(time=1)),
        Space(SpaceSettings(milestone=1)),
        Space(SpaceSettings(interaction=1)),
    )
    samples = (
        FormulaSample((), None, at=MONDAY),
        FormulaSample((), 0.0, at=MONDAY, subject="s", definition=GARDEN),
        FormulaSample(EVERYTHING, None, subject="s"),  # of a space that nobody defined
        # 0.4·(1/2) + 0.2·(90/120) + 0.3·(1/4) + 0.1·65: 20 + 15 + 7.5 + 6.5
        FormulaSample(EVERYTHING, 49.0, subject="s", definition=GARDEN),
        # of the four tasks that it lists one is done: 10 + 15 + 7.5 + 6.5
        FormulaSample(EVERYTHING, 39.0, subject="s", definition=LISTED),
        # a task is known by its name without white space around it, on the list too: 0.4·(2/3)
        FormulaSample(
            (task(100, "a"), task(100, " b ", 1)),
            40 * 2 / 3,
            subject="s",
            definition=structs.replace(GARDEN, tasks=(" a ", "b", "\tc")),
        ),
        # of two names that differ in nothing else one task is made, and of one that is nothing else none
        FormulaSample((task(100, "a"),), 40.0, subject="s", definition=structs.replace(GARDEN, tasks=("a", "a ", " "))),
        # no time is expected, and there are no milestones: (0.4·50 + 0.1·65) / 0.5
        FormulaSample(EVERYTHING, 53.0, subject="s", definition=BARE),
        # one task, and the latest word on it: reopened, and done after all
        FormulaSample((task(100, "a", 0), task(50, "a", 1)), 0.0, subject="s", definition=GARDEN),
        FormulaSample((task(100, "a", 0), task(50, "a", 1), task(100, " a ", 2)), 40.0, subject="s", definition=GARDEN),
        # events without a name are tasks of their own: one of three
        FormulaSample((task(100), task(99.9, days=1), task(0, days=2)), 40 / 3, subject="s", definition=GARDEN),
        FormulaSample((task(100), task(100, "a", 1), task(0, "b", 2), task(0, days=3)), 20.0, subject="s", definition=GARDEN),
        # a milestone counts once, and one that the space does not have not at all
        FormulaSample(tuple(milestone("dug", n) for n in range(5)), 7.5, subject="s", definition=GARDEN),
        FormulaSample((milestone("eaten"), milestone("Dug", 1)), 0.0, subject="s", definition=GARDEN),
        # more time than expected is enough
        FormulaSample(tuple(said("time", n, minutes=1440) for n in range(30)), 20.0, subject="s", definition=GARDEN),
        FormulaSample((said("interaction", quality=100),), 10.0, subject="s", definition=GARDEN),
        FormulaSample(
            (task(100), said("time", minutes=120), *map(milestone, GARDEN.milestones), said("interaction", quality=100)),
            100.0,
            subject="s",
            definition=GARDEN,
        ),
        FormulaSample((task(100, subject="t"), task(0, days=1)), 40.0, subject="t", definition=GARDEN),
        FormulaSample((task(100, subject=""),), None),
    )


TOWARDS = (
    milestone("half", subject="g"),
    *(task(100, f"talk {n}", n, subject="g") for n in range(3)),
    task(50, "x", 9, subject="g"),
)


def spaces(one, other):
    return {"space": {str(ONE): one, str(OTHER): other}}


class TestGoal(FormulaSuite):
    formula = Goal()
    lowest, highest = 0, 100
    definitions = (None, AIM, OPEN, definitions.Goal())
    others = (
        Goal(GoalSettings(spaces=1)),
        Goal(GoalSettings(milestones=1)),
        Goal(GoalSettings(extra=1)),
        Goal(GoalSettings(points=1)),
    )
    samples = (
        FormulaSample((), None, at=MONDAY),
        # 0.6·(80 + 40)/2 + 0.3·50 + 0.1·30: 36 + 15 + 3
        FormulaSample(TOWARDS, 54.0, subject="g", definition=AIM, inputs=spaces(80.0, 40.0)),
        # nothing is known of one space: 0.6·(80 + 0)/2 + 15 + 3
        FormulaSample(TOWARDS, 42.0, subject="g", definition=AIM, inputs=spaces(80.0, None)),
        # without spaces (0.3·50 + 0.1·30) / 0.4
        FormulaSample(TOWARDS, 45.0, subject="g", definition=OPEN),
        FormulaSample((), 60.0, at=MONDAY, subject="g", definition=AIM, inputs=spaces(100.0, 100.0)),
        # beyond ten activities more add nothing, and one that is named again counts once
        FormulaSample(
            tuple(task(100, f"{n}", n, subject="g") for n in range(25)),
            10.0,
            subject="g",
            definition=AIM,
            inputs=spaces(0.0, 0.0),
        ),
        FormulaSample(
            tuple(task(100, "same", n, subject="g") for n in range(25)),
            1.0,
            subject="g",
            definition=AIM,
            inputs=spaces(0.0, 0.0),
        ),
        FormulaSample(
            tuple(task(100, days=n, subject="g") for n in range(4)), 4.0, subject="g", definition=AIM, inputs=spaces(0.0, 0.0)
        ),
        FormulaSample(TOWARDS, None, subject="g"),
        FormulaSample(
            (milestone("half", subject="g"), milestone("whole", 1, subject="g")),
            30.0,
            subject="g",
            definition=AIM,
            inputs=spaces(0.0, 0.0),
        ),
    )


@given(values=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([0.0, 99.0, 100.0])), max_size=30))
@settings(deadline=None)
def test_a_task_that_gets_done_never_lowers_a_space(values):
    space = Space()
    state = SpaceState()
    reading = Reading(MONDAY, "s", GARDEN)
    for name, value in values:
        before = space.value(state, reading).value
        state = space.apply(state, task(value, name))
        if value == 100.0:
            assert space.value(state, reading).value >= before


@given(
    minutes=st.lists(st.floats(0, 1440), max_size=20),
    reached=st.lists(st.sampled_from([*GARDEN.milestones, "other"]), max_size=20),
)
@settings(deadline=None)
def test_time_and_milestones_never_lower_a_space(minutes, reached):
    space, state, last = Space(), SpaceState(), 0.0
    for given_ in [*(said("time", minutes=one) for one in minutes), *map(milestone, reached)]:
        state = space.apply(state, given_)
        value = space.value(state, Reading(MONDAY, "s", GARDEN)).value
        assert last <= value <= 100
        last = value


@given(one=st.floats(0, 100), more=st.floats(0, 100), number=st.integers(0, 15))
@settings(max_examples=50, deadline=None)
def test_a_goal_rises_with_its_spaces_and_with_activities(one, more, number):
    goal, state = Goal(), GoalState()
    for n in range(number):
        state = goal.apply(state, task(100, f"{n}", subject="g"))

    def value(progress, state):
        inputs = {"space": {str(ONE): Score(progress), str(OTHER): Score(50.0)}}
        return goal.value(state, Reading(MONDAY, "g", AIM, inputs)).value

    assert value(max(one, more), state) >= value(min(one, more), state)
    assert value(one, goal.apply(state, task(100, "one more", subject="g"))) >= value(one, state)


def test_a_flood_of_names_stays_bounded_and_counted():
    tasks = Tasks()
    for n in range(3 * REMEMBERED):
        tasks = tasks.after(f"{n}", 100.0 if n % 2 else 0.0)
    assert len(tasks.named) == REMEMBERED
    assert tasks.share_done() == 0.5
    space, state = Space(), SpaceState()
    for n in range(2 * REMEMBERED):
        state = space.apply(state, milestone(f"{n}"))
    assert len(state.milestones) == REMEMBERED


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        (definitions.Space, {"milestones": ["a", "b", "a"]}, "milestones: 'a' stands twice"),
        (definitions.Space, {"tasks": ["a", "a"]}, "tasks: 'a' stands twice"),
        (definitions.Goal, {"spaces": [str(ONE), str(ONE)]}, "spaces: .* stands twice"),
        (definitions.Goal, {"milestones": ["a", "a"]}, "milestones: 'a' stands twice"),
        (definitions.Space, {"expected_minutes": 0}, "expected_minutes"),
    ],
)
def test_definitions_that_make_no_sense_are_refused(kind, body, words):
    with pytest.raises(msgspec.ValidationError, match=words):
        msgspec.convert(body, kind)
