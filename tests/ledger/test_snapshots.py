"""Snapshots, checkpoints and past days, definitions, and scores built on scores; by formulas whose sums are done by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any
from uuid import UUID

import psycopg
import pytest
from msgspec import Struct

from skillcore.defaults.kinds import AccountLinked, EvidenceAccepted, EvidenceWithdrawn, TimeSpent
from skillcore.ledger import record, scores, snapshots
from skillcore.ledger.folding import BrokenFormula
from skillcore.plugin import Component, Event, PluginInfo, Reading, Score, ScoringFormula, hookimpl
from skillcore.plugin.manager import Plugins
from skillcore.runtime.clock import new_id
from skillcore.runtime.definitions import Definitions
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.events import NewEvent
from skillcore.runtime.rooms import Room
from tests.conftest import Dsns

JUNE = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


class Spent(Struct, frozen=True):
    minutes: float = 0.0


class Target(Struct, frozen=True):
    """How many minutes are wanted, and of which subjects the whole consists."""

    minutes: float = 100.0
    parts: tuple[str, ...] = ()


class Time(ScoringFormula[Spent]):
    """Percent of the minutes wanted."""

    name = "time"
    version = 1
    kinds = frozenset({"progress.time"})
    state = Spent
    definition = Target

    def __init__(self) -> None:
        self.rate = 1.0

    def subjects(self, event: Event) -> Iterable[str]:
        return (event.subject_id,)

    def apply(self, state: Spent, event: Event) -> Spent:
        return Spent(state.minutes + self.rate * event.data.minutes)

    def value(self, state: Spent, reading: Reading) -> Score:
        if not isinstance(reading.definition, Target):
            return Score(None)
        share = 100 * state.minutes / reading.definition.minutes
        return Score(share, (Component("time", share, 1.0, self.kinds, reading.subject, most=100.0),))


class Whole(ScoringFormula[Spent]):
    """The mean of the parts that the definition names."""

    name = "whole"
    version = 1
    kinds = frozenset({"progress.time"})
    state = Spent
    definition = Target
    inputs = ("time",)

    def subjects(self, event: Event) -> Iterable[str]:
        return ()

    def asks(self, reading: Reading) -> Mapping[str, Iterable[str]]:
        return {"time": reading.definition.parts if isinstance(reading.definition, Target) else ()}

    def apply(self, state: Spent, event: Event) -> Spent:
        return state

    def value(self, state: Spent, reading: Reading) -> Score:
        given = reading.inputs["time"]
        parts = tuple(
            Component(one, score.value or 0.0, 1 / len(given), self.kinds, one, "time") for one, score in given.items()
        )
        return Score(sum(part.value * part.weight for part in parts) if parts else None, parts)


class Circular(Whole):
    name = "circular"
    inputs = ("circular",)

    def asks(self, reading: Reading) -> Mapping[str, Iterable[str]]:
        return {"circular": ("",)}


async def target(_: Transaction, __: UUID, subject: str, at: datetime) -> Target | None:
    """The targets: doubled from June 4th on."""
    known = {"maze": Target(200.0), "pool": Target(50.0), "all": Target(parts=("maze", "pool"))}.get(subject)
    return known if known is None or known.parts or at < JUNE + 3 * DAY else Target(known.minutes * 2)


@pytest.fixture
async def engine(engine: Engine) -> Any:
    module = ModuleType("timing")

    @hookimpl
    def skillcore_plugin() -> PluginInfo:
        return PluginInfo(contract=">=1.1,<2")

    @hookimpl
    def skillcore_scoring_formulas() -> list[ScoringFormula[Any]]:
        return [Time(), Whole(), Circular()]

    module.skillcore_plugin = skillcore_plugin  # type: ignore[attr-defined]
    module.skillcore_scoring_formulas = skillcore_scoring_formulas  # type: ignore[attr-defined]
    engine.plugins = Plugins.load(allow=("defaults", "timing"), strict=True, extra=[("timing", module)])
    async with engine.open(Definitions([Room(name="timing", definitions={Target: target})])):
        yield engine


async def spend(
    engine: Engine, user: UUID, days: float, minutes: float, subject: str = "maze", *, id_: UUID | None = None
) -> None:
    async with engine.transaction() as tx:
        event = NewEvent(
            user_id=user,
            kind="progress.time",
            data=TimeSpent(minutes=minutes),
            subject_id=subject,
            occurred_at=JUNE + days * DAY,
            id=id_ or new_id(),
        )
        await record(tx, [event])


async def value(engine: Engine, user: UUID, formula: str = "time", subject: str = "maze", **at: datetime) -> float | None:
    async with engine.transaction() as tx:
        return (await scores.read(tx, user, formula, subject=subject, **at)).score.value


@pytest.fixture
async def ada(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> UUID:
    """Ten minutes a day, for ten days, with a checkpoint after every third."""
    monkeypatch.setattr(snapshots, "CHECKPOINT_EVERY", 3)
    user = new_id()
    for day in range(10):
        await spend(engine, user, day, 10.0)
    assert await value(engine, user) == 25.0  # 100 of 400 minutes
    return user


def marks(dsns: Dsns) -> list[Any]:
    with psycopg.connect(dsns.owner_dsn) as owner:
        return owner.execute("select extract(day from upto_at)::int, folded::int from checkpoints order by 1").fetchall()


class Counting:
    """Counts the events that are folded."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.events = 0
        fold = snapshots.fold

        def counted(*arguments: Any) -> None:
            self.events += 1
            fold(*arguments)

        patch.setattr(snapshots, "fold", counted)


