"""A score is that of a full replay: whatever the batches, the order of arrival, the process that reads, and the repeats."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skillcore.ledger import record, snapshots
from skillcore.ledger.intake import Intake
from skillcore.ledger.preparation import evidence_id
from skillcore.ledger.skills import NewSkill, create
from skillcore.plugin import Event
from skillcore.plugin.manager import Plugins
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.events import NewEvent
from tests.conftest import Dsns
from tests.properties.payloads import ACCOUNT_KINDS, SKILLS, events

PLUGINS = Plugins.load(allow=("defaults",))
SHORT = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
LONG = settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))


class History(NamedTuple):
    """Events as they arrive: each step is a batch, recorded by one of two processes, and whether both read after it."""

    user_id: UUID
    steps: list[tuple[list[NewEvent], int, bool]]


@st.composite
def histories(draw: st.DrawFn, kinds: frozenset[str]) -> History:
    user_id = uuid4()
    drawn = [PLUGINS.kinds[name] for name in sorted(kinds | set(ACCOUNT_KINDS))]
    arriving = draw(st.lists(st.sampled_from(drawn).flatmap(lambda kind: events(kind, user_id)), max_size=14))
    steps = []
    while arriving:
        size = draw(st.integers(1, 4))
        batch, arriving = arriving[:size], arriving[size:]
        steps.append((batch, draw(st.integers(0, 1)), draw(st.booleans())))
        if draw(st.integers(0, 4)) == 0:
            steps.append((batch, draw(st.integers(0, 1)), False))  # sent again
    return History(user_id, steps)


class Processes:
    """Two processes on one database; one takes events by `record`, the other by `ingest`."""

    def __init__(self, first: Engine, second: Engine, intake: Intake) -> None:
        self.both = (first, second)
        self.intake = intake

    async def take(self, which: int, batch: Sequence[NewEvent]) -> None:
        if which:
            await self.intake.ingest(batch)
            return
        async with self.both[0].transaction() as tx:
            await record(tx, batch)

    async def states(self, which: int, formula: str, user_id: UUID) -> bytes:
        engine = self.both[which]
        async with engine.transaction() as tx:
            found = await snapshots.folded(await tx.psycopg(), engine.plugins, engine.plugins.formulas[formula], user_id)
        return bytes_of(found.states)

    async def along(self, which: int, formula: str, user_id: UUID, moments: Sequence[datetime]) -> list[bytes]:
        engine = self.both[which]
        async with engine.transaction() as tx:
            connection, folding = await tx.psycopg(), engine.plugins.formulas[formula]
            found = [
                bytes_of(one.states) async for one in snapshots.along(connection, engine.plugins, folding, user_id, moments)
            ]
            for moment, states in zip(moments, found, strict=True):
                alone = await snapshots.as_of(connection, engine.plugins, folding, user_id, moment)
                assert bytes_of(alone.states) == states
        return found


@pytest.fixture
async def processes(database_dsns: Dsns, settings: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Processes]:
    monkeypatch.setattr(snapshots, "CHECKPOINT_EVERY", 2)  # short histories are to have many
    engines = [Engine(settings, PLUGINS, Database(database_dsns.service_dsn, settings.database)) for _ in range(2)]
    async with engines[0].transaction() as tx:
        for name in SKILLS:
            await create(tx, NewSkill(name=name))
    async with Intake(engines[1]).run() as intake:
        yield Processes(*engines, intake)
    for engine in engines:
        await engine.database.close()


def bytes_of(states: dict[str, Any]) -> bytes:
    return msgspec.json.encode(states, order="sorted")


def replayed(formula: str, arrived: Sequence[NewEvent], until: datetime | None = None) -> bytes:
    """Return a formula's states after all events until a moment, in the order of time, said as plainly as it can be."""
    first: dict[UUID, NewEvent] = {}
    for event in arrived:
        id_ = evidence_id(event.subject_id) if event.kind == "evidence.accepted" else event.id
        assert id_ is not None
        first.setdefault(id_, event)
    in_time = sorted(first.items(), key=lambda item: (item[1].occurred_at, item[0]))
    last = {event.subject_id: event.kind for _, event in in_time if event.kind in ACCOUNT_KINDS}
    withdrawn = {account for account, kind in last.items() if kind == "evidence.withdrawn"}
    folding = PLUGINS.formulas[formula]
    states: dict[str, Any] = {}
    for id_, event in in_time:
        counts = event.kind != "evidence.accepted" or event.data.account not in withdrawn
        assert event.occurred_at
        if event.kind in folding.kinds and counts and (until is None or event.occurred_at <= until):
            data = event.data
            if event.kind == "task.completed":
                kept = [work for work in data.works if work.subject.rpartition(":")[0] not in withdrawn]
                data = msgspec.structs.replace(data, works=tuple(kept))
            seen = Event(str(id_), str(event.user_id), event.kind, event.subject_id, event.occurred_at, event.skills, data)
            for subject in folding.subjects(seen):
                states[subject] = folding.apply_to(subject, states.get(subject, folding.state()), seen)
    return bytes_of(states)


