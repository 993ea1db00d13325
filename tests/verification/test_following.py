"""A login that is renamed survives, without its person doing anything; and what is kept for that is kept for nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import httpx2
import msgspec
import psycopg
import pytest
from sqlalchemy import select, text

from skillcore.accounts.access import Actor
from skillcore.accounts.audit.tables import AuditRow
from skillcore.app import tables
from skillcore.plugin import (
    Account,
    ChallengeProof,
    Identity,
    NotVerified,
    OAuthClient,
    OIDCProof,
    Page,
    Refused,
    Tools,
    Unavailable,
    Verdict,
)
from skillcore.privacy.duties import Duties
from skillcore.privacy.erasure import erase
from skillcore.runtime import oauth
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.jobs import JobContext, Jobs, Retry
from skillcore.runtime.rotation import sealed_columns
from skillcore.runtime.sealing import Sealer
from skillcore.runtime.settings import Settings
from skillcore.runtime.sites import Token, TokenEnded
from skillcore.verification import accounts, following, identities, imports, revocations, tokens
from skillcore.verification.following import DAILY, LATELY, followed
from skillcore.verification.importing import import_history
from skillcore.verification.linking import LinkedAccount, account_for
from skillcore.verification.revocations import forget_all, revoke_due
from skillcore.verification.room import ROOM
from skillcore.verification.tables import SourceTokenRow, TokenRevocationRow
from skillcore.work import tasks
from skillcore.work.completion import complete_task
from skillcore.work.room import ROOM as WORK
from skillcore.work.tasks import NewTask
from tests.conftest import Dsns
from tests.verification.sign_ins import BACK, KEEPING, People, Place, by_lasting_token, by_profile, by_token, held
from tests.verification.site import SOURCE, Arena, Lift, patient

pytestmark = pytest.mark.npm


@pytest.fixture
def settings(settings: Settings) -> Settings:
    own = patient(settings)
    verification = msgspec.structs.replace(own.verification, redirect_uri=BACK, import_on_link=False)
    return msgspec.structs.replace(own, verification=verification)


def by_lasting_claims(issuer: str, **more: Any) -> OIDCProof:
    """As `by_lasting_token`, by OpenID Connect: what can be asked, and where, the issuer says itself."""
    client = by_lasting_token(issuer).client
    return by_token(issuer, **{"client": client, "handle_claim": "login", "id_claim": "sub", **more})


# --- what happens there, and here


def calls(issuer: str, name: str, **claims: Any) -> None:
    """Have the site say something else of somebody from now on."""
    httpx2.post(f"{issuer}/people", json={name: claims}, trust_env=False).raise_for_status()


def takes_back(issuer: str, token: str) -> None:
    """Take a token back at the site, as its holder can."""
    form = {"token": token, "client_id": "keeping", "client_secret": KEEPING}
    httpx2.post(f"{issuer}/token/revocation", data=form, trust_env=False).raise_for_status()


def lapses(issuer: str, token: str) -> None:
    """Let an access token run out before its time."""
    httpx2.post(f"{issuer}/lapsed", json={"token": token}, trust_env=False).raise_for_status()


def holds(issuer: str, token: str) -> bool:
    """Say whether the site takes a token."""
    answer = httpx2.get(f"{issuer}/me", headers={"Authorization": f"Bearer {token}"}, trust_env=False)
    assert answer.status_code in {200, 401}
    return answer.status_code == 200


async def proved(place: People, name: str) -> Actor:
    person = await place.person()
    assert (await place.hand_in(person, (await place.signed_in(person, name)).given)).state == "proved"
    return person


async def of(place: People, person: Actor) -> LinkedAccount:
    async with place.engine.transaction() as tx:
        found = await account_for(tx, person.user_id, SOURCE, platform_id=None)  # type: ignore[arg-type]
    assert found is not None
    return found


async def kept(place: People, person: Actor) -> Token | None:
    async with place.engine.transaction() as tx:
        row = await tx.session.scalar(select(SourceTokenRow).where(SourceTokenRow.user_id == person.user_id))
        return None if row is None else tokens.opened(place.engine, row)


async def to_give_back(place: People) -> list[Token | None]:
    async with place.engine.transaction() as tx:
        return [tokens.opened(place.engine, row) for row in await tx.session.scalars(select(TokenRevocationRow))]


async def change(place: People, statement: str, **values: Any) -> None:
    async with place.engine.transaction() as tx:
        await tx.session.execute(text(statement), values)


async def a_day_passes(place: People) -> None:
    await change(place, "update source_tokens set asked_at = asked_at - interval '1 day'")


async def ask(place: People, person: Actor) -> LinkedAccount:
    """Ask as before an import, a day after the last time."""
    await a_day_passes(place)
    return await followed(place.engine, await of(place, person), DAILY)


def before(monkeypatch: pytest.MonkeyPatch, what: Callable[[], Awaitable[object]]) -> list[int]:
    """Have something happen while a site is asked whose account it is; returns a list that grows with each question."""
    asked: list[int] = []
    original = identities.shown_by

    async def shown_by(*arguments: Any) -> Identity:
        asked.append(1)
        found = await original(*arguments)
        await what()
        return found

    monkeypatch.setattr(following, "shown_by", shown_by)
    return asked


async def nothing() -> None:
    pass


# --- a new name is noticed


@pytest.mark.parametrize(("way", "name"), [(by_lasting_token, "Ada"), (by_lasting_claims, "Lovelace")])
async def test_a_renamed_account_goes_on_under_its_new_name(issuer: str, people: Place, way: Any, name: str) -> None:
    async with people(way(issuer)) as place:
        ada = await proved(place, name)
        earlier = await of(place, ada)
        calls(issuer, name, login="Countess")
        found = await ask(place, ada)
        assert (found.handle, found.account, found.id) == ("Countess", earlier.account, earlier.id)
        assert found == await of(place, ada)
        assert found.asked == Account(SOURCE, "Countess", earlier.external_id)
        assert [row.data["handle"] for row in await place.events(ada)] == [name, "Countess"]
        assert await place.kinds(ada) == ["account.linked"] * 2
        async with place.engine.transaction() as tx:
            noted = list(await tx.session.scalars(select(AuditRow.act).where(AuditRow.about_id == ada.user_id)))
        assert noted == ["account.linked"] * 2
        assert await followed(place.engine, found, DAILY) == found
        assert await kept(place, ada) is not None


async def test_a_site_is_asked_no_more_than_is_worth_it(issuer: str, people: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    async with people(by_lasting_token(issuer)) as place:
        ada = await proved(place, "Grace")
        asked = before(monkeypatch, nothing)
        for _ in range(2):
            await followed(place.engine, await of(place, ada), DAILY)
        assert asked == []
        await ask(place, ada)
        await followed(place.engine, await of(place, ada), LATELY)
        assert asked == [1]
        await change(place, "update source_tokens set asked_at = asked_at - interval '11 minutes'")
        await followed(place.engine, await of(place, ada), DAILY)
        assert asked == [1]
        await followed(place.engine, await of(place, ada), LATELY)
        assert asked == [1, 1]


async def test_one_asks_at_a_time(issuer: str, people: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two who renew one token would look like a thief to the site."""
    async with people(by_lasting_token(issuer)) as place:
        ada = await proved(place, "Hopper")

        async def too() -> None:
            await followed(place.engine, await of(place, ada), LATELY)

        asked = before(monkeypatch, too)
        await ask(place, ada)
        assert asked == [1]


