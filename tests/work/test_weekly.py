"""Weekly goals: whose counts, what is done in a week of the person's calendar, and what was wanted of former weeks."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from skillcore.defaults.kinds import EvidenceAccepted, EvidenceWithdrawn, MentorshipHeld, TimeSpent
from skillcore.ledger import record
from skillcore.runtime.clock import now
from skillcore.runtime.events import NewEvent, of_platform
from skillcore.work.weekly import WeeklyTarget, aims
from tests.visitors import Door, Platform, Visitor
from tests.work.test_spaces import SCOPES, got, made

VIENNA = ZoneInfo("Europe/Vienna")


async def put(who: Visitor, body: Any) -> Any:
    answer = await who.send("PUT", "/api/weekly-goal", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def join(door: Door, id_: str, *platforms: Platform) -> None:
    """Have somebody be a member of platforms, to which they are ``ext:ada``."""
    query = text("insert into memberships (platform_id, external_id, user_id) values (:p, 'ada', :u)")
    async with door.engine.transaction() as tx:
        for platform in platforms:
            await tx.session.execute(query, {"p": platform.id, "u": id_})


async def test_a_week_counts_minutes_and_works_and_says_what_is_missing(door: Door) -> None:
    ada, id_ = await door.learner("ada@example.org")
    empty = await got(ada, "/api/weekly-goal")
    assert (empty["target"], empty["version"], empty["weeks"][0]["missing"], empty["weeks"][0]["works"]) == (
        None,
        None,
        None,
        0,
    )
    assert (await put(ada, {"minutes": 120, "works": 2}))["version"] == 1
    monday = date.fromisoformat(empty["weeks"][0]["start"])
    assert monday.weekday() == 0

    def work(name: str, account: str, at: datetime) -> NewEvent:
        data = EvidenceAccepted(source="gym", account=account, work=name, strength="judged")
        return NewEvent(user_id=UUID(id_), kind="evidence.accepted", subject_id=f"{account}:{name}", data=data, occurred_at=at)

    start = datetime(monday.year, monday.month, monday.day, tzinfo=UTC)
    before = start - timedelta(seconds=1)
    gone = EvidenceWithdrawn(account="gym:other", reason="wrong")
    facts = (
        work("a", "gym:ada", start),
        work("b", "gym:other", start),
        work("c", "gym:ada", before),
        work("d", "gym:ada", before),
        NewEvent(user_id=UUID(id_), kind="evidence.withdrawn", subject_id="gym:other", data=gone, occurred_at=start),
        NewEvent(user_id=UUID(id_), kind="mentorship.held", data=MentorshipHeld(minutes=30.5), occurred_at=start),
        NewEvent(user_id=UUID(id_), kind="mentorship.held", data=MentorshipHeld(), occurred_at=start),
    )
    async with door.engine.transaction() as tx:
        await record(tx, facts)
    for minutes, at in ((40, start), (50, before)):
        said = {"kind": "progress.time", "subject": "x", "data": {"minutes": minutes}, "occurred_at": at.isoformat()}
        await made(ada, "/api/events", said)
    found = await got(ada, "/api/weekly-goal", weeks=2)
    assert [(week["start"], week["minutes"], week["works"]) for week in found["weeks"]] == [
        ((monday - timedelta(weeks=1)).isoformat(), 50, 2),
        (monday.isoformat(), 70.5, 1),
    ]
    # the goal was not there yet a week ago
    assert [week["missing"] for week in found["weeks"]] == [None, {"minutes": 49.5, "works": 1}]
    assert (await put(ada, {"minutes": 60}))["weeks"][0]["missing"] == {"minutes": 0, "works": None}
    # on a Sunday evening in Vienna the week of Auckland has begun
    async with door.engine.transaction() as tx:
        await tx.session.execute(text("update users set time_zone = 'Pacific/Auckland' where id = :id"), {"id": id_})
    shifted = await got(ada, "/api/weekly-goal", weeks=3)
    assert sum(week["minutes"] for week in shifted["weeks"]) == 120.5
    monday_there = date.fromisoformat(shifted["weeks"][-1]["start"])
    assert datetime.combine(monday_there, datetime.min.time(), ZoneInfo("Pacific/Auckland")) <= now()
    of_that = next(week for week in shifted["weeks"] if week["start"] == monday.isoformat())
    assert of_that["minutes"] == 120.5  # twelve hours ahead, and more: all of it lies after midnight there


async def test_former_weeks_keep_the_goal_that_they_had(door: Door) -> None:
    ada, _ = await door.learner("ada@example.org")
    await put(ada, {"minutes": 100})
    await put(ada, {"minutes": 200})
    async with door.engine.transaction() as tx:
        back = text("update definition_versions set created_at = created_at - interval '21 days' where version = 1")
        await tx.session.execute(back)
    found = await got(ada, "/api/weekly-goal", weeks=5)
    wanted = [week["target"] and week["target"]["minutes"] for week in found["weeks"]]
    assert wanted == [None, 100, 100, 100, 200]
    assert (found["target"], found["version"]) == ({"minutes": 200, "works": None}, 2)
    assert (await put(ada, {"minutes": 200}))["version"] == 2  # the same again is no new version


def test_a_week_ends_at_midnight_where_the_person_lives() -> None:
    class Version:
        def __init__(self, minutes: float, at: datetime) -> None:
            self.body, self.edited_at = WeeklyTarget(minutes=minutes), at

    # summer time ends in Vienna on 25 October 2026, so that week ends at 23:00 of UTC on the Sunday
    late = Version(2, datetime(2026, 10, 25, 22, 59, 59, tzinfo=UTC))
    first = Version(1, datetime(2026, 10, 18, 21, 59, 59, tzinfo=UTC))
    weeks = [date(2026, 10, 5), date(2026, 10, 12), date(2026, 10, 19)]
    found = aims([late, first], weeks, VIENNA)  # type: ignore[list-item]
    assert [found[week] and found[week].minutes for week in weeks] == [None, 1, 2]
    late.edited_at = datetime(2026, 10, 25, 23, 0, tzinfo=UTC)
    assert aims([late, first], weeks, VIENNA)[weeks[2]].minutes == 1  # type: ignore[list-item, union-attr]


async def test_a_platforms_goal_counts_until_the_person_sets_one(door: Door) -> None:
    school = await door.platform(*SCOPES)
    await made(school.key, "/api/users", {"external_id": "ada"})
    told = await put(school.key, {"user": "ext:ada", "works": 3})
    assert (told["target"], told["platform_id"]) == ({"minutes": None, "works": 3}, school.id)
    club = await door.platform(*SCOPES)
    ada, id_ = await door.learner("ada@example.org")
    for platform, name in ((school, "a"), (club, "b")):
        async with door.engine.transaction() as tx:
            query = text("insert into memberships (platform_id, external_id, user_id) values (:p, :n, :u)")
            await tx.session.execute(query, {"p": platform.id, "n": name, "u": id_})
    await put(school.key, {"user": "ext:a", "works": 5})
    assert (await got(ada, "/api/weekly-goal"))["target"]["works"] == 5
    assert (await got(club.key, "/api/weekly-goal", user="ext:b"))["target"] is None
    await put(ada, {"works": 1})
    assert (await got(ada, "/api/weekly-goal"))["target"]["works"] == 1
    assert (await got(school.key, "/api/weekly-goal", user="ext:a"))["target"]["works"] == 5
    assert (await club.key.send("PUT", "/api/weekly-goal", json={"user": "ext:ada", "works": 1})).status_code == 404


async def test_of_goals_that_platforms_set_the_one_edited_last_counts(door: Door) -> None:
    school, club = await door.platform(*SCOPES), await door.platform(*SCOPES)
    ada, id_ = await door.learner()
    await join(door, id_, school, club)
    for platform, works in ((school, 5), (club, 3), (school, 6)):
        await put(platform.key, {"user": "ext:ada", "works": works})
        found = await got(ada, "/api/weekly-goal")
        assert (found["target"]["works"], found["platform_id"]) == (works, platform.id)


async def test_former_weeks_keep_the_goal_that_another_set(door: Door) -> None:
    school, club = await door.platform(*SCOPES), await door.platform(*SCOPES)
    ada, id_ = await door.learner()
    await join(door, id_, school, club)
    for who, works, weeks in ((school.key, 5, 5), (club.key, 3, 4), (school.key, 6, 3), (ada, 1, 2), (club.key, 9, 1)):
        await put(who, {"works": works} | ({} if who is ada else {"user": "ext:ada"}))
        async with door.engine.transaction() as tx:
            old = now() - timedelta(weeks=weeks)
            newest = text("update definition_versions set created_at = :old where created_at > now() - interval '1 minute'")
            await tx.session.execute(newest, {"old": old})
            await tx.session.execute(text("update definitions set edited_at = :old where edited_at > :old"), {"old": old})
    found = await got(ada, "/api/weekly-goal", weeks=7)
    wanted = [week["target"] and week["target"]["works"] for week in found["weeks"]]
    assert wanted == [None, 5, 3, 6, 1, 1, 1]  # her own counts once she has one, whatever others set later
    assert (found["target"]["works"], found["platform_id"]) == (1, None)
    seen = [
        week["target"] and week["target"]["works"]
        for week in (await got(club.key, "/api/weekly-goal", user="ext:ada", weeks=7))["weeks"]
    ]
    assert seen == [None, None, 3, 3, 3, 9, 9]


async def test_the_first_goal_may_be_set_twice_at_once(door: Door) -> None:
    ada, _ = await door.learner()
    async with asyncio.TaskGroup() as group:
        both = [group.create_task(ada.send("PUT", "/api/weekly-goal", json={"works": works})) for works in (1, 2, 3, 4, 5)]
    assert [task.result().status_code for task in both] == [200] * 5


async def test_minutes_are_told_without_what_doubles_leave(door: Door) -> None:
    ada, _ = await door.learner()
    await put(ada, {"minutes": 0.8})
    for minutes in (0.1, 0.7):
        await made(ada, "/api/events", {"kind": "progress.time", "subject": "x", "data": {"minutes": minutes}})
    (week,) = (await got(ada, "/api/weekly-goal"))["weeks"]
    assert (week["minutes"], week["missing"]["minutes"]) == (0.8, 0)


async def test_a_platform_counts_what_is_not_anothers_business(door: Door) -> None:
    school, club = await door.platform(*SCOPES), await door.platform(*SCOPES)
    ada, id_ = await door.learner()
    await join(door, id_, school, club)
    at = now()
    facts = []
    for minutes, origin in ((10, None), (20, of_platform(UUID(school.id))), (40, of_platform(UUID(club.id)))):
        work = EvidenceAccepted(source="gym", account="gym:ada", work=str(minutes), strength="judged")
        told = ("evidence.accepted", work), ("progress.time", TimeSpent(minutes=minutes))
        for kind, data in told:
            facts.append(
                NewEvent(user_id=UUID(id_), kind=kind, subject_id=f"x:{minutes}", data=data, occurred_at=at, origin=origin)
            )
    async with door.engine.transaction() as tx:
        await record(tx, facts)
    seen = [
        (await got(who, "/api/weekly-goal", user=user))["weeks"][0]
        for who, user in ((ada, "me"), (school.key, "ext:ada"), (club.key, "ext:ada"))
    ]
    assert [(week["minutes"], week["works"]) for week in seen] == [(70, 3), (30, 2), (50, 2)]


async def test_the_first_week_begins_at_midnight_where_the_person_lives(door: Door) -> None:
    ada, id_ = await door.learner()
    auckland = ZoneInfo("Pacific/Auckland")  # where it is midnight while the day before goes on in UTC
    there = now().astimezone(auckland).date()
    begin = datetime.combine(there - timedelta(days=there.weekday(), weeks=1), time(), auckland)
    facts = [
        NewEvent(
            user_id=UUID(id_),
            kind="progress.time",
            subject_id=str(minutes),
            data=TimeSpent(minutes=minutes),
            occurred_at=begin.astimezone(UTC) + timedelta(seconds=away),
        )
        for minutes, away in ((1, -1), (2, 0), (4, 30 * 60))
    ]
    async with door.engine.transaction() as tx:
        await tx.session.execute(text("update users set time_zone = 'Pacific/Auckland' where id = :id"), {"id": id_})
        await record(tx, facts)
    weeks = (await got(ada, "/api/weekly-goal", weeks=2))["weeks"]
    assert [(week["start"], week["minutes"]) for week in weeks] == [
        (begin.date().isoformat(), 6),
        ((begin.date() + timedelta(weeks=1)).isoformat(), 0),
    ]


@pytest.mark.parametrize(
    ("body", "field"), [({"minutes": -1}, "minutes"), ({"minutes": 10_081}, "minutes"), ({"works": 1.5}, "works")]
)
async def test_what_no_week_can_hold_is_refused(door: Door, body: Any, field: str) -> None:
    ada, _ = await door.learner("ada@example.org")
    answer = await ada.send("PUT", "/api/weekly-goal", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert (await ada.get("/api/weekly-goal?weeks=54")).status_code in {400, 422}
