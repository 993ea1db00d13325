"""Runs jobs: a Procrastinate worker for each queue, with time limits, retries, and the rescue of what dead workers left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import psycopg
import structlog
from msgspec import Struct
from procrastinate import App, PsycopgConnector, exceptions
from procrastinate.job_context import JobContext as QueueContext
from procrastinate.jobs import Job as QueuedJob
from procrastinate.jobs import Status
from procrastinate.manager import QUEUEING_LOCK_CONSTRAINT, JobManager, NotificationCallback
from procrastinate.retry import BaseRetryStrategy, RetryDecision
from sqlalchemy.exc import SQLAlchemyError
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_exponential_jitter

from skillcore.runtime import clock
from skillcore.runtime.database import SERVICE_ROLE
from skillcore.runtime.engine import Engine
from skillcore.runtime.handing_back import OwnWorkers
from skillcore.runtime.hints import Hints
from skillcore.runtime.jobs import JobContext, Jobs, Retry
from skillcore.runtime.lanes import ALL, Work, is_lane, queue_of, waiting_lanes
from skillcore.runtime.pauses import Pauses
from skillcore.runtime.problems import Problem
from skillcore.runtime.rooms import Job

__all__ = ["Pace", "run_worker"]

log = structlog.get_logger(__name__)

RESCUE_LOCK = 0x736B_6C6C_7265_7363
TRY_RESCUE = "select pg_try_advisory_xact_lock(%s)"
HELD_BY = "select id from procrastinate_jobs where status = 'doing' and worker_id = any(%s)"
# The row is there from the beginning. Where it is gone, the job's person was erased.
REASON = "update job_progress set reason = %(reason)s, updated_at = now() where job_id = %(job)s"
FAILURE = """update job_progress set reason = %(reason)s, failures = failures + 1, updated_at = now()
  where job_id = %(job)s returning failures"""
FORGET = "delete from job_progress p where not exists (select from procrastinate_jobs j where j.id = p.job_id)"
KEEP_SUCCEEDED_HOURS = 7 * 24
FORGET_EVERY = 3600.0
WORKER_DIED = "the process that ran it ended before it was done"


class Pace(Struct, frozen=True, kw_only=True):
    """How often a worker looks and shows itself, in seconds.

    Attributes:
        poll: between looks at a queue without a hint.
        heartbeat: between signs of life.
        stalled: silence after which a worker counts as dead, and its jobs are run again.
        rescue: between looks for such jobs.
        pause: between the first jobs of a lane whose source gives no answer, again and again; see `Pauses`.
    """

    poll: float = 1.0
    heartbeat: float = 5.0
    stalled: float = 20.0
    rescue: float = 5.0
    pause: float = 1.0


STEADY = Pace()

CONNECTIONS = 12
"""That a worker keeps for its queues at most; each look at one takes a moment, however many there are."""


class Later(Exception):
    """A job is to be run again."""

    def __init__(self, at: datetime) -> None:
        super().__init__(f"again at {at:%H:%M:%S}")
        self.at = at


class Dead(Exception):
    """A job is given up."""


class Verdict(BaseRetryStrategy):
    """Turns what `Performance` raised into Procrastinate's decision."""

    def get_retry_decision(self, *, exception: BaseException, job: QueuedJob) -> RetryDecision | None:
        """Return when to run the job again; None to give it up. What isn't ours, such as a stop, puts it back."""
        if isinstance(exception, Dead):
            return None
        return RetryDecision(retry_at=exception.at if isinstance(exception, Later) else clock.now())


