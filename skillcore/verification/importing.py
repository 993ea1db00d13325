"""The job behind an import: asks a source for page after page, and keeps each together with its cursor.

It may be killed anywhere and run again: it goes on behind the last page kept. What was read of a later one is read again,
and a work that is recorded already is not recorded twice. Memory holds one page.
"""

from __future__ import annotations

from contextlib import aclosing
from datetime import timedelta
from uuid import UUID

from msgspec import Struct
from sqlalchemy import select

from skillcore.accounts import people
from skillcore.ledger import record
from skillcore.plugin import SourceError, Unavailable
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.jobs import JobContext, Retry
from skillcore.verification.answers import keep_page
from skillcore.verification.asking import delay_after, in_words, next_time, plain
from skillcore.verification.evidence import accepted
from skillcore.verification.following import DAILY, followed
from skillcore.verification.histories import Read
from skillcore.verification.linking import LinkedAccount, linked_account
from skillcore.verification.sources import Sources
from skillcore.verification.tables import ImportRow
from skillcore.verification.topics import skills_of, without_skill

__all__ = ["ended", "import_history"]

MOST_UNMAPPED = 1000
"""Topics without a skill that are remembered of one run."""

UNLINKED = "the account is not linked any more"


class Run(Struct, kw_only=True):
    """A run under way.

    Attributes:
        account: whose past work.
        cursor: of the last page kept.
        digests: of the raw answers that the last page rests on; a source may make several pages of one answer.
    """

    account: LinkedAccount
    cursor: str | None
    digests: tuple[str, ...] = ()


async def import_history(engine: Engine, context: JobContext, account: str) -> None:
    """Import an account's past work, from the last page kept to the newest.

    Raises:
        Retry: the source does not answer now.
    """
    run = await _begun(engine, UUID(account))
    if run is None:
        return
    run.account = await followed(engine, run.account, DAILY)
    try:
        async with aclosing(engine.service(Sources).history(run.account.source, run.account.asked, run.cursor)) as history:
            async for read in history:
                if not await _keep(engine, context, run, read):
                    return
    except Unavailable as error:
        await _wait(engine, context, run, error)
    except SourceError as error:
        await _end(engine, context, run, in_words(error.message))
    else:
        await _end(engine, context, run)


async def _begun(engine: Engine, account_id: UUID) -> Run | None:
    """Return the run under way; None if there is none (any more)."""
    async with engine.transaction() as tx:
        account = await linked_account(tx, account_id, hold=True)
        row = await _locked(tx, account_id)
        if row is None or row.state not in {"waiting", "running"}:
            return None
        if account is None:
            ended(engine, row, UNLINKED)
            return None
        row.state, row.reason, row.next_at, row.updated_at = "running", "", None, now()
        row.started_at = row.started_at or row.updated_at
        return Run(account=account, cursor=row.cursor)


async def _keep(engine: Engine, context: JobContext, run: Run, read: Read) -> bool:
    """Keep a page: its raw answers first, then what follows from it together with its cursor.

    Returns:
        Whether the run goes on.

    Raises:
        Retry: the source would be asked about another account now.
    """
    page = read.page
    run.digests = await keep_page(engine, run.account, page, read.answers) if read.answers else run.digests
    async with engine.transaction() as tx:
        current = await _current(tx, run)
        if current is None:
            return False
        row, account = current
        standing = await skills_of(tx, account.source, {topic for evidence in page.evidence for topic in evidence.topics})
        recorded = await record(tx, [accepted(account, evidence, run.digests, standing) for evidence in page.evidence])
        row.cursor = page.cursor
        row.behind = row.behind + len(page.evidence) if page.done is None else page.done
        row.total = page.total
        row.gap = plain(page.gap) or row.gap
        row.pages += 1
        row.seen += len(page.evidence)
        row.added += sum(recorded.new)
        row.unmapped = sorted({*row.unmapped, *without_skill(engine, account.source, standing)})[:MOST_UNMAPPED]
        row.attempts, row.updated_at = 0, now()
        done, total = row.behind, row.total
    run.cursor = page.cursor
    await context.progress(f"reads the past work at {run.account.source}", done, total)
    return True


async def _wait(engine: Engine, context: JobContext, run: Run, error: Unavailable) -> None:
    """Tell until when the run waits, and have the job go on then. What was kept is kept.

    Raises:
        Retry: always, unless the run is over.
    """
    reason = plain(f"{run.account.source} gives no answer: {in_words(error.message)}")
    async with engine.transaction() as tx:
        current = await _current(tx, run)
        if current is None:
            return
        row, _ = current
        row.attempts += 1
        seconds = delay_after(row.attempts, error, engine.settings.verification)
        until = now() + timedelta(seconds=seconds)
        row.state, row.reason, row.next_at, row.updated_at = "waiting", reason, until, now()
        done, total = row.behind, row.total
    await context.progress(f"waits until {until:%Y-%m-%d %H:%M:%S} UTC for {run.account.source}", done, total)
    raise Retry(seconds, reason)


async def _end(engine: Engine, context: JobContext, run: Run, reason: str = "") -> None:
    async with engine.transaction() as tx:
        current = await _current(tx, run)
        if current is None:
            return
        row, _ = current
        ended(engine, row, reason)
        said = f"{row.seen} works were read, {row.added} of them new"
        done, total = row.behind, row.total
    await context.progress(f"{said}; then it failed: {reason}" if reason else said, done, total)


async def _current(tx: Transaction, run: Run) -> tuple[ImportRow, LinkedAccount] | None:
    """Return the run's row, locked, and its account, held; None if the run is over, or is now, since nothing is linked.

    The person comes first, and then the account, as in all that changes accounts: otherwise two transactions could wait for
    each other.

    Raises:
        Retry: the source would be asked about another account now.
    """
    if not await people.hold(tx, run.account.user_id):
        return None
    account = await linked_account(tx, run.account.id, hold=True)
    row = await _locked(tx, run.account.id)
    if row is None or row.state != "running" or row.cursor != run.cursor:
        return None  # another job has gone on with it
    if account is None:
        ended(tx.engine, row, UNLINKED)
        return None
    if account.asked != run.account.asked or account.account != run.account.account:
        raise Retry(0.0, "the account was renamed meanwhile")
    return row, account


async def _locked(tx: Transaction, account_id: UUID) -> ImportRow | None:
    return await tx.session.scalar(select(ImportRow).where(ImportRow.account_id == account_id).with_for_update())


def ended(engine: Engine, row: ImportRow, reason: str) -> None:
    """Note on a locked row that its run has ended.

    Args:
        engine: for the settings.
        row: of the import.
        reason: why it failed; empty if it did not.
    """
    row.state = "failed" if reason else "done"
    row.reason, row.finished_at, row.updated_at = reason, now(), now()
    row.next_at = next_time(engine.settings.verification.import_every)
