"""The road of a task: from complete to completed, failed or waiting, killed anywhere, never doubled and never lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import event, select, text

from skillcore.accounts.access import Actor
from skillcore.ledger import entries
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine
from skillcore.runtime.hints import Hints
from skillcore.runtime.jobs import Retry, status
from skillcore.runtime.problems import Conflict
from skillcore.runtime.worker import Pace, run_worker
from skillcore.verification import accounts
from skillcore.verification.accounts import Vouch
from skillcore.verification.asking import delay
from skillcore.verification.tables import AnswerRow
from skillcore.work import check, tasks
from skillcore.work.tasks import Accepted, NewTask, Task
from tests.world import SOLVED_AT, Arranged, Row, World

LOOPS = Row("loops-1", topics=("Loops", "unheard of"), difficulty=4.0)
SUBJECT = "gym:ada:loops-1"


async def vouched(world: World, platform: Actor, person: Actor, handle: str = "ada") -> None:
    async with world.engine.transaction() as tx:
        await accounts.vouch(tx, platform, str(person.user_id), "gym", Vouch(handle=handle))


async def created(world: World, actor: Actor, person: Actor, **more: Any) -> Task:
    given: dict[str, Any] = {"description": "Solve loops-1", "source": "gym", "requirements": {"exercise": "loops-1"}, **more}
    async with world.engine.transaction() as tx:
        return await tasks.create(tx, actor, NewTask(user=str(person.user_id), **given))


async def completing(world: World, actor: Actor, task: UUID) -> Accepted:
    async with world.engine.transaction() as tx:
        return await tasks.complete(tx, actor, task)


async def seen(world: World, actor: Actor, task: UUID) -> Task:
    async with world.engine.transaction() as tx:
        return await tasks.get(tx, actor, task)


async def findings(engine: Engine) -> list[str]:
    return [finding.message async for finding in check.tasks(engine)]


class Case:
    """A platform with a member whose account it vouches for, and a task in progress."""

    def __init__(self, world: World, platform: Actor, person: Actor, task: UUID) -> None:
        self.world, self.platform, self.person, self.task = world, platform, person, task

    async def seen(self) -> Task:
        return await seen(self.world, self.platform, self.task)

    async def run(self, attempt: int = 1) -> None:
        await self.world.run(self.task, attempt)


@pytest.fixture
async def case(world: World) -> Case:
    platform = await world.platform()
    person = await world.member(platform)
    await vouched(world, platform, person)
    task = await created(world, platform, person, difficulty=6, skills=("Python",))
    await completing(world, platform, task.id)
    return Case(world, platform, person, task.id)


async def test_a_verified_task_is_completed_with_its_evidence_and_signals(case: Case, gym: Arranged) -> None:
    gym.solved(LOOPS)
    await case.run()
    task = await case.seen()
    assert (task.state, task.failure, task.waiting, task.undecided) == ("completed", None, None, None)
    assert task.completed_at is not None
    assert await case.world.kinds(case.person) == [
        "account.linked",
        "task.created",
        "task.state",
        "task.state",
        "task.verified",
        "evidence.accepted",
        "task.state",
        "task.completed",
    ]
    verified, accepted, state, completed = (await case.world.events(case.person))[-4:]
    platform = str(case.platform.platform_id)
    (answer,) = verified.data["answers"]
    assert verified.data == {
        "source": "gym",
        "account": "gym:ada",
        "works": ["loops-1"],
        "answers": [answer],
        "vouched_by": platform,
    }
    assert accepted.data == {
        "source": "gym",
        "account": "gym:ada",
        "work": "loops-1",
        "strength": "judged",
        "difficulty": 4.0,
        "topics": ["Loops", "unheard of"],
        "answers": [answer],
        "vouched_by": platform,
    }
    assert (accepted.subject_id, accepted.skills, accepted.occurred_at) == (SUBJECT, ["loops"], SOLVED_AT)
    assert state.data == {"old": "in_progress", "new": "completed"}
    assert completed.data == {
        "works": [{"subject": SUBJECT, "skills": ["loops"], "difficulty": 4.0, "strength": "judged"}],
        "difficulty": 6.0,
        "declared_by": "platform",
    }
    assert (completed.subject_id, completed.skills) == (str(case.task), ["python"])
    assert await case.world.signals(case.person) == {
        ("loops", "evidence", SUBJECT, "completed"),
        ("python", "evidence", SUBJECT, "completed"),
    }
    assert await findings(case.world.engine) == []


async def test_the_digest_of_the_raw_answer_rides_on_the_evidence(case: Case, gym: Arranged) -> None:
    gym.solved(LOOPS)
    await case.run()
    (verified,) = await case.world.events(case.person, "task.verified")
    async with case.world.engine.transaction() as tx:
        (row,) = await tx.session.scalars(select(AnswerRow))
    assert verified.data["answers"] == [row.sha256.hex()]
    assert (row.account, row.outcome, row.tool, row.body.decode()) == ("gym:ada", "verified", "solved", gym.answer)


async def test_a_learners_own_difficulty_is_not_declared(world: World, gym: Arranged) -> None:
    platform = await world.platform()
    person = await world.member(platform)
    await vouched(world, platform, person)
    task = await created(world, person, person, difficulty=10)
    assert task.difficulty_by == "learner"
    await completing(world, person, task.id)
    gym.solved(Row("loops-1"))
    await world.run(task.id)
    (completed,) = await world.events(person, "task.completed")
    assert completed.data == {"works": [{"subject": SUBJECT, "strength": "judged"}]}


async def test_unsolved_work_fails_with_what_was_looked_for_and_can_be_retried(case: Case, gym: Arranged) -> None:
    gym.solved(Row("sets-1"))
    await case.run()
    task = await case.seen()
    assert (task.state, task.attempt) == ("failed", 1)
    assert task.failure is not None
    assert (task.failure.looked_for, task.failure.found) == ("exercise loops-1", "1 others")
    (failed,) = await case.world.events(case.person, "task.failed")
    assert failed.data == {"reason": task.failure.reason, "looked_for": "exercise loops-1", "found": "1 others"}
    gym.solved(LOOPS)
    await completing(case.world, case.platform, case.task)
    assert (await case.seen()).failure is None
    await case.run()
    assert (await case.seen()).state == "completed"
    async with case.world.engine.transaction() as tx:
        steps = [(change.old, change.new) for change in await tasks.history(tx, case.platform, case.task)]
    assert steps == [
        (None, "pending"),
        ("pending", "in_progress"),
        ("in_progress", "failed"),
        ("failed", "in_progress"),
        ("in_progress", "completed"),
    ]


@pytest.mark.parametrize(
    ("words", "reason"), [("nobody here", "the gym knows nobody of this name"), ("bad key", "the gym refuses our key")]
)
async def test_what_asking_again_cannot_mend_fails_at_once(case: Case, gym: Arranged, words: str, reason: str) -> None:
    gym.says(words)
    await case.run()
    task = await case.seen()
    assert task.state == "failed"
    assert task.failure is not None
    assert task.failure.reason == reason


async def test_undecided_stays_in_progress_and_can_be_asked_again(case: Case, gym: Arranged) -> None:
    gym.solved(complete=False)
    await case.run()
    task = await case.seen()
    assert (task.state, task.failure) == ("in_progress", None)
    assert task.undecided is not None
    assert (task.undecided.reason, task.undecided.would_decide) == ("the gym shows its newest only", "solve it again")
    assert await findings(case.world.engine) == []


@pytest.mark.parametrize(
    "answer",
    [
        "<html><body>Sorry</body></html>",
        '{"solved": [{"exercise": "loops-1"',
        '{"error": "internal", "message": "try later"}',
        '{"solved": [{"exercise": "loops-1", "difficulty": "loops-1"}]}',
        httpx.Response(500),
        httpx.Response(429, headers={"Retry-After": "2"}),
    ],
    ids=["html", "truncated", "prose", "wrong type", "500", "429"],
)
async def test_no_answer_is_no_verdict_and_mends_itself(case: Case, gym: Arranged, answer: Any) -> None:
    gym.answer = answer
    with pytest.raises(Retry) as again:
        await case.run()
    task = await case.seen()
    assert task.state == "in_progress"
    assert task.waiting is not None
    assert task.waiting.reason == again.value.message
    assert 0 < (task.waiting.until - now()).total_seconds() <= again.value.after <= 3
    assert await case.world.events(case.person, "task.failed", "task.verified", "evidence.accepted") == []
    gym.solved(LOOPS)
    await case.run(2)
    task = await case.seen()
    assert (task.state, task.waiting) == ("completed", None)


async def test_of_a_page_in_an_answers_place_the_learner_reads_the_words(case: Case, gym: Arranged) -> None:
    page = '<!DOCTYPE html>\n<html><head><title>503</title></head><body class="x">Back <b>soon</b>.</body></html>'
    gym.says(f"HTTP 503: {page}")
    with pytest.raises(Retry, match=r"^gym gives no answer: the gym says: HTTP 503: 503 Back soon \.$"):
        await case.run()
    gym.says("unexpected token '<', \"<!DOCTYPE \"... is not JSON, 1 < 2")
    with pytest.raises(Retry, match=r"the gym says: unexpected token '<', \" \"\.\.\. is not JSON, 1 < 2$"):
        await case.run(2)


async def test_retry_after_is_respected(case: Case, gym: Arranged) -> None:
    gym.down(retry_after=300)
    with pytest.raises(Retry) as again:
        await case.run()
    assert again.value.after == 300


@pytest.mark.parametrize(
    ("attempt", "retry_after", "seconds"),
    [
        (0, None, 1),
        (1, None, 2),
        (4, None, 16),
        (5, None, 300),
        (5000, None, 300),
        (0, 30.0, 30),
        (4, 3.0, 16),
        (7, 900.0, 900),
        (0, 1e12, 86_400),
    ],
)
def test_the_schedule(attempt: int, retry_after: float | None, seconds: float) -> None:
    assert delay(attempt, base=1, attempts=5, every=300, retry_after=retry_after) == seconds


@pytest.mark.parametrize("state", ["todo", "doing"])
async def test_completing_twice_leads_to_the_same_job(case: Case, state: str) -> None:
    first = await case.seen()
    async with case.world.engine.transaction() as tx:
        await tx.session.execute(text(f"update procrastinate_jobs set status = '{state}'"))
    again = await completing(case.world, case.platform, case.task)
    assert again.job_id == first.job_id
    assert len(await case.world.events(case.person, "task.state")) == 2


async def test_an_ended_job_that_decided_nothing_makes_room_for_another(case: Case, gym: Arranged) -> None:
    first = await case.seen()
    gym.solved(complete=False)
    await case.run()
    async with case.world.engine.transaction() as tx:
        await tx.session.execute(text("update procrastinate_jobs set status = 'succeeded'"))
    again = await completing(case.world, case.platform, case.task)
    assert again.job_id != first.job_id
    assert again.task.undecided is None
    assert len(await case.world.events(case.person, "task.state")) == 2


async def test_a_completed_task_is_final(case: Case, gym: Arranged) -> None:
    gym.solved(LOOPS)
    await case.run()
    with pytest.raises(Conflict, match="completed already"):
        await completing(case.world, case.platform, case.task)
    before = await case.world.kinds(case.person)
    await case.run()
    assert await case.world.kinds(case.person) == before


async def test_without_an_account_it_is_refused_with_the_remedy(world: World) -> None:
    platform = await world.platform()
    person = await world.member(platform)
    task = await created(world, platform, person)
    with pytest.raises(Conflict, match=f"PUT /api/users/{person.user_id}/sources/gym"):
        await completing(world, platform, task.id)
    assert (await seen(world, platform, task.id)).state == "pending"


async def test_a_task_never_rests_on_another_platforms_word(world: World) -> None:
    one, other = await world.platform(), await world.platform()
    person = await world.member(one)
    await world.join(other, person, "countess")
    await vouched(world, one, person)
    task = await created(world, other, person)
    with pytest.raises(Conflict, match="no gym account is linked"):
        await completing(world, other, task.id)


async def test_unlinking_meanwhile_fails_the_task(case: Case, gym: Arranged) -> None:
    gym.solved(LOOPS)
    async with case.world.engine.transaction() as tx:
        await accounts.unlink(tx, case.platform, str(case.person.user_id), "gym")
    await case.run()
    task = await case.seen()
    assert task.state == "failed"
    assert task.failure is not None
    assert "link one" in task.failure.reason


async def test_linking_another_account_while_the_source_is_asked_asks_again(case: Case, gym: Arranged) -> None:
    gym.solved(LOOPS)
    gym.meanwhile = lambda: vouched(case.world, case.platform, case.person, "grace")
    with pytest.raises(Retry):
        await case.run()
    assert await case.world.events(case.person, "evidence.accepted") == []
    await case.run(2)
    (accepted,) = await case.world.events(case.person, "evidence.accepted")
    assert accepted.subject_id == "gym:grace:loops-1"


async def test_unlinking_while_the_source_is_asked_accepts_nothing(case: Case, gym: Arranged) -> None:
    async def unlink() -> None:
        async with case.world.engine.transaction() as tx:
            await accounts.unlink(tx, case.platform, str(case.person.user_id), "gym")

    gym.solved(LOOPS)
    gym.meanwhile = unlink
    await case.run()
    assert (await case.seen()).state == "failed"
    assert await case.world.events(case.person, "evidence.accepted") == []


async def test_deleting_while_the_source_is_asked_records_nothing(case: Case, gym: Arranged) -> None:
    async def delete() -> None:
        async with case.world.engine.transaction() as tx:
            await tasks.delete(tx, case.platform, case.task)

    gym.solved(LOOPS)
    gym.meanwhile = delete
    await case.run()
    assert await case.world.events(case.person, "task.completed", "task.failed", "evidence.accepted") == []
    assert await findings(case.world.engine) == []


async def test_no_transaction_is_open_while_the_source_is_asked(case: Case, gym: Arranged) -> None:
    open_ones: list[int] = []

    async def look() -> None:
        async with case.world.engine.transaction() as tx:
            query = "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in%'"
            open_ones.append((await tx.session.execute(text(query))).scalar_one())

    gym.solved(LOOPS)
    gym.meanwhile = look
    await case.run()
    assert open_ones == [0]


async def test_two_jobs_at_once_give_one_verification(case: Case, gym: Arranged) -> None:
    gym.solved(LOOPS)
    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(case.run())
    assert len(await case.world.events(case.person, "task.verified")) == 1
    assert len(await case.world.events(case.person, "evidence.accepted")) == 1
    assert [row.data["new"] for row in await case.world.events(case.person, "task.state")] == [
        "pending",
        "in_progress",
        "completed",
    ]


async def test_two_completions_at_once_defer_one_job(world: World) -> None:
    platform = await world.platform()
    person = await world.member(platform)
    await vouched(world, platform, person)
    task = await created(world, platform, person)
    async with asyncio.TaskGroup() as group:
        both = [group.create_task(completing(world, platform, task.id)) for _ in range(2)]
    assert len({one.result().job_id for one in both}) == 1
    assert len(await world.events(person, "task.state")) == 2


async def test_a_fresh_positive_answer_is_reused_and_a_negative_one_never(case: Case, gym: Arranged) -> None:
    gym.solved()
    await case.run()
    gym.solved(LOOPS)
    await completing(case.world, case.platform, case.task)
    await case.run()
    assert gym.calls == 2
    again = await created(case.world, case.platform, case.person)
    await completing(case.world, case.platform, again.id)
    gym.down()
    await case.world.run(again.id)
    assert (await seen(case.world, case.platform, again.id)).state == "completed"
    assert gym.calls == 2
    first, second = await case.world.events(case.person, "task.verified")
    assert first.data["answers"] == second.data["answers"]
    assert len(await case.world.events(case.person, "evidence.accepted")) == 1


async def test_a_stale_positive_answer_is_asked_for_again(case: Case, gym: Arranged) -> None:
    gym.solved(LOOPS)
    await case.run()
    async with case.world.engine.transaction() as tx:
        await tx.session.execute(text("update answers set received_at = now() - interval '3601 s'"))
    again = await created(case.world, case.platform, case.person)
    await completing(case.world, case.platform, again.id)
    await case.world.run(again.id)
    assert gym.calls == 2


class Crash(BaseException):
    """What a killed process looks like from inside."""


async def test_a_crash_at_any_statement_neither_doubles_nor_loses(case: Case, gym: Arranged) -> None:
    gym.solved(LOOPS)
    crashes = 0
    for statement in range(1, 100):
        crashed = await crashing(case, statement)
        await case.run(2)
        assert [row.data["new"] for row in await case.world.events(case.person, "task.state")][-1] == "completed"
        assert len(await case.world.events(case.person, "evidence.accepted")) == 1
        assert len(await case.world.events(case.person, "task.completed")) == statement
        assert len(await case.world.events(case.person, "task.verified")) == statement
        if not crashed:
            break
        crashes += 1
        case.task = (await created(case.world, case.platform, case.person)).id
        await completing(case.world, case.platform, case.task)
        async with case.world.engine.transaction() as tx:
            await tx.session.execute(text("delete from answers"))
    assert crashes > 10
    assert await findings(case.world.engine) == []


async def crashing(case: Case, statement: int) -> bool:
    """Run the job, and crash it before its n-th statement or commit; return whether it came so far."""
    engine, left = case.world.engine.database.sqlalchemy.sync_engine, statement

    def count(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Crash

    event.listen(engine, "before_cursor_execute", count)
    event.listen(engine, "commit", count)
    try:
        await case.run()
    except Crash:
        return True
    finally:
        event.remove(engine, "before_cursor_execute", count)
        event.remove(engine, "commit", count)
    return False


@asynccontextmanager
async def working(engine: Engine) -> AsyncIterator[None]:
    """Run a worker."""
    async with Hints(engine.database).run() as hints, engine.open(hints):
        worker = asyncio.create_task(run_worker(engine, pace=Pace(poll=0.05, heartbeat=1.0, stalled=5.0, rescue=1.0)))
        try:
            yield
        finally:
            worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await worker


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110 - it is a row of a table that changes
            await asyncio.sleep(0.02)


async def test_a_source_that_comes_back_completes_the_task_without_anyones_help(case: Case, gym: Arranged) -> None:
    gym.down()

    async def waits() -> bool:
        return (await case.seen()).waiting is not None

    async def completed() -> bool:
        return (await case.seen()).state == "completed"

    async with working(case.world.engine):
        await until(waits)
        number = (await case.seen()).job_id
        assert number is not None
        async with case.world.engine.transaction() as tx:
            job = await status(tx, number)
        assert job is not None
        assert job.state in {"retrying", "running"}
        assert job.user_id == case.person.user_id
        gym.solved(LOOPS)
        await until(completed)


async def test_the_check_finds_a_state_without_its_event_and_an_event_without_its_task(case: Case) -> None:
    async with case.world.engine.transaction() as tx:
        await tx.session.execute(text("update tasks set state = 'completed'"))
    assert await findings(case.world.engine) == ["the task is completed, and its last event says in_progress"]
    async with case.world.engine.transaction() as tx:
        await tx.session.execute(text("delete from tasks"))
    assert await findings(case.world.engine) == ["events say that it is in_progress, and there is no such task"]


async def test_what_rests_on_a_platforms_word_no_other_platform_sees(world: World, gym: Arranged) -> None:
    """Also where the task is the member's own, which every platform of theirs may see."""
    school, club = await world.platform(), await world.platform()
    ada = await world.member(school)
    await world.join(club, ada, "ada")
    await vouched(world, school, ada)
    task = await created(world, ada, ada)
    gym.solved(Row("loops-1"))
    await completing(world, ada, task.id)
    await world.run(task.id)
    assert (await seen(world, club, task.id)).state == "completed"
    shown = {}
    for platform in (school, club):
        async with world.engine.transaction() as tx:
            shown[platform] = (await entries.listing(tx, platform, str(ada.user_id), kind=None, limit=200, cursor=None)).items
    assert {"task.verified", "task.completed"} <= {entry.kind for entry in shown[school]}
    assert str(school.platform_id) in str(shown[school])
    assert {"task.verified", "task.completed"} & {entry.kind for entry in shown[club]} == set()
    assert str(school.platform_id) not in str(shown[club])
