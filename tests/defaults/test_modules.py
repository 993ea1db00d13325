"""Progress in modules, and overall, under the whole suite: with sums by hand, and what must hold of any history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from skillcore.defaults.definitions import Curriculum, Module, ModuleTask
from skillcore.defaults.module_progress import AVERAGE, EFFICIENCY, KEPT, MINUTES, ModuleProgress, ModuleSettings
from skillcore.defaults.overall import Overall
from skillcore.plugin import Event, Reading, Score
from skillcore.testing import FormulaSample, FormulaSuite, event

MONDAY = datetime(2026, 6, 1, 9, tzinfo=UTC)
LOOPS = "module:loops"
FOUR = Module(
    tasks=(ModuleTask(name="a"), ModuleTask(name="b", required_score=90), ModuleTask(name="c"), ModuleTask(name="d")),
    required_score=70,
    expected_minutes=120,
)
ANY = Module(tasks=(ModuleTask(name="a", expected_minutes=10), ModuleTask(name="b", expected_minutes=20)))


def tried(item: str | None, score: float | None, minutes: float = 0.0, via: str = "platform", module: str = "loops") -> Event:
    data = {"type": "quiz", "module": module}
    data |= ({} if score is None else {"score": score}) | ({} if item is None else {"item": item})
    return structs.replace(event("session.activity", data, at=MONDAY + timedelta(minutes=minutes)), via=via)


def started(minutes: float, module: str = "loops") -> Event:
    return event("session.started", {"module": module}, at=MONDAY + timedelta(minutes=minutes))


def ended(minutes: float, via: str = "page") -> Event:
    return structs.replace(event("session.ended", {"module": "loops"}, at=MONDAY + timedelta(minutes=minutes)), via=via)


def read(events: list[Event], module: Module, formula: ModuleProgress | None = None) -> Score:
    formula = formula or ModuleProgress()
    state = formula.state()
    for one in sorted(events, key=lambda one: (one.occurred_at, one.id)):
        if LOOPS in formula.subjects(one):
            state = formula.apply(state, one)
    return formula.value(state, Reading(MONDAY, LOOPS, module))


def figures(score: Score) -> dict[str, float]:
    return {part.name: part.value for part in score.components if part.weight == 0}


class TestModuleProgress(FormulaSuite):
    formula = ModuleProgress()
    lowest, highest = 0, 100
    others = (ModuleProgress(ModuleSettings(longest_gap=1)),)
    definitions = (None, FOUR, ANY)
    samples = (
        FormulaSample((), None, at=MONDAY),
        FormulaSample((tried("a", 100),), None, subject=LOOPS),  # nobody defined it
        FormulaSample((), 0.0, at=MONDAY, subject=LOOPS, definition=FOUR),
        FormulaSample((tried("a", 70),), 25.0, subject=LOOPS, definition=FOUR),
        FormulaSample((tried("a", 69.9),), 0.0, subject=LOOPS, definition=FOUR),
        FormulaSample((tried("b", 89),), 0.0, subject=LOOPS, definition=FOUR),  # its own 90 is required, not 70
        FormulaSample((tried("b", 90),), 25.0, subject=LOOPS, definition=FOUR),
        FormulaSample((tried("a", 80), tried("a", 20, 5)), 25.0, subject=LOOPS, definition=FOUR),  # what was reached stays
        FormulaSample((tried("a", 80), tried("a", 80, 5), tried("a", 80, 9)), 25.0, subject=LOOPS, definition=FOUR),
        FormulaSample(
            tuple(tried(name, 95, place) for place, name in enumerate("abcd")), 100.0, subject=LOOPS, definition=FOUR
        ),
        FormulaSample((tried("elsewhere", 100), tried(None, 100, 1)), 0.0, subject=LOOPS, definition=FOUR),
        FormulaSample((tried("a", 100, via="page"), tried("b", 100, 1, via="edge")), 0.0, subject=LOOPS, definition=FOUR),
        FormulaSample((tried("a", None),), 0.0, subject=LOOPS, definition=ANY),  # an attempt without a score
        FormulaSample((tried("a", 0),), 50.0, subject=LOOPS, definition=ANY),  # nothing is required
        FormulaSample((tried("a", 100, module="graphs"),), 0.0, subject=LOOPS, definition=ANY),
        FormulaSample(
            (tried("x", 3),), 100.0, subject=LOOPS, definition=Module(tasks=(ModuleTask(name="x", required_score=3),))
        ),
    )


class TestOverall(FormulaSuite):
    formula = Overall()
    lowest, highest = 0, 100
    at_first = (0.0, None, 3.5, 100.0)  # those that the suite gives its input, and that of a module beyond its range
    definitions = (None, Curriculum(), Curriculum(modules=(("loops", 4), ("graphs", 1))))
    samples = (
        FormulaSample((), None, at=MONDAY),
        FormulaSample((), None, at=MONDAY, definition=Curriculum()),
        # (4 · 50 + 1 · 100) / 5
        FormulaSample(
            (),
            60.0,
            at=MONDAY,
            definition=Curriculum(modules=(("loops", 4), ("graphs", 1))),
            inputs={"module": {"module:loops": 50.0, "module:graphs": 100.0}},
        ),
        FormulaSample(
            (),
            40.0,
            at=MONDAY,
            definition=Curriculum(modules=(("loops", 4), ("graphs", 1))),
            inputs={"module": {"module:loops": 50.0, "module:graphs": None}},
        ),
        FormulaSample(
            (),
            25.0,
            at=MONDAY,
            definition=Curriculum(modules=(("loops", 4),)),
            inputs={"module": {"module:loops": 25.0}},
        ),
    )


@pytest.mark.parametrize("tasks", [1, 3, 97, 161, 193])  # 97 times 100 / 97 is less than 100 in doubles
def test_a_module_is_complete_when_all_of_its_tasks_are(tasks: int) -> None:
    names = [str(number) for number in range(tasks)]
    module = Module(tasks=tuple(ModuleTask(name=name) for name in names))
    events = [tried(name, 100.0, number) for number, name in enumerate(names)]
    assert read(events, module).value == 100.0
    assert 0.0 <= (read(events[1:], module).value or 0.0) < 100.0


def test_the_figures_beside_it_by_hand() -> None:
    # 9:00 start, 9:10 a page reports, 9:40 first score, 10:00 end: 60 minutes. Three of four tasks are completed.
    score = read(
        [
            started(0),
            tried("a", 60, 10, via="page"),
            tried("a", 80, 40),
            tried("b", 100, 45),
            tried("c", 90, 50),
            tried("d", 50, 55),
            ended(60),
        ],
        FOUR,
    )
    assert score.value == 75.0
    # (80 + 100 + 90 + 50) / 4 = 80; 0.75 · 120 / 60 = 1.5
    assert figures(score) == {AVERAGE: 80.0, MINUTES: 60.0, EFFICIENCY: 1.5}
    assert [part.name for part in score.components if part.weight and part.value] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("events", "minutes"),
    [
        ([], 0),
        ([started(0)], 0),
        ([started(0), ended(30)], 30),
        ([started(0), tried("a", None, 120)], 120),
        ([started(0), tried("a", None, 120.1)], 0),  # too long a gap
        ([started(0), ended(30), tried("a", None, 50), tried("a", None, 55)], 35),  # nothing between an end and what follows
        ([started(0), tried("a", None, 10), started(40), ended(45)], 15),  # nor before a start
        ([started(0), tried("a", None, 10), ended(10, via="engine"), tried("a", None, 40)], 40),  # an end that nobody set
        ([started(0), tried("a", None, 20, module="graphs"), ended(30)], 30),  # another module's is not looked at
    ],
)
def test_time_spent(events: list[Event], minutes: float) -> None:
    assert figures(read(events, FOUR))[MINUTES] == pytest.approx(minutes)


def test_efficiency_needs_time_on_both_sides() -> None:
    # 30 minutes are expected of `ANY`, by its tasks: half of it in 5 minutes is 0.5 · 30 / 5 = 3
    assert figures(read([started(0), tried("a", 1, 5)], ANY))[EFFICIENCY] == 3.0
    assert EFFICIENCY not in figures(read([tried("a", 1)], ANY))
    unknown = Module(tasks=(ModuleTask(name="a", expected_minutes=10), ModuleTask(name="b")))
    assert EFFICIENCY not in figures(read([started(0), tried("a", 1, 5)], unknown))
    assert figures(read([started(0), tried("b", 1, 5)], ANY, ModuleProgress(ModuleSettings(longest_gap=4))))[MINUTES] == 0


def test_a_flood_of_items_stays_bounded() -> None:
    formula = ModuleProgress()
    state = formula.state()
    for place in range(KEPT + 500):
        state = formula.apply(state, tried(f"item {place}", 50.0, place / 1000))
    state = formula.apply(state, tried("item 3", 80.0, 100))
    assert (len(state.best), state.scores, state.best["item 3"]) == (KEPT, KEPT + 501, 80.0)
    assert figures(read([tried("a", 33.3, place) for place in range(3000)], ANY))[AVERAGE] == pytest.approx(33.3)


attempts = st.lists(st.tuples(st.sampled_from("abcdxy"), st.floats(0, 100), st.integers(0, 500)), max_size=12)


@given(attempts, attempts)
def test_completion_never_falls(before: list[tuple[str, float, int]], more: list[tuple[str, float, int]]) -> None:
    first = [tried(item, score, minutes) for item, score, minutes in before]
    second = [tried(item, score, minutes) for item, score, minutes in more]
    early, late = read(first, FOUR).value, read(first + second, FOUR).value
    assert early is not None
    assert late is not None
    assert 0 <= early <= late <= 100


sizes = st.lists(st.tuples(st.integers(1, 200), st.floats(0, 100)), min_size=1, max_size=500)


def overall(modules: list[tuple[int, float]]) -> float:
    """Return overall progress over modules, given by how many tasks they have and how far they are."""
    known = {f"m{place}": module for place, module in enumerate(modules)}
    curriculum = Curriculum(modules=tuple((name, tasks) for name, (tasks, _) in known.items()))
    inputs = {"module": {f"module:{name}": Score(completion) for name, (_, completion) in known.items()}}
    found = Overall().value(Overall.state(), Reading(MONDAY, "", curriculum, inputs)).value
    assert found is not None
    return found


@given(sizes, st.floats(0, 100), st.data())
@settings(max_examples=50, deadline=None)
def test_overall_never_falls_while_a_module_gets_on(
    modules: list[tuple[int, float]], other: float, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(modules) - 1))
    tasks, completion = modules[place]
    before, after = (overall([*modules[:place], (tasks, part), *modules[place + 1 :]]) for part in sorted((completion, other)))
    assert before <= after + 1e-9
    # However many modules there are, it stays between the one that is least done and the one that is most.
    assert min(part for _, part in modules) - 1e-9 <= overall(modules) <= max(part for _, part in modules) + 1e-9


@given(sizes, st.floats(0, 100))
@settings(max_examples=50, deadline=None)
def test_overall_of_modules_that_are_equally_far_is_what_they_are(modules: list[tuple[int, float]], completion: float) -> None:
    assert overall([(tasks, completion) for tasks, _ in modules]) == pytest.approx(completion)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"tasks": []}, "length >= 1"),
        ({"tasks": [{"name": "a"}, {"name": "a"}]}, "tasks: 'a' stands twice"),
        ({"tasks": [{"name": "a", "required_score": 101}]}, "<= 100.0"),
        ({"tasks": [{"name": "a"}], "surprise": 1}, "unknown field"),
    ],
)
def test_a_module_that_cannot_be(body: object, said: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=said):
        msgspec.convert(body, Module)
