"""Jobs on the real queue: in the caller's transaction, at least once, with limits, and whatever happens to the worker."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from skillcore.runtime import clock
from skillcore.runtime.engine import Engine
from skillcore.runtime.handing_back import hand_back
from skillcore.runtime.hints import Hints
from skillcore.runtime.jobs import JobContext, Jobs, JobStatus, Retry, counts, dead, defer, status
from skillcore.runtime.problems import UnavailableNow
from skillcore.runtime.rooms import Job, Room
from skillcore.runtime.settings import QueueSettings, Settings
from skillcore.runtime.worker import Pace, run_worker
from tests.conftest import Dsns

QUICK = Pace(poll=0.1, heartbeat=0.2, stalled=1.0, rescue=0.1)
PATIENCE = 20.0

CUT = """select pg_terminate_backend(pid) from pg_stat_activity
  where datname = %s and pid <> pg_backend_pid()"""

Run = Callable[..., Awaitable[None]]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    queues = {
        "verification": QueueSettings(concurrency=2, time_limit=0),
        "analytics": QueueSettings(concurrency=1, time_limit=0.3),
    }
    return msgspec.structs.replace(settings, queues=queues, server=msgspec.structs.replace(settings.server, grace=0.5))


def room(*runs: Run, queue: str = "verification", retries: int = 3) -> Room:
    jobs = tuple(Job(name=f"test.{run.__name__}", queue=queue, run=run, retries=retries, retry_base=0.05) for run in runs)
    return Room(name="test", jobs=jobs)


@asynccontextmanager
async def opened(engine: Engine, *rooms: Room) -> AsyncIterator[None]:
    async with Hints(engine.database).run() as hints, engine.open(hints), engine.open(Jobs(rooms)):
        yield


@asynccontextmanager
async def working(engine: Engine, *rooms: Room, pace: Pace = QUICK) -> AsyncIterator[asyncio.Task[None]]:
    async with opened(engine, *rooms):
        worker = asyncio.create_task(run_worker(engine, pace=pace))
        try:
            yield worker
        finally:
            worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await worker


async def queued(engine: Engine, name: str, **options: Any) -> int:
    async with engine.transaction() as tx:
        number = await defer(tx, name, **options)
    assert number is not None
    return number


async def seen(engine: Engine, number: int) -> JobStatus:
    async with engine.transaction() as tx:
        found = await status(tx, number)
    assert found
    return found


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await condition():  # noqa: ASYNC110 - it is a row of a table that changes
            await asyncio.sleep(0.02)


async def ended(engine: Engine, number: int) -> JobStatus:
    async def over() -> bool:
        return (await seen(engine, number)).state in {"succeeded", "failed", "cancelled"}

    await until(over)
    return await seen(engine, number)


async def test_a_job_exists_exactly_if_its_transaction_commits(engine: Engine) -> None:
    ran: list[int] = []

    async def note(_: Engine, __: JobContext, value: int) -> None:
        ran.append(value)

    async with working(engine, room(note)):
        with contextlib.suppress(ZeroDivisionError):
            async with engine.transaction() as tx:
                await defer(tx, "test.note", value=1)
                raise ZeroDivisionError
        number = await queued(engine, "test.note", value=2)
        assert (await ended(engine, number)).state == "succeeded"
    assert ran == [2]


async def test_arguments_keep_their_values_as_json(engine: Engine) -> None:
    got: list[Any] = []

    async def keep(_: Engine, __: JobContext, **arguments: Any) -> None:
        got.append(arguments)

    person = uuid4()
    async with working(engine, room(keep)):
        await ended(engine, await queued(engine, "test.keep", user_id=person, numbers=(1, 2), text="ä"))
    assert got == [{"user_id": str(person), "numbers": [1, 2], "text": "ä"}]


async def test_one_job_waits_per_lock_and_a_refusal_leaves_the_transaction_alive(engine: Engine) -> None:
    async def idle(_: Engine, __: JobContext) -> None: ...

    async with opened(engine, room(idle)):
        async with engine.transaction() as tx:
            first = await defer(tx, "test.idle", lock="task:1")
            assert await defer(tx, "test.idle", lock="task:1") is None
            assert await defer(tx, "test.idle", lock="task:2") is not None
        assert (await seen(engine, first or 0)).state == "waiting"


async def test_an_unknown_job_is_refused(engine: Engine) -> None:
    async with opened(engine), engine.transaction() as tx:
        with pytest.raises(LookupError, match=r"test\.nothing"):
            await defer(tx, "test.nothing")


async def test_jobs_with_one_lock_never_run_together(engine: Engine) -> None:
    running = most = 0

    async def count(_: Engine, __: JobContext) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.05)
        running -= 1

    async with working(engine, room(count)):
        numbers: list[int] = []
        while len(numbers) < 4:
            async with engine.transaction() as tx:
                number = await defer(tx, "test.count", lock="one")
            numbers += [number] if number else []
            await asyncio.sleep(0.01)
        for number in numbers:
            assert (await ended(engine, number)).state == "succeeded"
    assert most == 1


async def test_a_hint_wakes_the_worker_long_before_it_polls(engine: Engine) -> None:
    async def quick(_: Engine, __: JobContext) -> None: ...

    async with working(engine, room(quick), pace=Pace(poll=3600.0)):
        first = await queued(engine, "test.quick")  # runs when the worker starts to listen or before
        await ended(engine, first)
        assert (await ended(engine, await queued(engine, "test.quick"))).state == "succeeded"


async def test_without_a_hint_polling_finds_the_job(engine: Engine) -> None:
    async def quick(_: Engine, __: JobContext) -> None: ...

    elsewhere = Engine(engine.settings, engine.plugins, engine.database)
    async with working(engine, room(quick)):
        with elsewhere_open(elsewhere, room(quick)) as other:
            async with other.transaction() as tx:
                number = await defer(tx, "test.quick")
        assert (await ended(engine, number or 0)).state == "succeeded"


@contextlib.contextmanager
def elsewhere_open(engine: Engine, *rooms: Room) -> Any:
    """Open the jobs without the hints, as a command does that ends at once."""
    engine._services[Jobs] = Jobs(rooms)
    yield engine


async def test_progress_is_seen_while_the_job_runs(engine: Engine) -> None:
    go = asyncio.Event()

    async def slow(_: Engine, context: JobContext) -> None:
        await context.progress("reading submissions", 30, 90)
        await go.wait()

    owner, platform = uuid4(), uuid4()
    async with working(engine, room(slow)):
        number = await queued(engine, "test.slow", owner=owner, platform=platform)

        async def told() -> bool:
            return bool((await seen(engine, number)).message)

        await until(told)
        now = await seen(engine, number)
        assert (now.state, now.message, now.done, now.total) == ("running", "reading submissions", 30, 90)
        assert (now.user_id, now.platform_id) == (owner, platform)
        go.set()
        assert (await ended(engine, number)).state == "succeeded"


async def test_retry_waits_is_explained_and_is_no_failure(engine: Engine) -> None:
    attempts: list[int] = []

    async def patient(_: Engine, context: JobContext) -> None:
        attempts.append(context.attempt)
        if context.attempt <= 5:
            raise Retry(0.05, "codeforces does not answer")

    async with working(engine, room(patient, retries=0)):
        number = await queued(engine, "test.patient")
        assert (await ended(engine, number)).state == "succeeded"
    assert attempts == [1, 2, 3, 4, 5, 6]


async def test_a_waiting_retry_tells_its_owner_why_and_when(engine: Engine) -> None:
    async def patient(_: Engine, __: JobContext) -> None:
        raise Retry(600, "codeforces does not answer")

    async with working(engine, room(patient)):
        number = await queued(engine, "test.patient")

        async def waits() -> bool:
            return (await seen(engine, number)).state == "retrying"

        await until(waits)
    now = await seen(engine, number)
    assert now.reason == "codeforces does not answer"
    assert now.scheduled_at
    assert timedelta(seconds=500) < now.scheduled_at - clock.now() < timedelta(seconds=601)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (UnavailableNow("the bank is closed"), "the bank is closed"),
        (RuntimeError("password=hunter2"), "an internal error (RuntimeError)"),
    ],
)
async def test_a_failing_job_is_tried_three_more_times_then_dead_with_its_reason(
    engine: Engine, error: Exception, reason: str
) -> None:
    runs = 0

    async def fail(_: Engine, __: JobContext) -> None:
        nonlocal runs
        runs += 1
        raise error

    async with working(engine, room(fail)):
        number = await queued(engine, "test.fail")
        end = await ended(engine, number)
    assert (end.state, end.reason, runs) == ("failed", reason, 4)
    async with engine.transaction() as tx:
        assert [job.id for job in await dead(tx)] == [number]
        assert await counts(tx) == {("verification", "failed"): 1}


async def test_a_job_over_its_time_limit_is_cancelled_and_fails(engine: Engine) -> None:
    cancelled = 0

    async def endless(_: Engine, __: JobContext) -> None:
        nonlocal cancelled
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled += 1
            raise

    async with working(engine, room(endless, queue="analytics", retries=1)):
        end = await ended(engine, await queued(engine, "test.endless"))
    assert (end.state, end.reason, cancelled) == ("failed", "it took longer than 0.3 s", 2)


async def test_a_stopping_worker_lets_jobs_end_within_the_grace_period(engine: Engine) -> None:
    go = asyncio.Event()

    async def short(_: Engine, __: JobContext) -> None:
        go.set()
        await asyncio.sleep(0.2)

    async with working(engine, room(short)):
        number = await queued(engine, "test.short")
        await go.wait()
    assert (await seen(engine, number)).state == "succeeded"


async def test_a_stopping_worker_puts_back_what_does_not_end(engine: Engine) -> None:
    go = asyncio.Event()
    attempts: list[int] = []

    async def long(_: Engine, context: JobContext) -> None:
        attempts.append(context.attempt)
        go.set()
        if context.attempt == 1:
            await asyncio.Event().wait()

    async with working(engine, room(long, retries=0)):
        number = await queued(engine, "test.long")
        await go.wait()
    assert (await seen(engine, number)).state == "retrying"
    async with working(engine, room(long, retries=0)):
        assert (await ended(engine, number)).state == "succeeded"
    assert attempts == [1, 2]


async def test_a_job_put_back_while_its_like_waits_gives_way(engine: Engine) -> None:
    go = asyncio.Event()
    attempts: list[int] = []

    async def twice(_: Engine, context: JobContext) -> None:
        attempts.append(context.id)
        if len(attempts) == 1:
            await go.wait()
            raise Retry(0.01, "not yet")

    async with working(engine, room(twice)):
        first = await queued(engine, "test.twice", lock="task:1")

        async def started() -> bool:
            return bool(attempts)

        await until(started)
        second = await queued(engine, "test.twice", lock="task:1")
        go.set()
        assert (await ended(engine, second)).state == "succeeded"
        end = await ended(engine, first)
    assert (end.state, end.reason) == ("cancelled", "a newer job does the same")


async def test_a_lost_hand_over_is_put_back(engine: Engine) -> None:
    async def quick(_: Engine, __: JobContext) -> None: ...

    async with working(engine, room(quick)):
        number = await queued(engine, "test.quick", schedule_at=clock.now() + timedelta(hours=1))

        async def registered() -> bool:
            async with engine.transaction() as tx:
                cursor = await (await tx.psycopg()).execute(
                    "update procrastinate_jobs set status = 'doing', worker_id = w.id"
                    " from (select min(id) as id from procrastinate_workers) w"
                    " where procrastinate_jobs.id = %s and w.id is not null",
                    (number,),
                )
                return cursor.rowcount == 1

        await until(registered)
        assert (await ended(engine, number)).state == "succeeded"


@pytest.fixture
def impatient(settings: Settings, engine: Engine) -> Engine:
    """An engine that gives up on a connection soon."""
    database = msgspec.structs.replace(settings.database, connect_timeout=0.2)
    engine.settings = msgspec.structs.replace(settings, database=database)
    return engine


@pytest.mark.parametrize("pace", [Pace(poll=0.1, heartbeat=60, rescue=60), QUICK])
async def test_a_jobs_end_is_written_though_the_database_is_away_when_it_ends(
    impatient: Engine, database_dsns: Dsns, cluster_owner: psycopg.Connection[Any], pace: Pace
) -> None:
    started, go, over = asyncio.Event(), asyncio.Event(), asyncio.Event()
    runs = 0

    async def slow(_: Engine, __: JobContext) -> None:
        nonlocal runs
        runs += 1
        started.set()
        await go.wait()
        over.set()

    database = sql.Identifier(str(conninfo_to_dict(database_dsns.owner_dsn)["dbname"]))
    opening = sql.SQL("alter database {} allow_connections {}")
    async with working(impatient, room(slow), pace=pace):
        first = await queued(impatient, "test.slow")
        await started.wait()
        cluster_owner.execute(opening.format(database, sql.SQL("false")))
        cluster_owner.execute(CUT, (conninfo_to_dict(database_dsns.owner_dsn)["dbname"],))
        go.set()
        await over.wait()
        for _ in range(3):  # longer than anybody here waits for a connection
            await asyncio.sleep(impatient.settings.database.connect_timeout)
        cluster_owner.execute(opening.format(database, sql.SQL("true")))
        assert (await ended(impatient, first)).state == "succeeded"
        assert runs == 1
        assert (await ended(impatient, await queued(impatient, "test.slow"))).state == "succeeded"


KILLED = """
import asyncio, os, sys
from pathlib import Path
from skillcore.plugin.manager import Plugins
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.hints import Hints
from skillcore.runtime.jobs import Jobs
from skillcore.runtime.rooms import Job, Room
from skillcore.runtime.settings import Settings
from skillcore.runtime.worker import Pace, run_worker

