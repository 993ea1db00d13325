"""The import of past work as people and platforms see it: started, looked at, and begun by itself when an account is linked."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.plugin.manager import Plugins
from skillcore.runtime import jobs
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Transaction
from skillcore.runtime.problems import Conflict, NotFound
from skillcore.verification.histories import offers_history
from skillcore.verification.linking import LinkedAccount, account_for
from skillcore.verification.tables import ImportRow

__all__ = ["JOB", "Import", "begin", "enqueue", "get", "start"]

JOB = "verification.import_history"

State = Literal["never", "waiting", "running", "done", "failed"]


class Import(Struct, frozen=True, kw_only=True):
    """How the import of an account's past work stands. The counts are those of the run under way, or of the last one.

    Attributes:
        account: the name under which the ledger knows it.
        state: ``waiting`` for its turn, or until ``next_at`` for a source that gives no answer; ``never`` asked for.
        job_id: of the run; `GET /api/jobs/{job_id}` follows it.
        pages: that were kept.
        seen: works on them.
        new: those of them that were not recorded before.
        done: how much of ``total`` lies behind, of all runs together; null where the source does not know the total.
        unmapped: topics that stand for no skill, some of them if there are many; `GET /api/sources/{source}/topics` has all.
        gap: what work may be missing, and why, as the source says; empty where nothing is known to be.
        reason: why the run waits, or why it failed.
        next_at: when the source is asked again by itself.
    """

    source: str
    account: str
    state: State
    job_id: int | None = None
    pages: int = 0
    seen: int = 0
    new: int = 0
    done: int = 0
    total: int | None = None
    unmapped_topics: int = 0
    unmapped: list[str] = []
    gap: str = ""
    reason: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    next_at: datetime | None = None


async def start(tx: Transaction, actor: Actor, source: str, *, user: str) -> Import:
    """Have an account's past work imported, or what is new since the last time; while that goes on, it is the same run.

    Raises:
        NotFound: no such source, or no such person for this caller.
        Conflict: the source shows no history, or no account is linked that the caller's word may rest on.
    """
    _check_source(tx.engine.plugins, source)
    user_id = await people.resolve(tx, actor, user, write=True)
    account = await _linked(tx, actor, user_id, source, hold=True)
    if not offers_history(tx.engine.plugins.sources[source]):
        raise Conflict(f"{source} shows no past work, so there is nothing to import", source=source)
    return _shown(account, await enqueue(tx, account, actor.platform_id))


async def get(tx: Transaction, actor: Actor, source: str, *, user: str) -> Import:
    """Return how the import of a person's account stands.

    Raises:
        NotFound: no such source, or no such person for this caller.
        Conflict: no account is linked that the caller's word may rest on.
    """
    _check_source(tx.engine.plugins, source)
    account = await _linked(tx, actor, await people.resolve(tx, actor, user), source)
    row = await tx.session.get(ImportRow, account.id)
    return Import(source=source, account=account.account, state="never") if row is None else _shown(account, row)


async def begin(tx: Transaction, account: LinkedAccount) -> None:
    """Have the past work of an account imported that was just linked, if the settings and its source are for it."""
    source = tx.engine.plugins.sources.get(account.source)
    if not tx.engine.settings.verification.import_on_link or source is None or not offers_history(source):
        return
    if await tx.session.get(ImportRow, account.id) is None:
        await enqueue(tx, account)


async def enqueue(tx: Transaction, account: LinkedAccount, platform_id: UUID | None = None, *, priority: int = 0) -> ImportRow:
    """Have an account imported by a job, which its person and a platform may follow; the one under way, if there is one.

    Args:
        tx: the caller's transaction.
        account: whose work.
        platform_id: that asks for it; else the one that vouches for the account may follow the job.
        priority: higher ones first.
    """
    new = insert(ImportRow).values(account_id=account.id, user_id=account.user_id, state="done")
    await tx.session.execute(new.on_conflict_do_nothing())
    query = select(ImportRow).where(ImportRow.account_id == account.id).with_for_update()
    row = (await tx.session.scalars(query.execution_options(populate_existing=True))).one()
    if row.state in {"waiting", "running"} and row.job_id is not None and await jobs.is_under_way(tx, row.job_id):
        return row
    number = await jobs.defer(
        tx,
        JOB,
        source=account.source,
        lock=f"import:{account.id}",
        priority=priority,
        owner=account.user_id,
        platform=platform_id or account.vouched_by,
        account=account.id,
    )
    if number is not None:  # otherwise the job of an earlier run still waits, and will take up this one
        row.job_id = number
    row.state, row.reason, row.started_at, row.next_at, row.updated_at = "waiting", "", None, None, now()
    row.pages = row.seen = row.added = row.attempts = 0
    row.unmapped = []
    return row


def _check_source(plugins: Plugins, source: str) -> None:
    if source not in plugins.sources:
        raise NotFound(f"there is no source {source!r}")


async def _linked(tx: Transaction, actor: Actor, user_id: UUID, source: str, *, hold: bool = False) -> LinkedAccount:
    account = await account_for(tx, user_id, source, platform_id=actor.platform_id, hold=hold)
    if account is None:
        raise Conflict(f"no {source} account is linked whose past work could be imported; link one first", source=source)
    return account


def _shown(account: LinkedAccount, row: ImportRow) -> Import:
    return Import(
        source=account.source,
        account=account.account,
        state=row.state,  # type: ignore[arg-type]
        job_id=row.job_id,
        pages=row.pages,
        seen=row.seen,
        new=row.added,
        done=row.behind,
        total=row.total,
        unmapped_topics=len(row.unmapped),
        unmapped=row.unmapped[:20],
        gap=row.gap,
        reason=row.reason,
        started_at=row.started_at,
        finished_at=row.finished_at,
        next_at=row.next_at,
    )
