"""Jobs: work done later, in a worker, at least once. Enqueued in the caller's transaction, so that both happen or neither.

The queue is Procrastinate's, on the same database; what a job's owner is told about it stands in ``job_progress``. This
module enqueues and tells; `skillcore.runtime.worker` runs.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import Struct
from procrastinate import PsycopgConnector, exceptions
from procrastinate.jobs import Job as QueuedJob
from procrastinate.manager import JobManager
from psycopg.rows import class_row
from sqlalchemy import BigInteger, DateTime, Index, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from skillcore.runtime.database import Base, nature
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.hints import hint
from skillcore.runtime.lanes import lane
from skillcore.runtime.rooms import Job, Room

__all__ = [
    "JobContext",
    "JobProgress",
    "JobStatus",
    "Jobs",
    "Retry",
    "counts",
    "dead",
    "defer",
    "forget_ended",
    "forget_person",
    "given_up",
    "is_under_way",
    "status",
]

JobState = Literal["waiting", "running", "retrying", "succeeded", "failed", "cancelled"]

STATUS = """
select j.id, j.task_name as name, j.queue_name as queue,
  case j.status when 'todo' then case when j.attempts = 0 then 'waiting' else 'retrying' end when 'doing' then 'running'
    when 'succeeded' then 'succeeded' when 'failed' then 'failed' else 'cancelled' end as state,
  coalesce(p.state, '') as message, p.done, p.total, coalesce(p.reason, '') as reason, j.attempts, j.scheduled_at,
  p.user_id, p.platform_id, p.updated_at
from procrastinate_jobs j left join job_progress p on p.job_id = j.id
"""
COUNTS = "select queue_name, status::text, count(*) from procrastinate_jobs group by 1, 2"
GIVEN_UP = """
select n.id from unnest(%s::int8[]) n(id) left join procrastinate_jobs j on j.id = n.id
where j.id is null or j.status in ('failed', 'cancelled', 'aborted')
"""
OF_PERSON = """delete from procrastinate_jobs j using job_progress p
  where p.job_id = j.id and p.user_id = %s and j.status <> 'doing'"""
ENDED = """with ended as (select j.id from procrastinate_jobs j
    where j.status in ('succeeded', 'failed', 'cancelled', 'aborted')
      and (not exists (select from job_progress p where p.job_id = j.id)
        or coalesce((select max(e.at) from procrastinate_events e where e.job_id = j.id), '-infinity') < %s)
    order by j.id limit %s for update skip locked)
delete from procrastinate_jobs j using ended where j.id = ended.id"""
OWN = "insert into job_progress (job_id, user_id, platform_id) values (%s, %s, %s)"
PROGRESS = "update job_progress set state = %s, done = %s, total = %s, updated_at = now() where job_id = %s"


class Retry(Exception):
    """Raised by a job that wants to be run again later: not a failure, and not counted as one."""

    def __init__(self, after: float, message: str) -> None:
        """Say when and why.

        Args:
            after: seconds from now.
            message: for the job's owner, in their words.
        """
        super().__init__(message)
        self.after = after
        self.message = message


class JobProgress(Base):
    """What the owner of a job is told: how far it is, and why it failed."""

    __tablename__ = "job_progress"
    __table_args__ = (
        Index("job_progress_user_id_idx", "user_id"),
        nature("record", person="user_id", erase="delete"),
    )

    job_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    user_id: Mapped[UUID | None]
    platform_id: Mapped[UUID | None]
    state: Mapped[str] = mapped_column(Text, server_default=text("''"))
    done: Mapped[int | None] = mapped_column(BigInteger)
    total: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(Text, server_default=text("''"))
    failures: Mapped[int] = mapped_column(server_default=text("0"))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class JobStatus(Struct, frozen=True, kw_only=True):
    """A job as its owner sees it.

    Attributes:
        state: ``retrying`` waits for another attempt, at ``scheduled_at``; ``failed`` is given up.
        message: what it is doing, in words.
        reason: why its last attempt failed or must wait, in words.
        attempts: attempts that have ended.
        user_id: the person it belongs to, if any.
        platform_id: the platform that asked for it, if any.
    """

    id: int
    name: str
    queue: str
    state: JobState
    message: str
    done: int | None
    total: int | None
    reason: str
    attempts: int
    scheduled_at: datetime | None
    user_id: UUID | None
    platform_id: UUID | None
    updated_at: datetime | None


class Jobs:
    """The jobs that the rooms define. Open it in an engine, so that `defer` finds it."""

    def __init__(self, rooms: Iterable[Room]) -> None:
        """Collect the rooms' jobs.

        Raises:
            ValueError: two have the same name.
        """
        self.by_name: dict[str, Job] = {}
        for job in (job for room in rooms for job in room.jobs):
            if job.name in self.by_name:
                raise ValueError(f"two jobs are called {job.name!r}: a job's name must be its own")
            self.by_name[job.name] = job
        self._manager = JobManager(PsycopgConnector())  # never opened: it writes on the caller's connection

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues that these jobs wait in."""
        return tuple(sorted({job.queue for job in self.by_name.values()}))

    @property
    def queues_by_source(self) -> tuple[str, ...]:
        """Those of them that have a lane for each source."""
        return tuple(sorted({job.queue for job in self.by_name.values() if job.by_source}))

    def queue_of(self, name: str, source: str | None) -> str:
        """Return where a job waits: in its queue, or, if it is about a source, in that source's lane.

        Raises:
            LookupError: there is no such job.
            ValueError: it is about a source and none is named, or the other way round.
        """
        if name not in self.by_name:
            raise LookupError(f"no room defines the job {name!r}")
        job = self.by_name[name]
        if job.by_source is (source is None):
            raise ValueError(f"the job {name!r} is {'' if job.by_source else 'not '}about one source")
        return job.queue if source is None else lane(job.queue, source)

    async def defer(self, tx: Transaction, queued: QueuedJob) -> int | None:
        """Write a job into its queue; None if one with the same lock waits already."""
        try:
            async with tx.session.begin_nested():  # a refused lock would abort the caller's transaction
                written = await self._manager.defer_job_async(queued, await tx.psycopg())
        except exceptions.AlreadyEnqueued:
            return None
        hint(tx, f"procrastinate_queue_v1#{queued.queue}", json.dumps({"type": "job_inserted", "job_id": written.id}))
        return written.id


