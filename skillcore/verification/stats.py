"""The figures of accounts' public profiles: who has them read, and when they are read again by themselves.

They are read apart from past work: not every source shows both, one may fail without the other, and an import can take hours.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.runtime import jobs
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.problems import Conflict, NotFound
from skillcore.verification.asking import next_time
from skillcore.verification.figures import offers_figures
from skillcore.verification.linking import LinkedAccount, account_for, linked_account
from skillcore.verification.tables import SourceAccountRow, StatsRow

__all__ = ["JOB", "StatsAsked", "ask", "begin", "begin_due", "enqueue"]

JOB = "verification.read_stats"

AT_ONCE = 100
BEHIND = -1
"""Priority: whoever asks does not wait for what begins by itself."""


class StatsAsked(Struct, frozen=True, kw_only=True):
    """That the figures of an account are read.

    Attributes:
        account: the name under which the ledger knows it.
        job_id: of the reading; `GET /api/jobs/{job_id}` follows it.
        read_at: when the source last said them; null if it never did.
        next_at: when it is asked again by itself; null if never.
    """

    source: str
    account: str
    job_id: int | None
    read_at: datetime | None
    next_at: datetime | None


async def ask(tx: Transaction, actor: Actor, source: str, *, user: str) -> StatsAsked:
    """Have the figures of an account read; while a reading waits or runs, it is the same one.

    Raises:
        NotFound: no such source, or no such person for this caller.
        Conflict: the source shows no figures, or no account is linked that the caller's word may rest on.
    """
    offered = tx.engine.plugins.sources.get(source)
    if offered is None:
        raise NotFound(f"there is no source {source!r}")
    user_id = await people.resolve(tx, actor, user, write=True)
    account = await account_for(tx, user_id, source, platform_id=actor.platform_id, hold=True)
    if account is None:
        raise Conflict(f"no {source} account is linked whose figures could be read; link one first", source=source)
    if not offers_figures(offered):
        raise Conflict(f"{source} shows no figures of an account, so there is nothing to read", source=source)
    row = await enqueue(tx, account, actor.platform_id)
    return StatsAsked(source=source, account=account.account, job_id=row.job_id, read_at=row.read_at, next_at=row.next_at)


async def begin(tx: Transaction, account: LinkedAccount) -> None:
    """Have the figures of an account read that was just linked, if the settings and its source are for it."""
    offered = tx.engine.plugins.sources.get(account.source)
    if tx.engine.settings.verification.stats_every and offered is not None and offers_figures(offered):
        await enqueue(tx, account)


async def enqueue(tx: Transaction, account: LinkedAccount, platform_id: UUID | None = None, *, priority: int = 0) -> StatsRow:
    """Have an account's figures read by a job, which its person and a platform may follow; the one under way, if there is one.

    Args:
        tx: the caller's transaction.
        account: whose figures.
        platform_id: that asks for it; else the one that vouches for the account may follow the job.
        priority: higher ones first.
    """
    new = insert(StatsRow).values(account_id=account.id, user_id=account.user_id)
    await tx.session.execute(new.on_conflict_do_nothing())
    query = select(StatsRow).where(StatsRow.account_id == account.id).with_for_update()
    row = (await tx.session.scalars(query.execution_options(populate_existing=True))).one()
    row.next_at = next_time(tx.engine.settings.verification.stats_every)
    if row.job_id is not None and await jobs.is_under_way(tx, row.job_id):
        return row
    number = await jobs.defer(
        tx,
        JOB,
        source=account.source,
        lock=f"stats:{account.id}",
        priority=priority,
        owner=account.user_id,
        platform=platform_id or account.vouched_by,
        account=account.id,
    )
    if number is not None:  # otherwise the job of an earlier reading still waits, and will be this one
        row.job_id = number
    return row


async def begin_due(engine: Engine) -> int:
    """Have figures read whose time has come, of accounts that are linked; returns of how many.

    No more than some at a time: after a long silence they come one batch a minute. What another worker holds is left to it.
    """
    async with engine.transaction() as tx:
        accounts = (
            select(SourceAccountRow.id)
            .join(StatsRow, StatsRow.account_id == SourceAccountRow.id)
            .where(StatsRow.next_at <= now(), SourceAccountRow.unlinked_at.is_(None))
            .order_by(StatsRow.next_at)
            .limit(AT_ONCE)
            .with_for_update(read=True, of=SourceAccountRow, skip_locked=True)
        )
        held = select(StatsRow).where(StatsRow.account_id.in_((await tx.session.scalars(accounts)).all()))
        held = held.order_by(StatsRow.account_id).with_for_update(skip_locked=True)
        begun = 0
        for row in (await tx.session.scalars(held)).all():
            account = await linked_account(tx, row.account_id)
            if account is None or account.source not in engine.plugins.sources:
                row.next_at = now() + timedelta(seconds=engine.settings.verification.stats_every)
                continue
            await enqueue(tx, account, priority=BEHIND)
            begun += 1
    return begun
