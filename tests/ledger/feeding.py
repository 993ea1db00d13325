"""A subscription of the tests' own, whose every effect is counted. As a program it runs the feed until it is killed.

Its handler writes a row an event and records one consequence, with a payload that differs each time: whatever is handled
twice shows, and what relies on being recorded again with the same content fails.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from uuid import UUID, uuid4

from skillcore.ledger import record
from skillcore.ledger.feed import Feed
from skillcore.plugin import Event
from skillcore.plugin.manager import Plugins
from skillcore.runtime.clock import new_id
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.events import NewEvent, consequence
from skillcore.runtime.rooms import Subscription
from skillcore.runtime.settings import LedgerSettings, Settings

NAME = "echo"
TABLE = """create table effects (event_id uuid not null, process text not null);
  grant select, insert on effects to skillcore_service"""

Handler = Callable[[Transaction, Mapping[UUID, tuple[Event, ...]]], Awaitable[Sequence[NewEvent]]]
Hook = Callable[[Transaction, UUID, tuple[Event, ...]], Awaitable[object]]


async def nothing(*_: object) -> None:
    """Do nothing more."""


def echo(process: str = "", hook: Hook = nothing) -> Subscription:
    """Return the subscription; ``hook`` is called with each person's events, before their effects."""

    async def handle(tx: Transaction, people: Mapping[UUID, tuple[Event, ...]]) -> list[NewEvent]:
        consequences = []
        connection = await tx.psycopg()
        for user, events in people.items():
            await hook(tx, user, events)
            for event in events:
                await connection.execute("insert into effects values (%s, %s)", (UUID(event.id), process))
                id_ = consequence(NAME, UUID(event.id))
                consequences.append(NewEvent(user_id=user, kind="x.heard", data={"mark": uuid4().hex}, id=id_))
        return consequences

    return Subscription(name=NAME, kinds=frozenset({"x.said"}), emits=frozenset({"x.heard"}), handle=handle)


def quick(settings: Settings) -> Settings:
    """Return settings with which loops hardly wait."""
    return Settings(data_dir=settings.data_dir, auth=settings.auth, ledger=LedgerSettings(poll_interval=0.02))


async def say(engine: Engine, *users: UUID, times: int = 1) -> list[UUID]:
    """Record what the subscription hears, in one transaction; returns the events' ids."""
    async with engine.transaction() as tx:
        recorded = await record(
            tx, [NewEvent(user_id=user, kind="x.said", data={"n": n}, id=new_id()) for user in users for n in range(times)]
        )
    return list(recorded.ids)


async def effects(engine: Engine) -> Counter[UUID]:
    """Return how often each event had its effect; each must also have had one consequence."""
    async with engine.transaction() as tx:
        connection = await tx.psycopg()
        rows = await (await connection.execute("select event_id from effects")).fetchall()
        consequences = await (await connection.execute("select id from events where kind = 'x.heard'")).fetchall()
    counted = Counter(event for (event,) in rows)
    assert {id_ for (id_,) in consequences} == {consequence(NAME, event) for event in counted}
    return counted


async def serve(dsn: str) -> None:
    """Run the feed for good."""
    settings = quick(Settings())
    engine = Engine(settings, Plugins.load(allow=("defaults",)), Database(dsn, settings.database))
    async with Feed(engine, [echo("child")]).run():
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
