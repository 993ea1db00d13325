"""The learning level against sums made by hand, and formulas that break their contract."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import timedelta
from itertools import permutations
from typing import Any, Literal
from uuid import UUID

import pytest

from skillcore.defaults.kinds import EvidenceAccepted, EvidenceWithdrawn, TaskCompleted, WorkDone
from skillcore.defaults.level import Level, LevelSettings
from skillcore.ledger import record, scores, skills
from skillcore.ledger.folding import BrokenFormula, fold, parameters_hash, valued
from skillcore.plugin import Component, Event, Reading, Score, ScoringFormula, Strength
from skillcore.runtime.clock import new_id
from skillcore.runtime.engine import Engine
from skillcore.runtime.events import NewEvent
from tests.ledger.facts import NOON

READING = Reading(NOON)
Declarer = Literal["mentor", "admin", "platform"] | None


def accepted(
    user: UUID,
    work: str,
    difficulty: float | None,
    strength: Strength = "judged",
    names: tuple[str, ...] = (),
    account: str = "gym:ada",
) -> NewEvent:
    source = account.partition(":")[0]
    data = EvidenceAccepted(source=source, account=account, work=work, strength=strength, difficulty=difficulty)
    return NewEvent(
        user_id=user,
        kind="evidence.accepted",
        data=data,
        subject_id=f"{account}:{work}",
        skills=names,
        occurred_at=NOON,
    )


def task(
    user: UUID, work: str, difficulty: float | None, by: Declarer, names: tuple[str, ...] = (), known: float | None = None
) -> NewEvent:
    done = WorkDone(subject=f"gym:ada:{work}", skills=names, difficulty=known, strength="judged")
    return NewEvent(
        user_id=user,
        kind="task.completed",
        data=TaskCompleted(works=(done,), difficulty=difficulty, declared_by=by),
        subject_id=str(new_id()),
        occurred_at=NOON + timedelta(hours=1),
        id=new_id(),
    )


async def level(engine: Engine, user: UUID, skill: str = "") -> Score:
    async with engine.transaction() as tx:
        return (await scores.read(tx, user, "level", subject=skill)).score


async def recorded(engine: Engine, *events: NewEvent) -> None:
    for event in events:
        async with engine.transaction() as tx:
            await record(tx, [event])


async def test_nothing_is_zero(engine: Engine) -> None:
    score = await level(engine, new_id())
    assert score.value == 0
    assert [component.value for component in score.components] == [0, 0]


async def test_ten_points_of_difficulty_make_a_level(engine: Engine) -> None:
    ada = new_id()
    await recorded(engine, accepted(ada, "1", 4.0), accepted(ada, "2", 7.5), accepted(ada, "3", 8.5))
    assert (await level(engine, ada)).value == pytest.approx(2.0)  # 20 / 10


async def test_a_work_of_unknown_difficulty_counts_one(engine: Engine) -> None:
    ada = new_id()
    await recorded(engine, accepted(ada, "1", 4.0), accepted(ada, "2", None))
    assert (await level(engine, ada)).value == pytest.approx(0.5)  # (4 + 1) / 10


@pytest.mark.parametrize(
    ("strength", "difficulty", "value"),
    [
        ("judged", 6.0, 0.6),
        ("authenticated", 6.0, 0.6),
        ("asserted", 6.0, 0.3),
        ("asserted", None, 0.05),
    ],
)
async def test_what_rests_on_its_author_s_word_counts_half(
    strength: Strength, difficulty: float | None, value: float, engine: Engine
) -> None:
    ada = new_id()
    await recorded(engine, accepted(ada, "owner/repo", difficulty, strength, account="github:583231"))
    assert (await level(engine, ada)).value == pytest.approx(value)


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ([(6.0, "mentor")], 0.6),
        ([(6.0, "admin")], 0.6),
        ([(6.0, "platform")], 0.6),
        ([(6.0, None)], 0.1),  # a learner's own figure
        ([(None, None)], 0.1),
        ([(3.0, "mentor"), (5.0, "platform"), (4.0, "admin"), (9.0, None)], 0.5),  # the highest that counts
    ],
)
async def test_a_declared_difficulty_stands_in_for_an_unknown_one(
    declared: list[tuple[float | None, Declarer]], value: float, engine: Engine
) -> None:
    ada = new_id()
    await recorded(engine, accepted(ada, "1", None), *(task(ada, "1", difficulty, by) for difficulty, by in declared))
    assert (await level(engine, ada)).value == pytest.approx(value)


async def test_a_declared_difficulty_never_replaces_the_source_s_own(engine: Engine) -> None:
    ada = new_id()
    await recorded(engine, accepted(ada, "1", 2.0), task(ada, "1", 9.0, "mentor", known=2.0))
    assert (await level(engine, ada)).value == pytest.approx(0.2)


async def test_a_task_counts_nothing_once_its_evidence_is_withdrawn(engine: Engine) -> None:
    ada = new_id()
    await recorded(engine, accepted(ada, "1", None), task(ada, "1", 9.0, "mentor"))
    assert (await level(engine, ada)).value == pytest.approx(0.9)
    gone = EvidenceWithdrawn(account="gym:ada", reason="a wrong link")
    withdrawn = NewEvent(user_id=ada, kind="evidence.withdrawn", data=gone, subject_id="gym:ada", occurred_at=NOON, id=new_id())
    await recorded(engine, withdrawn)
    assert (await level(engine, ada)).value == 0


async def test_a_declared_difficulty_is_that_of_the_work_and_not_of_a_skill_that_the_task_names(engine: Engine) -> None:
    ada = new_id()
    async with engine.transaction() as tx:
        for name in ("Loops", "Graphs"):
            await skills.create(tx, skills.NewSkill(name=name))
    both = TaskCompleted(
        works=(
            WorkDone(subject="gym:ada:1", skills=("loops",), strength="judged"),
            WorkDone(subject="gym:ada:2", skills=("graphs",), strength="judged"),
        ),
        difficulty=6.0,
        declared_by="mentor",
    )
    done = NewEvent(user_id=ada, kind="task.completed", data=both, subject_id="t", occurred_at=NOON, id=new_id())
    works = [accepted(ada, "1", None, names=("loops",)), accepted(ada, "2", None, names=("graphs",))]
    await recorded(engine, done, *works)
    assert [(await level(engine, ada, skill)).value for skill in ("", "loops", "graphs")] == pytest.approx([1.2, 0.6, 0.6])


async def test_a_work_that_is_imported_and_set_as_a_task_counts_once_in_any_order(engine: Engine) -> None:
    for order in permutations(range(4)):
        ada = new_id()
        events = [accepted(ada, "1", None), task(ada, "1", 6.0, "mentor"), accepted(ada, "1", None), accepted(ada, "2", 4.0)]
        await recorded(engine, *(events[place] for place in order))
        assert (await level(engine, ada)).value == pytest.approx(1.0)  # (6 + 4) / 10


async def test_a_skill_has_the_level_of_its_own_works(engine: Engine) -> None:
    async with engine.transaction() as tx:
        for name in ("Arrays", "Graphs"):
            await skills.create(tx, skills.NewSkill(name=name))
    ada = new_id()
    await recorded(
        engine,
        accepted(ada, "1", 4.0, names=("arrays",)),
        accepted(ada, "2", 6.0, names=("arrays", "graphs")),
        accepted(ada, "3", None, names=("graphs",)),
        task(ada, "3", 3.0, "mentor", names=("graphs",)),
        accepted(ada, "4", 8.0),
    )
    assert (await level(engine, ada, "arrays")).value == pytest.approx(1.0)  # (4 + 6) / 10
    assert (await level(engine, ada, "graphs")).value == pytest.approx(0.9)  # (6 + 3) / 10
    assert (await level(engine, ada)).value == pytest.approx(2.1)  # (4 + 6 + 3 + 8) / 10


async def test_withdrawn_evidence_counts_nothing_until_its_account_is_linked_again(engine: Engine) -> None:
    ada = new_id()
    withdrawal = EvidenceWithdrawn(account="gym:ada", reason="not hers")
    await recorded(
        engine,
        accepted(ada, "1", 4.0),
        accepted(ada, "2", 5.0, account="chess:7"),
        NewEvent(user_id=ada, kind="evidence.withdrawn", data=withdrawal, subject_id="gym:ada"),
    )
    assert (await level(engine, ada)).value == pytest.approx(0.5)
    await recorded(engine, accepted(ada, "3", 2.0))  # arrives after a snapshot, and is withdrawn as well
    assert (await level(engine, ada)).value == pytest.approx(0.5)


async def test_the_parts_combine_to_the_whole(engine: Engine) -> None:
    ada = new_id()
    await recorded(engine, accepted(ada, "1", 4.0), accepted(ada, "2", None), accepted(ada, "3", None, "asserted"))
    score = await level(engine, ada)
    stated, other = score.components
    assert (stated.value, other.value) == (4.0, 1.5)
    assert score.value == pytest.approx(stated.value * stated.weight + other.value * other.weight)
    assert score.value == pytest.approx(0.55)


async def test_the_parameters_are_settings() -> None:
    formula = Level(LevelSettings(normalisation=4.0, unknown_difficulty=2.0, asserted_weight=0.25))
    states: dict[str, Any] = {}
    for number, (difficulty, strength) in enumerate([(6.0, "judged"), (None, "judged"), (4.0, "asserted")]):
        new = accepted(new_id(), str(number), difficulty, strength)  # type: ignore[arg-type]
        fold(formula, states, Event(str(new_id()), "", new.kind, new.subject_id, NOON, (), new.data))
    assert valued(formula, states[""], READING).value == pytest.approx(2.25)  # (6 + 2 + 4/4) / 4
    assert parameters_hash(formula) != parameters_hash(Level())


class Bands(Level):
    """Levels with names for some of them."""

    def __init__(self, **bands: float) -> None:
        super().__init__()
        self.bands = bands


def test_the_order_in_which_parameters_are_written_is_none_of_them() -> None:
    assert parameters_hash(Bands(low=1.0, high=2.0)) == parameters_hash(Bands(high=2.0, low=1.0))
    assert parameters_hash(Bands(low=1.0, high=2.0)) != parameters_hash(Bands(low=2.0, high=1.0))


def test_who_stops_the_process_is_let_through() -> None:
    with pytest.raises(KeyboardInterrupt):
        valued(Says(KeyboardInterrupt()), None, READING)


class Says(ScoringFormula[Any]):
    """A formula with one answer."""

    name = "says"
    version = 1
    kinds = frozenset({"evidence.accepted"})
    state = Level.state

    def __init__(self, answer: Score | BaseException) -> None:
        self.answer = answer

    def subjects(self, event: Event) -> Iterable[str]:
        return ("",)

    def apply(self, state: Any, event: Event) -> Any:
        return state

    def value(self, state: Any, reading: Reading) -> Score:
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


def parts(*values: float) -> tuple[Component, ...]:
    return tuple(Component(f"part {value}", value) for value in values)


@pytest.mark.parametrize(
    "answer",
    [
        Score(3.0, parts(1.0, 1.0)),
        Score(2.0, parts(1.0, 1.0), combine="product"),
        Score(1.0),
        Score(math.nan, parts(math.nan)),
        Score(math.inf, parts(math.inf)),
        Score(0.0, parts(math.inf, -math.inf)),
        Score(0.0, parts(1e308, 1e308, -1e308, -1e308, 1e308, 1e308, 1e308)),
        Score(1.0, (Component("part", 1e308, 1e308),)),
        Score(0.75, parts(0.75), link="logistic"),
        Score(1.0, parts(math.inf), link="logistic"),
        Score("2", parts(2.0)),  # type: ignore[arg-type]
        Score(2.00000001, parts(1.0, 1.0)),
        Score(1e-8),
        ZeroDivisionError("empty"),
        SystemExit(3),  # which would end the process
    ],
)
def test_a_formula_that_breaks_its_contract_is_named(answer: Score | BaseException) -> None:
    with pytest.raises(BrokenFormula, match="'says'"):
        valued(Says(answer), None, READING)


@pytest.mark.parametrize(
    "answer",
    [
        Score(0.0),
        Score(1.0, combine="product"),
        Score(0.3, parts(0.1, 0.2)),
        Score(0.0, parts(0.1, 0.2, -0.3)),  # which is 2.8e-17 in the computer
        Score(6.0, parts(2.0, 3.0), combine="product"),
        Score(None, label="beginner"),
        Score(0.5, link="logistic"),
        # The logit of 0.75 is ln 3.
        Score(0.75, parts(math.log(3) - 1, 1.0), link="logistic"),
        Score(0.25, parts(-math.log(3)), link="logistic"),
        Score(0.0, parts(-2000.0), link="logistic"),
        Score(1.0, parts(2000.0), link="logistic"),
    ],
)
def test_a_formula_that_keeps_its_contract_is_believed(answer: Score) -> None:
    assert valued(Says(answer), None, READING) is answer
