"""How sessions stand: by whichever way, and in whichever order, their events came."""

from __future__ import annotations

import random
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from msgspec import structs
from sqlalchemy import text

from skillcore.defaults.kinds import SessionActivity
from skillcore.learning import session_standing, training
from skillcore.learning.session_standing import derive
from skillcore.learning.session_summary import Tally
from skillcore.ledger import record
from skillcore.runtime.clock import new_id
from skillcore.runtime.engine import Engine
from skillcore.runtime.events import NewEvent
from skillcore.runtime.migrations import downgrade, migrate
from skillcore.testing import event as sample
from tests.conftest import Dsns
from tests.learning.trainings import activity, at, ended, event, follow, rows, say, shown, started

ADA = new_id()
SCHOOL, CLUB = new_id(), new_id()


@pytest.mark.parametrize(
    ("events", "row"),
    [
        ([started(ADA, 0, "web"), activity(ADA, 10, 50), ended(ADA, 30)], ("web", 0, 10, 30, 1)),
        ([started(ADA, 0), activity(ADA, 10)], ("", 0, 10, None, 1)),
        ([activity(ADA, 10, module="sql"), activity(ADA, 20, module="web")], ("sql", 10, 20, None, 2)),
        ([activity(ADA, 5, module="sql"), started(ADA, 10, "web")], ("web", 5, 10, None, 1)),
        ([started(ADA, 0), ended(ADA, 30), activity(ADA, 40)], ("", 0, 40, None, 1)),  # open again
        ([started(ADA, 0), ended(ADA, 30), activity(ADA, 20)], ("", 0, 20, 30, 1)),  # told late
        ([started(ADA, 0), ended(ADA, 30), activity(ADA, 30)], ("", 0, 30, 30, 1)),  # at the very end
        ([started(ADA, 0), ended(ADA, 30), ended(ADA, 50)], ("", 0, 0, 50, 0)),
        ([ended(ADA, 30)], ("", 30, 30, 30, 0)),
        ([ended(ADA, 30), started(ADA, 50)], ("", 30, 50, None, 0)),
    ],
)
async def test_a_session_is_what_its_events_make(engine: Engine, events: list[NewEvent], row: tuple[object, ...]) -> None:
    await say(engine, *events)
    await follow(engine)
    assert shown(await rows(engine)) == [row]


@pytest.mark.parametrize(
    ("events", "stretches"),
    [
        ([started(ADA, 0), activity(ADA, 10), ended(ADA, 30)], [(0, 30)]),
        ([started(ADA, 0)], []),
        ([activity(ADA, 0), activity(ADA, 120), activity(ADA, 241), activity(ADA, 242)], [(0, 120), (241, 1)]),  # left once
        ([activity(ADA, 0), activity(ADA, 10), ended(ADA, 660)], [(0, 10)]),  # ended the next morning
        ([started(ADA, 0), ended(ADA, 10), activity(ADA, 20), activity(ADA, 25)], [(0, 10), (20, 5)]),
        ([started(ADA, 0), activity(ADA, 5), started(ADA, 20), activity(ADA, 30)], [(0, 5), (20, 10)]),
        ([activity(ADA, 0), activity(ADA, 30), ended(ADA, 30, via="engine"), activity(ADA, 60)], [(0, 60)]),  # told late
        ([ended(ADA, 0), activity(ADA, 10), activity(ADA, 20)], [(10, 10)]),
    ],
)
async def test_time_spent_in_it_is_what_its_events_tell(
    engine: Engine, events: list[NewEvent], stretches: list[tuple[float, float]]
) -> None:
    await say(engine, *events)
    await follow(engine)
    (row,) = await rows(engine)
    found = zip(row["stretch_starts"], row["stretch_seconds"], strict=True)
    assert [((start - at(0)) / timedelta(minutes=1), seconds / 60) for start, seconds in found] == stretches


def drawn(chance: random.Random, subject: str) -> list[NewEvent]:
    """Return a session's events, in the order of time."""
    makes = [activity, activity, activity, started, ended]
    return [chance.choice(makes)(ADA, chance.uniform(0, 900), subject=subject) for _ in range(chance.randint(1, 12))]


async def test_it_is_the_time_of_its_summary(engine: Engine) -> None:
    chance = random.Random(7)
    summed = {}
    for number in range(40):
        events = sorted(drawn(chance, f"{number}"), key=lambda one: one.occurred_at)
        tally = Tally(timedelta(hours=2))
        for one in events:
            tally.add(structs.replace(sample(one.kind, one.data, at=one.occurred_at), via=one.via))
        summed[f"{number}"] = tally.summary({}).seconds
        await say(engine, *events)
    await follow(engine)
    assert {row["subject"]: sum(row["stretch_seconds"]) for row in await rows(engine)} == pytest.approx(summed)


async def test_a_migration_finds_the_time_of_those_there_are(engine: Engine, database_dsns: Dsns) -> None:
    chance = random.Random(8)
    for number in range(20):
        await say(engine, *drawn(chance, f"{number}"))
    await say(engine, started(ADA, 0, platform=SCHOOL), activity(ADA, 9), ended(ADA, 9, via="engine"), activity(ADA, 60))
    await follow(engine)
    before = await rows(engine)
    await engine.database.close()
    downgrade(database_dsns.owner_dsn, "0024")
    migrate(database_dsns.owner_dsn)
    assert await rows(engine) == before


