"""Roles: there is always an administrator once there was one, whoever gives up at the same time and in whatever way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import pytest
from sqlalchemy import select

from skillcore.accounts.roles import appoint
from skillcore.accounts.tables import UserRow
from skillcore.privacy.erasure import erase
from skillcore.privacy.requests import command
from skillcore.privacy.tables import ErasureRequestRow
from skillcore.runtime.engine import Engine
from skillcore.runtime.problems import Conflict
from tests.visitors import Door

Way = Callable[[Engine, UUID], Awaitable[None]]


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
