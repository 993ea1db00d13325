"""Sessions that lie idle: ended once, as of their last activity, whoever sweeps and whatever comes in meanwhile."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from skillcore.accounts.access import Actor
from skillcore.learning import session_idle, session_standing, training
from skillcore.learning.session_idle import sweep
from skillcore.ledger import checks
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine
from tests.learning.trainings import activity, at, ended, follow, rows, say, shown, started
from tests.world import World

TWO_HOURS = 120


@pytest.fixture
async def ada(world: World) -> UUID:
    found = (await world.person()).user_id
    assert found is not None
    return found


async def ends(engine: Engine) -> list[tuple[str, float]]:
    async with engine.transaction() as tx:
        found = await tx.session.execute(
            text("select via, occurred_at from events where kind = 'session.ended' order by version")
        )
        return [(via, (moment - at(0)) / timedelta(minutes=1)) for via, moment in found]


async def test_it_ends_when_something_happened_for_the_last_time(engine: Engine, ada: UUID) -> None:
    await say(engine, started(ada, 0, "web"), activity(ada, 30, 70))
    await follow(engine)
    assert await sweep(engine, at(30 + TWO_HOURS)) == 0  # not yet: just as long is not longer
    assert await sweep(engine, at(30.1 + TWO_HOURS)) == 1
    assert shown(await rows(engine)) == [("web", 0, 30, 30, 1)]
    assert [row["automatic"] for row in await rows(engine)] == [True]
    assert await ends(engine) == [("engine", 30)]
    before = await rows(engine)
    await follow(engine)
    await session_standing.rebuild(engine, lambda _: None)
    assert await rows(engine) == before
    assert await sweep(engine, at(10_000)) == 0
    assert [finding async for finding in checks.streams(engine)] == []


async def test_what_goes_on_afterwards_opens_it_again(engine: Engine, ada: UUID) -> None:
    await say(engine, started(ada, 0))
    await follow(engine)
    assert await sweep(engine, at(500)) == 1
    await say(engine, activity(ada, 600))
    await follow(engine)
    assert shown(await rows(engine)) == [("", 0, 600, None, 1)]
    assert await sweep(engine, at(700)) == 0
    assert await sweep(engine, at(800)) == 1
    assert shown(await rows(engine)) == [("", 0, 600, 600, 1)]
    assert await ends(engine) == [("engine", 0), ("engine", 600)]
    await say(engine, activity(ada, 590))  # told late: it stays over
    await follow(engine)
    assert shown(await rows(engine)) == [("", 0, 600, 600, 2)]


async def test_only_what_is_idle_and_open_is_ended(engine: Engine, ada: UUID) -> None:
    await say(
        engine,
        started(ada, 0, subject="idle"),
        started(ada, 0, subject="over"),
        ended(ada, 5, subject="over"),
        started(ada, 300, subject="going on"),
    )
    await follow(engine)
    assert await sweep(engine, at(310)) == 1
    assert {row["subject"]: row["ended_at"] is None for row in await rows(engine)} == {
        "idle": False,
        "over": False,
        "going on": True,
    }


async def test_of_two_sessions_of_one_name_the_idle_one_is_ended_as_whose_it_is(
    engine: Engine, world: World, ada: UUID
) -> None:
    school = (await world.platform()).platform_id
    await say(engine, started(ada, 0), ended(ada, 5), started(ada, 0, platform=school))
    await follow(engine)
    assert await sweep(engine, at(500)) == 1
    assert await ends(engine) == [("page", 5), ("engine", 0)]
    assert {row["platform_id"]: (row["ended_at"], row["automatic"]) for row in await rows(engine)} == {
        None: (at(5), False),
        school: (at(0), True),
    }


async def test_many_are_ended_a_part_at_a_time(engine: Engine, ada: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_idle, "AT_ONCE", 2)
    await say(engine, *(started(ada, 0, subject=f"{place}") for place in range(5)))
    await follow(engine)
    assert await sweep(engine, at(500)) == 5


async def test_several_workers_end_it_once(engine: Engine, ada: UUID) -> None:
    await say(engine, *(started(ada, 0, subject=f"{place}") for place in range(12)))
    await follow(engine)
    assert sum(await asyncio.gather(*(sweep(engine, at(500)) for _ in range(4)))) == 12
    assert await ends(engine) == [("engine", 0)] * 12
    assert all(row["ended_at"] is not None for row in await rows(engine))


async def test_what_is_not_derived_yet_counts(engine: Engine, ada: UUID) -> None:
    """The table may lag behind the ledger: what is in the ledger decides."""
    await say(engine, started(ada, 0))
    await follow(engine)
    await say(engine, activity(ada, 400))  # and nobody has followed
    assert await sweep(engine, at(410)) == 0
    assert await ends(engine) == []
    assert shown(await rows(engine)) == [("", 0, 400, None, 1)]


async def test_ends_by_hand_and_by_itself_and_activity_at_once(engine: Engine, ada: UUID) -> None:
    """Whichever comes first, nothing is lost, nothing waits for ever, and the table says what the events say."""
    actor = Actor(kind="user", user_id=ada)
    async with engine.transaction() as tx:
        session = await training.start(tx, actor, training.NewTraining())
    later = now() + timedelta(hours=3)

    async def by_hand() -> None:
        async with engine.transaction() as tx:
            await training.end(tx, actor, session.id)

    async def goes_on() -> None:
        async with engine.transaction() as tx:
            await training.add(tx, actor, session.id, training.NewActivities(events=(training.NewActivity(type="quiz"),)))

    async with asyncio.timeout(30):
        await asyncio.gather(
            *(one() for _ in range(5) for one in (by_hand, goes_on)), sweep(engine, later), sweep(engine, later)
        )
    assert (await rows(engine))[0]["activities"] == 5
    before = await rows(engine)
    await follow(engine)
    await session_standing.rebuild(engine, lambda _: None)
    assert await rows(engine) == before


async def test_what_lies_ahead_of_the_clock_is_over_when_it_is_ended(engine: Engine, ada: UUID) -> None:
    actor, soon = Actor(kind="user", user_id=ada), now() + timedelta(minutes=5)
    async with engine.transaction() as tx:
        session = await training.start(tx, actor, training.NewTraining())
    await say(engine, activity(ada, (soon - at(0)) / timedelta(minutes=1), subject=session.subject))
    async with engine.transaction() as tx:
        found = await training.end(tx, actor, session.id)
    assert (found.ended_at, found.last_at, found.activities) == (found.last_at, soon, 1)


async def test_ended_twice_at_once_is_ended_once(engine: Engine, ada: UUID) -> None:
    actor = Actor(kind="user", user_id=ada)
    async with engine.transaction() as tx:
        session = await training.start(tx, actor, training.NewTraining())

    async def end() -> object:
        async with engine.transaction() as tx:
            return (await training.end(tx, actor, session.id)).ended_at

    found = await asyncio.gather(*(end() for _ in range(6)))
    assert len(set(found)) == 1
    assert len(await ends(engine)) == 1


async def test_whoever_is_being_erased_is_left_alone(engine: Engine, ada: UUID) -> None:
    """The account goes first, and what is recorded of it after that would stay."""
    await say(engine, started(ada, 0))
    await follow(engine)
    async with engine.transaction() as tx:
        await tx.session.execute(text("delete from users where id = :ada"), {"ada": ada})
    assert await sweep(engine, at(500)) == 0
    assert await ends(engine) == []


async def test_the_service_sweeps_at_once(engine: Engine, ada: UUID) -> None:
    await say(engine, started(ada, 0))
    await follow(engine)
    async with asyncio.timeout(30), session_idle.service(engine):
        while not await ends(engine):  # noqa: ASYNC110 - the service is at work
            await asyncio.sleep(0.01)
