"""Minutes of training by day: which sessions a day holds, how long one was, and whose business it is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from skillcore.accounts.access import Actor
from skillcore.defaults.kinds import SessionActivity, SessionEnded
from skillcore.learning.session_minutes import minutes_by_day
from skillcore.ledger import record
from skillcore.runtime.events import NewEvent, of_platform
from tests.learning.trainings import follow
from tests.world import World

MIDNIGHT = datetime(2026, 3, 28, 23, tzinfo=UTC)
"""In Berlin, with which 29 March 2026 begins: a day of 23 hours."""

NEXT = MIDNIGHT + timedelta(hours=23)


async def train(world: World, actor: Actor, name: str, *moments: datetime, end: datetime | None = None, of: Any = None) -> None:
    """Record a session's activities and, if it has one, its end."""
    quiz: list[Any] = [("session.activity", SessionActivity(type="quiz"), at) for at in moments]
    ends = [] if end is None else [("session.ended", SessionEnded(), end)]
    assert actor.user_id is not None
    facts = [
        NewEvent(user_id=actor.user_id, kind=kind, subject_id=name, data=data, occurred_at=at, via="platform", origin=of)
        for kind, data, at in (*quiz, *ends)
    ]
    async with world.engine.transaction() as tx:
        await record(tx, facts)


async def minutes(world: World, actor: Actor, user_id: UUID | None) -> dict[date, float]:
    await follow(world.engine)
    assert user_id is not None
    async with world.engine.transaction() as tx:
        return {**await minutes_by_day(tx, actor, user_id, "Europe/Berlin", MIDNIGHT, NEXT + timedelta(days=1))}


async def test_a_session_is_of_the_day_on_which_it_began_where_the_person_lives(world: World) -> None:
    ada, bob = await world.person(), await world.person()
    minute = timedelta(minutes=1)
    await train(world, ada, "the day before", MIDNIGHT - timedelta(microseconds=1), MIDNIGHT + minute)
    await train(world, ada, "at midnight", MIDNIGHT, MIDNIGHT + 2 * minute)
    await train(world, ada, "into the night", NEXT - minute, NEXT + 3 * minute)
    await train(world, ada, "after it", NEXT, NEXT + 8 * minute)
    await train(world, bob, "of another", MIDNIGHT, MIDNIGHT + 16 * minute)
    assert await minutes(world, ada, ada.user_id) == {date(2026, 3, 29): 6, date(2026, 3, 30): 8}


async def test_a_session_that_is_gone_on_with_counts_on_each_day(world: World) -> None:
    ada = await world.person()
    minute = timedelta(minutes=1)
    await train(world, ada, "ended", MIDNIGHT, end=MIDNIGHT + 30 * minute)
    begun = [MIDNIGHT + timedelta(days=-40), MIDNIGHT + timedelta(days=-40) + minute]
    await train(world, ada, "every day", *begun, MIDNIGHT, MIDNIGHT + 2 * minute, NEXT, NEXT + 20 * minute)
    assert await minutes(world, ada, ada.user_id) == {date(2026, 3, 29): 32, date(2026, 3, 30): 20}


async def test_an_end_that_is_set_the_next_morning_adds_no_night(world: World) -> None:
    ada = await world.person()
    await train(world, ada, "left", MIDNIGHT, MIDNIGHT + timedelta(minutes=10), end=MIDNIGHT + timedelta(hours=11))
    assert await minutes(world, ada, ada.user_id) == {date(2026, 3, 29): 10}


async def test_a_platform_is_told_of_its_own_sessions_and_of_those_of_nobody(world: World) -> None:
    school, club = await world.platform(), await world.platform()
    ada = await world.member(school)
    minute = timedelta(minutes=1)
    for length, of in ((1, None), (2, school.platform_id), (4, club.platform_id)):
        await train(world, ada, "a session", MIDNIGHT, MIDNIGHT + length * minute, of=of_platform(of))
    day = date(2026, 3, 29)
    told = [(await minutes(world, actor, ada.user_id))[day] for actor in (ada, school, club)]
    assert told == [7, 3, 5]
