"""Figures of public profiles become facts: when they change, once, and only while the account is the person's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest

from skillcore.accounts.access import Actor
from skillcore.ledger.tables import EventRow
from skillcore.plugin import Account, NotFound, Refused, Tools
from skillcore.plugin import Unavailable as NoAnswer
from skillcore.privacy.duties import Duties
from skillcore.privacy.erasure import erase
from skillcore.runtime.clock import now
from skillcore.runtime.jobs import JobContext, JobStatus, Retry, status
from skillcore.runtime.problems import Conflict
from skillcore.runtime.problems import NotFound as Nothing
from skillcore.runtime.settings import Settings
from skillcore.verification import accounts, stats
from skillcore.verification.collecting import read_stats
from skillcore.verification.figures import sound_figures
from skillcore.verification.linking import Claim, link
from skillcore.verification.room import ROOM
from skillcore.verification.schedule import service
from skillcore.verification.stats import StatsAsked
from skillcore.verification.tables import StatsRow
from tests.conftest import Dsns
from tests.verification.archive import Archive, Shelves
from tests.verification.importers import Member, joined, patient, shelved, world_of
from tests.world import World


class Shown(Archive):
    """A source that shows the figures that its server answers with."""

    async def get_user_stats(self, tools: Tools, account: Account) -> Mapping[str, float]:
        return await tools.call("works", {"after": 0, "count": 0}, dict[str, float])


class Raising(Archive):
    """A source that says something else than figures."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    async def get_user_stats(self, tools: Tools, account: Account) -> Mapping[str, float]:
        raise self.error


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return patient(settings)


@pytest.fixture
def shelves() -> Iterator[Shelves]:
    with shelved(0) as arranged:
        shows(arranged, problems_solved=7, contest_rating=-12.5)
        yield arranged


@pytest.fixture
async def world(database_dsns: Dsns, settings: Settings, shelves: Shelves) -> AsyncIterator[World]:
    async with world_of(database_dsns, settings, Shown()) as world:
        yield world


@pytest.fixture
async def member(world: World) -> Member:
    return await joined(world)


def shows(shelves: Shelves, **figures: float) -> None:
    shelves.answer = msgspec.json.encode(figures).decode()


async def row_of(member: Member) -> StatsRow:
    async with member.world.engine.transaction() as tx:
        row = await tx.session.get(StatsRow, await member.account())
    assert row is not None
    return row


async def run(member: Member, account: UUID | None = None, attempt: int = 1) -> JobStatus:
    """Run the job once, as a worker would."""
    number = (await row_of(member)).job_id or 0
    context = JobContext(member.world.engine, number, attempt)
    await read_stats(member.world.engine, context, account=str(account or await member.account()))
    async with member.world.engine.transaction() as tx:
        job = await status(tx, number)
    assert job is not None
    return job


async def ask(member: Member, actor: Actor | None = None, source: str = "archive") -> StatsAsked:
    async with member.world.engine.transaction() as tx:
        return await stats.ask(tx, actor or member.platform, source, user=str(member.person.user_id))


async def facts(member: Member) -> list[EventRow]:
    return await member.world.events(member.person, "source.stats")


async def figures(member: Member) -> list[dict[str, float]]:
    return [row.data["figures"] for row in await facts(member)]


async def prove(member: Member, handle: str, external_id: str | None = None) -> UUID:
    assert member.person.user_id is not None
    claim = Claim(
        user_id=member.person.user_id,
        source="archive",
        handle=handle,
        handle_key=handle.lower(),
        external_id=external_id,
        method="challenge",
    )
    async with member.world.engine.transaction() as tx:
        linked = await link(tx, claim)
        await stats.begin(tx, linked)
    return linked.id


async def sql(world: World, statement: str) -> None:
    async with world.engine.transaction() as tx:
        await (await tx.psycopg()).execute(statement.encode())