class Held(JobManager):
    """Procrastinate's access to its tables, made to bear a database that goes away for a while.

    An end that isn't written would leave its job running for ever, and so would a job that was fetched by a statement whose
    answer was lost. So ends are written until they are, and what this process holds is compared with what the table says.
    """

    def __init__(self, connector: PsycopgConnector, engine: Engine, pauses: Pauses) -> None:
        super().__init__(connector)
        self.engine = engine
        self.pauses = pauses
        self.workers = engine.cache(OwnWorkers).numbers
        self.held: set[int] = set()

    async def register_worker(self) -> int:
        """Register a worker and remember it."""
        number = await super().register_worker()
        self.workers.add(number)
        return number

    async def unregister_worker(self, worker_id: int) -> None:
        """Forget a worker."""
        self.workers.discard(worker_id)
        await super().unregister_worker(worker_id)

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> QueuedJob | None:
        """Fetch a job and remember that this process holds it; there is none in a lane that pauses."""
        looked_at = [queue for queue in queues or () if self.pauses.is_over(queue)]
        if not looked_at:
            return None
        job = await super().fetch_job(looked_at, worker_id)
        if job is not None and job.id is not None:
            self.pauses.begun(job.queue)
            self.held.add(job.id)
        return job

    async def finish_job(self, job: QueuedJob, status: Status, delete_job: bool) -> None:
        """Write that a job ended."""
        await self._persist(job, lambda: super(Held, self).finish_job(job, status, delete_job))

    async def retry_job(
        self,
        job: QueuedJob,
        retry_at: datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        """Put a job back; if another with its lock waits meanwhile, that one does its work."""
        try:
            await self._persist(job, lambda: super(Held, self).retry_job(job, retry_at, priority, queue, lock))
        except exceptions.UniqueViolation as error:
            if error.constraint_name != QUEUEING_LOCK_CONSTRAINT:
                raise
            await explain(self.engine, job, "a newer job does the same")
            await self.finish_job(job, Status.ABORTED, delete_job=False)

    async def listen_for_jobs(self, *, on_notification: NotificationCallback, queues: Iterable[str] | None = None) -> None:
        """Pass on this process's hints, which need one connection for all queues."""
        heard = asyncio.Event()
        (queue,) = queues or ()
        with self.engine.service(Hints).heard(f"procrastinate_queue_v1#{queue}", lambda _: heard.set()):
            while True:
                await heard.wait()
                heard.clear()
                await on_notification(channel=queue, notification={"type": "job_inserted", "job_id": 0})

    async def _persist(self, job: QueuedJob, write: Callable[[], Awaitable[None]]) -> None:
        attempts = AsyncRetrying(
            retry=retry_if_exception_type(exceptions.ConnectorException),
            wait=wait_exponential_jitter(multiplier=0.1, max=2.0),
            stop=stop_after_delay(60),
            reraise=True,
        )
        try:
            async for attempt in attempts:
                with attempt:
                    try:
                        await write()
                    except exceptions.UniqueViolation as error:
                        raise Refused from error
                    except exceptions.ConnectorException as error:
                        if not isinstance(error.__cause__, psycopg.errors.RaiseException):
                            raise
                        log.warning("a job's end was written already", job=job.id)
        except Refused as refusal:
            raise refusal.__cause__ or refusal from None
        finally:
            self.held.discard(job.id or 0)


class Refused(Exception):
    """The database answered, and said no: trying again is pointless."""


class Performance:
    """Runs one kind of job for the queue: under its time limit, with its failures counted and put into words."""

    def __init__(self, engine: Engine, job: Job, pauses: Pauses) -> None:
        self.engine = engine
        self.job = job
        self.pauses = pauses
        self.limit = engine.settings.queue(job.queue).time_limit or None

    async def run(self, context: QueueContext, **arguments: Any) -> None:
        """Run the job.

        Raises:
            Later: it is to be run again.
            Dead: it has failed too often.
        """
        queued = context.job
        own = JobContext(self.engine, queued.id or 0, queued.attempts + 1)
        with structlog.contextvars.bound_contextvars(job_id=own.id, job=self.job.name):
            scope = asyncio.timeout(self.limit)
            try:
                async with scope:
                    await self.job.run(self.engine, own, **arguments)
                self.pauses.answered(queued.queue)
            except Retry as again:
                if again.after and is_lane(queued.queue):
                    self.pauses.failed(queued.queue)
                await explain(self.engine, queued, again.message)
                raise Later(clock.now() + timedelta(seconds=again.after)) from again
            except Exception as error:
                log.exception("a job failed", attempt=own.attempt)
                reason = f"it took longer than {self.limit:g} s" if scope.expired() else in_words(error)
                await fail(self.engine, self.job, queued, reason)


def in_words(error: Exception) -> str:
    """Return what a job's owner may read of an error: our own words, never those of an exception that wasn't meant for them."""
    return error.detail if isinstance(error, Problem) else f"an internal error ({type(error).__name__})"


async def explain(engine: Engine, job: QueuedJob, reason: str) -> None:
    """Write down why a job must wait."""
    async with engine.transaction() as tx:
        await (await tx.psycopg()).execute(REASON, {"job": job.id, "reason": reason})


async def fail(engine: Engine, job: Job, queued: QueuedJob, reason: str) -> None:
    """Count a failure and decide.

    Raises:
        Later: it is to be run again.
        Dead: it has failed too often.
    """
    async with engine.transaction() as tx:
        row = await (await (await tx.psycopg()).execute(FAILURE, {"job": queued.id, "reason": reason})).fetchone()
    if row is None:
        raise Dead("its person was erased")
    failures: int = row[0]
    if failures > job.retries:
        raise Dead(reason)
    raise Later(clock.now() + timedelta(seconds=job.retry_base * 2 ** (failures - 1)))


async def run_worker(engine: Engine, work: Work = ALL, *, pace: Pace = STEADY) -> None:
    """Work on queues until cancelled; then running jobs get the grace period of the settings, and are put back after it.

    `Jobs` and `Hints` must be open in the engine.

    Args:
        engine: of this process.
        work: which jobs; those about isolated sources are left alone unless it names their source.
        pace: how often to look.
    """
    jobs = engine.service(Jobs)
    connector = PsycopgConnector(
        conninfo=engine.database.dsn,
        kwargs={"options": f"-c role={SERVICE_ROLE} -c timezone=UTC", "application_name": "skillcore-worker"},
        min_size=1,
        max_size=CONNECTIONS,
        timeout=engine.settings.database.connect_timeout,
    )
    app = App(connector=connector)
    pauses = Pauses(pace.pause)
    manager = Held(connector, engine, pauses)
    app.job_manager = manager
    for job in jobs.by_name.values():
        app.task(name=job.name, queue=job.queue, pass_context=True, retry=Verdict())(performer(engine, job, pauses))
    async with app.open_async(), asyncio.TaskGroup() as group:
        group.create_task(attend_all(app, engine, work, pace), name="queues")
        group.create_task(rescue(engine, manager, pace), name="rescue")


async def attend_all(app: App, engine: Engine, work: Work, pace: Pace) -> None:
    """Attend to each queue, and to each lane; lanes of sources that no plugin offers turn up with their jobs."""
    jobs = engine.service(Jobs)
    attended: set[str] = set()
    async with asyncio.TaskGroup() as group:
        while True:
            try:
                async with engine.transaction() as tx:
                    waiting = await waiting_lanes(tx)
            except (psycopg.Error, SQLAlchemyError, OSError) as error:
                log.warning("lanes are not looked for just now", error=str(error))
                waiting = set()
            for queue in work.attended(engine, jobs.queues, jobs.queues_by_source, waiting) - attended:
                attended.add(queue)
                group.create_task(attend(app, engine, queue, pace), name=f"queue {queue}")
            await asyncio.sleep(pace.rescue)


def performer(engine: Engine, job: Job, pauses: Pauses) -> Callable[..., Awaitable[None]]:
    """Return a function of a job's own: Procrastinate looks for one, and a bound method would not do."""
    performance = Performance(engine, job, pauses)

    async def perform(context: QueueContext, **arguments: Any) -> None:
        await performance.run(context, **arguments)

    return perform


async def attend(app: App, engine: Engine, queue: str, pace: Pace) -> None:
    """Keep a queue's worker running: it gives up when the database goes away."""
    while True:
        try:
            await app.run_worker_async(
                queues=[queue],
                name=queue,
                concurrency=engine.settings.queue(queue_of(queue)).concurrency,
                fetch_job_polling_interval=pace.poll,
                abort_job_polling_interval=60.0,
                shutdown_graceful_timeout=engine.settings.server.grace,
                update_heartbeat_interval=pace.heartbeat,
                stalled_worker_timeout=pace.stalled,
                install_signal_handlers=False,
            )
        except (exceptions.ProcrastinateException, psycopg.Error) as error:
            log.warning("the queue cannot be read for now", queue=queue, error=str(error.__cause__ or error))
            task = asyncio.current_task()
            if task is not None and task.cancelling():  # the error came while stopping, and took the place of the cancellation
                raise asyncio.CancelledError from error
        await asyncio.sleep(pace.poll)


async def rescue(engine: Engine, manager: Held, pace: Pace) -> None:
    """Put back, from time to time, jobs whose worker died or whose hand-over was lost; and forget old ones."""
    suspects: set[int] = set()
    forgotten = 0.0
    loop = asyncio.get_running_loop()
    while True:
        try:
            suspects = await put_back(engine, manager, suspects, pace.stalled)
            if loop.time() - forgotten > FORGET_EVERY:
                await manager.delete_old_jobs(KEEP_SUCCEEDED_HOURS)
                async with engine.transaction() as tx:
                    await (await tx.psycopg()).execute(FORGET)
                forgotten = loop.time()
        except (exceptions.ProcrastinateException, psycopg.Error, SQLAlchemyError, OSError) as error:
            log.warning("stalled jobs are not looked for just now", error=str(error.__cause__ or error))
        await asyncio.sleep(pace.rescue)


async def put_back(engine: Engine, manager: Held, suspects: set[int], stalled: float) -> set[int]:
    """Put back stalled jobs, one process at a time.

    Returns:
        Jobs that the table says this process runs, and it doesn't. Those that were so last time too are put back.
    """
    async with engine.transaction() as tx:
        connection = await tx.psycopg()
        own = await (await connection.execute(HELD_BY, (list(manager.workers),))).fetchall()
        strays = {number for (number,) in own} - manager.held
        row = await (await connection.execute(TRY_RESCUE, (RESCUE_LOCK,))).fetchone()
        if row == (True,):
            for queued in await manager.get_stalled_jobs(seconds_since_heartbeat=stalled):
                if queued.id not in manager.held:
                    await revive(engine, manager, queued)
        for number in strays & suspects:
            log.warning("a job's hand-over was lost; it is put back", job=number)
            for queued in await manager.list_jobs_async(id=number, status=Status.DOING.value):
                await manager.retry_job(queued, clock.now())
    return strays - suspects


async def revive(engine: Engine, manager: Held, queued: QueuedJob) -> None:
    """Put back a job whose worker died, or give it up if it keeps killing its workers."""
    log.warning("a job's worker died", job=queued.id, name=queued.task_name)
    job = engine.service(Jobs).by_name.get(queued.task_name)
    if job is None:
        return  # some other worker knows it
    try:
        await fail(engine, job, queued, WORKER_DIED)
    except Later:
        await manager.retry_job(queued, clock.now())
    except Dead:
        await manager.finish_job(queued, Status.FAILED, delete_job=False)
