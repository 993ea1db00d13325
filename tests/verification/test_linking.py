"""Whose account it is: a proof outranks a platform's word, and no platform learns of another's."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text

from skillcore.accounts import memberships
from skillcore.accounts.access import Actor
from skillcore.accounts.departures import Departures
from skillcore.ledger import streams
from skillcore.operations.sources import SourceState, publish, states
from skillcore.plugin import Evidence, NotVerified, Verified
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.problems import Conflict, Forbidden, InvalidField, NotFound
from skillcore.runtime.settings import Settings
from skillcore.verification import accounts, answers, services
from skillcore.verification.accounts import SourceAccount, Vouch
from skillcore.verification.answers import Kept
from skillcore.verification.linking import Claim, LinkedAccount, account_for, link
from skillcore.verification.room import ROOM
from skillcore.verification.tools import RawAnswer
from tests.conftest import Dsns
from tests.ledger.facts import rows
from tests.world import World, plugins

WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


@pytest.fixture
async def world(database_dsns: Dsns, settings: Settings) -> AsyncIterator[World]:
    database = Database(database_dsns.service_dsn, settings.database)
    yield World(Engine(settings, plugins(), database))
    await database.close()


async def vouch(world: World, platform: Actor, person: Actor, handle: str, source: str = "gym") -> SourceAccount:
    async with world.engine.transaction() as tx:
        return await accounts.vouch(tx, platform, str(person.user_id), source, Vouch(handle=handle))


async def prove(world: World, person: Actor, handle: str, external_id: str | None = None) -> LinkedAccount:
    assert person.user_id
    claim = Claim(
        user_id=person.user_id,
        source="gym",
        handle=handle,
        handle_key=handle.lower(),
        external_id=external_id,
        method="challenge",
    )
    async with world.engine.transaction() as tx:
        return await link(tx, claim)


async def shown(world: World, actor: Actor, person: Actor) -> list[tuple[str, bool]]:
    async with world.engine.transaction() as tx:
        return [(one.account, one.proved) for one in await accounts.listing(tx, actor, str(person.user_id))]


async def unlink(world: World, actor: Actor, person: Actor, **options: Any) -> None:
    async with world.engine.transaction() as tx:
        await accounts.unlink(tx, actor, str(person.user_id), "gym", **options)


async def withdrawn(world: World, person: Actor) -> frozenset[str]:
    assert person.user_id
    async with world.engine.transaction() as tx:
        return await streams.withdrawn_accounts(await tx.psycopg(), person.user_id, 1_000_000)


async def history(world: World, person: Actor) -> list[tuple[str, str]]:
    return [(event.kind, event.subject_id) for event in await world.events(person)]


async def test_vouching_links_under_the_normalised_handle_and_is_recorded(world: World) -> None:
    platform = await world.platform()
    ada = await world.member(platform)
    linked = await vouch(world, platform, ada, " AdA ")
    assert (linked.source, linked.handle, linked.account, linked.method, linked.proved) == (
        "gym",
        "AdA",
        "gym:ada",
        "vouched",
        False,
    )
    (event,) = await world.events(ada)
    assert (event.kind, event.subject_id) == ("account.linked", "gym:ada")
    assert event.data == {
        "account": "gym:ada",
        "handle": "AdA",
        "method": "vouched",
        "vouched_by": str(platform.platform_id),
    }


async def test_vouching_again_changes_nothing(world: World) -> None:
    platform = await world.platform()
    ada = await world.member(platform)
    first = await vouch(world, platform, ada, "ada")
    assert await vouch(world, platform, ada, "ADA") == first
    assert len(await world.events(ada)) == 1


async def test_within_a_platform_a_handle_is_one_persons_whose_name_is_not_told(world: World) -> None:
    platform = await world.platform()
    ada, bob = await world.member(platform, "ada"), await world.member(platform, "bob")
    await vouch(world, platform, ada, "gymnast")
    with pytest.raises(Conflict) as refusal:
        await vouch(world, platform, bob, "Gymnast")
    assert str(ada.user_id) not in str(refusal.value.detail) + str(refusal.value.extra)
    assert refusal.value.field == "handle"
    assert await world.events(bob) == []


async def test_two_platforms_may_vouch_for_the_same_handle_and_never_learn_of_it(world: World) -> None:
    one, other = await world.platform(), await world.platform()
    ada, bob = await world.member(one), await world.member(other)
    await vouch(world, one, ada, "gymnast")
    await vouch(world, other, bob, "gymnast")
    assert await shown(world, one, ada) == [("gym:gymnast", False)]
    with pytest.raises(NotFound):
        await shown(world, one, bob)


async def test_a_platform_does_not_see_what_another_vouches_for_the_same_person(world: World) -> None:
    one, other = await world.platform(), await world.platform()
    ada = await world.member(one)
    await world.join(other, ada, "countess")
    await vouch(world, one, ada, "ada")
    assert await shown(world, other, ada) == []
    assert await shown(world, ada, ada) == [("gym:ada", False)]
    with pytest.raises(NotFound):
        await unlink(world, other, ada)
    await vouch(world, other, ada, "ada")
    assert await shown(world, one, ada) == []
    assert await withdrawn(world, ada) == frozenset()


async def test_a_later_account_takes_the_formers_place_and_withdraws_its_evidence(world: World) -> None:
    platform = await world.platform()
    ada = await world.member(platform)
    await vouch(world, platform, ada, "ada")
    await vouch(world, platform, ada, "lovelace")
    assert await shown(world, ada, ada) == [("gym:lovelace", False)]
    assert await history(world, ada) == [
        ("account.linked", "gym:ada"),
        ("evidence.withdrawn", "gym:ada"),
        ("account.linked", "gym:lovelace"),
    ]
    await vouch(world, platform, ada, "ada")
    assert await withdrawn(world, ada) == {"gym:lovelace"}


async def test_a_displaced_platform_cannot_tell_what_took_its_accounts_place(world: World) -> None:
    one, other = await world.platform(), await world.platform()
    reasons = set()
    for place, name in enumerate(("ada", "bob", "cleo", "dora")):
        person = await world.member(one, name)
        await world.join(other, person, name)
        await vouch(world, one, person, name)
        match place:
            case 0:
                await vouch(world, one, person, "another")
            case 1:
                await vouch(world, other, person, "else")
            case 2:
                await prove(world, person, "own")
            case 3:
                await prove(world, await world.person(), name)
        reasons |= {event.data["reason"] for event in await world.events(person) if event.kind == "evidence.withdrawn"}
    assert reasons == {"the account does not stand for this person any more"}


async def test_of_a_proof_that_was_unlinked_nobody_learns_that_a_platform_vouches_for_it_now(world: World) -> None:
    platform = await world.platform()
    ada = await world.member(platform)
    await prove(world, ada, "ada", external_id="17")
    await unlink(world, ada, ada)
    await vouch(world, platform, ada, "ada")
    (fact,) = [event for event in await world.events(ada) if event.kind == "evidence.withdrawn"]
    assert (fact.origin, fact.data["reason"]) == (None, "the account does not stand for this person any more")


async def leave(world: World, platform: Actor, person: Actor) -> None:
    assert platform.platform_id
    async with world.engine.open(Departures([ROOM])), world.engine.transaction() as tx:
        await memberships.leave(tx, person, platform.platform_id)


async def test_who_leaves_a_platform_has_no_account_by_its_word(world: World) -> None:
    one, other = await world.platform(), await world.platform()
    ada, bob = await world.member(one, "ada"), await world.member(one, "bob")
    await world.join(other, bob, "bob")
    await vouch(world, one, ada, "ada")
    await vouch(world, other, bob, "bob")
    for person in (ada, bob):
        await leave(world, one, person)
    assert (await shown(world, ada, ada), await withdrawn(world, ada)) == ([], frozenset())
    assert [event.data for event in await world.events(ada) if event.kind == "account.unlinked"] == [
        {"account": "gym:ada", "reason": "the person left the platform"}
    ]
    assert await shown(world, bob, bob) == [("gym:bob", False)]  # which rests on the word of another
    await prove(world, ada, "ada")
    await leave(world, other, bob)
    assert (await shown(world, ada, ada), await shown(world, bob, bob)) == ([("gym:ada", True)], [])


async def test_what_is_given_back_of_a_platform_that_was_left_brings_no_more(world: World) -> None:
    platform = await world.platform()
    ada, mallory = await world.member(platform, "ada"), await world.person()
    await vouch(world, platform, ada, "gymnast")
    await prove(world, mallory, "gymnast")
    await leave(world, platform, ada)
    await unlink(world, administrator(), mallory, withdraw=True)
    assert (await shown(world, ada, ada), await withdrawn(world, ada)) == ([], frozenset())


async def test_a_platform_that_is_being_left_vouches_before_or_not_at_all(world: World) -> None:
    """The word of a request that found the member still there is among what leaving unlinks."""
    platform = await world.platform()
    ada = await world.member(platform)
    async with world.engine.transaction() as tx:
        await accounts.vouch(tx, platform, str(ada.user_id), "gym", Vouch(handle="ada"))
        leaving = asyncio.create_task(leave(world, platform, ada))
        async with await psycopg.AsyncConnection.connect(world.engine.database.dsn, autocommit=True) as watch:
            while (await (await watch.execute(WAITING)).fetchone()) != (1,):
                assert not leaving.done()
    await leaving
    assert await shown(world, ada, ada) == []


async def test_unlinking_keeps_evidence_until_another_account_is_linked(world: World) -> None:
    platform = await world.platform()
    ada = await world.member(platform)
    await vouch(world, platform, ada, "ada")
    await unlink(world, ada, ada)
    assert await shown(world, ada, ada) == []
    assert await history(world, ada) == [("account.linked", "gym:ada"), ("account.unlinked", "gym:ada")]
    assert await withdrawn(world, ada) == frozenset()
    await vouch(world, platform, ada, "lovelace")
    assert await withdrawn(world, ada) == {"gym:ada"}


async def test_what_was_unlinked_can_be_linked_by_another(world: World) -> None:
    platform = await world.platform()
    ada, bob = await world.member(platform, "ada"), await world.member(platform, "bob")
    await vouch(world, platform, ada, "gymnast")
    await unlink(world, platform, ada)
    await vouch(world, platform, bob, "gymnast")
    assert await shown(world, platform, bob) == [("gym:gymnast", False)]


async def test_a_proof_takes_a_vouched_account_from_others_with_its_evidence(world: World) -> None:
    one, other = await world.platform(), await world.platform()
    ada, bob, eve = await world.member(one), await world.member(other), await world.person()
    await vouch(world, one, ada, "gymnast")
    await vouch(world, other, bob, "gymnast")
    await unlink(world, other, bob)
    await prove(world, eve, "Gymnast")
    for person in (ada, bob):
        assert await shown(world, person, person) == []
        assert await withdrawn(world, person) == {"gym:gymnast"}
    assert await shown(world, eve, eve) == [("gym:gymnast", True)]


async def test_a_proved_account_is_nobody_elses(world: World) -> None:
    platform = await world.platform()
    ada, bob = await world.person(), await world.member(platform)
    await prove(world, ada, "ada")
    with pytest.raises(Conflict):
        await prove(world, bob, "ada")
    with pytest.raises(Conflict):
        await vouch(world, platform, bob, "ada")
    assert await world.events(bob) == []


async def test_a_proof_outranks_the_platforms_word_for_the_same_person(world: World) -> None:
    platform = await world.platform()
    ada = await world.member(platform)
    await vouch(world, platform, ada, "ada")
    await prove(world, ada, "ada")
    assert await shown(world, platform, ada) == [("gym:ada", True)]
    assert await withdrawn(world, ada) == frozenset()
    assert (await vouch(world, platform, ada, "ada")).proved
    with pytest.raises(Conflict, match="outranks"):
        await vouch(world, platform, ada, "lovelace")
    with pytest.raises(Forbidden):
        await unlink(world, platform, ada)


async def test_only_an_administrator_undoes_a_wrong_link(world: World) -> None:
    platform = await world.platform()
    ada = await world.member(platform)
    admin = Actor(kind="user", user_id=(await world.person()).user_id, role="admin")
    await vouch(world, platform, ada, "ada")
    for actor in (platform, ada):
        with pytest.raises(Forbidden):
            await unlink(world, actor, ada, withdraw=True)
    await unlink(world, admin, ada, withdraw=True)
    assert await withdrawn(world, ada) == {"gym:ada"}
    assert [kind for kind, _ in await history(world, ada)][1:] == ["account.unlinked", "evidence.withdrawn"]


def administrator() -> Actor:
    return Actor(kind="user", user_id=new_id(), role="admin")


async def test_undoing_a_wrong_proof_gives_back_what_it_displaced(world: World) -> None:
    platform = await world.platform()
    ada, bob, mallory = await world.member(platform, "ada"), await world.member(platform, "bob"), await world.person()
    await vouch(world, platform, ada, "gymnast")
    await vouch(world, platform, bob, "bob")
    await prove(world, mallory, "mallory")
    await unlink(world, bob, bob)
    for handle in ("gymnast", "bob", "mallory"):
        await prove(world, mallory, handle)
    await prove(world, mallory, "gymnast")
    assert await withdrawn(world, ada) == {"gym:gymnast"}
    assert await withdrawn(world, bob) == frozenset()  # given back when something else took the place of the wrong proof
    await unlink(world, administrator(), mallory, withdraw=True)
    assert await shown(world, ada, ada) == [("gym:gymnast", False)]
    assert (await shown(world, bob, bob), await withdrawn(world, bob)) == ([], frozenset())
    assert await shown(world, mallory, mallory) == [("gym:mallory", True)]
    assert await withdrawn(world, mallory) == {"gym:gymnast", "gym:bob"}


async def test_what_was_displaced_stays_so_where_something_else_stands_in_its_place(world: World) -> None:
    platform = await world.platform()
    ada, bob, mallory = await world.member(platform, "ada"), await world.member(platform, "bob"), await world.person()
    await vouch(world, platform, ada, "gymnast")
    await vouch(world, platform, bob, "swimmer")
    await prove(world, mallory, "gymnast")
    await vouch(world, platform, ada, "runner")
    await unlink(world, administrator(), mallory, withdraw=True)
    assert await shown(world, ada, ada) == [("gym:runner", False)]
    assert await withdrawn(world, ada) == {"gym:gymnast"}
    await unlink(world, administrator(), ada, withdraw=True)
    assert await shown(world, ada, ada) == [("gym:gymnast", False)]  # which the runner would have displaced

    await prove(world, mallory, "swimmer")
    await unlink(world, mallory, mallory)
    true_holder = await world.person()
    await prove(world, true_holder, "swimmer")
    await unlink(world, administrator(), mallory, withdraw=True)
    assert await withdrawn(world, bob) == {"gym:swimmer"}
    assert await shown(world, true_holder, true_holder) == [("gym:swimmer", True)]


async def test_a_proof_given_back_that_was_unlinked_before_takes_no_later_vouch(world: World) -> None:
    platform = await world.platform()
    ada, bob = await world.person(), await world.member(platform)
    await prove(world, ada, "gymnast")
    await unlink(world, ada, ada)
    await prove(world, ada, "wrong")
    await vouch(world, platform, bob, "gymnast")
    await unlink(world, administrator(), ada, withdraw=True)
    assert await shown(world, bob, bob) == [("gym:gymnast", False)]
    assert (await shown(world, ada, ada), await withdrawn(world, ada)) == ([], frozenset({"gym:wrong"}))


async def test_a_proof_that_displaces_and_gives_back_at_once_gives_back_nothing_displaced_before(world: World) -> None:
    platform = await world.platform()
    ada, mallory = await world.member(platform), await world.person()
    await vouch(world, platform, ada, "gymnast")
    await prove(world, mallory, "gymnast")
    await vouch(world, platform, ada, "runner")
    await prove(world, mallory, "runner")
    assert await shown(world, ada, ada) == []
    assert await withdrawn(world, ada) == {"gym:gymnast", "gym:runner"}


async def test_an_undone_account_does_not_come_back_with_another(world: World) -> None:
    ada = await world.person()
    for handle in ("right", "wrong", "right"):
        await prove(world, ada, handle)
    await unlink(world, administrator(), ada, withdraw=True)  # the right one was wrong, too
    assert await shown(world, ada, ada) == [("gym:wrong", True)]
    await unlink(world, administrator(), ada, withdraw=True)
    assert await shown(world, ada, ada) == []
    assert await withdrawn(world, ada) == {"gym:right", "gym:wrong"}


async def test_a_relinked_account_stands_for_what_it_displaced_before(world: World) -> None:
    ada = await world.person()
    await prove(world, ada, "right")
    await prove(world, ada, "wrong")
    await unlink(world, ada, ada)
    await prove(world, ada, "wrong")
    await unlink(world, administrator(), ada, withdraw=True)
    assert await shown(world, ada, ada) == [("gym:right", True)]


async def test_who_decided_is_recorded_unless_it_was_the_person(world: World) -> None:
    platform = await world.platform()
    ada = await world.member(platform)
    root = administrator()
    for actor in (ada, platform, root):
        await vouch(world, platform, ada, "ada")
        await unlink(world, actor, ada)
    events = await world.events(ada, "account.unlinked")
    assert [event.data.get("by") for event in events] == [None, f"platform:{platform.platform_id}", "administrator"]


async def test_two_ids_are_two_accounts_and_an_id_is_no_handle(world: World) -> None:
    platform = await world.platform()
    ada, bob, eve = await world.person(), await world.person(), await world.member(platform)
    await vouch(world, platform, eve, "4711")
    await prove(world, ada, "octo", "4711")
    await prove(world, bob, "octo", "4712")
    with pytest.raises(Conflict):
        await prove(world, eve, "other", "4711")
    with pytest.raises(Conflict):
        await vouch(world, platform, eve, "octo")
    assert await shown(world, ada, ada) == [("gym:4711", True)]
    assert await shown(world, bob, bob) == [("gym:4712", True)]
    assert await shown(world, eve, eve) == [("gym:4711", False)]
    async with world.engine.transaction() as tx:
        found = [await account_for(tx, one.user_id or new_id(), "gym", platform_id=None) for one in (ada, eve)]
    assert [one and one.asked.external_id for one in found] == ["4711", None]


async def test_links_that_displace_each_other_at_once_do_not_wait_for_each_other(world: World) -> None:
    platform = await world.platform()
    people = [await world.member(platform, f"member-{number}") for number in range(4)]
    for number, person in enumerate(people):
        await vouch(world, platform, person, f"handle-{number}")

    async def take(person: Actor, handle: str) -> None:
        with contextlib.suppress(Conflict):
            await prove(world, person, handle)

    async with asyncio.TaskGroup() as group:
        for turn in range(3):
            for number, person in enumerate(people):
                group.create_task(take(person, f"handle-{(number + turn + 1) % 4}"))
    held = [account for person in people for account, _ in await shown(world, person, person)]
    assert len(held) == len(set(held)) >= 1


async def test_refusals(world: World) -> None:
    platform = await world.platform()
    ada, stranger = await world.member(platform), await world.person()
    with pytest.raises(NotFound):
        await vouch(world, platform, stranger, "ada")
    with pytest.raises(InvalidField, match="there is no source 'circus'"):
        await vouch(world, platform, ada, "ada", "circus")
    with pytest.raises(InvalidField, match="no spaces") as refusal:
        await vouch(world, platform, ada, "a da")
    assert refusal.value.field == "handle"
    with pytest.raises(Forbidden):
        await vouch(world, ada, ada, "ada")
    with pytest.raises(NotFound):
        await unlink(world, ada, ada)
    with pytest.raises(NotFound):
        await shown(world, stranger, ada)


async def test_work_rests_on_proofs_and_on_ones_own_platforms_word(world: World) -> None:
    one, other = await world.platform(), await world.platform()
    ada = await world.member(one)
    await vouch(world, one, ada, "ada")

    async def found(platform_id: UUID | None) -> str | None:
        assert ada.user_id
        async with world.engine.transaction() as tx:
            account = await account_for(tx, ada.user_id, "gym", platform_id=platform_id)
            return account and account.account

    assert [await found(one.platform_id), await found(None), await found(other.platform_id)] == ["gym:ada", "gym:ada", None]
    await prove(world, ada, "ada")
    assert [await found(other.platform_id), await found(new_id())] == ["gym:ada", "gym:ada"]


async def test_many_claims_at_once_leave_one_holder(world: World) -> None:
    platform = await world.platform()
    people = [await world.member(platform, f"member-{number}") for number in range(6)]

    async def attempt(person: Actor) -> bool:
        try:
            await vouch(world, platform, person, "gymnast")
        except Conflict:
            return False
        return True

    async with asyncio.TaskGroup() as group:
        attempts = [group.create_task(attempt(person)) for person in people for _ in range(2)]
    holders = [person for person in people if await shown(world, platform, person)]
    assert len(holders) == 1
    assert sum(done.result() for done in attempts) == 2  # the holder's two requests
    assert len(await world.events(holders[0])) == 1


async def test_many_accounts_at_once_leave_one_account(world: World) -> None:
    platform = await world.platform()
    ada = await world.member(platform)
    async with asyncio.TaskGroup() as group:
        for number in range(8):
            group.create_task(vouch(world, platform, ada, f"ada-{number}"))
    ((kept, _),) = await shown(world, platform, ada)
    assert await withdrawn(world, ada) == {f"gym:ada-{number}" for number in range(8)} - {kept}


async def test_the_offers_name_sources_with_their_schema_and_ask_none(world: World) -> None:
    async with world.engine.transaction() as tx:
        (offer,) = await accounts.offers(tx)
    assert (offer.name, offer.plugin, offer.state) == ("gym", "gym", "unknown")
    definition = offer.requirement["$defs"]["Solved"]
    assert definition["properties"]["exercise"] == {"type": "string", "minLength": 1, "maxLength": 50}
    assert definition["required"] == ["exercise"]


@pytest.mark.parametrize(
    ("breakers", "state"), [(("closed",), "available"), (("open", "half_open"), "available"), (("open", "open"), "unavailable")]
)
async def test_a_source_is_as_the_workers_found_it(world: World, breakers: tuple[Any, ...], state: str) -> None:
    rows = [SourceState(worker=f"host:{number}", source="gym", state=breaker) for number, breaker in enumerate(breakers)]
    await publish(world.engine, rows)
    async with world.engine.transaction() as tx:
        assert [offer.state for offer in await accounts.offers(tx)] == [state]


async def test_a_worker_publishes_how_it_finds_its_sources(world: World) -> None:
    async with services.sources(world.engine):
        async with asyncio.timeout(10):
            while True:
                async with world.engine.transaction() as tx:
                    if found := await states(tx):
                        break
                await asyncio.sleep(0.02)
    assert [(one.source, one.state) for one in found] == [("gym", "closed")]


async def test_answers_are_forgotten_when_their_time_is_over(world: World) -> None:
    platform = await world.platform()
    ada = await world.member(platform)
    await vouch(world, platform, ada, "ada")
    async with world.engine.transaction() as tx:
        account = await account_for(tx, ada.user_id or new_id(), "gym", platform_id=None)
    assert account
    answers_of = [RawAnswer(tool="solved", arguments={}, failed=False, received_at=now(), body="[]", sha256="00" * 32)] * 2
    requirement = world.engine.plugins.sources["gym"].requirement("loops-1")
    verdict = NotVerified("loops", "nothing")
    await answers.keep(world.engine, account, requirement, verdict, answers_of)
    async with world.engine.transaction() as tx:
        days = await tx.session.execute(
            text("select distinct round(extract(epoch from expires_at - now()) / 86400) from answers")
        )
        assert [int(row[0]) for row in days] == [90]
        await tx.session.execute(text("update answers set expires_at = now() - interval '1 s' where place = 0"))
    for gone in (1, 0):
        async with world.engine.transaction() as tx:
            assert await answers.forget_expired(tx, now(), 1000) == gone


async def test_the_newest_positive_verdict_is_found_behind_a_negative_one(world: World) -> None:
    platform = await world.platform()
    ada = await world.member(platform)
    await vouch(world, platform, ada, "ada")
    async with world.engine.transaction() as tx:
        account = await account_for(tx, ada.user_id or new_id(), "gym", platform_id=None)
    assert account
    requirement = world.engine.plugins.sources["gym"].requirement("loops-1")
    positive = Verified((Evidence(work="loops-1", occurred_at=now(), strength="judged", metadata={"rating": 1}),))
    for digit, verdict in (("1", positive), ("2", NotVerified("loops", "nothing"))):
        answer = RawAnswer(tool="solved", arguments={}, failed=False, received_at=now(), body="[]", sha256=digit * 64)
        await answers.keep(world.engine, account, requirement, verdict, [answer])
    async with world.engine.transaction() as tx:
        assert await answers.reuse(tx, account, requirement) == Kept(positive, ("1" * 64,))
        assert await answers.reuse(tx, account, world.engine.plugins.sources["gym"].requirement("loops-2")) is None
        await tx.session.execute(text('update answers set verdict = \'{"type": "verified"}\''))
        assert await answers.reuse(tx, account, requirement) is None


async def test_the_audit_has_whose_accounts_changed_hands_and_who_decided_it(world: World, database_dsns: Dsns) -> None:
    school, root = await world.platform(), Actor(kind="user", user_id=new_id(), role="admin")
    ada, bob = await world.member(school, "ada"), await world.member(school, "bob")
    await vouch(world, school, ada, "gymnast")
    await prove(world, bob, "gymnast")
    await unlink(world, bob, bob)
    await unlink(world, root, bob, withdraw=True)
    noted = "select act, actor_kind, about_id, platform_id, detail->>'source' from audit order by position"
    vouched, proved = (school.platform_id, "gym"), (None, "gym")
    assert rows(database_dsns, noted) == [
        ("account.linked", "key", ada.user_id, *vouched),
        ("account.withdrawn", "system", ada.user_id, *vouched),
        ("account.linked", "system", bob.user_id, *proved),
        ("account.unlinked", "learner", bob.user_id, *proved),
        ("account.withdrawn", "admin", bob.user_id, *proved),
        ("account.linked", "admin", ada.user_id, school.platform_id, "gym"),
    ]
