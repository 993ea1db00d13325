"""What those try who want an account that is not theirs: each attempt fails, and tells them nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from sqlalchemy import select

from skillcore.plugin import Unavailable
from skillcore.runtime.jobs import Retry
from skillcore.runtime.problems import Conflict, InvalidField, NotFound
from skillcore.runtime.settings import Settings
from skillcore.verification import accounts
from skillcore.verification.accounts import Vouch
from skillcore.verification.handles import account_name, parse_handle
from skillcore.verification.tables import LinkAttemptRow
from tests.conftest import Dsns
from tests.verification.site import SOURCE, Arena, Claims, LaxArena, Site, claims_at, patient, plugins
from tests.visitors import door_of

LAX = plugins(LaxArena(Site()))
ORDINARY = "tourist"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return patient(settings)


@pytest.fixture
async def claims(database_dsns: Dsns, settings: Settings) -> AsyncIterator[Claims]:
    async with claims_at(database_dsns, settings, Arena(Site())) as opened:
        yield opened


@pytest.fixture
async def both(database_dsns: Dsns, settings: Settings) -> AsyncIterator[tuple[Claims, Claims]]:
    """Two processes on one database, and one site."""
    site = Site()
    async with AsyncExitStack() as stack:
        first, second = [await stack.enter_async_context(claims_at(database_dsns, settings, Arena(site))) for _ in range(2)]
        yield first, second


# Replay


async def test_an_act_proves_an_account_to_one_person_once(claims: Claims) -> None:
    """Even where a source looks neither at the time nor at the challenge."""
    ada, bob = await claims.person(), await claims.person()
    claims.site.heedless = True
    await claims.proved(ada, "ada")
    await claims.unlink(ada, ada)
    for person in (bob, ada):
        await claims.start(person, "ada")
        replayed = await claims.confirmed(person)
        assert (replayed.state, replayed.found) == ("open", "what has proved an account before")
        assert await claims.held(person) == []


async def test_an_act_for_one_attempt_is_none_for_the_next(claims: Claims) -> None:
    ada = await claims.person()
    claims.site.deeds = 1  # so that both attempts ask for the same
    first = await claims.start(ada, "ada")
    await claims.pass_time(600)
    claims.site.act("ada", first, (await claims.seen(ada)).issued_at + timedelta(seconds=5))
    second = await claims.start(ada, "ada")
    assert second.data == first.data
    assert (await claims.confirmed(ada)).state == "open"


async def test_two_looks_at_once_use_an_act_once(both: tuple[Claims, Claims]) -> None:
    here, there = both
    ada, bob = await here.person(), await there.person()
    here.site.heedless = True
    here.site.act("ada", await here.start(ada, "ada"))
    await there.start(bob, "bob")
    here.site.names = {"ada": "ada"}
    await asyncio.gather(here.confirm(ada), there.confirm(bob))
    states = sorted(attempt.state for attempt in await asyncio.gather(here.look(ada), there.look(bob)))
    assert states.count("proved") <= 1
    assert len(await here.held(ada)) + len(await there.held(bob)) <= 1


# Time


@pytest.mark.parametrize(
    ("seconds", "state"), [(-1, "open"), (0, "proved"), (1799, "proved"), (1800, "proved"), (1801, "open")]
)
async def test_only_what_is_done_in_time_counts_to_the_second(claims: Claims, seconds: int, state: str) -> None:
    ada = await claims.person()
    attempt = await claims.start(ada, "ada")
    claims.site.act("ada", attempt, attempt.issued_at + timedelta(seconds=seconds))
    assert (await claims.confirmed(ada)).state == state


async def test_an_attempt_that_is_over_cannot_be_confirmed(claims: Claims) -> None:
    ada = await claims.person()
    claims.site.act("ada", await claims.start(ada, "ada"))
    await claims.pass_time(1795)
    await claims.confirm(ada)
    claims.site.error = Unavailable("down")
    with pytest.raises(Retry):
        await claims.look(ada)
    await claims.pass_time(6)
    claims.site.error = None
    claims.site.acts[0] = claims.site.acts[0]._replace(at=(await claims.seen(ada)).issued_at)
    assert (await claims.look(ada)).state == "proved"  # done and confirmed in time, and looked at in the grace

    bob = await claims.person()
    claims.site.act("bob", await claims.start(bob, "bob"))
    await claims.pass_time(1801)
    assert (await claims.seen(bob)).state == "expired"
    with pytest.raises(Conflict, match="expired"):
        await claims.confirm(bob)


# Races


async def test_of_two_claimants_the_one_whose_challenge_was_met_wins(both: tuple[Claims, Claims]) -> None:
    here, there = both
    holder, thief = await here.person(), await there.person()
    theirs, own = await asyncio.gather(there.start(thief, "tourist"), here.start(holder, "Tourist"))
    assert theirs.data != own.data
    here.site.act("tourist", own)
    await asyncio.gather(there.confirm(thief), here.confirm(holder))
    lost, won = await asyncio.gather(there.look(thief), here.look(holder))
    assert (won.state, lost.state) == ("proved", "open")
    assert await there.held(thief) == []
    assert (await there.confirmed(thief)).state == "open"


async def test_of_two_who_both_met_their_challenges_one_holds_the_account(both: tuple[Claims, Claims]) -> None:
    here, there = both
    ada, bob = await here.person(), await there.person()
    here.site.act("tourist", await here.start(ada, "tourist"))
    here.site.act("tourist", await there.start(bob, "tourist"))
    await asyncio.gather(here.confirm(ada), there.confirm(bob))
    ends = {attempt.state: attempt for attempt in await asyncio.gather(here.look(ada), there.look(bob))}
    assert set(ends) == {"proved", "failed"}
    assert ends["failed"].reason == "the arena account 'tourist' is linked to another person; they must unlink it first"
    assert len(await here.held(ada)) + len(await here.held(bob)) == 1


async def test_many_starts_at_once_by_one_person_leave_one_attempt(both: tuple[Claims, Claims]) -> None:
    ada = await both[0].person()
    await asyncio.gather(*(process.start(ada, "ada") for process in both for _ in range(4)))
    async with both[0].engine.transaction() as tx:
        states = sorted(await tx.session.scalars(select(LinkAttemptRow.state)))
    assert states == ["open", *["superseded"] * 7]


# Challenges


async def test_no_two_claimants_of_an_account_have_the_same_challenge(both: tuple[Claims, Claims]) -> None:
    both[0].site.deeds = 12
    people = [await both[0].person() for _ in range(12)]
    started, refused = [], 0
    for round_ in range(3):
        halves = [process.start(person, "tourist" if round_ else "TOURIST") for process in both for person in people[::2]]
        results = await asyncio.gather(
            *halves, *(both[0].start(person, "tourist") for person in people[1::2]), return_exceptions=True
        )
        refused += sum(isinstance(result, Conflict) for result in results)
        assert all(isinstance(result, Conflict) or not isinstance(result, BaseException) for result in results)
        async with both[0].engine.transaction() as tx:
            open_ = list(await tx.session.scalars(select(LinkAttemptRow.challenge_key).where(LinkAttemptRow.state == "open")))
        assert len(open_) == len(set(open_))
        started.append(len(open_))
    assert max(started) >= 10


async def test_who_finds_all_challenges_taken_is_asked_to_come_back(claims: Claims) -> None:
    claims.site.deeds = 2
    people = [await claims.person() for _ in range(3)]
    for person in people[:2]:
        await claims.start(person, "tourist")
    with pytest.raises(Conflict, match="try again in some minutes"):
        await claims.start(people[2], "tourist")
    await claims.start(people[2], "somebody-else")
    await claims.pass_time(1801)
    await claims.start(people[2], "tourist")


async def test_a_challenge_whose_check_is_under_way_is_nobody_elses_even_after_its_end(claims: Claims) -> None:
    claims.site.deeds = 1
    ada, bob = await claims.person(), await claims.person()
    await claims.start(ada, "tourist")
    await claims.confirm(ada)
    await claims.pass_time(1801)
    with pytest.raises(Conflict):
        await claims.start(bob, "tourist")
    await claims.pass_time(611)
    await claims.start(bob, "tourist")
    assert (await claims.look(ada)).state == "expired"


# Other people's attempts


async def test_other_peoples_attempts_are_not_there(database_dsns: Dsns, settings: Settings) -> None:
    async with claims_at(database_dsns, settings, Arena(Site()), jobs=False) as claims, door_of(claims.engine) as door:
        ada, _ = await door.learner()
        eve, _ = await door.learner("eve@example.org")
        platform = await door.platform("sources:vouch", "users:read", "tasks:read")
        started = await ada.post("/api/sources/arena/link", {"handle": "ada"})
        assert started.status_code == 201
        submitted = await ada.post("/api/sources/arena/link/confirm")
        for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/confirm")):
            assert (await eve.send(method, f"/api/sources/arena/link{path}")).status_code == 404
            assert (await platform.key.send(method, f"/api/sources/arena/link{path}")).status_code == 403
            assert (await door.anyone.send(method, f"/api/sources/arena/link{path}")).status_code == 401
        assert (await eve.get(submitted.headers["Location"])).status_code == 404
        assert (await ada.get("/api/sources/arena/link")).json()["state"] == "checking"


# Vouching


async def test_vouching_squats_nothing_and_learns_nothing(claims: Claims) -> None:
    platform, rival = await claims.platform(), await claims.platform()
    ada, mallory, other = await claims.person(), await claims.member(platform), await claims.member(rival)
    for key, member in ((platform, mallory), (rival, other)):
        async with claims.engine.transaction() as tx:
            await accounts.vouch(tx, key, str(member.user_id), SOURCE, Vouch(handle="ada"))
    await claims.proved(ada, "ada")
    assert await claims.held(mallory) == await claims.held(other) == []
    refusals = set()
    for key, member in ((platform, mallory), (rival, other)):
        with pytest.raises(Conflict) as refusal:
            async with claims.engine.transaction() as tx:
                await accounts.vouch(tx, key, str(member.user_id), SOURCE, Vouch(handle="ADA"))
        refusals.add((refusal.value.detail, refusal.value.field, tuple(refusal.value.extra)))
    assert refusals == {("the arena account 'ADA' is linked to another person; they must unlink it first", "handle", ())}
    third = await claims.member(platform, "third")
    async with claims.engine.transaction() as tx:
        await accounts.vouch(tx, platform, str(third.user_id), SOURCE, Vouch(handle="bob"))
    with pytest.raises(Conflict) as taken:
        async with claims.engine.transaction() as tx:
            await accounts.vouch(tx, platform, str(mallory.user_id), SOURCE, Vouch(handle="bob"))
    assert taken.value.detail.replace("bob", "ADA") == next(iter(refusals))[0]


async def test_the_start_of_an_attempt_does_not_tell_what_platforms_vouch_for(claims: Claims) -> None:
    platform = await claims.platform()
    member, stranger = await claims.member(platform), await claims.person()
    async with claims.engine.transaction() as tx:
        await accounts.vouch(tx, platform, str(member.user_id), SOURCE, Vouch(handle="ada"))
    assert (await claims.start(stranger, "ada")).state == "open"
    assert (await claims.confirmed(stranger)).state == "open"
    assert [one.handle for one in await claims.held(member)] == ["ada"]


# Handles


@pytest.mark.parametrize(
    "written",
    [
        "Tourist",
        "TOURIST",
        " tourist ",
        "tourist\n",
        "\u3000tourist\u2028",
        "ｔｏｕｒｉｓｔ",  # noqa: RUF001 - fullwidth letters
        "tou\N{LATIN SMALL LETTER R}ist",
        "𝐭𝐨𝐮𝐫𝐢𝐬𝐭",  # noqa: RUF001 - mathematical letters
        "touri\u017ft",
    ],
)
def test_one_name_written_in_many_ways_is_one_account(written: str) -> None:
    assert parse_handle(LAX, SOURCE, written).key == ORDINARY


@pytest.mark.parametrize(
    ("one", "other"),
    [("cafe\u0301", "caf\u00e9"), ("STRASSE", "straße"), ("ΣΊΣΥΦΟΣ", "σίσυφος"), ("\u1e9b\u0323", "\u1e69"), ("Ⅷ", "viii")],
)
def test_names_that_unicode_calls_the_same_are_one_account(one: str, other: str) -> None:
    assert parse_handle(LAX, SOURCE, one).key == parse_handle(LAX, SOURCE, other).key


@pytest.mark.parametrize(
    "written",
    [
        "t\N{CYRILLIC SMALL LETTER O}urist",
        "t\N{GREEK SMALL LETTER OMICRON}urist",
        "to\N{ARMENIAN SMALL LETTER SEH}rist",
        "tourist\u200b",
        "tou\u200drist",
        "\ufefftourist",
        "tou\u00adrist",
        "tour\u0131\u0307st",
        "tourist\u0338",
        "tourist\u20dd",
        "tourist\ufe0f",
        "tourist\u3164",
        "tourist\u2800x",
        "tou\0rist",
        "tou\nrist",
        "tou\u2028rist",
        "\u202etsiruot",
        "tour\ue000ist",
        "tourist1\u0301",
        "\u200b",
        "",
        "   ",
        "x" * 151,
        ":" * 70,
    ],
)
def test_names_in_disguise_are_refused(written: str) -> None:
    with pytest.raises(InvalidField) as refusal:
        parse_handle(LAX, SOURCE, written)
    assert refusal.value.field == "handle"


@pytest.mark.parametrize(
    "written",
    ["Ada_Lovelace-1.5", "\u0441\u043e\u0441\u043e", "たなか太郎", "김철수", "नेहा", "สมชาย", "محمد", "C++"],
)
def test_names_of_all_the_world_are_welcome(written: str) -> None:
    assert parse_handle(LAX, SOURCE, written).written == written


async def test_a_name_in_another_case_is_no_second_account_even_where_the_source_thinks_so(
    database_dsns: Dsns, settings: Settings
) -> None:
    async with claims_at(database_dsns, settings, LaxArena(Site())) as claims:
        ada, thief = await claims.person(), await claims.person()
        await claims.proved(ada, "Tourist")
        for disguise in ("tourist", "TOURIST", "ｔｏｕｒｉｓｔ", " tourist\n"):  # noqa: RUF001
            with pytest.raises(Conflict):
                await claims.start(thief, disguise)
        with pytest.raises(InvalidField):
            await claims.start(thief, "t\N{CYRILLIC SMALL LETTER O}urist")


def test_no_accounts_works_can_be_taken_for_anothers() -> None:
    names = ["a", "a:b", "a%3Ab", "a%b", "%", ":", "%25", "%3A"]
    assert len({account_name("arena", name) for name in names}) == len(names)
    assert all(account_name("arena", name).count(":") == 1 for name in names)


async def test_nobody_is_unlinked_by_those_who_do_not_hold_the_account(claims: Claims) -> None:
    ada, eve = await claims.person(), await claims.person()
    await claims.proved(ada, "ada")
    with pytest.raises(NotFound):
        await claims.unlink(eve, ada)
    assert len(await claims.held(ada)) == 1
