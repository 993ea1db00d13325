"""Days of the last weeks: what is remembered of them against what the database sums up, and what a platform sees."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import pytest

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.defaults.kinds import EvidenceAccepted, EvidenceWithdrawn, Interaction, MentorshipHeld, TimeSpent
from skillcore.insight.days import DayDone, Latest, RecentDays, by_day
from skillcore.ledger import record
from skillcore.plugin import Event
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.events import NewEvent, of_platform
from tests.visitors import Door

KATHMANDU = "Asia/Kathmandu"  # five hours and three quarters ahead
WINDOW = 56


def some_event(drawn: random.Random, person: UUID) -> NewEvent:
    """Return something done in the last ten weeks."""
    at = now() - timedelta(days=70 * drawn.random())
    match drawn.randrange(4):
        case 0:
            account, work = f"gym:{drawn.choice('ab')}", str(new_id())
            done = EvidenceAccepted(source="gym", account=account, work=work, strength="judged", difficulty=1.0)
            return NewEvent(user_id=person, kind="evidence.accepted", subject_id=f"{account}:{work}", data=done, occurred_at=at)
        case 1:
            minutes = drawn.choice((0.1, 12.5, 30))
            return NewEvent(user_id=person, kind="progress.time", data=TimeSpent(minutes=minutes), occurred_at=at)
        case 2:
            held = MentorshipHeld(minutes=drawn.choice((None, 45)))
            return NewEvent(user_id=person, kind="mentorship.held", subject_id="m", data=held, occurred_at=at)
        case _:
            return NewEvent(user_id=person, kind="progress.interaction", data=Interaction(quality=50), occurred_at=at)


async def days_of(door: Door, person_id: UUID, actor: Actor) -> list[DayDone]:
    """Return the last eight weeks of somebody in Nepal."""
    owner = Actor(kind="user", user_id=person_id)
    async with door.engine.transaction() as tx:
        person = await people.read(tx, owner, "me")
        today = (now() + timedelta(hours=5, minutes=45)).date()
        return await by_day(tx, actor, person, today - timedelta(days=WINDOW - 1), today)


async def in_nepal(door: Door) -> UUID:
    ada, ada_id = await door.learner()
    changed = await ada.send("PATCH", "/api/auth/profile", json={"time_zone": KATHMANDU})
    assert changed.status_code == 200, changed.text
    return UUID(ada_id)


def told(days: Sequence[DayDone]) -> list[tuple[float, int, bool]]:
    return [(round(day.minutes, 6), day.works, day.active) for day in days]


@pytest.mark.parametrize("seed", [1, 2])
async def test_what_is_remembered_is_what_the_database_sums_up(door: Door, seed: int) -> None:
    """In whatever order it arrived, read in between or not, and when evidence is withdrawn."""
    drawn = random.Random(seed)
    ada_id = await in_nepal(door)
    ada, platform = Actor(kind="user", user_id=ada_id), Actor(kind="key", platform_id=new_id())
    gone = EvidenceWithdrawn(account="gym:a", reason="not hers")
    for round_ in range(3):
        events = [some_event(drawn, ada_id) for _ in range(60)]
        if round_ == 2:
            events.append(NewEvent(user_id=ada_id, kind="evidence.withdrawn", subject_id="gym:a", data=gone))
        async with door.engine.transaction() as tx:
            await record(tx, events)
        remembered, summed = told(await days_of(door, ada_id, ada)), told(await days_of(door, ada_id, platform))
        assert remembered == summed
        assert sum(works for _, works, _ in summed) > 0
        assert len([active for *_, active in summed if active]) > WINDOW / 3


async def test_a_platform_sees_no_minutes_of_another(door: Door) -> None:
    ada_id = await in_nepal(door)
    one, other = new_id(), new_id()
    spent = ((10, None), (20, of_platform(one)), (40, of_platform(other)))
    async with door.engine.transaction() as tx:
        await record(
            tx,
            [
                NewEvent(user_id=ada_id, kind="progress.time", data=TimeSpent(minutes=minutes), origin=origin, via="platform")
                for minutes, origin in spent
            ],
        )
    keys = (Actor(kind="key", platform_id=platform) for platform in (one, other))
    for actor, minutes in zip((Actor(kind="user", user_id=ada_id), *keys), (70, 30, 50), strict=True):
        days = await days_of(door, ada_id, actor)
        assert sum(day.minutes for day in days) == minutes


def fold(moments: Sequence[datetime]) -> Latest:
    """Return what is remembered after a minute at each moment."""
    recent, state = RecentDays({"progress.time"}), Latest()
    for at in moments:
        state = recent.apply_to("", state, Event("", "", "progress.time", "", at, (), TimeSpent(minutes=1), "page"))
    return state


def test_the_last_sixty_active_days_are_remembered() -> None:
    """A day that lies far ahead takes the place of one, not of all."""
    first = datetime.combine(date(2026, 1, 1), time(23, 59), UTC)
    state = fold([*(first + timedelta(days=place) for place in range(64)), datetime(2099, 1, 1, tzinfo=UTC)])
    days = [datetime.fromtimestamp(900 * day.places[0], UTC).date() for day in state.days]
    assert (len(days), days[0], days[-2:]) == (60, date(2026, 1, 6), [date(2026, 3, 5), date(2099, 1, 1)])


def test_a_quarter_of_an_hour_holds_its_first_moment_and_not_the_next_ones() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    (day,) = fold([noon - timedelta(microseconds=1), noon, noon + timedelta(minutes=14), noon + timedelta(minutes=15)]).days
    assert [place % 96 for place in day.places] == [47, 48, 49]
    assert (day.minutes, day.works) == ((1, 2, 1), (0, 0, 0))
