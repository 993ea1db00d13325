"""Signals: what emitting them promises, what each default rule derives, and that no rule ever costs a fact."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any
from uuid import UUID

import msgspec
import pytest

from skillcore.defaults.kinds import Volunteered
from skillcore.ledger import SignalContext, emit_skill_signals, ingest, maintenance, record
from skillcore.ledger.intake import open_intake
from skillcore.ledger.recording import FEW
from skillcore.plugin import Event, SkillSignal
from skillcore.runtime.clock import new_id
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.events import NewEvent
from skillcore.runtime.problems import InvalidField
from skillcore.runtime.settings import Settings
from tests.conftest import Dsns
from tests.ledger.facts import (
    NOON,
    Broken,
    catalogue,
    clean,
    completed,
    evidence,
    joined,
    mended,
    mentored,
    note,
    rows,
    updated,
    with_rule,
)

SIGNALS = "select user_id, skill_id, source_type, source_id, signal_type from skill_signals order by 2, 3, 4, 5"
PARKED = "select consumer, event_id, parked, error from parked_events order by 2"


async def emit(engine: Engine, *arguments: Any, **named: Any) -> int:
    async with engine.transaction() as tx:
        return await emit_skill_signals(tx, *arguments, **named)


async def recorded(engine: Engine, *events: NewEvent) -> tuple[UUID, ...]:
    async with engine.transaction() as tx:
        return (await record(tx, events)).ids


async def test_nothing_is_emitted_where_something_is_missing(engine: Engine, database_dsns: Dsns) -> None:
    ada, skills = new_id(), await catalogue(engine, "python")
    whole: tuple[Any, ...] = (ada, "project", "p-1", "joined")
    for place in range(4):
        for missing in (None, ""):
            assert await emit(engine, *whole[:place], missing, *whole[place + 1 :], skills) == 0
    assert rows(database_dsns, SIGNALS) == []
    assert await emit(engine, *whole, skills) == 1


async def test_mentorship_never_leaves_a_signal(engine: Engine, database_dsns: Dsns) -> None:
    skills = await catalogue(engine, "python")
    for signal_type in ("joined", "update", "completed"):
        assert await emit(engine, new_id(), "mentorship", "s-1", signal_type, skills) == 0
        assert await emit(engine, new_id(), "mentorship", "s-1", signal_type, ["unknown"]) == 0
    assert rows(database_dsns, SIGNALS) == []


async def test_without_skills_nothing_is_emitted(engine: Engine, database_dsns: Dsns) -> None:
    for source_type, signal_type in (("project", "joined"), ("update", "update")):
        for none in ((), [], set(), None):
            assert await emit(engine, new_id(), source_type, "p-1", signal_type, none) == 0
    assert rows(database_dsns, SIGNALS) == []


async def test_skills_are_emitted_once_each(engine: Engine, database_dsns: Dsns) -> None:
    ada, (python, rust) = new_id(), await catalogue(engine, "python", "rust")
    assert await emit(engine, ada, "project", "p-1", "joined", [rust, python, rust, rust]) == 2
    assert rows(database_dsns, SIGNALS) == [(ada, skill, "project", "p-1", "joined") for skill in (python, rust)]


async def test_an_unknown_skill_is_an_error_and_emits_nothing(engine: Engine, database_dsns: Dsns) -> None:
    skills = await catalogue(engine, "python")
    with pytest.raises(InvalidField, match="basket-weaving"):
        await emit(engine, new_id(), "project", "p-1", "joined", [*skills, "basket-weaving"])
    assert rows(database_dsns, SIGNALS) == []


async def test_what_the_table_would_refuse_is_refused_before(engine: Engine, database_dsns: Dsns) -> None:
    skills = await catalogue(engine, "python")
    whole: dict[str, Any] = {"source_type": "project", "source_id": "p-1", "signal_type": "joined", "weight": 1.0}
    async with engine.transaction() as tx:
        for wrong in (
            {"source_type": "rumour"},
            {"signal_type": "guessed"},
            {"source_id": "a\0b"},
            {"weight": math.nan},
            {"weight": math.inf},
        ):
            with pytest.raises(ValueError, match="returned a signal"):
                await emit_skill_signals(tx, user_id=new_id(), skill_ids=skills, **{**whole, **wrong})
        assert await emit_skill_signals(tx, user_id=new_id(), skill_ids=skills, **whole) == 1  # the transaction goes on
    assert len(rows(database_dsns, SIGNALS)) == 1


async def test_duplicates_are_absorbed_and_never_updated(engine: Engine, database_dsns: Dsns) -> None:
    ada, (python, rust) = new_id(), await catalogue(engine, "python", "rust")
    every = "select s::text from skill_signals s order by 1"
    assert await emit(engine, ada, "project", "p-1", "joined", [python], 2.0) == 1
    first = rows(database_dsns, every)
    context = SignalContext(new_id(), "other", 9, NOON)
    assert await emit(engine, ada, "project", "p-1", "joined", [python], 5.0, context) == 0
    assert rows(database_dsns, every) == first
    assert await emit(engine, ada, "project", "p-1", "joined", [python, rust]) == 1
    assert set(first) < set(rows(database_dsns, every))


async def test_each_part_of_the_key_tells_signals_apart(engine: Engine, database_dsns: Dsns) -> None:
    ada, (python, rust) = new_id(), await catalogue(engine, "python", "rust")
    key: tuple[Any, ...] = (ada, "project", "p-1", "joined", [python])
    others: tuple[Any, ...] = (new_id(), "update", "p-2", "completed", [rust])
    assert await emit(engine, *key) == 1
    for place, other in enumerate(others):
        assert await emit(engine, *key[:place], other, *key[place + 1 :]) == 1
        assert await emit(engine, *key[:place], other, *key[place + 1 :]) == 0
    assert len(rows(database_dsns, SIGNALS)) == 6
    assert rows(database_dsns, "select count(distinct (user_id, id)) from skill_signals") == [(6,)]


async def test_the_unique_key_keeps_its_parts_apart(engine: Engine, database_dsns: Dsns) -> None:
    ada, skills = new_id(), await catalogue(engine, "python")
    assert await emit(engine, ada, "project", "a b", "joined", skills) == 1
    assert await emit(engine, ada, "project", "a", "joined", skills) == 1
    assert await emit(engine, ada, "project", "a\x1fb", "joined", skills) == 1
    assert await emit(engine, ada, "project", "á", "joined", skills) == 1
    assert len(rows(database_dsns, SIGNALS)) == 4


async def test_a_signal_says_where_it_comes_from(engine: Engine, database_dsns: Dsns) -> None:
    ada, skills = new_id(), await catalogue(engine, "python")
    event = new_id()
    await emit(engine, ada, "session", "s-1", "update", skills, 0.25, SignalContext(event, "mine", 3, NOON))
    found = rows(database_dsns, "select weight, event_id, rule, rule_version, created_at from skill_signals")
    assert found == [(0.25, event, "mine", 3, NOON)]


async def test_emitting_rolls_back_with_its_transaction(engine: Engine, database_dsns: Dsns) -> None:
    skills = await catalogue(engine, "python")

    async def failing() -> None:
        async with engine.transaction() as tx:
            assert await emit_skill_signals(tx, new_id(), "project", "p-1", "joined", skills) == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await failing()
    assert rows(database_dsns, SIGNALS) == []


async def test_the_default_rules(engine: Engine, database_dsns: Dsns) -> None:
    ada, (python, rust, sql) = new_id(), await catalogue(engine, "python", "rust", "sql")
    volunteered = NewEvent(
        user_id=ada,
        kind="platform.volunteered",
        data=Volunteered(title="sql"),
        subject_id="o-1",
        skills=(rust,),
        occurred_at=NOON,
    )
    ids = await recorded(
        engine,
        joined(ada, python, rust),
        updated(ada, python),
        evidence(ada, skills=(python,)),
        completed(ada, sql, python, task="t-1"),
        volunteered,
        mentored(ada, python, rust),
        joined(ada, project="bare"),
        updated(ada, update="bare"),
        note(ada, skills=(python,)),
    )
    assert rows(database_dsns, SIGNALS) == sorted(
        [
            (ada, python, "project", "p-1", "joined"),
            (ada, rust, "project", "p-1", "joined"),
            (ada, python, "update", "u-1", "update"),
            (ada, python, "evidence", "gym:ada:1500/A", "completed"),
            (ada, sql, "evidence", "gym:ada:1500/A", "completed"),
            (ada, rust, "platform", "o-1", "joined"),
        ],
        key=lambda signal: signal[1:],
    )
    origins = rows(
        database_dsns, "select distinct rule, rule_version, event_id, created_at, weight from skill_signals order by 1"
    )
    assert origins == [
        ("completed", 1, ids[2], NOON, 1.0),
        ("completed-task", 1, ids[3], NOON, 1.0),
        ("joined", 1, ids[0], NOON, 1.0),
        ("updated", 1, ids[1], NOON, 1.0),
        ("volunteered", 1, ids[4], NOON, 1.0),
    ]
    assert await clean(engine) == []


@pytest.mark.parametrize("task_first", [True, False])
async def test_a_work_and_the_task_on_it_count_once(engine: Engine, database_dsns: Dsns, task_first: bool) -> None:
    ada, skills = new_id(), await catalogue(engine, "python")
    events = [evidence(ada, skills=skills), completed(ada, *skills, task="t-1"), completed(ada, *skills, task="t-2")]
    for event in reversed(events) if task_first else events:
        await recorded(engine, event)
    assert rows(database_dsns, SIGNALS) == [(ada, *skills, "evidence", "gym:ada:1500/A", "completed")]
    assert await clean(engine) == []


async def test_a_repeated_event_leaves_no_second_signal(engine: Engine, database_dsns: Dsns) -> None:
    ada, skills = new_id(), await catalogue(engine, "python")
    first = msgspec.structs.replace(joined(ada, *skills), id=new_id())
    await recorded(engine, first)
    again = msgspec.structs.replace(joined(ada, *skills), id=new_id())  # they left and joined again
    await recorded(engine, first, again, *(note(ada, number) for number in range(FEW)))
    assert rows(database_dsns, "select event_id from skill_signals") == [(first.id,)]
    assert await clean(engine) == []


def raising(event: Event) -> Iterable[SkillSignal]:
    raise KeyError(event.subject_id)


def interrupted(event: Event) -> Iterable[SkillSignal]:
    yield from mended(event)
    raise OSError("the disk, of all things")


def endless(event: Event) -> Iterable[SkillSignal]:
    return endless(event)


def returning(*signals: Any) -> Callable[[Event], Iterable[SkillSignal]]:
    return lambda _: signals


def signal(**change: Any) -> Any:
    return msgspec.structs.replace(SkillSignal("python", "platform", "note", "joined"), **change)


FAULTS: dict[str, Callable[[Event], Any]] = {
    "raises": raising,
    "raises in the middle": interrupted,
    "returns nothing": lambda _: None,
    "returns a number": lambda _: 7,
    "returns words": lambda _: "python",
    "returns tuples": returning(("python", "platform", "note", "joined")),
    "returns None among others": returning(signal(), None),
    "names an unknown skill": returning(signal(), signal(skill_id="basket-weaving")),
    "names no skill": returning(signal(skill_id=None)),
    "names a list of skills": returning(signal(skill_id=["python"])),
    "has an unknown source": returning(signal(source_type="rumour")),
    "has an unknown type": returning(signal(signal_type="guessed")),
    "has a source of a wrong type": returning(signal(source_id=7)),
    "has a source that no database takes": returning(signal(source_id="a\0b")),
    "has a source that is no text": returning(signal(source_id="\ud800")),
    "weighs nothing that is a number": returning(signal(weight=math.nan)),
    "weighs too much": returning(signal(weight=math.inf)),
    "weighs beyond all bounds": returning(signal(weight=10**400)),
    "weighs a word": returning(signal(weight="heavy")),
    "weighs none": returning(signal(weight=None)),
    "calls itself": endless,
}


@pytest.fixture
async def ruled(database_dsns: Dsns, settings: Settings) -> AsyncIterator[Engine]:
    """An engine whose plugins bring a rule that breaks."""
    database = Database(database_dsns.service_dsn, settings.database)
    engine = Engine(settings, with_rule(Broken()), database)
    async with open_intake(engine):
        yield engine
    await database.close()


@pytest.mark.parametrize("door", ["record", "ingest"])
@pytest.mark.parametrize("size", [1, FEW + 20])
async def test_a_broken_rule_costs_no_fact_and_is_repaired(
    ruled: Engine, database_dsns: Dsns, monkeypatch: pytest.MonkeyPatch, door: str, size: int
) -> None:
    skills = await catalogue(ruled, "python")
    expected: list[tuple[Any, ...]] = []
    ids: list[UUID] = []
    for place, (name, behaviour) in enumerate(FAULTS.items()):
        ada = new_id()
        monkeypatch.setattr(Broken, "behaviour", staticmethod(behaviour))
        faulty = note(ada, place, skills=skills)
        events = [faulty, joined(ada, *skills, project=f"p-{place}"), *(note(ada, 100 + more) for more in range(size - 1))]
        done = await ingest(ruled, events) if door == "ingest" else None
        if done is None:
            async with ruled.transaction() as tx:
                done = await record(tx, events)
        assert all(done.new), name
        parked = rows(database_dsns, "select consumer, parked, error from parked_events where event_id = %s", faulty.id)
        assert [row[:2] for row in parked] == [("rule:broken", True)], name
        assert parked[0][2], name
        assert rows(database_dsns, "select rule from skill_signals where user_id = %s", ada) == [("joined",)], name
        ids += [faulty.id] if faulty.id else []
        expected.append((ada, *skills, "platform", f"note-{place}", "joined"))
    assert await clean(ruled) == []  # parked is known, not wrong
    monkeypatch.setattr(Broken, "behaviour", staticmethod(raising))
    assert (await maintenance.backfill(ruled)).failed == len(FAULTS) * size
    assert {row[0] for row in rows(database_dsns, "select event_id from parked_events")} >= set(ids)
    monkeypatch.setattr(Broken, "behaviour", staticmethod(mended))
    filled = await maintenance.backfill(ruled)
    assert (filled.users, filled.signals, filled.failed) == (len(FAULTS), len(FAULTS), 0)
    assert rows(database_dsns, PARKED) == []
    found = rows(
        database_dsns, "select user_id, skill_id, source_type, source_id, signal_type from skill_signals where rule = 'broken'"
    )
    assert sorted(found) == sorted(expected)
    assert await clean(ruled) == []
    again = await maintenance.backfill(ruled)
    assert (again.signals, again.failed) == (0, 0)


async def test_a_backfill_of_one_rule_leaves_the_others_parked(
    ruled: Engine, database_dsns: Dsns, monkeypatch: pytest.MonkeyPatch
) -> None:
    skills = await catalogue(ruled, "python")
    monkeypatch.setattr(Broken, "behaviour", staticmethod(raising))
    await ingest(ruled, [note(new_id(), 1, skills=skills)])
    monkeypatch.setattr(Broken, "behaviour", staticmethod(mended))
    assert (await maintenance.backfill(ruled, ["joined"])).signals == 0
    assert len(rows(database_dsns, PARKED)) == 1
    assert (await maintenance.backfill(ruled, ["broken"])).signals == 1
    assert rows(database_dsns, PARKED) == []


async def test_the_check_tells_of_missing_and_of_underived_signals(
    ruled: Engine, database_dsns: Dsns, monkeypatch: pytest.MonkeyPatch
) -> None:
    skills = await catalogue(ruled, "python")
    ada = new_id()
    monkeypatch.setattr(Broken, "behaviour", staticmethod(lambda _: ()))
    (id_,) = (await ingest(ruled, [note(ada, 1, skills=skills)])).ids
    monkeypatch.setattr(Broken, "behaviour", staticmethod(mended))
    (missing,) = await clean(ruled)
    assert f"missing; event {id_} derives it" in missing
    assert f"{ada} python/platform/note-1/joined" in missing
    await emit(ruled, ada, "session", "made-up", "joined", skills, 1.0, SignalContext(id_, "broken", 1, NOON))
    await emit(ruled, ada, "session", "older", "joined", skills, 1.0, SignalContext(id_, "broken", 0, NOON))
    assert len(await clean(ruled)) == 2
    await maintenance.backfill(ruled)
    (underived,) = await clean(ruled)
    assert "does not derive this signal" in underived
    assert "python/session/made-up/joined" in underived


async def test_a_rule_sees_the_event_as_it_is_recorded(
    ruled: Engine, database_dsns: Dsns, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Event] = []
    monkeypatch.setattr(Broken, "behaviour", staticmethod(lambda event: seen.append(event) or ()))
    skills = await catalogue(ruled, "python")
    ada = new_id()
    (id_,) = (await ingest(ruled, [note(ada, 1, skills=skills)])).ids
    await maintenance.backfill(ruled)
    live, replayed = seen
    assert live == replayed
    assert (live.id, live.user_id, live.kind, live.subject_id) == (str(id_), str(ada), "x.note", "note-1")
