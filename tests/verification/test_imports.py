"""Past work becomes evidence: page by page, once, from where it was left, and as a task would have recorded it."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import select, update

from skillcore.plugin import Account, Evidence, Page, Refused, Tools, Unavailable, VerificationSource
from skillcore.plugin import NotFound as NotFoundThere
from skillcore.runtime.clock import now
from skillcore.runtime.jobs import JobContext, Retry, status
from skillcore.runtime.problems import Conflict, NotFound
from skillcore.runtime.settings import Settings
from skillcore.verification import accounts, imports
from skillcore.verification.importing import import_history
from skillcore.verification.tables import AnswerRow, ImportRow, SourceAccountRow
from skillcore.work import tasks
from skillcore.work.tasks import NewTask
from tests.conftest import Dsns
from tests.verification.archive import Archive, Shelves, Work, made
from tests.verification.importers import Member, joined, patient, shelved, world_of
from tests.world import World


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return patient(settings)


@pytest.fixture
def shelves() -> Iterator[Shelves]:
    with shelved(34) as arranged:
        yield arranged


@pytest.fixture
async def world(database_dsns: Dsns, settings: Settings, shelves: Shelves) -> AsyncIterator[World]:
    async with world_of(database_dsns, settings, Archive()) as world:
        yield world


@pytest.fixture
async def member(world: World) -> Member:
    return await joined(world)


async def test_an_account_that_is_linked_is_imported_at_once(member: Member, shelves: Shelves) -> None:
    waiting = await member.state()
    assert (waiting.state, waiting.seen) == ("waiting", 0)
    async with member.world.engine.transaction() as tx:
        job = await status(tx, waiting.job_id or 0)
    assert job is not None
    assert (job.name, job.queue, job.state) == ("verification.import_history", "imports:archive", "waiting")
    assert (job.user_id, job.platform_id) == (member.person.user_id, member.platform.platform_id)
    await member.run()
    done = await member.state()
    assert (done.state, done.pages, done.seen, done.new, done.done, done.total) == ("done", 4, 34, 34, 34, 34)
    assert (done.unmapped_topics, done.unmapped) == (2, ["graph theory", "unheard of"])
    assert done.next_at is not None
    assert timedelta(hours=21) < done.next_at - now() < timedelta(hours=27)
    assert await member.works() == [f"w-{number}" for number in range(34)]
    assert shelves.asked == [0, 10, 20, 30]
    async with member.world.engine.transaction() as tx:
        progress = await status(tx, waiting.job_id or 0)
    assert progress is not None
    assert (progress.message, progress.done, progress.total) == ("34 works were read, 34 of them new", 34, 34)


async def test_evidence_is_what_a_task_would_have_recorded(member: Member, shelves: Shelves) -> None:
    shelves.works = [Work("w", made(0).at, topics=("Loops", "nowhere", "sql"), difficulty=4.5)]
    await member.run()
    (accepted,) = await member.world.events(member.person, "evidence.accepted")
    (digest,) = accepted.data["answers"]
    assert accepted.data == {
        "source": "archive",
        "account": "archive:ada",
        "work": "w",
        "strength": "judged",
        "difficulty": 4.5,
        "topics": ["Loops", "nowhere", "sql"],
        "answers": [digest],
        "vouched_by": str(member.platform.platform_id),
    }
    assert (accepted.subject_id, accepted.skills, accepted.occurred_at) == ("archive:ada:w", ["loops", "sql"], made(0).at)
    assert accepted.origin == f"platform:{member.platform.platform_id}"
    assert await member.world.signals(member.person) == {
        ("loops", "evidence", "archive:ada:w", "completed"),
        ("sql", "evidence", "archive:ada:w", "completed"),
    }
    async with member.world.engine.transaction() as tx:
        (row,) = await tx.session.scalars(select(AnswerRow))
    assert (row.sha256.hex(), row.outcome, row.account, row.user_id) == (
        digest,
        "history",
        "archive:ada",
        member.person.user_id,
    )
    assert msgspec.json.decode(row.body)["total"] == 1


async def test_a_second_import_brings_what_is_new_and_nothing_else(member: Member, shelves: Shelves) -> None:
    await member.run()
    before = await member.world.events(member.person)
    again = await member.start()
    assert (again.state, again.pages, again.new) == ("waiting", 0, 0)
    await member.run()
    assert [row.id for row in await member.world.events(member.person)] == [row.id for row in before]
    done = await member.state()
    assert (done.state, done.pages, done.seen, done.new, done.done) == ("done", 1, 0, 0, 34)
    shelves.works += [made(34), made(35)]
    await member.start()
    await member.run()
    assert (await member.works())[34:] == ["w-34", "w-35"]
    done = await member.state()
    assert (done.seen, done.new, done.done, done.total) == (2, 2, 36, 36)
    assert shelves.asked[4:] == [34, 34]


async def test_an_import_under_way_is_joined(member: Member) -> None:
    first = await member.start()
    assert first.job_id == (await member.start()).job_id == (await member.start(member.person)).job_id
    await member.run()
    assert (await member.start()).job_id == first.job_id, "its job still waits, and does it"


async def test_answers_that_make_several_pages_stand_behind_each(
    database_dsns: Dsns, settings: Settings, shelves: Shelves
) -> None:
    async with world_of(database_dsns, settings, Archive(part=20, leaf=5)) as world:
        member = await joined(world)
        await member.run()
        assert (await member.state()).pages == 7
        evidence = await world.events(member.person, "evidence.accepted")
        async with world.engine.transaction() as tx:
            stored = [row.sha256.hex() for row in await tx.session.scalars(select(AnswerRow).order_by(AnswerRow.received_at))]
    assert len(stored) == 2
    assert [row.data["answers"] for row in evidence] == [[stored[0]]] * 20 + [[stored[1]]] * 14


async def test_a_source_that_is_down_is_waited_for_and_what_was_kept_is_kept(member: Member, shelves: Shelves) -> None:
    def fail(behind: int) -> None:
        if behind == 20:
            shelves.down()

    shelves.before = fail
    waits = []
    for _ in range(4):
        with pytest.raises(Retry) as again:
            await member.run()
        waits.append(again.value.after)
    assert waits == [1.0, 2.0, 4.0, 300.0]
    waiting = await member.state()
    assert (waiting.state, waiting.pages, waiting.seen, waiting.done, waiting.total) == ("waiting", 2, 20, 20, 34)
    assert waiting.reason.startswith("archive gives no answer: ")
    assert waiting.next_at is not None
    assert timedelta(seconds=290) < waiting.next_at - now() < timedelta(seconds=301)
    async with member.world.engine.transaction() as tx:
        job = await status(tx, waiting.job_id or 0)
    assert job is not None
    assert job.message == f"waits until {waiting.next_at:%Y-%m-%d %H:%M:%S} UTC for archive"
    assert (job.done, job.total) == (20, 34)
    assert (await member.start()).job_id == waiting.job_id

    shelves.before, shelves.answer = None, None
    await member.run()
    assert shelves.asked == [0, 10, 20, 20, 20, 20, 20, 30]
    assert await member.works() == [f"w-{number}" for number in range(34)]
    done = await member.state()
    assert (done.state, done.reason, done.seen) == ("done", "", 34)


async def test_a_work_that_a_task_brought_is_not_recorded_again(member: Member, shelves: Shelves) -> None:
    async with member.world.engine.transaction() as tx:
        new = NewTask(user=str(member.person.user_id), description="d", source="archive", requirements={"work": "w-3"})
        task = await tasks.create(tx, member.platform, new)
    async with member.world.engine.transaction() as tx:
        await tasks.complete(tx, member.platform, task.id)
    await member.world.run(task.id)
    (before,) = await member.world.events(member.person, "evidence.accepted")
    await member.run()
    done = await member.state()
    assert (done.seen, done.new) == (34, 33)
    after = await member.world.events(member.person, "evidence.accepted")
    assert [row.data["work"] for row in after] == ["w-3", *(f"w-{number}" for number in range(34) if number != 3)]
    assert after[0].data == before.data


async def test_an_account_that_is_unlinked_brings_no_more(member: Member, shelves: Shelves) -> None:
    async def unlink() -> None:
        async with member.world.engine.transaction() as tx:
            await accounts.unlink(tx, member.person, "me", "archive")

    shelves.before = lambda behind: unlink() if behind == 20 else None
    account = await member.account()
    await import_history(member.world.engine, JobContext(member.world.engine, 0, 1), account=str(account))
    assert len(await member.works()) == 20
    async with member.world.engine.transaction() as tx:
        row = await tx.session.get_one(ImportRow, account)
    assert (row.state, row.reason, row.seen) == ("failed", "the account is not linked any more", 20)
    with pytest.raises(Conflict, match="no archive account is linked"):
        await member.start()
    with pytest.raises(Conflict, match="no archive account is linked"):
        await member.state()


async def test_an_account_that_gets_another_name_meanwhile_is_asked_for_again(member: Member, shelves: Shelves) -> None:
    async def rename() -> None:
        async with member.world.engine.transaction() as tx:
            await tx.session.execute(update(SourceAccountRow).values(handle="ada2"))

    shelves.before = lambda behind: rename() if behind == 10 else None
    with pytest.raises(Retry) as again:
        await member.run()
    assert again.value.after == 0
    assert len(await member.works()) == 10
    await member.run()
    assert len(await member.works()) == 34


async def test_two_jobs_that_both_believe_to_run_keep_each_page_once(member: Member, shelves: Shelves) -> None:
    """A process that was held up for long is taken for dead, and another one goes on with its job."""

    async def another() -> None:
        shelves.before = None
        await member.run()

    shelves.before = lambda behind: another() if behind == 10 else None
    await member.run()
    done = await member.state()
    assert (done.state, done.pages, done.seen, done.new, done.done) == ("done", 4, 34, 34, 34)
    assert len(await member.works()) == 34


async def test_a_job_of_a_run_that_has_ended_does_nothing(member: Member, shelves: Shelves) -> None:
    await member.run()
    ended = await member.state()
    await member.run()
    assert await member.state() == ended
    assert len(shelves.asked) == 4


async def test_answers_without_work_are_kept_and_no_evidence_is_made_up(member: Member, shelves: Shelves) -> None:
    shelves.works = []
    await member.run()
    done = await member.state()
    assert (done.state, done.pages, done.seen, done.total) == ("done", 1, 0, 0)
    assert await member.works() == []


async def test_a_platform_rests_on_its_own_word_and_on_proofs_alone(member: Member) -> None:
    other = await member.world.platform()
    await member.world.join(other, member.person, "ada")
    for asking in (member.start, member.state):
        with pytest.raises(Conflict, match="no archive account is linked"):
            await asking(other)
    stranger = await member.world.platform()
    with pytest.raises(NotFound):
        await member.start(stranger)
    async with member.world.engine.transaction() as tx:
        await tx.session.execute(update(SourceAccountRow).values(platform_id=None, method="challenge", proved_at=now()))
    assert (await member.start(other)).state == "waiting"


async def test_what_cannot_be_imported_is_refused_in_words(database_dsns: Dsns, settings: Settings, shelves: Shelves) -> None:
    class Mute(Archive):
        history = VerificationSource.history  # type: ignore[assignment]

    async with world_of(database_dsns, settings, Mute()) as world:
        member = await joined(world)
        assert (await member.state()).state == "never", "nothing began by itself"
        with pytest.raises(Conflict, match="shows no past work"):
            await member.start()
        async with world.engine.transaction() as tx:
            with pytest.raises(NotFound, match="no source"):
                await imports.start(tx, member.person, "nowhere", user="me")


async def test_nothing_begins_by_itself_if_the_settings_say_so(
    database_dsns: Dsns, settings: Settings, shelves: Shelves
) -> None:
    quiet = msgspec.structs.replace(settings.verification, import_on_link=False, import_every=0)
    async with world_of(database_dsns, msgspec.structs.replace(settings, verification=quiet), Archive()) as world:
        member = await joined(world)
        assert (await member.state()).state == "never"
        await member.start()
        await member.run()
        done = await member.state()
        assert (done.state, done.next_at) == ("done", None)


def page(number: int, **more: Any) -> Page:
    """Return a page with one work."""
    return Page(**{"evidence": (made(number).evidence,), "cursor": str(number), **more})


class Showing(Archive):
    """A source whose history is whatever a test wants."""

    def __init__(self, pages: Callable[[], Any]) -> None:
        super().__init__()
        self.pages = pages

    def history(self, tools: Tools, account: Account, after: str | None) -> Any:
        return self.pages()


async def the(*pages: Any) -> AsyncIterator[Any]:
    for one in pages:
        yield one


async def round_and_round(cursors: Iterator[str]) -> AsyncIterator[Any]:
    for number, cursor in enumerate(cursors):
        yield page(number, cursor=cursor)


async def raising(error: BaseException) -> AsyncIterator[Any]:
    yield page(0)
    raise error


naive = msgspec.structs.replace(made(1).evidence, occurred_at=datetime(2026, 1, 1))  # noqa: DTZ001 - which is the point
FAILING: dict[str, tuple[Callable[[], Any], str, int]] = {
    "none": (lambda: None, "archive shows no history", 0),
    "stays": (lambda: round_and_round(iter(["a"] * 9)), "archive goes in circles: its history came back", 2),
    "circles": (lambda: round_and_round(itertools.cycle("abcde")), "archive goes in circles: its history came back", 11),
    "too many": (lambda: the(page(0, evidence=(made(0).evidence,) * 1001)), "a page of 1001 works; allowed: 1000", 0),
    "too large": (lambda: the(page(0, evidence=(large(),))), "bytes; allowed: 1000 works and 4194304 bytes", 0),
    "refused": (lambda: raising(Refused("the archive is closed to us")), "the archive is closed to us", 1),
    "gone": (lambda: raising(NotFoundThere("nobody of this name")), "nobody of this name", 1),
}
UNUSABLE: dict[str, tuple[Callable[[], Any], str]] = {
    "a number": (lambda: 7, "returned int, which yields no pages"),
    "a coroutine": (lambda: asyncio.sleep(0), "returned coroutine, which yields no pages"),
    "no page": (lambda: the(page(0), made(0).evidence), "yielded Evidence, which is no page of history"),
    "nothing": (lambda: the(None), "yielded NoneType, which is no page of history"),
    "naive": (lambda: the(page(0, evidence=(naive,))), "whose time has no time zone"),
    "cursor": (lambda: the(page(0, cursor="\0")), "null character in its cursor"),
    "long cursor": (lambda: the(page(0, cursor="x" * 1001)), "yielded a page that does not hold"),
    "surrogate": (lambda: the(page(0, cursor="\ud800")), "yielded a page that does not hold"),
    "raises": (lambda: raising(ZeroDivisionError()), "archive failed: ZeroDivisionError"),
    "exits": (lambda: raising(SystemExit(3)), "archive failed: SystemExit"),
    "down": (lambda: raising(Unavailable("the archive burns")), "the archive burns"),
}


def large() -> Evidence:
    return msgspec.structs.replace(made(0).evidence, metadata={"x": "y" * 4_194_304})


@pytest.mark.parametrize("case", FAILING)
async def test_a_history_that_asking_again_cannot_mend_fails(
    database_dsns: Dsns, settings: Settings, shelves: Shelves, case: str
) -> None:
    pages, reason, kept = FAILING[case]
    async with world_of(database_dsns, settings, Showing(pages)) as world:
        member = await joined(world)
        await member.run()
        failed = await member.state()
        assert failed.state == "failed"
        assert reason in failed.reason
        assert failed.pages == kept
        assert failed.next_at is not None


@pytest.mark.parametrize("case", UNUSABLE)
async def test_a_history_that_makes_no_sense_is_asked_for_again(
    database_dsns: Dsns, settings: Settings, shelves: Shelves, case: str
) -> None:
    pages, reason = UNUSABLE[case]
    async with world_of(database_dsns, settings, Showing(pages)) as world:
        member = await joined(world)
        with pytest.raises(Retry) as again:
            await member.run()
        assert reason in again.value.message
        assert (await member.state()).state == "waiting"


async def test_a_page_has_the_deadline_of_a_verification_and_is_closed_after_it(
    database_dsns: Dsns, settings: Settings, shelves: Shelves
) -> None:
    ended = asyncio.Event()

    async def hanging() -> AsyncIterator[Any]:
        try:
            yield page(0)
            await asyncio.Event().wait()
        finally:
            ended.set()

    impatient = msgspec.structs.replace(settings.verification, deadline=0.2)
    changed = msgspec.structs.replace(settings, verification=impatient)
    async with world_of(database_dsns, changed, Showing(hanging)) as world:
        member = await joined(world)
        with pytest.raises(Retry, match=re.escape("did not finish within 0.2 s")):
            await member.run()
        assert ended.is_set()
        assert (await member.state()).pages == 1


async def test_what_a_source_may_not_have_shown_is_told(database_dsns: Dsns, settings: Settings, shelves: Shelves) -> None:
    def pages() -> Any:
        return the(page(0), page(1, gap="what was done before\0 2020"), page(2, total=10, done=7))

    async with world_of(database_dsns, settings, Showing(pages)) as world:
        member = await joined(world)
        await member.run()
        done = await member.state()
        assert (done.gap, done.done, done.total, done.seen) == ("what was done before\ufffd 2020", 7, 10, 3)
