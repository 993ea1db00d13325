"""A score is the same whether an import or a task came first, and so are signals and what is made of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec import Struct
from sqlalchemy import select

from skillcore.insight import analytics
from skillcore.ledger.snapshots import folded
from skillcore.ledger.tables import SignalRow
from skillcore.runtime.settings import Settings
from skillcore.work import tasks
from skillcore.work.tasks import NewTask
from tests.conftest import Dsns
from tests.verification.archive import FIRST, Archive, Shelves, Work
from tests.verification.importers import Member, joined, patient, shelved, world_of
from tests.world import World

SHORT = settings(
    phases=[Phase.explicit, Phase.generate],  # each example is a life of its own: shrinking one takes minutes
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
LONG = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
NAMES = ("w-0", "w-1", "w-2", "w-3", "w-4")
DECLARED = st.none() | st.sampled_from([1.0, 4.25, 10.0])


class Declared(Struct, frozen=True):
    """A task as it is set: for a work that the source may not have, with a difficulty and skills."""

    work: str
    difficulty: float | None
    skills: tuple[str, ...]


work = st.builds(
    Work,
    work=st.sampled_from(NAMES),
    at=st.integers(0, 3).map(lambda minutes: FIRST + timedelta(minutes=minutes)),
    topics=st.sampled_from([(), ("loops",), ("SQL", "loops"), ("loops", "unheard of", "SQL")]),
    difficulty=st.none() | st.floats(1, 10),
    strength=st.sampled_from(["asserted", "authenticated", "judged"]),
)
histories = st.lists(work, min_size=2, max_size=5, unique_by=lambda one: one.work)
assignments = st.lists(
    st.builds(
        Declared,
        work=st.sampled_from(NAMES),
        difficulty=DECLARED,
        skills=st.lists(st.sampled_from(["loops", "sql"]), unique=True, max_size=2).map(tuple),
    ),
    min_size=2,
    max_size=4,
    unique_by=lambda one: (one.work, one.difficulty, one.skills),
)


@pytest.fixture
def shelves() -> Iterator[Shelves]:
    with shelved(0) as arranged:
        yield arranged


@pytest.fixture
async def world(database_dsns: Dsns, settings: Settings, shelves: Shelves) -> AsyncIterator[World]:
    async with world_of(database_dsns, patient(settings), Archive(part=2, leaf=2)) as world:
        yield world


async def work_through(member: Member, assigned: list[Declared]) -> None:
    """Set tasks and have them checked, one after the other."""
    for one in assigned:
        async with member.world.engine.transaction() as tx:
            new = NewTask(
                user=str(member.person.user_id),
                description="d",
                source="archive",
                requirements={"work": one.work},
                difficulty=one.difficulty,
                skills=one.skills,
            )
            task = await tasks.create(tx, member.platform, new)
        async with member.world.engine.transaction() as tx:
            await tasks.complete(tx, member.platform, task.id)
        await member.world.run(task.id)


async def seen(member: Member) -> dict[str, Any]:
    """Return what there is to be seen of a person, but for when their tasks were completed."""
    engine, person = member.world.engine, member.person
    async with engine.transaction() as tx:
        connection = await tx.psycopg()
        states = {
            name: msgspec.json.encode((await folded(connection, engine.plugins, formula, person.user_id)).states)  # type: ignore[arg-type]
            for name, formula in engine.plugins.formulas.items()
        }
        rows = await tx.session.scalars(select(SignalRow).where(SignalRow.user_id == person.user_id))
        signals = {
            (row.skill_id, row.source_id, row.signal_type, row.weight, row.rule): row.created_at.isoformat()
            if row.rule == "completed"
            else ""
            for row in rows
        }
        spread = await analytics.distribution(tx, person, user="me")
        pace = await analytics.momentum(tx, person, user="me", bucket="month", skill=None, since=FIRST.date(), until=None)
    return {
        "states": states,
        "signals": sorted(signals.items()),
        "spread": msgspec.json.encode((spread.total, spread.skills)),
        "pace": msgspec.json.encode(pace.buckets),
    }


async def order_makes_no_difference(world: World, shelves: Shelves, past: list[Work], assigned: list[Declared]) -> None:
    shelves.works = sorted(past, key=lambda one: one.at)
    handle = uuid4().hex  # verdicts on an account of an earlier example would be used again
    first, second = [await joined(world, handle) for _ in range(2)]
    await first.run()
    await work_through(first, assigned)
    await work_through(second, assigned)
    await second.run()
    assert (await first.state()).state == (await second.state()).state == "done"
    assert sorted(await first.works()) == sorted(await second.works()) == sorted(one.work for one in past)
    assert await seen(first) == await seen(second)


@SHORT
@given(past=histories, assigned=assignments)
async def test_import_or_task_first_makes_no_difference(
    world: World, shelves: Shelves, past: list[Work], assigned: list[Declared]
) -> None:
    await order_makes_no_difference(world, shelves, past, assigned)


@pytest.mark.soak
@pytest.mark.timeout(3000)
@LONG
@given(past=histories, assigned=assignments)
async def test_import_or_task_first_makes_no_difference_for_long(
    world: World, shelves: Shelves, past: list[Work], assigned: list[Declared]
) -> None:
    await order_makes_no_difference(world, shelves, past, assigned)