async def test_a_name_that_somebody_else_has_proved_stays_theirs(issuer: str, people: Place) -> None:
    """Where a source tells no ids by challenge, a name is an account; nobody gets it by being renamed."""
    async with people(by_lasting_token(issuer), ChallengeProof()) as place:
        eve, ada = await place.person(), await proved(place, "Babbage")
        place.site.act("Countess", await place.start(eve, "Countess", method="challenge"))
        assert (await place.confirmed(eve)).state == "proved"
        calls(issuer, "Babbage", login="Countess")
        assert (await ask(place, ada)).handle == "Babbage"
        assert await held(place, eve) == [("arena:countess", "Countess", "challenge")]
        assert await kept(place, ada) is not None


@pytest.mark.parametrize("login", ["", "\u0430da", "x" * 201, 7])
async def test_a_name_that_cannot_be_is_not_taken(issuer: str, people: Place, login: object) -> None:
    async with people(by_lasting_token(issuer)) as place:
        name = f"Turing{login!r}"[:12]
        ada = await proved(place, name.encode().hex())
        calls(issuer, name.encode().hex(), login=login)
        assert (await ask(place, ada)).handle == name.encode().hex()
        assert await kept(place, ada) is not None


# --- and nobody else's


async def test_another_s_account_is_never_followed(issuer: str, people: Place) -> None:
    async with people(by_lasting_token(issuer)) as place:
        ada = await proved(place, "Ada2")
        token = await kept(place, ada)
        calls(issuer, "Ada2", login="Mallory", id=666)
        assert (await ask(place, ada)).handle == "Ada2"
        assert await held(place, ada) == [("arena:583004", "Ada2", "oauth")]
        assert await kept(place, ada) is None
        assert await to_give_back(place) == [token]
        assert await place.kinds(ada) == ["account.linked"]