async def live_equals_replay(processes: Processes, formula: str, history: History) -> None:
    arrived: list[NewEvent] = []
    for batch, which, reading in history.steps:
        both = (processes.states(reader, formula, history.user_id) for reader in (0, 1))
        await asyncio.gather(processes.take(which, batch), *both)  # readers on both sides of the commit
        arrived += batch
        if reading:
            assert await processes.states(1 - which, formula, history.user_id) == replayed(formula, arrived)
    for reader in (0, 1):
        assert await processes.states(reader, formula, history.user_id) == replayed(formula, arrived)
    times = sorted({event.occurred_at for event in arrived if event.occurred_at})
    moments = [times[0] - timedelta(seconds=1), *times[::3]] if times else []
    assert await processes.along(0, formula, history.user_id, moments) == [
        replayed(formula, arrived, moment) for moment in moments
    ]


@pytest.mark.parametrize("formula", sorted(PLUGINS.formulas))
@SHORT
@given(data=st.data())
async def test_replay_equals_live(processes: Processes, formula: str, data: st.DataObject) -> None:
    await live_equals_replay(processes, formula, data.draw(histories(PLUGINS.formulas[formula].kinds)))


@pytest.mark.soak
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("formula", sorted(PLUGINS.formulas))
@LONG
@given(data=st.data())
async def test_replay_equals_live_for_long(processes: Processes, formula: str, data: st.DataObject) -> None:
    await live_equals_replay(processes, formula, data.draw(histories(PLUGINS.formulas[formula].kinds)))


@SHORT
@given(data=st.data())
async def test_signals_are_unique_and_retries_idempotent(processes: Processes, data: st.DataObject) -> None:
    kinds = frozenset(kind for rule in PLUGINS.rules for kind in rule.kinds)
    history = data.draw(histories(kinds))
    arrived = [(batch, which) for batch, which, _ in history.steps]
    for batch, which in arrived:
        await processes.take(which, batch)
    once = await facts(processes, history.user_id)
    for batch, which in arrived:
        await processes.take(1 - which, batch)
    assert await facts(processes, history.user_id) == once
    keys = [signal[:4] for signal in once[1]]
    assert len(keys) == len(set(keys))


async def facts(processes: Processes, user_id: UUID) -> tuple[list[Any], list[Any]]:
    async with processes.both[0].transaction() as tx:
        connection = await tx.psycopg()
        events = await (
            await connection.execute("select * from events where user_id = %s order by version", (user_id,))
        ).fetchall()
        signals = await connection.execute(
            "select skill_id, source_type, source_id, signal_type, event_id, rule, weight, created_at from skill_signals"
            " where user_id = %s order by id",
            (user_id,),
        )
        return events, await signals.fetchall()
