"""Where somebody stands is read at the cost of the tasks that they completed, however much else they did."""

from __future__ import annotations

import psycopg

from skillcore.learning.standing import COMPLETED, done_by
from skillcore.ledger import record
from skillcore.ledger.streams import FIRST_PAGE, LAST, NEWEST, PAGE
from tests.conftest import Dsns
from tests.ledger.facts import completed, note
from tests.world import World


async def test_other_events_of_a_stream_are_not_looked_at(world: World, database_dsns: Dsns) -> None:
    ada = (await world.person()).user_id
    assert ada is not None
    for start in range(0, 6000, 3000):
        async with world.engine.transaction() as tx:
            await record(tx, [note(ada, number) for number in range(start, start + 3000)])
    async with world.engine.transaction() as tx:
        await record(tx, [completed(ada, task=f"t-{number}") for number in range(10)])
        assert (await done_by(tx, ada)).anywhere == frozenset()  # they name no topic
    with psycopg.connect(database_dsns.owner_dsn, autocommit=True) as owner:
        owner.execute("analyze events")
        asked = (ada, NEWEST, list(COMPLETED), LAST, PAGE)
        plan = "\n".join(row for (row,) in owner.execute(f"explain analyze {FIRST_PAGE}".encode(), asked))
    assert "occurred_at_id_idx" in plan, plan
    assert "Rows Removed by Filter" not in plan, plan