async def test_what_the_site_takes_no_more_is_forgotten_and_the_person_can_see_it(issuer: str, people: Place) -> None:
    async with people(by_lasting_token(issuer)) as place:
        ada = await proved(place, "Noether")
        token = await kept(place, ada)
        assert token is not None
        assert [one.followed for one in await place.held(ada)] == [True]
        takes_back(issuer, token.refresh_token or "")
        calls(issuer, "Noether", login="Emmy")
        assert (await ask(place, ada)).handle == "Noether"
        assert (await kept(place, ada), await to_give_back(place)) == (None, [])
        assert [(one.account, one.followed) for one in await place.held(ada)] == [("arena:583007", False)]
        assert (await place.hand_in(ada, (await place.signed_in(ada, "Noether")).given)).state == "proved"
        assert [(one.handle, one.followed) for one in await place.held(ada)] == [("Emmy", True)]
        assert "account.unlinked" not in await place.kinds(ada)


async def test_platforms_are_not_told_what_is_kept(issuer: str, people: Place) -> None:
    async with people(by_lasting_token(issuer)) as place:
        platform, ada = await place.platform(), await proved(place, "Curie")
        await place.join(platform, ada, "ada")
        async with place.engine.transaction() as tx:
            (shown,) = await accounts.listing(tx, platform, "ext:ada")
            one = await accounts.get(tx, platform, "ext:ada", SOURCE)
            own = await accounts.get(tx, ada, "me", SOURCE)
        assert (shown.followed, one.followed, own.followed) == (None, None, True)