async def test_figures_are_read_when_an_account_is_linked(member: Member) -> None:
    number = (await row_of(member)).job_id or 0
    async with member.world.engine.transaction() as tx:
        job = await status(tx, number)
    assert job is not None
    assert (job.name, job.queue, job.state) == ("verification.read_stats", "imports:archive", "waiting")
    assert (job.user_id, job.platform_id) == (member.person.user_id, member.platform.platform_id)
    before = now()
    assert (await run(member)).message == "2 figures were read"
    (fact,) = await facts(member)
    assert fact.data == {
        "source": "archive",
        "account": "archive:ada",
        "figures": {"contest_rating": -12.5, "problems_solved": 7},
        "vouched_by": str(member.platform.platform_id),
    }
    assert (fact.subject_id, fact.origin, fact.via) == ("archive:ada", f"platform:{member.platform.platform_id}", "engine")
    assert before <= fact.occurred_at <= now()
    row = await row_of(member)
    assert row.read_at is not None
    assert row.next_at is not None
    assert timedelta(hours=21) < row.next_at - now() < timedelta(hours=27)


async def test_only_a_change_is_recorded(member: Member, shelves: Shelves) -> None:
    await run(member)
    first = (await row_of(member)).read_at
    assert (await run(member)).message == "2 figures were read, and are as they were"
    assert len(await facts(member)) == 1
    later = (await row_of(member)).read_at
    assert first is not None
    assert later is not None
    assert later > first, "it was read all the same"
    shows(shelves, problems_solved=8, contest_rating=-12.5)
    await run(member)
    shows(shelves)
    await run(member)
    await run(member)
    assert await figures(member) == [
        {"contest_rating": -12.5, "problems_solved": 7},
        {"contest_rating": -12.5, "problems_solved": 8},
        {},
    ]


async def test_a_source_that_never_showed_figures_leaves_no_fact(member: Member, shelves: Shelves) -> None:
    shows(shelves)
    assert (await run(member)).message == "0 figures were read, and are as they were"
    assert await facts(member) == []


@pytest.mark.parametrize(("attempt", "asked", "seconds"), [(1, None, 1.0), (3, None, 4.0), (4, None, 300.0), (1, 90.0, 90.0)])
async def test_a_source_that_is_down_is_asked_again(
    member: Member, shelves: Shelves, attempt: int, asked: float | None, seconds: float
) -> None:
    shelves.down(asked)
    with pytest.raises(Retry, match="archive gives no answer") as again:
        await run(member, attempt=attempt)
    assert again.value.after == seconds
    assert await facts(member) == []
    assert (await row_of(member)).read_at is None
    shows(shelves, contributions=3)
    await run(member)
    assert await figures(member) == [{"contributions": 3}]


@pytest.mark.parametrize("error", [Refused("our key is not taken"), NotFound("nobody of this name")])
async def test_a_source_that_refuses_ends_the_job_in_words(
    database_dsns: Dsns, settings: Settings, shelves: Shelves, error: Exception
) -> None:
    async with world_of(database_dsns, settings, Raising(error)) as world:
        member = await joined(world)
        assert (await run(member)).message == f"no figures were read: {error}"
        assert await facts(member) == []


@pytest.mark.parametrize("withdraw", [False, True])
async def test_an_account_that_is_unlinked_while_the_source_is_asked_gets_no_figures(
    member: Member, shelves: Shelves, withdraw: bool
) -> None:
    account = await member.account()
    admin = Actor(kind="user", user_id=(await member.world.person()).user_id, role="admin")

    async def unlink() -> None:
        async with member.world.engine.transaction() as tx:
            await accounts.unlink(tx, admin, str(member.person.user_id), "archive", withdraw=withdraw)

    shelves.before = lambda behind: unlink()
    context = JobContext(member.world.engine, 0, 1)
    await read_stats(member.world.engine, context, account=str(account))
    assert await facts(member) == []
    shelves.before = None
    shelves.responder.calls.clear()
    await read_stats(member.world.engine, context, account=str(account))
    assert shelves.responder.calls == [], "a source is not asked about whom it does not concern any more"


async def test_an_account_in_whose_place_another_one_came_gets_no_figures(member: Member, shelves: Shelves) -> None:
    account = await member.account()
    shelves.before = lambda behind: prove(member, "bee")
    await read_stats(member.world.engine, JobContext(member.world.engine, 0, 1), account=str(account))
    shelves.before = None
    assert await facts(member) == []
    await run(member)
    assert [(row.subject_id, row.origin) for row in await facts(member)] == [("archive:bee", None)]