async def deadly(engine, context):
    Path(sys.argv[1]).write_text(str(context.id))
    await asyncio.Event().wait()

async def main():
    settings = Settings()
    engine = Engine(settings, Plugins.load(allow=("defaults",)), Database(os.environ["DSN"], settings.database))
    room = Room(name="test", jobs=(Job(name="test.deadly", queue="verification", run=deadly),))
    async with Hints(engine.database).run() as hints, engine.open(hints), engine.open(Jobs((room,))):
        await run_worker(engine, pace=Pace(poll=0.1, heartbeat=0.2, stalled=1.0, rescue=0.1))

asyncio.run(main())
"""


@pytest.mark.parametrize(("retries", "state"), [(1, "succeeded"), (0, "failed")])
async def test_a_job_survives_its_killed_worker_as_often_as_it_may_fail(
    engine: Engine, database_dsns: Dsns, tmp_path: Path, retries: int, state: str
) -> None:
    async def deadly(_: Engine, __: JobContext) -> None: ...

    def kill_while_it_runs() -> None:
        marker = tmp_path / "running"
        environment = {**os.environ, "DSN": database_dsns.service_dsn}
        with subprocess.Popen([sys.executable, "-c", KILLED, str(marker)], env=environment) as worker:
            while not marker.exists():
                assert worker.poll() is None
            worker.send_signal(signal.SIGKILL)

    async with opened(engine, room(deadly)):
        number = await queued(engine, "test.deadly")
    await asyncio.to_thread(kill_while_it_runs)
    assert (await seen(engine, number)).state == "running"
    async with working(engine, room(deadly, retries=retries)):
        end = await ended(engine, number)
    assert (end.state, end.reason) == (state, "the process that ran it ended before it was done")


async def test_what_a_process_hands_back_before_its_end_runs_again_and_has_not_failed(engine: Engine) -> None:
    begun: list[int] = []
    release = asyncio.Event()

    async def hold(_: Engine, context: JobContext) -> None:
        begun.append(context.attempt)
        if context.attempt == 1:
            await release.wait()

    async def running() -> bool:
        return bool(begun)

    async with working(engine, room(hold, retries=0)):
        number = await queued(engine, "test.hold")
        await until(running)
        assert await asyncio.to_thread(lambda: asyncio.run(hand_back(engine, "it was held up"))) == 1
        handed_back = await seen(engine, number)
        assert (handed_back.state, handed_back.reason) in {(state, "it was held up") for state in ("retrying", "running")}
        assert (await ended(engine, number)).state == "succeeded"  # without a retry to spare
        release.set()
        assert await hand_back(engine, "it was held up") == 0
    assert begun == [1, 2]