@pytest.mark.parametrize("error", [Unavailable("it is away"), Refused("HTTP 403: too many requests")])
async def test_a_site_that_does_not_say_holds_nothing_up(
    issuer: str, people: Place, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async with people(by_lasting_token(issuer)) as place:
        name = f"Meitner{type(error).__name__}"
        ada = await proved(place, name)
        calls(issuer, name, login="Lise")
        asked = []

        async def away(*_: Any) -> None:
            asked.append(1)
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(oauth, "shown_at", away)
            assert (await ask(place, ada)).handle == name
            assert (await ask(place, ada)).handle == name  # nobody asks again at once
        assert asked == [1]
        await change(place, "update source_tokens set busy_until = now()")
        assert (await ask(place, ada)).handle == "Lise"


async def test_an_account_that_is_unlinked_meanwhile_is_not_renamed(
    issuer: str, people: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with people(by_lasting_token(issuer)) as place:
        ada = await proved(place, "Franklin")
        calls(issuer, "Franklin", login="Rosalind")
        before(monkeypatch, lambda: place.unlink(ada, ada))
        assert (await ask(place, ada)).handle == "Franklin"
        assert await place.kinds(ada) == ["account.linked", "account.unlinked"]


async def test_a_newer_sign_in_is_not_forgotten_with_an_older_one(
    issuer: str, people: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with people(by_lasting_token(issuer)) as place:
        ada = await proved(place, "Swallow")
        first = await kept(place, ada)

        async def shown_by(*_: Any) -> Identity:
            await place.hand_in(ada, (await place.signed_in(ada, "Swallow")).given)
            raise TokenEnded("the older one holds no more")

        monkeypatch.setattr(following, "shown_by", shown_by)
        await change(place, "update source_tokens set expires_at = null")
        await ask(place, ada)
        assert await kept(place, ada) not in {None, first}


async def test_nothing_is_written_of_somebody_who_is_erased_meanwhile(
    issuer: str, people: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with people(by_lasting_token(issuer)) as place, place.engine.open(Duties([ROOM])):
        ada = await proved(place, "Hypatia")
        token = await kept(place, ada)
        before(monkeypatch, lambda: erase(place.engine, ada.user_id or new_id(), "asked"))
        await ask(place, ada)
        assert (await kept(place, ada), await to_give_back(place)) == (None, [token])


async def test_whoever_settles_a_name_waits_for_the_person_before_anything_of_theirs(
    issuer: str, people: Place, database_dsns: Dsns
) -> None:
    """An erasure holds the person first; whoever held a token of theirs meanwhile would wait for it in a circle."""
    query = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    async with people(by_lasting_token(issuer)) as place:
        ada = await proved(place, "Seacole")
        with (
            psycopg.connect(database_dsns.owner_dsn) as erasing,
            psycopg.connect(database_dsns.owner_dsn, autocommit=True) as looking,
        ):
            erasing.execute("select from users where id = %s for update", (ada.user_id,))
            asking = asyncio.create_task(ask(place, ada))
            async with asyncio.timeout(30):
                while looking.execute(query).fetchone() == (0,):  # noqa: ASYNC110 - it is another session that waits
                    await asyncio.sleep(0.02)
            erasing.execute("select from source_tokens for update nowait")
            erasing.rollback()
            assert (await asking).handle == "Seacole"


# --- tokens that run out


@pytest.mark.parametrize("known", [True, False], ids=["known to have ended", "found to have ended"])
async def test_a_token_that_has_ended_is_renewed(issuer: str, people: Place, known: bool) -> None:
    async with people(by_lasting_token(issuer)) as place:
        name = f"Johnson{known}"
        ada = await proved(place, name)
        first = await kept(place, ada)
        assert first is not None
        if known:
            await change(place, "update source_tokens set expires_at = now()")
        else:
            lapses(issuer, first.access_token)
        calls(issuer, name, login=f"Katherine{known}")
        assert (await ask(place, ada)).handle == f"Katherine{known}"
        second = await kept(place, ada)
        assert second is not None
        assert {first.access_token, first.refresh_token}.isdisjoint({second.access_token, second.refresh_token})
        assert holds(issuer, second.access_token)
        async with place.engine.transaction() as tx:
            row = (await tx.session.scalars(select(SourceTokenRow))).one()
        assert row.expires_at is not None
        assert row.expires_at > now()


async def test_a_successor_is_kept_before_anything_else_can_fail(
    issuer: str, people: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with people(by_lasting_token(issuer)) as place:
        ada = await proved(place, "Lamarr")
        first = await kept(place, ada)
        await change(place, "update source_tokens set expires_at = now()")

        async def away(*_: Any) -> None:
            raise Unavailable("it is away")

        with monkeypatch.context() as patch:
            patch.setattr(oauth, "shown_at", away)
            await ask(place, ada)
        second = await kept(place, ada)
        assert second is not None
        assert second != first
        assert holds(issuer, second.access_token)


async def test_a_token_that_is_not_renewed_any_more_is_forgotten(issuer: str, people: Place) -> None:
    async with people(by_lasting_token(issuer)) as place:
        ada = await proved(place, "Germain")
        token = await kept(place, ada)
        assert token is not None
        await change(place, "update source_tokens set expires_at = now()")
        takes_back(issuer, token.refresh_token or "")
        await ask(place, ada)
        assert await kept(place, ada) is None
        assert await held(place, ada) == [("arena:583007", "Germain", "oauth")]


async def test_credentials_of_ours_that_are_wrong_cost_nobody_their_token(issuer: str, people: Place) -> None:
    async with people(by_lasting_token(issuer)) as place:
        ada = await proved(place, "Kovalevskaya")
        await change(place, "update source_tokens set expires_at = now()")
        source = place.engine.plugins.sources[SOURCE]
        (proof,) = source.proofs
        wrong = OAuthClient(client_id="keeping", client_secret="not the secret")
        type(source).proofs = (msgspec.structs.replace(proof, client=wrong),)
        await ask(place, ada)
        assert await kept(place, ada) is not None


async def test_a_successor_for_nobody_is_given_back(issuer: str, people: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    async with people(by_lasting_token(issuer)) as place:
        ada = await proved(place, "Mirzakhani")
        await change(place, "update source_tokens set expires_at = now()")
        original, successors = oauth.renewed, []

        async def renewed(*arguments: Any) -> Token:
            successors.append(await original(*arguments))
            await place.unlink(ada, ada)
            return successors[-1]

        monkeypatch.setattr(oauth, "renewed", renewed)
        await ask(place, ada)
        assert successors[0].access_token in [one.access_token for one in await to_give_back(place) if one]
        assert await kept(place, ada) is None


# --- what is kept, and for how long


@pytest.mark.parametrize(
    "proof",
    [
        by_profile,
        lambda issuer: by_lasting_claims(issuer, id_claim=""),
        lambda _: ChallengeProof(),
    ],
    ids=["it ends within the hour", "its account is its name", "nobody signed in"],
)
async def test_what_is_of_no_use_is_not_kept(issuer: str, people: Place, proof: Any) -> None:
    way = proof(issuer)
    async with people(way) as place:
        if isinstance(way, ChallengeProof):
            ada = await place.person()
            await place.proved(ada, "Ada")
        else:
            ada = await proved(place, "Bell")
        assert await kept(place, ada) is None


async def test_it_is_sealed_in_its_place(issuer: str, people: Place) -> None:
    async with people(by_lasting_token(issuer)) as place:
        ada, eve = await proved(place, "Ride"), await proved(place, "Jemison")
        token = await kept(place, ada)
        assert token is not None
        async with place.engine.transaction() as tx:
            rows = (await tx.session.scalars(select(SourceTokenRow))).all()
            assert all(token.access_token.encode() not in row.token for row in rows)
            own, other = sorted(rows, key=lambda row: row.user_id != ada.user_id)
            own.token = other.token
        assert await kept(place, ada) is None
        assert (await ask(place, ada)).handle == "Ride"
        assert await kept(place, eve) is not None
        columns = {f"{table.name}.{column.name}" for table, found in sealed_columns(tables()).items() for column in found}
        assert {"source_tokens.token", "token_revocations.token"} <= columns


@pytest.mark.parametrize("way", [by_lasting_token, by_lasting_claims])
async def test_unlinking_gives_it_back(issuer: str, people: Place, way: Any) -> None:
    async with people(way(issuer)) as place:
        ada = await proved(place, "Vaughan")
        token = await kept(place, ada)
        assert token is not None
        await place.unlink(ada, ada)
        assert await kept(place, ada) is None
        assert holds(issuer, token.access_token)
        assert await revoke_due(place.engine) == 1
        assert not holds(issuer, token.access_token)
        assert (await revoke_due(place.engine), await to_give_back(place)) == (0, [])


async def test_another_account_in_its_place_ends_it_as_an_undone_link_does(issuer: str, people: Place) -> None:
    async with people(by_lasting_token(issuer)) as place:
        ada, root = await proved(place, "Easley"), Actor(kind="user", user_id=(await place.person()).user_id, role="admin")
        first = await kept(place, ada)
        await place.hand_in(ada, (await place.signed_in(ada, "Annie")).given)
        second = await kept(place, ada)
        assert (await held(place, ada), await to_give_back(place)) == ([("arena:583005", "Annie", "oauth")], [first])
        await place.unlink(root, ada, withdraw=True)
        assert await kept(place, ada) is None
        assert await to_give_back(place) == [first, second]


async def test_signing_in_again_takes_the_place_of_what_was_kept(issuer: str, people: Place) -> None:
    async with people(by_lasting_token(issuer)) as place:
        ada = await proved(place, "Clarke")
        first = await kept(place, ada)
        await place.hand_in(ada, (await place.signed_in(ada, "Clarke")).given)
        assert await kept(place, ada) not in {None, first}
        assert await to_give_back(place) == []


async def test_erasure_leaves_nothing_that_names_the_person(issuer: str, people: Place) -> None:
    async with people(by_lasting_token(issuer)) as place, place.engine.open(Duties([ROOM])):
        ada = await proved(place, "Wu")
        token = await kept(place, ada)
        assert token is not None
        assert await erase(place.engine, ada.user_id or new_id(), "asked")
        async with place.engine.transaction() as tx:
            left = (await tx.session.execute(text("select t::text from token_revocations t"))).scalars().all()
            none = (await tx.session.execute(text("select t::text from source_tokens t"))).scalars().all()
        assert (len(left), none) == (1, [])
        assert not any(word in left[0] for word in (str(ada.user_id), "Wu", "583002"))
        assert await revoke_due(place.engine) == 1
        assert not holds(issuer, token.access_token)


async def test_who_wants_none_kept_has_none(issuer: str, people: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    async with people(by_lasting_token(issuer)) as place:
        ada, given = await proved(place, "Yonath"), []
        original = oauth.exchanged

        async def exchanged(*arguments: Any) -> Token:
            given.append(await original(*arguments))
            return given[-1]

        monkeypatch.setattr(oauth, "exchanged", exchanged)
        settings = place.engine.settings
        none = msgspec.structs.replace(settings.verification, keep_tokens=False)
        place.engine.settings = msgspec.structs.replace(settings, verification=none)
        eve = await proved(place, "Elinor Ostrom")
        assert (await kept(place, eve), await to_give_back(place)) == (None, [])
        assert not holds(issuer, given[0].access_token)
        asked = before(monkeypatch, nothing)
        await ask(place, ada)
        assert asked == []
        first = await kept(place, ada)
        assert first is not None
        assert await forget_all(place.engine) == 1
        assert await kept(place, ada) is None
        assert await revoke_due(place.engine) == 1
        assert not holds(issuer, first.access_token)


async def test_a_sign_in_that_proves_nothing_leaves_no_token(
    issuer: str, people: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with people(by_lasting_token(issuer)) as place:
        await proved(place, "Bassi")
        given, original = [], oauth.exchanged

        async def exchanged(*arguments: Any) -> Token:
            given.append(await original(*arguments))
            return given[-1]

        monkeypatch.setattr(oauth, "exchanged", exchanged)
        eve = await place.person()
        assert (await place.hand_in(eve, (await place.signed_in(eve, "Bassi")).given)).state == "failed"
        assert await kept(place, eve) is None
        assert not holds(issuer, given[0].access_token)


# --- sites that take nothing back


async def test_a_site_that_does_not_take_it_back_is_asked_for_a_day(
    issuer: str, people: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with people(by_lasting_token(issuer)) as place:
        ada = await proved(place, "Goeppert")
        await place.unlink(ada, ada)
        waits = []

        async def away(*_: Any) -> None:
            raise Unavailable("it is away")

        monkeypatch.setattr(oauth, "given_back", away)
        for _ in range(20):
            assert await revoke_due(place.engine) == 0
            async with place.engine.transaction() as tx:
                row = await tx.session.scalar(select(TokenRevocationRow))
                if row is None:
                    break
                waits.append(round((row.next_at - now()).total_seconds() / 60))
                earlier = row.next_at - now()
                row.next_at, row.given_up_at = row.next_at - earlier, row.given_up_at - earlier
        assert waits[:5] == [2, 4, 8, 16, 32]
        assert max(waits) == 240
        assert 23.9 * 60 < sum(waits) < 24.1 * 60
        assert await to_give_back(place) == []


async def test_where_nothing_can_be_given_back_nothing_waits(issuer: str, people: Place) -> None:
    async with people(by_lasting_token(issuer, revoke_url=None)) as place:
        ada = await proved(place, "Rubin")
        assert await kept(place, ada) is not None
        await place.unlink(ada, ada)
        assert (await kept(place, ada), await to_give_back(place)) == (None, [])


async def test_workers_see_to_it_by_themselves(issuer: str, people: Place) -> None:
    async with people(by_lasting_token(issuer)) as place:
        ada, eve = await proved(place, "Payne"), await proved(place, "Leavitt")
        await place.unlink(ada, ada)
        settings = place.engine.settings
        none = msgspec.structs.replace(settings.verification, keep_tokens=False)
        place.engine.settings = msgspec.structs.replace(settings, verification=none)
        async with revocations.service(place.engine), asyncio.timeout(30):
            while await kept(place, eve) or await to_give_back(place):  # noqa: ASYNC110 - these are rows of tables that go
                await asyncio.sleep(0.05)


# --- before a source is asked


class Remembering(Arena):
    """Shows no work, and remembers about whom it was asked."""

    asked: ClassVar[list[Account]] = []

    async def verify(self, tools: Tools, account: Account, requirement: Lift) -> Verdict:
        self.asked.append(account)
        return NotVerified("a lift", "none")

    async def history(self, tools: Tools, account: Account, after: str | None) -> AsyncIterator[Page]:
        self.asked.append(account)
        yield Page(evidence=(), cursor="end")


async def test_an_import_asks_about_the_new_name(issuer: str, people: Place) -> None:
    Remembering.asked.clear()
    async with people(by_lasting_token(issuer), kind=Remembering) as place:
        ada = await proved(place, "Herschel")
        calls(issuer, "Herschel", login="Caroline")
        await a_day_passes(place)
        async with place.engine.transaction() as tx:
            begun = await imports.start(tx, ada, SOURCE, user="me")
        await import_history(
            place.engine, JobContext(place.engine, begun.job_id or 0, 1), account=str((await of(place, ada)).id)
        )
        async with place.engine.transaction() as tx:
            assert (await imports.get(tx, ada, SOURCE, user="me")).state == "done"
    assert Remembering.asked == [Account(SOURCE, "Caroline", "583008")]


async def begun(place: People, person: Actor) -> Callable[[], Awaitable[None]]:
    """Have a task checked; returns its job."""
    new = NewTask(description="lift", source=SOURCE, requirements={"kilos": 1})
    async with place.engine.transaction() as tx:
        task = await tasks.create(tx, person, new)
    async with place.engine.transaction() as tx:
        await tasks.complete(tx, person, task.id)
    return lambda: complete_task(place.engine, JobContext(place.engine, 0, 1), task=str(task.id))


@asynccontextmanager
async def working(people: Place, issuer: str) -> AsyncIterator[People]:
    """Open an engine that runs jobs of tasks, too."""
    Remembering.asked.clear()
    async with (
        people(by_lasting_token(issuer), kind=Remembering, jobs=False) as place,
        place.engine.open(Jobs([ROOM, WORK])),
        Sealer.opened(place.engine),
    ):
        yield place


async def test_a_verification_asks_about_the_new_name(issuer: str, people: Place) -> None:
    async with working(people, issuer) as place:
        ada = await proved(place, "Blackwell")
        calls(issuer, "Blackwell", login="Elizabeth")
        await a_day_passes(place)
        await (await begun(place, ada))()
    assert Remembering.asked == [Account(SOURCE, "Elizabeth", "583009")]


async def test_what_was_found_under_an_old_name_decides_nothing(
    issuer: str, people: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import may learn of a new name while a verification still asks about the old one."""
    async with working(people, issuer) as place:
        ada = await proved(place, "Barton")
        calls(issuer, "Barton", login="Clara")
        original = Remembering.verify

        async def verify(source: Remembering, tools: Tools, account: Account, requirement: Lift) -> Verdict:
            found = await original(source, tools, account, requirement)
            await ask(place, ada)
            return found

        monkeypatch.setattr(Remembering, "verify", verify)
        job = await begun(place, ada)
        with pytest.raises(Retry, match="renamed"):
            await job()
        await job()
        assert [account.handle for account in Remembering.asked] == ["Barton", "Clara"]
        assert (await place.kinds(ada)).count("task.failed") == 1


# --- it shows nowhere


async def test_no_token_shows(issuer: str, people: Place, capfd: pytest.CaptureFixture[str]) -> None:
    async with people(by_lasting_token(issuer)) as place:
        ada = await proved(place, "Anning")
        await change(place, "update source_tokens set expires_at = now()")
        known = [await kept(place, ada)]
        await ask(place, ada)
        known.append(await kept(place, ada))
        await place.unlink(ada, ada)
        async with place.engine.transaction() as tx:
            found = [
                (await tx.session.execute(text(f"select t::text from {table} t"))).scalars().all()
                for table in ("procrastinate_jobs", "source_tokens", "token_revocations", "audit", "events", "link_attempts")
            ]
        await revoke_due(place.engine)
        seen = "".join(word for rows in found for word in rows) + "".join(capfd.readouterr()) + repr(known)
        for token in known:
            assert token is not None
            for secret in (token.access_token, token.refresh_token or ""):
                assert len(secret) > 20
                assert secret not in seen
                assert secret.encode().hex() not in seen