async def test_a_person_who_is_erased_while_the_source_is_asked_leaves_nothing(member: Member, shelves: Shelves) -> None:
    user_id, account = member.person.user_id, await member.account()
    assert user_id is not None

    shelves.before = lambda behind: erase(member.world.engine, user_id, "asked")
    async with member.world.engine.open(Duties([ROOM])):
        await read_stats(member.world.engine, JobContext(member.world.engine, 0, 1), account=str(account))
    assert await facts(member) == []
    async with member.world.engine.transaction() as tx:
        assert await tx.session.get(StatsRow, account) is None


async def test_an_account_that_is_renamed_while_the_source_is_asked_is_asked_for_anew(member: Member, shelves: Shelves) -> None:
    account = await prove(member, "ada", "7")
    shelves.before = lambda behind: prove(member, "lovelace", "7")
    with pytest.raises(Retry, match="renamed") as again:
        await run(member, account)
    assert again.value.after == 0
    shelves.before = None
    await run(member, account)
    assert [row.subject_id for row in await facts(member)] == ["archive:7"]


async def test_what_a_platform_vouched_for_is_read_anew_once_it_is_proved(member: Member) -> None:
    await run(member)
    await prove(member, "ada")
    assert (await run(member)).message == "2 figures were read", "the same ones, on another word"
    assert [row.origin for row in await facts(member)] == [f"platform:{member.platform.platform_id}", None]


async def test_a_reading_under_way_is_joined(member: Member) -> None:
    first = await ask(member)
    assert (first.source, first.account, first.read_at) == ("archive", "archive:ada", None)
    assert first.job_id == (await ask(member)).job_id == (await ask(member, member.person)).job_id
    await sql(member.world, "update procrastinate_jobs set status = 'succeeded'")
    await run(member)
    again = await ask(member, member.person)
    assert again.job_id != first.job_id
    assert again.read_at is not None


async def test_who_may_ask(member: Member) -> None:
    other = await member.world.platform()
    with pytest.raises(Nothing, match="no such person"):
        await ask(member, other)
    await member.world.join(other, member.person, "ada-there")
    with pytest.raises(Conflict, match="no archive account is linked"):
        await ask(member, other)
    with pytest.raises(Nothing, match="no such person"):
        await ask(member, await member.world.person())
    with pytest.raises(Nothing, match="no source"):
        await ask(member, source="nowhere")
    await prove(member, "ada")
    assert (await ask(member, other)).account == "archive:ada"


async def test_a_source_without_figures_is_not_asked(database_dsns: Dsns, settings: Settings, shelves: Shelves) -> None:
    async with world_of(database_dsns, settings, Archive()) as world:
        member = await joined(world)
        with pytest.raises(Conflict, match="shows no figures"):
            await ask(member)
        async with world.engine.transaction() as tx:
            assert await tx.session.get(StatsRow, await member.account()) is None


async def test_nothing_is_read_by_itself_if_the_settings_say_so(
    database_dsns: Dsns, settings: Settings, shelves: Shelves
) -> None:
    quiet = msgspec.structs.replace(settings.verification, stats_every=0)
    async with world_of(database_dsns, msgspec.structs.replace(settings, verification=quiet), Shown()) as world:
        member = await joined(world)
        async with world.engine.transaction() as tx:
            assert await tx.session.get(StatsRow, await member.account()) is None
        assert (await ask(member)).next_at is None
        await run(member)
        assert len(await facts(member)) == 1


@pytest.fixture
async def done(member: Member) -> Member:
    """A member whose figures were read, a day ago."""
    await run(member)
    await sql(member.world, "update procrastinate_jobs set status = 'succeeded'")
    assert await stats.begin_due(member.world.engine) == 0
    await sql(member.world, "update stats set next_at = next_at - interval '27 hours'")
    return member


