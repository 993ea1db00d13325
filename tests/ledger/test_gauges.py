"""What `/metrics` says of the feed."""

from __future__ import annotations

from uuid import uuid4

from skillcore.ledger import record
from skillcore.runtime.events import NewEvent
from tests.visitors import Door


async def test_scrapes_show_lag_and_parked_events(door: Door) -> None:
    user, failed = uuid4(), uuid4()
    for _ in range(2):
        async with door.engine.transaction() as tx:
            await record(tx, [NewEvent(user_id=user, kind="x.own", data={})])
    async with door.engine.transaction() as tx:
        connection = await tx.psycopg()
        await connection.execute("insert into subscriptions (name) values ('tests.slow')")
        for consumer, parked in (("rule:odd", True), ("subscription:tests.slow", False)):
            await connection.execute(
                "insert into parked_events (consumer, user_id, event_id, parked, error) values (%s, %s, %s, %s, 'no')",
                (consumer, user, failed, parked),
            )
    scraped = (await door.anyone.get("/metrics")).text.splitlines()
    assert 'skillcore_feed_lag_commits{subscription="tests.slow"} 2.0' in scraped
    assert 'skillcore_parked_events{consumer="rule:odd"} 1.0' in scraped
    assert not [line for line in scraped if line.startswith("skillcore_parked_events") and "tests.slow" in line]
