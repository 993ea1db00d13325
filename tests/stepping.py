"""Stepping a feed by hand, on a server that other tests use at the same time."""

from __future__ import annotations

import asyncio

from skillcore.ledger.feed import Feed
from skillcore.runtime.engine import Engine
from skillcore.runtime.rooms import Subscription

PATIENCE = 30
"""Seconds."""
BEHIND = "select exists (select from commits where xid >= pg_snapshot_xmin(pg_current_snapshot()))"


async def settled(engine: Engine) -> None:
    """Wait until a feed may read every commit.

    It reads only what is older than every running transaction, and PostgreSQL counts those of all databases of a server.
    """
    async with asyncio.timeout(PATIENCE), await engine.database.connect(autocommit=True) as connection:
        while (await (await connection.execute(BEHIND)).fetchone()) == (True,):  # noqa: ASYNC110 - other transactions end
            await asyncio.sleep(0.01)


async def step(feed: Feed, subscription: Subscription) -> int:
    """Handle the next batch; returns how many commits it had."""
    await settled(feed.engine)
    return await feed.advance(subscription)
