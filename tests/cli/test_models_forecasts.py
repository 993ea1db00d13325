"""``skillcore models forecasts`` on a ledger of people whose histories are known."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest

from skillcore.defaults.kinds import EvidenceAccepted, TimeSpent
from skillcore.ledger import record
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine
from skillcore.runtime.events import NewEvent
from tests.cli.conftest import Done
from tests.conftest import Dsns
from tests.ledger.facts import rows
from tests.world import World

OnDatabase = Callable[..., Awaitable[Done]]
PEOPLE = 13
DAYS = 160


def works(user: object, first: datetime, place: int) -> list[NewEvent]:
    """Return a work on each second day, but none in the second half for every third person."""
    days = range(0, DAYS // 2 if place % 3 == 0 else DAYS, 2)
    return [
        NewEvent(
            user_id=user,  # type: ignore[arg-type]
            kind="evidence.accepted",
            data=EvidenceAccepted(source="gym", account=f"gym:{place}", work=f"{day}", strength="judged"),
            subject_id=f"gym:{place}:{day}",
            occurred_at=first + timedelta(days=day),
            via="engine",
        )
        for day in days
    ]


@pytest.fixture
async def everybody(engine: Engine) -> None:
    world = World(engine)
    first = now() - timedelta(days=DAYS)
    for place in range(PEOPLE):
        person = (await world.person()).user_id
        minutes = [
            NewEvent(
                user_id=person,
                kind="progress.time",
                data=TimeSpent(minutes=30.0),
                subject_id="reading",
                occurred_at=first + timedelta(days=day),
                via="platform",
            )
            for day in range(0, DAYS, 3)
        ]
        async with engine.transaction() as tx:
            await record(tx, works(person, first, place) + minutes)


@pytest.mark.usefixtures("everybody")
async def test_what_it_prints_is_what_the_configuration_takes(on_database: OnDatabase, database_dsns: Dsns) -> None:
    done = await on_database("models", "forecasts")
    # Two figures show nobody, so nobody was looked at.
    assert rows(database_dsns, "select about_id from audit where act = 'person.read'") == []
    assert done.code == 0, done.err
    # Each history of 160 days is looked back on four times: works, attempts, which accepted works are too, and minutes.
    assert f"of {PEOPLE * 12} forecasts of the past" in done.out
    assert f"{PEOPLE} of {PEOPLE} people, {PEOPLE * 12} forecasts" in done.err
    told = tomllib.loads("[forecasts]" + done.out.split("[forecasts]")[1])["forecasts"]
    as_data = await on_database("models", "forecasts", "--json")
    said = json.loads(as_data.out)
    assert said["correction"] == told
    assert said["forecasts"] == PEOPLE * 12
    # Who stopped for good in the middle is seldom foreseen, so days lie farther apart than forecasts of such people have them.
    assert said["measures"]["works"]["held"] < said["measures"]["works"]["forecasts"]
    assert said["correction"]["shift"] > 0
    assert re.search(r"works +[0-9.]+% of [0-9]+, [0-9.]+% corrected", done.out)


@pytest.mark.usefixtures("everybody")
async def test_few_forecasts_teach_nothing(on_database: OnDatabase) -> None:
    done = await on_database("models", "forecasts", "--people", "2")
    assert done.code == 2
    assert "there are 24 forecasts to look back on, and 100 are needed" in done.err
    assert "[forecasts]" not in done.out
