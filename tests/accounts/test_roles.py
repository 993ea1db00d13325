"""Roles: there is always an administrator once there was one, whoever gives up at the same time and in whatever way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import pytest
from sqlalchemy import select, text

from skillcore.accounts.roles import appoint
from skillcore.accounts.tables import UserRow
from skillcore.privacy.erasure import erase
from skillcore.privacy.requests import command
from skillcore.privacy.tables import ErasureRequestRow
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.problems import Conflict
from tests.visitors import Door

Way = Callable[[Engine, UUID], Awaitable[None]]
WAITING = """select count(*) from pg_locks where locktype = 'advisory' and not granted
  and database = (select oid from pg_database where datname = current_database())"""


async def resign(engine: Engine, user_id: UUID) -> None:
    async with engine.transaction() as tx:
        await appoint(tx, None, user_id, "learner")


async def ask(engine: Engine, user_id: UUID) -> None:
    async with engine.transaction() as tx:
        await command(tx, user_id)


async def go(engine: Engine, user_id: UUID) -> None:
    await erase(engine, user_id, "command")


@pytest.mark.parametrize("ways", [(resign, go), (ask,)])
async def test_of_administrators_who_leave_at_once_one_stays(door: Door, ways: Sequence[Way]) -> None:
    engine = door.engine
    everybody = [UUID((await door.learner(f"admin-{number}@example.org"))[1]) for number in range(6)]
    async with engine.transaction() as tx:
        for user_id in everybody:
            await appoint(tx, None, user_id, "admin")
    left = [ways[number % len(ways)](engine, user_id) for number, user_id in enumerate(everybody)]
    ends = await asyncio.gather(*left, return_exceptions=True)
    assert sorted(map(type, ends), key=str) == sorted([Conflict, *[type(None)] * 5], key=str)
    leaving = select(ErasureRequestRow.user_id)
    async with engine.transaction() as tx:
        query = select(UserRow.id).where(UserRow.role == "admin", UserRow.id.not_in(leaving))
        assert len((await tx.session.scalars(query)).all()) == 1


async def be_demoted(tx: Transaction, user_id: UUID) -> None:
    await appoint(tx, None, user_id, "learner")


async def be_sent_away(tx: Transaction, user_id: UUID) -> None:
    await command(tx, user_id)


@pytest.mark.parametrize(("first", "second"), [(be_demoted, resign), (be_demoted, go), (be_demoted, ask), (be_sent_away, ask)])
async def test_whoever_leaves_waits_for_who_leaves_already(
    door: Door, first: Callable[[Transaction, UUID], Awaitable[None]], second: Way
) -> None:
    """Without waiting each would still see the other one, who is about to go as well."""
    engine = door.engine
    ada, bob = [UUID((await door.learner(f"{name}@example.org"))[1]) for name in ("ada", "bob")]
    async with engine.transaction() as tx:
        for user_id in (ada, bob):
            await appoint(tx, None, user_id, "admin")
    async with asyncio.timeout(30), engine.transaction() as tx:
        await first(tx, ada)
        leaving = asyncio.create_task(second(engine, bob))
        async with engine.transaction() as watching:
            while not (await watching.session.execute(text(WAITING))).scalar_one():
                assert not leaving.done(), "it has not waited"
    with pytest.raises(Conflict, match="only administrator"):
        await leaving
    async with engine.transaction() as tx:
        assert (await tx.session.get_one(UserRow, bob)).role == "admin"