async def defer(
    tx: Transaction,
    name: str,
    *,
    source: str | None = None,
    lock: str | None = None,
    schedule_at: datetime | None = None,
    priority: int = 0,
    owner: UUID | None = None,
    platform: UUID | None = None,
    **arguments: Any,
) -> int | None:
    """Enqueue a job in the caller's transaction.

    Args:
        tx: the caller's transaction; the job exists once it commits.
        name: of a room's `Job`.
        source: which it is about; for jobs that are ``by_source``, and only for these.
        lock: jobs with the same lock run one after another, and only one of them waits at a time. A transaction that takes
            several locks takes them in sorted order, since two that differ would wait for each other.
        schedule_at: not before then.
        priority: higher ones first.
        owner: the person who may read how it goes.
        platform: the platform that may.
        arguments: for the job; anything msgspec can turn into JSON.

    Returns:
        The job's id, or None if one with this lock waits already and will see everything this transaction did.

    Raises:
        LookupError: there is no such job.
        ValueError: it is about a source and none is named, or the other way round.
    """
    jobs = tx.engine.service(Jobs)
    queued = QueuedJob(
        queue=jobs.queue_of(name, source),
        priority=priority,
        lock=lock,
        queueing_lock=lock,
        task_name=name,
        task_kwargs=msgspec.to_builtins(arguments),
        scheduled_at=schedule_at,
    )
    number = await jobs.defer(tx, queued)
    if number is not None:
        await (await tx.psycopg()).execute(OWN, (number, owner, platform))
    return number


class JobContext:
    """What a running job knows of itself.

    Attributes:
        id: of the job.
        attempt: 1 at first; being put back by a worker that stops counts as one too.
    """

    def __init__(self, engine: Engine, number: int, attempt: int) -> None:
        self.engine = engine
        self.id = number
        self.attempt = attempt

    async def progress(self, message: str, done: int | None = None, total: int | None = None) -> None:
        """Tell the job's owner how far it is, at once and in a transaction of its own."""
        async with self.engine.transaction() as tx:
            await (await tx.psycopg()).execute(PROGRESS, (message, done, total, self.id))


async def status(tx: Transaction, number: int) -> JobStatus | None:
    """Return a job as its owner sees it; the caller decides who that is."""
    async with (await tx.psycopg()).cursor(row_factory=class_row(JobStatus)) as cursor:
        return await (await cursor.execute(STATUS + "where j.id = %s", (number,))).fetchone()


async def is_under_way(tx: Transaction, number: int) -> bool:
    """Say whether a job waits or runs."""
    found = await status(tx, number)
    return found is not None and found.state in {"waiting", "running", "retrying"}


async def given_up(tx: Transaction, numbers: Collection[int]) -> set[int]:
    """Return those of some jobs that will not be tried again and did not succeed."""
    cursor = await (await tx.psycopg()).execute(GIVEN_UP, (list(numbers),))
    return {number for (number,) in await cursor.fetchall()}


async def dead(tx: Transaction, limit: int = 100) -> list[JobStatus]:
    """Return the jobs that were given up, newest first."""
    async with (await tx.psycopg()).cursor(row_factory=class_row(JobStatus)) as cursor:
        return await (
            await cursor.execute(STATUS + "where j.status = 'failed' order by j.id desc limit %s", (limit,))
        ).fetchall()


async def forget_person(tx: Transaction, user_id: UUID) -> None:
    """Delete the jobs of a person. One that runs ends by itself, since it finds nothing to do, and is deleted when it has."""
    await (await tx.psycopg()).execute(OF_PERSON, (user_id,))


async def forget_ended(tx: Transaction, before: datetime, limit: int) -> int:
    """Delete jobs that ended before a moment, and those whose person was erased; returns how many.

    Args:
        tx: an open transaction.
        before: the moment.
        limit: how many at most.
    """
    return (await (await tx.psycopg()).execute(ENDED, (before, limit))).rowcount


async def counts(tx: Transaction) -> dict[tuple[str, str], int]:
    """Return how many jobs there are, by queue and Procrastinate's status."""
    rows = await (await (await tx.psycopg()).execute(COUNTS)).fetchall()
    return {(queue, state): number for queue, state, number in rows}