async def test_what_was_folded_is_not_folded_again(engine: Engine, ada: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    counting = Counting(monkeypatch)
    assert await value(engine, ada) == 25.0
    assert counting.events == 0
    await spend(engine, ada, 10, 20.0)
    assert await value(engine, ada) == 30.0
    assert counting.events == 1


async def test_a_late_event_begins_at_the_checkpoint_before_it(
    engine: Engine, ada: UUID, database_dsns: Dsns, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert marks(database_dsns) == [(3, 3), (6, 6), (9, 9)]
    counting = Counting(monkeypatch)
    await spend(engine, ada, 6.5, 40.0)  # in the night after the seventh day
    assert await value(engine, ada) == 35.0
    assert counting.events == 5  # days 7 to 10, and the late one
    assert marks(database_dsns) == [(3, 3), (6, 6), (8, 9)]


async def test_what_comes_late_in_the_very_moment_of_a_checkpoint_is_in_none_that_is_left(
    engine: Engine, ada: UUID, database_dsns: Dsns
) -> None:
    """In one moment events are in the order of their ids, and this one's is the lowest of all."""
    assert marks(database_dsns) == [(3, 3), (6, 6), (9, 9)]
    await spend(engine, ada, 5, 40.0, id_=UUID(int=1))
    assert await value(engine, ada) == 35.0
    assert marks(database_dsns) == [(3, 3), (6, 6), (8, 9)]
    # 60 minutes and these 40 of 400, at that moment and until the next one
    assert [await value(engine, ada, as_of=JUNE + days * DAY) for days in (4.9, 5, 5.9, 6)] == [12.5, 25.0, 25.0, 27.5]
    assert await read_series(engine, ada, (4.9, 5, 5.9, 6)) == [12.5, 25.0, 25.0, 27.5]


async def test_what_was_folded_by_other_rules_is_not_gone_on_with(
    engine: Engine, ada: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def read() -> list[float | None]:
        return [await value(engine, ada), await value(engine, ada, as_of=JUNE + 4.5 * DAY)]

    assert await read() == [25.0, 12.5]
    monkeypatch.setattr(engine.plugins.formulas["time"], "rate", 2.0)
    assert await read() == [50.0, 25.0]
    monkeypatch.setattr(engine.plugins.formulas["time"], "rate", 1.0)
    assert await read() == [25.0, 12.5]
    monkeypatch.setattr(Time, "version", 2)
    monkeypatch.setattr(Time, "apply", lambda _, state, event: Spent(state.minutes + 3 * event.data.minutes))
    assert await read() == [75.0, 37.5]


async def test_a_former_day_is_read_from_the_checkpoint_before_it(
    engine: Engine, ada: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = Counting(monkeypatch)
    assert await value(engine, ada, as_of=JUNE + 7 * DAY) == 20.0  # 80 of 400
    assert counting.events == 2
    assert await value(engine, ada, as_of=JUNE + 2 * DAY) == 15.0  # 30 of 200: the target of that day
    assert await value(engine, ada, as_of=JUNE - DAY) == 0.0
    assert await value(engine, ada, as_of=JUNE + 70 * DAY) == 25.0


async def test_a_series_folds_nothing_twice(engine: Engine, ada: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    counting = Counting(monkeypatch)
    days = [JUNE + day * DAY for day in (-1, 0, 2, 2.5, 3, 9, 30)]
    async with engine.transaction() as tx:
        found = [one.score.value for one in await scores.series(tx, ada, "time", days, subject="maze")]
    assert found == [0.0, 5.0, 15.0, 15.0, 10.0, 25.0, 25.0]
    assert counting.events == 5  # the first four, and the tenth: what lies between, the checkpoint after the ninth has seen
    assert found == [await value(engine, ada, as_of=day) for day in days]


async def read_series(engine: Engine, user: UUID, days: Iterable[float]) -> list[float | None]:
    async with engine.transaction() as tx:
        moments = [JUNE + day * DAY for day in days]
        return [one.score.value for one in await scores.series(tx, user, "time", moments, subject="maze")]


async def test_a_series_leaves_checkpoints_for_the_next_one(
    engine: Engine, ada: UUID, database_dsns: Dsns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "CHARTED_EVERY", 2)
    days = (0.5, 1.5, 3.5, 4.5, 7.5)
    counting = Counting(monkeypatch)
    found = await read_series(engine, ada, days)
    assert found == [5.0, 10.0, 10.0, 12.5, 20.0]  # of 200 minutes for two days, of 400 from then on
    assert marks(database_dsns) == [(2, 2), (3, 3), (5, 5), (6, 6), (8, 8), (9, 9)]
    counting.events = 0
    assert await read_series(engine, ada, days) == found
    assert counting.events == 2  # the first, and the fourth


@pytest.mark.parametrize("days", [(1.5,), (0.5, 1.5, 2.0)])
async def test_a_series_leaves_a_checkpoint_after_as_many_events_as_it_says(
    engine: Engine, ada: UUID, database_dsns: Dsns, monkeypatch: pytest.MonkeyPatch, days: tuple[float, ...]
) -> None:
    monkeypatch.setattr(snapshots, "CHARTED_EVERY", 2)
    await read_series(engine, ada, days)
    assert marks(database_dsns) == [(2, 2), (3, 3), (6, 6), (9, 9)]


async def test_checkpoints_of_a_series_are_discarded_when_events_come_late(
    engine: Engine, ada: UUID, database_dsns: Dsns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "CHARTED_EVERY", 1)
    days = (1.5, 3.5, 4.5, 7.5)
    await read_series(engine, ada, days)
    await spend(engine, ada, 3.2, 40.0)
    assert await read_series(engine, ada, days) == [10.0, 20.0, 22.5, 30.0]
    assert await read_series(engine, ada, days) == [await value(engine, ada, as_of=JUNE + day * DAY) for day in days]


async def test_a_series_of_an_old_head_leaves_nothing(
    engine: Engine, ada: UUID, database_dsns: Dsns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "CHARTED_EVERY", 1)
    before = marks(database_dsns)
    formula = scores.bound(engine, "time")
    async with engine.transaction() as tx:
        connection = await tx.psycopg()
        moments = [JUNE + day * DAY for day in (1.5, 3.5, 4.5)]
        async for _ in snapshots.along(connection, engine.plugins, formula, ada, moments):
            if _.events == 2:
                await spend(engine, ada, 0.5, 40.0)
                assert await value(engine, ada) == 35.0  # somebody else has folded it, and keeps a newer snapshot
                before = marks(database_dsns)
    assert marks(database_dsns) == before


async def told(engine: Engine, user: UUID, **asked: Any) -> list[tuple[snapshots.Stored, float, float]]:
    """Return what moved the minutes of the maze, with those before it and those after it."""
    formula = scores.bound(engine, "time")
    async with engine.transaction() as tx:
        await scores.read(tx, user, "time", subject="maze")
        ((head,),) = await (await (await tx.psycopg()).execute("select head from snapshots")).fetchall()
        moves = snapshots.moves(await tx.psycopg(), engine.plugins, formula, user, "maze", head=head, **asked)
        return [(move.stored, move.before.minutes, move.after.minutes) async for move in moves]


async def test_moves_go_on_from_the_checkpoint_before_them(engine: Engine, ada: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    found = await told(engine, ada)
    assert [(before, after) for _, before, after in found] == [(10.0 * day, 10.0 * day + 10) for day in range(10)]
    counting = Counting(monkeypatch)
    for number, (stored, _, _) in enumerate(found, 1):
        counting.events = 0
        assert await told(engine, ada, after=stored.position) == found[number:]
        seen = max(number - 1, 0) // 3 * 3  # by the last checkpoint before this event
        assert counting.events == 10 - seen
    assert await told(engine, ada, until=JUNE + 4 * DAY) == found[:5]
    assert await told(engine, ada, after=found[3][0].position, until=JUNE + 4 * DAY) == found[4:5]


async def test_moves_are_those_of_the_subject_alone(engine: Engine, ada: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in range(9):
        await spend(engine, ada, day + 0.5, 1000.0, "pool")
    await spend(engine, ada, 3.7, 0.0)  # which moves nothing
    applied: list[str] = []
    apply = Time.apply

    def counted(self: Time, state: Spent, event: Event) -> Spent:
        applied.append(event.subject_id)
        return apply(self, state, event)

    assert await value(engine, ada) == 25.0
    monkeypatch.setattr(Time, "apply", counted)
    found = await told(engine, ada)
    assert applied == ["maze"] * 11
    assert [after - before for _, before, after in found] == [10.0] * 10
    assert [await told(engine, ada, after=stored.position) for stored, _, _ in found] == [
        found[number:] for number in range(1, 11)
    ]


async def test_moves_of_an_old_head_rest_on_no_checkpoint_of_a_newer_one(engine: Engine, ada: UUID) -> None:
    formula = scores.bound(engine, "time")
    found = await told(engine, ada)
    await spend(engine, ada, 0.5, 40.0)
    assert await value(engine, ada) == 35.0  # with checkpoints that have seen the late event
    async with engine.transaction() as tx:
        connection, place = await tx.psycopg(), found[6][0].position
        moves = snapshots.moves(connection, engine.plugins, formula, ada, "maze", head=10, after=place)
        assert [(move.before.minutes, move.after.minutes) async for move in moves] == [(70, 80), (80, 90), (90, 100)]


async def test_what_counts_no_more_and_counts_again_is_in_no_checkpoint(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "CHECKPOINT_EVERY", 2)
    user = new_id()

    async def said(days: float, kind: str, subject: str, data: Any) -> None:
        event = NewEvent(user_id=user, kind=kind, data=data, subject_id=subject, occurred_at=JUNE + days * DAY)
        async with engine.transaction() as tx:
            await record(tx, [event])

    async def read() -> list[float | None]:
        return [await value(engine, user, "level", ""), await value(engine, user, "level", "", as_of=JUNE + 2.5 * DAY)]

    linked = AccountLinked(account="gym:ada", handle="ada", method="challenge")
    await said(-1, "account.linked", "gym:ada", linked)
    for day, account in enumerate(("gym:ada", "hub:ada", "hub:ada", "hub:ada")):
        data = EvidenceAccepted(source=account[:3], account=account, work=str(day), strength="judged", difficulty=4.0)
        await said(day, "evidence.accepted", f"{account}:{day}", data)
    # 4/10 each
    assert await read() == pytest.approx([1.6, 1.2])
    await said(10, "evidence.withdrawn", "gym:ada", EvidenceWithdrawn(account="gym:ada", reason="wrong"))
    assert await read() == pytest.approx([1.2, 0.8])
    await said(11, "account.linked", "gym:ada", linked)
    assert await read() == pytest.approx([1.6, 1.2])


async def test_scores_are_built_on_scores(engine: Engine, ada: UUID) -> None:
    await spend(engine, ada, 1, 30.0, "pool")
    async with engine.transaction() as tx:
        found = (await scores.read(tx, ada, "whole", subject="all")).score
        assert [(part.subject, part.formula, part.value) for part in found.components] == [
            ("maze", "time", 25.0),
            ("pool", "time", 30.0),
        ]
        assert found.value == 27.5
        days = [JUNE, JUNE + DAY, JUNE + 9 * DAY]
        along = [one.score.value for one in await scores.series(tx, ada, "whole", days, subject="all")]
        assert along == [2.5, (10 + 60) / 2, 27.5]
        assert (await scores.read(tx, ada, "whole", subject="nothing")).score.value is None


async def test_all_subjects_are_read_at_once(engine: Engine, ada: UUID) -> None:
    await spend(engine, ada, 1, 30.0, "pool")
    async with engine.transaction() as tx:
        found = await scores.read_all(tx, ada, "time")
    assert {subject: one.score.value for subject, one in found.items()} == {"maze": 25.0, "pool": 30.0}


async def test_formulas_that_ask_for_each_other_are_named(engine: Engine, ada: UUID) -> None:
    with pytest.raises(BrokenFormula, match="circular → circular"):
        await value(engine, ada, "circular", "")


async def test_what_is_given_takes_the_place_of_what_a_room_knows(engine: Engine, ada: UUID) -> None:
    async with engine.transaction() as tx:
        found = await scores.read(tx, ada, "time", subject="maze", definition=Target(1000.0))
    assert found.score.value == 10.0
