"""The job behind ``complete``: asks the source, with no transaction open, and settles the task in one transaction.

It may be killed anywhere and run again. Until the last transaction nothing but raw answers is stored, and a positive one is
reused; after it the task is no longer in progress, and running again does nothing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from skillcore.accounts import people
from skillcore.defaults.kinds import TaskCompleted, TaskFailed, TaskVerified, WorkDone
from skillcore.plugin import NotVerified, SourceError, Unavailable, Undecided, Verified
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.events import NewEvent, of_platform
from skillcore.runtime.jobs import JobContext, Retry
from skillcore.verification.answers import Kept, keep, reuse
from skillcore.verification.asking import delay_after, in_words, plain
from skillcore.verification.evidence import accepted
from skillcore.verification.following import LATELY, followed
from skillcore.verification.linking import LinkedAccount, account_for
from skillcore.verification.sources import Sources
from skillcore.verification.topics import skills_of
from skillcore.work.states import Failure, Waiting, event_id, locked, step
from skillcore.work.tables import TaskRow
from skillcore.work.topics import path_of

__all__ = ["complete_task"]


class Attempt(Struct, frozen=True, kw_only=True):
    """An attempt at a task, as it stood when the job began.

    Attributes:
        reused: a fresh positive verdict that makes asking the source unnecessary.
    """

    task_id: UUID
    user_id: UUID
    number: int
    source: str
    requirements: dict[str, Any]
    account: LinkedAccount | None
    reused: Kept | None = None


async def complete_task(engine: Engine, context: JobContext, task: str) -> None:
    """Verify a task's work and complete the task, or fail it with the reason.

    Raises:
        Retry: the source does not answer now.
    """
    attempt = await _begun(engine, UUID(task))
    if attempt is None:
        return
    if attempt.account is None:
        await _fail(engine, attempt, Failure(_unlinked(attempt.source)))
        return
    try:
        account = attempt.account if attempt.reused else await followed(engine, attempt.account, LATELY)
        kept = attempt.reused or await _verify(engine, attempt, account)
    except Unavailable as error:
        await _wait(engine, context, attempt, error)
    except SourceError as error:
        await _fail(engine, attempt, Failure(in_words(error.message)))
    else:
        await _settle(engine, attempt, account, kept)


async def _begun(engine: Engine, task_id: UUID) -> Attempt | None:
    """Return the attempt under way; None if there is none (any more)."""
    async with engine.transaction() as tx:
        row = await tx.session.get(TaskRow, task_id)
        if row is None or row.deleted_at is not None or row.state != "in_progress":
            return None
        account = await account_for(tx, row.user_id, row.source, platform_id=row.platform_id)
        attempt = Attempt(
            task_id=row.id,
            user_id=row.user_id,
            number=row.attempt,
            source=row.source,
            requirements=row.requirements,
            account=account,
        )
        source = engine.plugins.sources.get(row.source)
        if account is None or source is None:
            return attempt
        requirement = msgspec.convert(row.requirements, source.requirement)
        return msgspec.structs.replace(attempt, reused=await reuse(tx, account, requirement))


async def _verify(engine: Engine, attempt: Attempt, account: LinkedAccount) -> Kept:
    """Ask the source, with no transaction open, and store what it answered before anything is made of it."""
    source = engine.plugins.sources.get(attempt.source)
    if source is None:
        raise Unavailable(f"the source {attempt.source!r} is not loaded at present")
    requirement = msgspec.convert(attempt.requirements, source.requirement)
    outcome = await engine.service(Sources).verify(attempt.source, account.asked, requirement)
    return await keep(engine, account, requirement, outcome.verdict, outcome.answers)


async def _wait(engine: Engine, context: JobContext, attempt: Attempt, error: Unavailable) -> None:
    """Tell the learner until when the task waits, and have the job run again then.

    Raises:
        Retry: always, unless the attempt is over.
    """
    seconds = delay_after(context.attempt, error, engine.settings.verification)
    reason = plain(f"{attempt.source} gives no answer: {in_words(error.message)}")
    async with engine.transaction() as tx:
        row = await _current(tx, attempt)
        if row is None:
            return
        row.outcome = msgspec.to_builtins(Waiting(reason, now() + timedelta(seconds=seconds)))
    raise Retry(seconds, reason)


async def _fail(engine: Engine, attempt: Attempt, failure: Failure) -> None:
    async with engine.transaction() as tx:
        row = await _current(tx, attempt)
        if row is not None:
            await _failed(tx, row, failure)


async def _settle(engine: Engine, attempt: Attempt, account: LinkedAccount, kept: Kept) -> None:
    """Draw the consequences of a verdict in one transaction, if they are still anybody's.

    Raises:
        Retry: another account was linked while the source was asked, or it was renamed; it has to be asked again.
    """
    async with engine.transaction() as tx:
        row = await _current(tx, attempt)
        if row is None:
            return
        current = await account_for(tx, row.user_id, row.source, platform_id=row.platform_id, hold=True)
        if current is None:
            await _failed(tx, row, Failure(_unlinked(row.source)))
        elif (current.account, current.asked) != (account.account, account.asked):
            raise Retry(0.0, "another account was linked meanwhile, or it was renamed")
        elif isinstance(kept.verdict, Verified):
            await _completed(tx, row, current, kept.verdict, kept.answers)
        elif isinstance(kept.verdict, NotVerified):
            await _failed(
                tx,
                row,
                Failure("the work was not found", plain(kept.verdict.looked_for), plain(kept.verdict.found)),
            )
        else:
            row.outcome = msgspec.to_builtins(Undecided(plain(kept.verdict.reason), plain(kept.verdict.would_decide)))


async def _current(tx: Transaction, attempt: Attempt) -> TaskRow | None:
    """Return the task's row, locked; None if the attempt is over, or the task or its person is gone."""
    if not await people.hold(tx, attempt.user_id):
        return None
    row = await locked(tx, attempt.task_id)
    return row if row is not None and row.state == "in_progress" and row.attempt == attempt.number else None


