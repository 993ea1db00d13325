"""What providers say of people, at the same moment: nobody administrates no more, and nobody is left without a way in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from skillcore.accounts import identities
from skillcore.accounts.access import Actor
from skillcore.accounts.identities import Claims
from skillcore.accounts.identity_tables import IdentityRow
from skillcore.accounts.tables import UserRow
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.problems import Conflict
from skillcore.runtime.settings import OIDCProviderSettings
from tests.conftest import Dsns
from tests.ledger.facts import rows

SCHOOL = OIDCProviderSettings(issuer="https://school.test", client_id="skillcore", roles={"it": "admin"})
WAITING = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"


def claims(subject: str, *groups: str, issuer: str = SCHOOL.issuer) -> Claims:
    return Claims(issuer=issuer, subject=subject, email=None, name="", groups=frozenset(groups))


async def admitted(engine: Engine, subject: str, *groups: str) -> UUID:
    async with engine.transaction() as tx:
        return await identities.admit(tx, "school", SCHOOL, claims(subject, *groups))


async def amid(engine: Engine, dsns: Dsns, done: Any, other: Awaitable[Any]) -> None:
    """Do something, and before it is committed begin the other, which has to wait for it."""

    async def wait(tx: Transaction) -> asyncio.Task[Any]:
        await done(tx)
        await tx.session.flush()
        begun = asyncio.ensure_future(other)
        while not begun.done() and not rows(dsns, WAITING):  # noqa: ASYNC110 - the database tells who asks
            await asyncio.sleep(0.02)
        return begun

    async with engine.transaction() as tx:
        second = await wait(tx)
    await second


async def test_two_administrators_lose_their_groups_at_once_and_one_stays(engine: Engine, database_dsns: Dsns) -> None:
    ada, bob = [await admitted(engine, name, "it") for name in ("ada", "bob")]
    await amid(
        engine,
        database_dsns,
        lambda tx: identities.admit(tx, "school", SCHOOL, claims("ada")),
        admitted(engine, "bob"),
    )
    async with engine.transaction() as tx:
        assert (await tx.session.get_one(UserRow, ada)).role == "learner"
        assert (await tx.session.get_one(UserRow, bob)).role == "admin"


async def test_two_ways_to_sign_in_are_given_up_at_once_and_one_stays(engine: Engine, database_dsns: Dsns) -> None:
    actor = Actor(kind="user", user_id=await admitted(engine, "ada"))
    async with engine.transaction() as tx:
        await identities.connect(tx, actor, "club", claims("ada", issuer="https://club.test"))

    async def second() -> None:
        async with engine.transaction() as tx:
            await identities.disconnect(tx, actor, "club", "https://club.test")

    with pytest.raises(Conflict, match="the only way"):
        await amid(engine, database_dsns, lambda tx: identities.disconnect(tx, actor, "school", SCHOOL.issuer), second())
    async with engine.transaction() as tx:
        assert (await tx.session.scalars(select(IdentityRow.issuer))).all() == ["https://club.test"]


async def test_with_another_way_one_may_be_given_up(engine: Engine) -> None:
    actor = Actor(kind="user", user_id=await admitted(engine, "ada"))
    async with engine.transaction() as tx:
        await identities.connect(tx, actor, "club", claims("ada", issuer="https://club.test"))
    async with engine.transaction() as tx:
        await identities.disconnect(tx, actor, "school", SCHOOL.issuer)
    async with engine.transaction() as tx:
        assert (await tx.session.scalars(select(IdentityRow.issuer))).all() == ["https://club.test"]


async def test_a_role_that_groups_did_not_give_they_do_not_take(engine: Engine) -> None:
    """An administrator gave it; the last administrator would keep theirs for that reason alone."""
    ada = await admitted(engine, "ada")
    async with engine.transaction() as tx:
        (await tx.session.get_one(UserRow, ada)).role = "mentor"
    assert await admitted(engine, "ada") == ada
    async with engine.transaction() as tx:
        assert (await tx.session.get_one(UserRow, ada)).role == "mentor"
