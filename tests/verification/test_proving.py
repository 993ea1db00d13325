"""The road of a proof: from the start of an attempt to a linked account, or to what is missing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import select, text

from skillcore.accounts.access import Actor
from skillcore.plugin import Identity, NotFound, NotProved, Refused, Unavailable
from skillcore.runtime import problems
from skillcore.runtime.engine import Engine
from skillcore.runtime.jobs import Retry
from skillcore.runtime.problems import Conflict, Forbidden, InvalidField, TooManyRequests, UnavailableNow
from skillcore.runtime.settings import Settings
from skillcore.runtime.worker import Pace, run_worker
from skillcore.verification import accounts, proving
from skillcore.verification.accounts import Vouch
from skillcore.verification.attempts import Attempt
from skillcore.verification.tables import LinkAttemptRow, SourceAccountRow
from tests.conftest import Dsns
from tests.verification.site import SOURCE, Arena, Claims, SignedIn, Site, Unproved, claims_at, patient
from tests.visitors import Visitor, door_of


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return patient(settings)


@pytest.fixture
async def claims(database_dsns: Dsns, settings: Settings) -> AsyncIterator[Claims]:
    async with claims_at(database_dsns, settings, Arena(Site())) as opened:
        yield opened


@contextlib.asynccontextmanager
async def working(engine: Engine) -> AsyncIterator[None]:
    """Run a worker beside the application."""
    worker = asyncio.create_task(run_worker(engine, pace=Pace(poll=0.05, heartbeat=1.0, stalled=5.0, rescue=0.2)))
    try:
        yield
    finally:
        worker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await worker


async def ended(who: Visitor) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            attempt: dict[str, Any] = (await who.get("/api/sources/arena/link")).json()
            if attempt["state"] not in {"open", "checking"}:
                return attempt
            await asyncio.sleep(0.02)


async def test_from_the_start_to_a_linked_account_over_http(database_dsns: Dsns, settings: Settings) -> None:
    site = Site()
    async with (
        claims_at(database_dsns, settings, Arena(site), jobs=False) as claims,
        door_of(claims.engine) as door,
        working(claims.engine),
    ):
        ada, _ = await door.learner()
        (offer,) = (await ada.get("/api/sources")).json()
        assert (offer["name"], offer["proofs"]) == ("arena", ["challenge"])
        assert (await ada.get("/api/sources/arena/link")).status_code == 404
        begun = await ada.post("/api/sources/arena/link", {"handle": " Strong-Ada "})
        assert (begun.status_code, begun.headers["Location"]) == (201, "/api/sources/arena/link")
        attempt = begun.json()
        assert {
            name: attempt[name] for name in ("source", "method", "handle", "state", "instructions", "reason", "job_id")
        } == {
            "source": "arena",
            "method": "challenge",
            "handle": "Strong-Ada",
            "state": "open",
            "instructions": f"Lift stone {attempt['data']['deed']}",
            "reason": "",
            "job_id": None,
        }
        assert (await ada.get("/api/sources/arena/link")).json() == attempt
        site.act("strong-ada", msgspec.convert(attempt, Attempt, strict=False))
        submitted = await ada.post("/api/sources/arena/link/confirm")
        assert submitted.status_code == 202
        assert submitted.headers["Location"] == f"/api/jobs/{submitted.json()['job_id']}"
        assert submitted.json()["attempt"]["state"] == "checking"
        assert (await ended(ada))["state"] == "proved"
        assert (await ada.get(submitted.headers["Location"])).json()["name"] == "verification.prove"
        linked = (await ada.get("/api/users/me/sources/arena")).json()
        assert {name: linked[name] for name in ("handle", "account", "method", "proved")} == {
            "handle": "strong-ada",
            "account": "arena:strong-ada",
            "method": "challenge",
            "proved": True,
        }
        again = await ada.post("/api/sources/arena/link/confirm")
        assert (again.status_code, again.json()["state"]) == (409, "proved")


async def test_what_is_recorded_says_how_the_account_was_proved(claims: Claims) -> None:
    ada = await claims.person()
    await claims.proved(ada, "Ada")
    (event,) = await claims.events(ada)
    assert (event.kind, event.subject_id, event.origin) == ("account.linked", "arena:ada", None)
    assert event.data == {"account": "arena:ada", "handle": "Ada", "method": "challenge"}
    async with claims.engine.transaction() as tx:
        row = (await tx.session.scalars(select(LinkAttemptRow))).one()
        account = (await tx.session.scalars(select(SourceAccountRow))).one()
    assert (row.account_id, row.mark, row.state) == (account.id, "1", "proved")


async def test_words_of_a_source_with_a_null_character_are_kept_without_it(claims: Claims) -> None:
    """PostgreSQL keeps none in a text."""
    ada = await claims.person()
    await claims.start(ada, "ada")
    claims.site.returned = NotProved(looked_for="a stone\0", found="no\0thing")
    unmet = await claims.confirmed(ada)
    assert (unmet.looked_for, unmet.found) == ("a stone\ufffd", "no\ufffdthing")
    claims.site.error = Refused("not to\0day")
    refused = await claims.confirmed(ada)
    assert (refused.state, "not to\ufffdday" in refused.reason) == ("failed", True)


async def test_what_is_not_there_yet_leaves_the_attempt_open(claims: Claims) -> None:
    ada = await claims.person()
    attempt = await claims.start(ada, "ada")
    unmet = await claims.confirmed(ada)
    assert (unmet.state, unmet.looked_for, unmet.found) == ("open", f"{attempt.data['deed']} by ada", "0 acts")
    claims.site.act("ada", attempt)
    proved = await claims.confirmed(ada)
    assert (proved.state, proved.looked_for, proved.found) == ("proved", "", "")
    assert [one.account for one in await claims.held(ada)] == ["arena:ada"]


async def test_an_attempt_begins_with_its_second_and_ends_after_its_minutes(claims: Claims) -> None:
    ada = await claims.person()
    attempt = await claims.start(ada, "ada")
    async with claims.engine.transaction() as tx:
        now = (await tx.session.execute(text("select clock_timestamp()"))).scalar_one()
    assert attempt.issued_at.microsecond == 0
    assert timedelta() <= now - attempt.issued_at < timedelta(seconds=10)
    assert attempt.expires_at - attempt.issued_at == timedelta(minutes=30)


@pytest.mark.parametrize(("error", "words"), [(NotFound("no such lifter"), "no such lifter"), (Refused("no key"), "no key")])
async def test_what_asking_again_cannot_mend_fails(claims: Claims, error: Exception, words: str) -> None:
    ada = await claims.person()
    await claims.start(ada, "ada")
    claims.site.error = error  # type: ignore[assignment]
    failed = await claims.confirmed(ada)
    assert (failed.state, failed.reason) == ("failed", words)
    with pytest.raises(Conflict, match="failed"):
        await claims.confirm(ada)


async def test_a_source_that_is_down_is_asked_again(claims: Claims) -> None:
    ada = await claims.person()
    attempt = await claims.start(ada, "ada")
    claims.site.act("ada", attempt)
    claims.site.error = Unavailable("out of <b>order</b>")
    await claims.confirm(ada)
    waits = []
    for times in (1, 2, 3, 4):
        with pytest.raises(Retry) as again:
            await claims.look(ada, times)
        waits.append(again.value.after)
    assert waits == [1.0, 2.0, 4.0, 300.0]
    waiting = await claims.seen(ada)
    assert (waiting.state, waiting.reason) == ("checking", "arena gives no answer: out of order")
    claims.site.error = None
    assert (await claims.look(ada)).state == "proved"


async def test_nobody_waits_for_a_source_beyond_the_attempts_end_and_grace(claims: Claims) -> None:
    ada = await claims.person()
    attempt = await claims.start(ada, "ada")
    claims.site.act("ada", attempt)
    claims.site.error = Unavailable("down")
    await claims.confirm(ada)
    await claims.pass_time(1800 + 290)  # the grace is 600 s, so the source may be asked again 300 s from now
    with pytest.raises(Retry):
        await claims.look(ada, 9)
    await claims.pass_time(20)
    over = await claims.look(ada, 10)
    assert (over.state, over.reason) == ("expired", "arena gives no answer: down")
    claims.site.error = None
    assert (await claims.look(ada)).state == "expired"
    assert await claims.held(ada) == []


async def test_a_source_that_wants_to_be_left_alone_for_long_leaves_the_attempt_open(claims: Claims) -> None:
    ada = await claims.person()
    claims.site.act("ada", await claims.start(ada, "ada"))
    claims.site.error = Unavailable("closed for today", retry_after=80_000)
    assert (await claims.confirmed(ada)).state == "open"
    claims.site.error = None
    assert (await claims.confirmed(ada)).state == "proved"


async def test_the_grace_is_for_the_look_and_not_for_the_deed(claims: Claims) -> None:
    ada = await claims.person()
    attempt = await claims.start(ada, "ada")
    await claims.confirm(ada)
    claims.site.act("ada", attempt, attempt.issued_at)
    await claims.pass_time(1801)  # the act is now before the window, as if done at its very end it would be after
    claims.site.acts[:] = [claims.site.acts[0]._replace(at=(await claims.seen(ada)).expires_at + timedelta(seconds=1))]
    assert (await claims.look(ada)).state == "expired"


async def test_confirming_twice_enqueues_once(claims: Claims) -> None:
    ada = await claims.person()
    await claims.start(ada, "ada")
    both = await asyncio.gather(claims.confirm(ada), claims.confirm(ada))
    assert both[0].job_id == both[1].job_id
    async with claims.engine.transaction() as tx:
        rows = (await tx.session.execute(text("select task_name, queue_name from procrastinate_jobs"))).all()
    assert [tuple(row) for row in rows] == [("verification.prove", "verification:arena")]


async def test_a_job_that_was_given_up_makes_room_for_another(claims: Claims) -> None:
    ada = await claims.person()
    claims.site.act("ada", await claims.start(ada, "ada"))
    first = await claims.confirm(ada)
    async with claims.engine.transaction() as tx:
        await tx.session.execute(text("update procrastinate_jobs set status = 'failed'"))
    second = await claims.confirm(ada)
    assert second.job_id != first.job_id
    assert (await claims.look(ada)).state == "proved"


async def test_a_job_that_runs_twice_links_once(claims: Claims) -> None:
    ada = await claims.person()
    claims.site.act("ada", await claims.start(ada, "ada"))
    await claims.confirm(ada)
    await asyncio.gather(*(claims.look(ada) for _ in range(3)))
    assert await claims.kinds(ada) == ["account.linked"]


async def test_no_transaction_is_open_while_the_source_is_asked(claims: Claims) -> None:
    ada, held = await claims.person(), []

    async def look() -> None:
        async with claims.engine.transaction() as tx:
            query = "select count(*) from pg_stat_activity where state like 'idle in%' and datname = current_database()"
            held.append((await tx.session.execute(text(query))).scalar_one())

    claims.site.act("ada", await claims.start(ada, "ada"))
    claims.site.meanwhile = look
    assert (await claims.confirmed(ada)).state == "proved"
    assert held == [0]


async def test_a_cancelled_attempt_links_nothing(claims: Claims) -> None:
    ada = await claims.person()

    async def cancel() -> None:
        async with claims.engine.transaction() as tx:
            await proving.cancel(tx, ada, SOURCE)

    with pytest.raises(problems.NotFound):
        await cancel()
    claims.site.act("ada", await claims.start(ada, "ada"))
    claims.site.meanwhile = cancel
    assert (await claims.confirmed(ada)).state == "cancelled"
    assert await claims.held(ada) == []
    with pytest.raises(problems.NotFound):
        await cancel()
    with pytest.raises(Conflict, match="cancelled"):
        await claims.confirm(ada)


async def test_another_attempt_supersedes_the_one_before(claims: Claims) -> None:
    ada = await claims.person()
    first = await claims.start(ada, "ada")
    second = await claims.start(ada, "ada")
    assert first.data != second.data
    claims.site.act("ada", first)
    assert (await claims.confirmed(ada)).state == "open"
    async with claims.engine.transaction() as tx:
        states = list(await tx.session.scalars(select(LinkAttemptRow.state).order_by(LinkAttemptRow.id)))
    assert states == ["superseded", "open"]


async def test_an_attempt_that_is_superseded_while_it_is_checked_links_nothing(claims: Claims) -> None:
    ada = await claims.person()
    claims.site.act("ada", await claims.start(ada, "ada"))
    claims.site.meanwhile = lambda: claims.start(ada, "bob")
    await claims.confirm(ada)
    async with claims.engine.transaction() as tx:
        number = (await tx.session.scalars(select(LinkAttemptRow.id))).one()
    await claims.run_proof(number)
    assert (await claims.seen(ada)).handle == "bob"
    assert await claims.held(ada) == []


async def test_attempts_an_hour_are_limited_for_each_person(database_dsns: Dsns, settings: Settings) -> None:
    limited = msgspec.structs.replace(
        settings, verification=msgspec.structs.replace(settings.verification, proof_starts_per_hour=3)
    )
    async with claims_at(database_dsns, limited, Arena(Site())) as claims:
        ada, bob = await claims.person(), await claims.person()
        for _ in range(3):
            await claims.start(ada, "ada")
        with pytest.raises(TooManyRequests) as refusal:
            await claims.start(ada, "ada")
        assert 3590 <= int(refusal.value.headers["Retry-After"]) <= 3601
        await claims.start(bob, "ada")
        await claims.pass_time(3601)
        await claims.start(ada, "ada")


async def test_refusals_of_a_start(claims: Claims) -> None:
    ada, platform = await claims.person(), await claims.platform()
    with pytest.raises(InvalidField, match="name the arena account") as nameless:
        await claims.start(ada, "  ")
    assert nameless.value.field == "handle"
    with pytest.raises(InvalidField, match="there are: challenge") as method:
        await claims.start(ada, "ada", method="oauth")
    assert method.value.field == "method"
    with pytest.raises(Forbidden):
        await claims.start(platform, "ada")
    async with claims.engine.transaction() as tx:
        with pytest.raises(InvalidField, match="there is no source 'circus'"):
            await proving.start(tx, ada, "circus", proving.NewAttempt(handle="ada"))
    with pytest.raises(problems.NotFound):
        await claims.seen(ada)


@pytest.mark.parametrize(("source", "ways"), [(SignedIn, ("challenge",)), (Unproved, ()), (Arena, ("challenge",))])
async def test_only_ways_that_work_here_are_offered(
    database_dsns: Dsns, settings: Settings, source: type[Arena], ways: tuple[str, ...]
) -> None:
    async with claims_at(database_dsns, settings, source(Site())) as claims:
        async with claims.engine.transaction() as tx:
            (offer,) = await accounts.offers(tx)
        assert offer.proofs == ways
        if not ways:
            with pytest.raises(InvalidField, match="there are: none"):
                await claims.start(await claims.person(), "ada")


@pytest.mark.parametrize(
    "returned",
    [
        "ada",
        Identity(handle=""),
        Identity(handle="ada\0"),
        Identity(handle="ada", external_id="47\00011"),
        Identity(handle="ada", mark="\0"),
        Identity(handle="ada", mark=7),  # type: ignore[arg-type]
        NotProved(looked_for=1, found="nothing"),  # type: ignore[arg-type]
    ],
)
async def test_what_is_no_proof_is_an_outage(claims: Claims, returned: Any) -> None:
    ada = await claims.person()
    await claims.start(ada, "ada")
    claims.site.returned = returned
    with pytest.raises(Retry, match="arena"):
        await claims.confirmed(ada)


UNKEPT: dict[str, dict[str, Any]] = {
    "null": {"data": {"deed": "\0"}},
    "null in a name": {"data": {"\0": "lift"}},
    "null in the key": {"key": "lift\0"},
    "null in the instructions": {"instructions": "Lift\0"},
    "too much": {"data": {"deed": "x" * 5000}},
}
"""Changes to a challenge after which no row could hold it."""


@pytest.mark.parametrize("broken", ["raises", "no challenge", *UNKEPT])
async def test_a_source_that_sets_no_challenge_is_unavailable(database_dsns: Dsns, settings: Settings, broken: str) -> None:
    class Broken(Arena):
        def challenge(self, account: Any, number: int) -> Any:
            sound = super().challenge(account, number)
            match broken:
                case "raises":
                    raise SystemExit(1)
                case "no challenge":
                    return "lift"
            return msgspec.structs.replace(sound, **UNKEPT[broken])

    async with claims_at(database_dsns, settings, Broken(Site())) as claims:
        with pytest.raises(UnavailableNow, match="arena"):
            await claims.start(await claims.person(), "ada")


async def test_an_account_is_known_by_its_id_and_survives_a_new_name(claims: Claims) -> None:
    ada = await claims.person()
    claims.site.ids = {"ada": "4711", "lovelace": "4711"}
    await claims.proved(ada, "ada")
    (held,) = await claims.held(ada)
    assert (held.account, held.handle) == ("arena:4711", "ada")
    await claims.proved(ada, "lovelace")
    (held,) = await claims.held(ada)
    assert (held.account, held.handle) == ("arena:4711", "lovelace")
    assert await claims.kinds(ada) == ["account.linked", "account.linked"]
    await claims.proved(ada, "lovelace")
    assert await claims.kinds(ada) == ["account.linked", "account.linked"]


async def test_a_name_that_went_to_another_account_is_anothers(claims: Claims) -> None:
    ada, bob = await claims.person(), await claims.person()
    claims.site.ids = {"ada": "1"}
    await claims.proved(ada, "ada")
    claims.site.ids = {"ada": "2"}
    await claims.proved(bob, "ada")
    assert [one.account for one in (*await claims.held(ada), *await claims.held(bob))] == ["arena:1", "arena:2"]


async def test_a_proof_by_id_takes_the_account_from_those_whom_platforms_vouch_for(claims: Claims) -> None:
    platform = await claims.platform()
    ada, bob = await claims.person(), await claims.member(platform)
    async with claims.engine.transaction() as tx:
        await accounts.vouch(tx, platform, str(bob.user_id), SOURCE, Vouch(handle="Ada"))
    claims.site.ids = {"ada": "1"}
    await claims.proved(ada, "ada")
    assert await claims.held(bob) == []
    assert await claims.kinds(bob) == ["account.linked", "evidence.withdrawn"]
    with pytest.raises(Conflict, match="linked to another person"):
        async with claims.engine.transaction() as tx:
            await accounts.vouch(tx, platform, str(bob.user_id), SOURCE, Vouch(handle="ada"))


async def test_a_handle_is_not_taken_for_an_id(claims: Claims) -> None:
    platform = await claims.platform()
    ada, bob = await claims.person(), await claims.member(platform)
    claims.site.ids = {"ada": "4711"}
    async with claims.engine.transaction() as tx:
        await accounts.vouch(tx, platform, str(bob.user_id), SOURCE, Vouch(handle="4711"))
    await claims.proved(ada, "ada")
    assert [one.handle for one in await claims.held(bob)] == ["4711"]


async def test_an_account_that_the_site_calls_otherwise_is_not_linked(claims: Claims) -> None:
    ada = await claims.person()
    claims.site.names = {"ada": "countess"}
    claims.site.act("ada", await claims.start(ada, "ada"))
    failed = await claims.confirmed(ada)
    assert (failed.state, failed.reason) == (
        "failed",
        "arena says that this account is called 'countess'; start again with that name",
    )
    assert await claims.held(ada) == []


async def test_unlinking_keeps_the_evidence_and_lets_another_prove_the_account(claims: Claims) -> None:
    ada, bob = await claims.person(), await claims.person()
    await claims.proved(ada, "ada")
    with pytest.raises(Conflict) as refusal:
        await claims.start(bob, "ada")
    assert str(ada.user_id) not in refusal.value.detail + str(refusal.value.extra)
    await claims.unlink(ada, ada)
    assert await claims.kinds(ada) == ["account.linked", "account.unlinked"]
    await claims.proved(bob, "ada")
    assert [one.account for one in await claims.held(bob)] == ["arena:ada"]
    with pytest.raises(Conflict):
        await claims.start(ada, "ada")


async def test_an_administrators_transfer_is_recorded_with_their_name(claims: Claims) -> None:
    ada, bob = await claims.person(), await claims.person()
    admin = Actor(kind="user", user_id=(await claims.person()).user_id, role="admin")
    await claims.proved(ada, "ada")
    await claims.unlink(admin, ada, withdraw=True)
    unlinked, withdrawn = (await claims.events(ada))[1:]
    assert unlinked.data == {"account": "arena:ada", "by": "administrator"}
    assert (withdrawn.kind, withdrawn.subject_id) == ("evidence.withdrawn", "arena:ada")
    await claims.proved(bob, "ada")


async def test_a_wrong_link_is_undone_after_it_was_unlinked_too(claims: Claims) -> None:
    ada = await claims.person()
    admin = Actor(kind="user", user_id=(await claims.person()).user_id, role="admin")
    await claims.proved(ada, "ada")
    await claims.unlink(ada, ada)
    await claims.unlink(admin, ada, withdraw=True)
    assert await claims.kinds(ada) == ["account.linked", "account.unlinked", "evidence.withdrawn"]
    with pytest.raises(problems.NotFound):
        await claims.unlink(admin, ada, withdraw=True)
