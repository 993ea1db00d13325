"""Advice on paths: what installed advisors say of topics, asked by jobs, and told apart from what the graph alone tells.

An advisor decides nothing, and one that cannot be reached says nothing: what the graph tells stands either way.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import delete, select

from skillcore.accounts.access import Actor
from skillcore.accounts.audit import note_read
from skillcore.learning.path_tables import PathAdviceRow
from skillcore.learning.paths import Draft, Topics
from skillcore.plugin import Advice, PathTopic, SourceError, Unavailable
from skillcore.runtime import jobs
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.jobs import JobContext, Retry
from skillcore.runtime.problems import NotFound
from skillcore.verification.asking import delay_after, in_words, plain
from skillcore.verification.sources import Sources

__all__ = ["JOB", "Asked", "ask", "ask_advisor", "forget_expired", "read"]

JOB = "learning.advise"
KEPT = timedelta(days=7)
"""How long it can be read."""

ATTEMPTS = 3
"""How often an advisor is asked that gives no answer: somebody waits for it."""

MOST = 2000
"""Pieces of advice that are kept."""

NOBODY = "no plugin that advises on paths is installed; what was found without one stands"


class Outcome(Struct, frozen=True):
    """What came of asking: advice, or why there is none."""

    advice: tuple[Advice, ...] = ()
    reason: str = ""


class Asked(Struct, frozen=True, kw_only=True):
    """What advisors were asked, and what they said.

    Attributes:
        state: ``waiting`` for the advisor; ``given``; ``unavailable`` if there is none, or it could not be reached.
        advisor: who is asked; null if there is none.
        job_id: `GET /api/jobs/{job_id}` follows it.
        advice: of the advisor alone, topic by topic. It decides nothing.
        reason: why there is no advice, or why it takes longer, in words.
        expires_at: until when this can be read.
    """

    id: UUID | None
    state: Literal["waiting", "given", "unavailable"]
    advisor: str | None
    job_id: int | None
    advice: tuple[Advice, ...]
    reason: str
    expires_at: datetime | None


async def ask(tx: Transaction, actor: Actor, draft: Draft) -> Asked:
    """Have the installed advisor asked about topics by a job; says so if there is none."""
    name = min(tx.engine.plugins.advisors, default=None)
    if name is None:
        return Asked(id=None, state="unavailable", advisor=None, job_id=None, advice=(), reason=NOBODY, expires_at=None)
    row = PathAdviceRow(
        id=new_id(),
        user_id=actor.user_id,
        platform_id=actor.platform_id,
        advisor=name,
        topics=msgspec.to_builtins(draft.topics),
        outcome=None,
        reason="",
        expires_at=now() + KEPT,
    )
    tx.session.add(row)
    row.job_id = await jobs.defer(
        tx, JOB, source=name, lock=f"advice:{row.id}", owner=actor.user_id, platform=actor.platform_id, asked=row.id
    )
    return _shown(row)


async def read(tx: Transaction, actor: Actor, asked: UUID) -> Asked:
    """Return what an advisor said to the caller, or to their platform; administrators read all.

    Raises:
        NotFound: nothing was asked under this id, or not by this caller, or it was too long ago.
    """
    query = select(PathAdviceRow).where(PathAdviceRow.id == asked, PathAdviceRow.expires_at > now())
    if actor.platform_id is not None:
        query = query.where(PathAdviceRow.platform_id == actor.platform_id)
    elif not actor.is_admin:
        query = query.where(PathAdviceRow.user_id == actor.user_id)
    row = await tx.session.scalar(query)
    if row is None:
        raise NotFound("no such advice was asked for, or not by you, or it was more than a week ago")
    if row.user_id is not None:
        note_read(tx, actor, [row.user_id])
    return _shown(row)


async def ask_advisor(engine: Engine, context: JobContext, asked: str) -> None:
    """Ask an advisor, with no transaction open, and keep what it says, or that it could not be reached.

    Raises:
        Retry: it does not answer now.
    """
    async with engine.transaction() as tx:
        row = await tx.session.get(PathAdviceRow, UUID(asked))
        if row is None or row.outcome is not None:
            return
        name, topics = row.advisor, msgspec.convert(row.topics, Topics)
    wanted = tuple(PathTopic(topic.name, topic.library, topic.prerequisites) for topic in topics)
    try:
        given = await engine.service(Sources).advise(name, wanted)
    except SourceError as error:
        reason = plain(f"{name} gives no advice: {in_words(error.message)}")
        if isinstance(error, Unavailable) and context.attempt < ATTEMPTS:
            await _keep(engine, row.id, None, reason)
            raise Retry(delay_after(context.attempt, error, engine.settings.verification), reason) from error
        await _keep(engine, row.id, Outcome(reason=f"{reason}; what was found without it stands"), "")
    else:
        await _keep(engine, row.id, Outcome(advice=tuple(map(_plainly, given[:MOST]))), "")


async def forget_expired(tx: Transaction, before: datetime, limit: int) -> int:
    """Delete what nobody can read since before a moment; returns how many.

    Args:
        tx: an open transaction.
        before: the moment.
        limit: how many at most.
    """
    due = select(PathAdviceRow.id).where(PathAdviceRow.expires_at < before).limit(limit)
    gone = await tx.session.execute(delete(PathAdviceRow).where(PathAdviceRow.id.in_(due)).returning(PathAdviceRow.id))
    return len(gone.all())


async def _keep(engine: Engine, asked: UUID, outcome: Outcome | None, reason: str) -> None:
    async with engine.transaction() as tx:
        row = await tx.session.get(PathAdviceRow, asked, with_for_update=True)
        if row is not None and row.outcome is None:
            row.reason = reason
            row.outcome = None if outcome is None else msgspec.to_builtins(outcome)


def _plainly(advice: Advice) -> Advice:
    """Return advice in words that can be kept everywhere; what others wrote may hold anything."""
    return Advice(
        topic=plain(advice.topic),
        kind=advice.kind,
        message=plain(advice.message),
        suggestions=tuple(map(plain, advice.suggestions[:20])),
        citations=tuple(map(plain, advice.citations[:20])),
    )


def _shown(row: PathAdviceRow) -> Asked:
    outcome = None if row.outcome is None else msgspec.convert(row.outcome, Outcome)
    if outcome is None:
        state: Literal["waiting", "given", "unavailable"] = "waiting"
    else:
        state = "unavailable" if outcome.reason else "given"
    return Asked(
        id=row.id,
        state=state,
        advisor=row.advisor,
        job_id=row.job_id,
        advice=() if outcome is None else outcome.advice,
        reason=row.reason if outcome is None else outcome.reason,
        expires_at=row.expires_at,
    )