async def test_figures_are_read_again_when_the_time_has_come(done: Member, shelves: Shelves) -> None:
    first = (await row_of(done)).job_id
    assert await stats.begin_due(done.world.engine) == 1
    assert await stats.begin_due(done.world.engine) == 0
    assert (await row_of(done)).job_id != first
    async with done.world.engine.transaction() as tx:
        waiting = await (await tx.psycopg()).execute("select priority from procrastinate_jobs where status = 'todo'")
        assert await waiting.fetchall() == [(-1,)], "whoever asks does not wait for it"
    shows(shelves, problems_solved=9)
    await run(done)
    assert (await figures(done))[-1] == {"problems_solved": 9}


async def test_what_another_worker_holds_is_left_to_it(done: Member) -> None:
    for table in ("stats", "source_accounts"):
        async with done.world.engine.transaction() as tx:
            await (await tx.psycopg()).execute(f"select from {table} for update".encode())
            assert await stats.begin_due(done.world.engine) == 0
    assert await stats.begin_due(done.world.engine) == 1


async def test_an_account_that_is_unlinked_is_not_read_again(done: Member) -> None:
    async with done.world.engine.transaction() as tx:
        await accounts.unlink(tx, done.person, "me", "archive")
    assert await stats.begin_due(done.world.engine) == 0


async def test_a_source_that_is_not_loaded_is_asked_another_day(done: Member, database_dsns: Dsns, settings: Settings) -> None:
    class Another(Shown):
        name = "another"

    async with world_of(database_dsns, settings, Another(), skills=()) as elsewhere:
        assert await stats.begin_due(elsewhere.engine) == 0
    later = (await row_of(done)).next_at
    assert later is not None
    assert later > now() + timedelta(hours=23)


async def test_a_worker_looks_by_itself(done: Member) -> None:
    first = (await row_of(done)).job_id
    async with service(done.world.engine):
        while (await row_of(done)).job_id == first:  # noqa: ASYNC110 - the other side of the database says nothing
            await asyncio.sleep(0.01)


class Mapped(dict[str, float]):
    """A mapping that fails when it is read."""

    def items(self) -> Any:
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (None, "returned NoneType"),
        ([("solved", 1)], "returned list"),
        (Mapped(), "cannot be read: ZeroDivisionError"),
        ({"a": float("nan")}, "nan for a, which is no finite number"),
        ({"a": float("-inf")}, "-inf for a"),
        ({"a": 10**400}, "for a, which is no finite number"),
        ({"a": 2**53 + 2}, "9007199254740994 for a"),
        ({"a": True}, "True for a"),
        ({"a": "7"}, "'7' for a"),
        ({"": 1}, "names a figure ''"),
        ({"a" * 101: 1}, "1 to 100 characters"),
        ({"a\0b": 1}, "names a figure"),
        ({7: 1}, "names a figure 7"),
        ({"problems_solved": -1}, "-1 for problems_solved, which is a whole number"),
        ({"problems_solved": 1.5}, "1.5 for problems_solved"),
        ({"contributions": -1.0}, "-1.0 for contributions"),
        ({str(number): 1 for number in range(51)}, "51 figures; allowed: 50"),
    ],
)
def test_what_are_no_figures_is_no_answer(returned: object, words: str) -> None:
    with pytest.raises(NoAnswer) as refusal:
        sound_figures("archive", returned)
    assert words in refusal.value.message


def test_figures_are_kept_by_name_as_they_are() -> None:
    found = sound_figures("archive", {"rank": -3, "contest_rating": -0.5, "contributions": 0, "problems_solved": 2**53})
    assert list(found.items()) == [
        ("contest_rating", -0.5),
        ("contributions", 0.0),
        ("problems_solved", 9007199254740992.0),
        ("rank", -3.0),
    ]


async def test_figures_that_make_no_sense_are_asked_for_again(member: Member, shelves: Shelves) -> None:
    shows(shelves, problems_solved=-1)
    with pytest.raises(Retry, match=r"-1\.0 for problems_solved"):
        await run(member)
    shelves.answer = httpx.Response(200, text="<html>")
    with pytest.raises(Retry):
        await run(member)
    assert await facts(member) == []