async def _failed(tx: Transaction, row: TaskRow, failure: Failure) -> None:
    row.outcome = msgspec.to_builtins(failure)
    data = TaskFailed(reason=failure.reason, looked_for=failure.looked_for, found=failure.found)
    failed = _event(row, "task.failed", data)
    await step(tx, row, "failed", reason=failure.reason, after=[failed])


async def _completed(
    tx: Transaction, row: TaskRow, account: LinkedAccount, verdict: Verified, answers: tuple[str, ...]
) -> None:
    vouched_by = str(account.vouched_by) if account.vouched_by else None
    verified = TaskVerified(
        source=row.source,
        account=account.account,
        works=tuple(evidence.work for evidence in verdict.evidence),
        answers=answers,
        vouched_by=vouched_by,
    )
    # What rests on a platform's word is that platform's business, also where the task is the person's own.
    before, works = [_event(row, "task.verified", verified, vouched_by=account.vouched_by)], []
    topics = {topic for evidence in verdict.evidence for topic in evidence.topics}
    standing = await skills_of(tx, row.source, topics)
    for evidence in verdict.evidence:
        event = accepted(account, evidence, answers, standing)
        works.append(
            WorkDone(
                subject=event.subject_id,
                skills=event.skills,
                difficulty=evidence.difficulty,
                strength=evidence.strength,
            )
        )
        before.append(event)
    declared = row.difficulty if row.difficulty_by in {"mentor", "admin", "platform"} else None
    path = await path_of(tx, row)
    # So is what concerns a platform's path; another platform is told the topic, and not the path.
    concerns = row.platform_id or account.vouched_by or (path.platform_id if path else None)
    named = path if path is not None and path.platform_id in {None, concerns} else None
    completed = TaskCompleted(
        works=tuple(works),
        difficulty=declared,
        declared_by=row.difficulty_by if declared is not None else None,  # type: ignore[arg-type]
        topic=row.topic,
        path=named.path if named else None,
        path_version=named.version if named else None,
    )
    after = [_event(row, "task.completed", completed, skills=tuple(row.skills), vouched_by=concerns)]
    row.outcome = None
    row.completed_at = now()
    await step(tx, row, "completed", before=before, after=after)


def _event(row: TaskRow, kind: str, data: Struct, skills: tuple[str, ...] = (), *, vouched_by: UUID | None = None) -> NewEvent:
    return NewEvent(
        id=event_id(row.id, row.attempt, kind),
        user_id=row.user_id,
        kind=kind,
        subject_id=str(row.id),
        skills=skills,
        data=data,
        origin=of_platform(row.platform_id or vouched_by),
    )


def _unlinked(source: str) -> str:
    return f"no {source} account is linked any more; link one and complete the task again"