async def test_no_order_and_no_split_changes_it_nor_does_rebuilding(engine: Engine) -> None:
    """Three people's sessions, the same told in many ways: the rows are equal but for the versions of the streams."""
    chance = random.Random(4)
    told = []
    for way in range(6):
        people = [UUID(int=1000 * (way + 1) + place) for place in range(3)]
        events = [
            make(person, minutes, subject=subject, platform=platform)
            for person in people
            for subject, platform in (("a", None), ("a", SCHOOL), ("a", CLUB), ("b", None))
            for make, minutes in ((started, 0), (activity, 7), (activity, 9), (ended, 12), (activity, 15), (activity, 3))
        ]
        chance.shuffle(events)
        while events:
            size = chance.randint(1, 25)
            await say(engine, *events[:size])
            events = events[size:]
            if chance.random() < 0.4:
                await follow(engine)
        await follow(engine)
        found = [row for row in await rows(engine) if row["user_id"] in people]
        assert len(found) == 12
        told.append(
            sorted((people.index(row["user_id"]), row["subject"], str(row["platform_id"]), *shown([row])) for row in found)
        )
    assert all(one == told[0] for one in told)
    before = await rows(engine)
    async with engine.transaction() as tx:  # what is wrong is mended, what is missing comes back, what never was goes
        await tx.session.execute(text("update training_sessions set module = 'wrong', head = head + 5 where subject = 'a'"))
        await tx.session.execute(text("delete from training_sessions where subject = 'b'"))
        await tx.session.execute(
            text("insert into training_sessions values (:id, :id, null, 'x', '', now(), now(), null, false, 1, 1)"),
            {"id": new_id()},
        )
    lines: list[str] = []
    await session_standing.rebuild(engine, lines.append)
    assert await rows(engine) == before
    assert lines[-1] == "sessions: 72 of 19 people, done"


async def test_a_payload_may_hold_what_no_text_does(engine: Engine) -> None:
    odd = {"a\0": "\0", "\\u0000": "\\\0", "module": "not this"}
    await say(engine, event(ADA, SessionActivity(type="\0", module="a\0b", detail=odd), 0), activity(ADA, 1, module="later"))
    await say(engine, started(ADA, 0, "\\u0000", subject="another"))
    await follow(engine)
    found = await rows(engine)
    assert {row["subject"]: row["module"] for row in found} == {"s": "a\ufffdb", "another": "\\ufffd"}
    await session_standing.rebuild(engine, lambda _: None)
    assert await rows(engine) == found


async def test_each_platforms_session_is_its_own(engine: Engine) -> None:
    await say(
        engine,
        started(ADA, 0, "web", platform=SCHOOL),
        started(ADA, 5, "sql", platform=CLUB),
        activity(ADA, 6),
        activity(ADA, 7, subject=""),  # in no session
        ended(ADA, 9, platform=CLUB),
    )
    await follow(engine)
    found = {row["platform_id"]: shown([row]) for row in await rows(engine)}
    assert found == {SCHOOL: [("web", 0, 0, None, 0)], CLUB: [("sql", 5, 5, 9, 0)], None: [("", 6, 6, None, 1)]}


async def test_an_end_of_the_engines_is_told_apart(engine: Engine) -> None:
    await say(engine, started(ADA, 0), ended(ADA, 0, via="engine"))
    await follow(engine)
    assert [(row["automatic"], row["ended_at"] is None) for row in await rows(engine)] == [(True, False)]
    await say(engine, ended(ADA, 0))
    await follow(engine)
    assert [row["automatic"] for row in await rows(engine)] == [False]
    await say(engine, activity(ADA, 1))
    await follow(engine)
    assert [(row["automatic"], row["ended_at"]) for row in await rows(engine)] == [(False, None)]


async def test_whoever_saw_less_overwrites_nothing(engine: Engine) -> None:
    """A handler that read the events before others came keeps what it found after them."""
    await say(engine, started(ADA, 0))
    async with engine.transaction() as late:
        (seen,) = await session_standing.standing(late, [(ADA, "s")])
        async with engine.transaction() as tx:
            await record(tx, [ended(ADA, 30)])
            await derive(tx, [(ADA, "s")])
        await session_standing.keep(late, [seen])
    assert shown(await rows(engine)) == [("", 0, 0, 30, 0)]


async def test_a_sessions_events_are_found_by_their_index(engine: Engine, database_dsns: Dsns) -> None:
    """Among much else that a person did, they cost what they are."""
    await say(engine, *(activity(ADA, place / 10, subject=f"{place // 3}") for place in range(6000)))
    await say(engine, *(activity(new_id(), 0) for _ in range(2000)))
    with psycopg.connect(database_dsns.owner_dsn, autocommit=True) as owner:
        owner.execute("analyze events")
    async with engine.transaction() as tx:
        connection = await tx.psycopg()
        for query, parameters in (
            (session_standing.OF_EVENTS, ([ADA], ["7"], 7200)),
            (training.EVENTS, (ADA, "7", None, at(-1), new_id())),
        ):
            plan = await (await connection.execute(f"explain (analyze) {query}".encode(), parameters)).fetchall()
            lines = "\n".join(line for (line,) in plan)
            assert "Seq Scan" not in lines, lines
            assert "rows=3" in lines, lines
