"""What predictions rest on: days of the person's own clock, as many as are looked at, and nothing later than asked."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.defaults.kinds import EvidenceAccepted, SessionActivity, TimeSpent, Volunteered
from skillcore.insight.predictions.facts import Measure, done_by_day, latest_attempts
from skillcore.insight.predictions.pace import LONGEST_HISTORY
from skillcore.ledger import record
from skillcore.runtime.engine import Engine
from skillcore.runtime.events import NewEvent
from tests.learning.trainings import follow
from tests.world import World

TODAY = date(2026, 3, 21)


@pytest.fixture
def world(engine: Engine) -> World:
    return World(engine)


async def work(world: World, actor: Actor, *moments: datetime) -> None:
    assert actor.user_id is not None
    facts = [
        NewEvent(
            user_id=actor.user_id,
            kind="evidence.accepted",
            subject_id=f"gym:ada:{moment.isoformat()}",
            data=EvidenceAccepted(source="gym", account="gym:ada", work=moment.isoformat(), strength="judged"),
            occurred_at=moment,
        )
        for moment in moments
    ]
    async with world.engine.transaction() as tx:
        await record(tx, facts)


async def days(world: World, actor: Actor, zone: str = "UTC", measure: Measure = "works") -> list[float]:
    async with world.engine.transaction() as tx:
        await tx.session.execute(text("update users set time_zone = :zone where id = :id"), {"zone": zone, "id": actor.user_id})
    async with world.engine.transaction() as tx:
        return await done_by_day(tx, actor, await people.read(tx, actor, "me"), measure, skill=None, today=TODAY)


async def test_days_are_those_of_the_persons_clock(world: World) -> None:
    ada = await world.person()
    await work(
        world,
        ada,
        datetime(2026, 3, 1, 4, 59, tzinfo=UTC),  # in New York a minute before midnight: the last of February
        datetime(2026, 3, 21, 3, 59, tzinfo=UTC),  # the same in summer time: the 20th
        datetime(2026, 3, 21, 4, 0, tzinfo=UTC),  # and the 21st, which is to come
    )
    assert await days(world, ada, "America/New_York") == [1.0, *[0.0] * 19, 1.0]
    assert await days(world, ada) == [1.0, *[0.0] * 19]  # in UTC from the 1st on, and the others are of the 21st


async def test_a_long_history_is_cut(world: World) -> None:
    ada = await world.person()
    noon = datetime(2026, 3, 20, 12, tzinfo=UTC)
    await work(world, ada, noon, noon - timedelta(days=LONGEST_HISTORY))
    assert await days(world, ada) == [*[0.0] * (LONGEST_HISTORY - 1), 1.0]
    bob = await world.person()
    await work(world, bob, noon, noon - timedelta(days=LONGEST_HISTORY - 1))
    assert await days(world, bob) == [1.0, *[0.0] * (LONGEST_HISTORY - 2), 1.0]


async def test_attempts_are_the_latest_until_a_moment(world: World) -> None:
    ada = await world.person()
    noon, tick = datetime(2026, 3, 20, 12, tzinfo=UTC), timedelta(microseconds=1)
    assert ada.user_id is not None
    quizzes = [
        NewEvent(
            user_id=ada.user_id,
            kind="session.activity",
            subject_id="training",
            data=SessionActivity(type="quiz", score=score),
            occurred_at=moment,
            via="platform",
        )
        for score, moment in ((20, noon), (30, noon + tick), (10, noon - tick), (None, noon - 2 * tick))
    ]
    async with world.engine.transaction() as tx:
        await record(tx, quizzes)
        found = await latest_attempts(tx, ada, ada.user_id, until=noon)
    assert [attempt.score for attempt in found] == [20, 10]


async def told(world: World, actor: Actor, kind: str, data: Any, *moments: datetime, subject: str = "s") -> None:
    assert actor.user_id is not None
    facts = [
        NewEvent(user_id=actor.user_id, kind=kind, subject_id=subject, data=data, occurred_at=moment, via="platform")
        for moment in moments
    ]
    async with world.engine.transaction() as tx:
        await record(tx, facts)


async def test_a_day_of_which_no_minutes_are_stated_has_none(world: World) -> None:
    ada = await world.person()
    noon = datetime(2026, 3, 18, 12, tzinfo=UTC)
    await told(world, ada, "platform.volunteered", Volunteered(title="t"), noon, noon + timedelta(days=2))
    assert await days(world, ada, measure="minutes") == []
    await told(world, ada, "progress.time", TimeSpent(minutes=20), noon + timedelta(days=1))
    assert await days(world, ada, measure="minutes") == [20, 0]  # of the 19th and 20th


async def test_before_the_first_minute_nothing_is_counted(world: World) -> None:
    """Neither an event that states no minutes, nor a session of one moment, is a beginning."""
    ada = await world.person()
    noon = datetime(2026, 3, 20, 12, tzinfo=UTC)
    long_ago = noon - timedelta(days=LONGEST_HISTORY + 100)
    await told(world, ada, "platform.volunteered", Volunteered(title="t"), long_ago)
    await told(world, ada, "session.activity", SessionActivity(type="quiz"), long_ago, subject="alone")
    await told(world, ada, "progress.time", TimeSpent(minutes=20), noon)
    await follow(world.engine)
    assert await days(world, ada, measure="minutes") == [20]


async def test_a_history_of_training_alone_is_cut_alike(world: World) -> None:
    ada, bob = await world.person(), await world.person()
    noon, hour = datetime(2026, 3, 20, 12, tzinfo=UTC), timedelta(hours=1)
    for actor, earlier in ((ada, LONGEST_HISTORY), (bob, LONGEST_HISTORY - 2)):
        moments = [begin + part for begin in (noon, noon - timedelta(days=earlier)) for part in (0 * hour, hour)]
        await told(world, actor, "session.activity", SessionActivity(type="quiz"), *moments, subject="training")
    await follow(world.engine)
    assert await days(world, ada, measure="minutes") == [*[0.0] * (LONGEST_HISTORY - 1), 60.0]
    assert await days(world, bob, measure="minutes") == [60.0, *[0.0] * (LONGEST_HISTORY - 3), 60.0]
