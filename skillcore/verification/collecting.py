"""The job that reads the figures of an account's public profile, and records them if they are others than before.

It may be killed anywhere and run again. The source is asked with no transaction open; what it says is recorded in one, if the
account is still the person's, under the name under which it was asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import literal_column, select

from skillcore.accounts import people
from skillcore.defaults.kinds import SourceStats
from skillcore.ledger import record
from skillcore.ledger.tables import EventRow
from skillcore.plugin import SourceError, Unavailable
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.events import NewEvent, of_platform
from skillcore.runtime.jobs import JobContext, Retry
from skillcore.verification.asking import delay_after, in_words, plain
from skillcore.verification.following import DAILY, followed
from skillcore.verification.linking import LinkedAccount, linked_account
from skillcore.verification.sources import Sources
from skillcore.verification.tables import StatsRow

__all__ = ["read_stats"]

KIND = "source.stats"


async def read_stats(engine: Engine, context: JobContext, account: str) -> None:
    """Read an account's figures, and record them unless they are those that were recorded last.

    Raises:
        Retry: the source does not answer now, or would be asked about another name.
    """
    async with engine.transaction() as tx:
        linked = await linked_account(tx, UUID(account))
    if linked is None:
        return
    linked = await followed(engine, linked, DAILY)
    try:
        figures = await engine.service(Sources).figures(linked.source, linked.asked)
    except Unavailable as error:
        reason = plain(f"{linked.source} gives no answer: {in_words(error.message)}")
        raise Retry(delay_after(context.attempt, error, engine.settings.verification), reason) from error
    except SourceError as error:
        await context.progress(f"no figures were read: {in_words(error.message)}")
    else:
        await context.progress(await _keep(engine, linked, figures))


async def _keep(engine: Engine, asked: LinkedAccount, figures: Mapping[str, float]) -> str:
    """Keep what a source said of an account, if that still is the person's; says what was done.

    The person comes first, and then the account, as in all that changes accounts.

    Raises:
        Retry: the source would be asked about another name now.
    """
    async with engine.transaction() as tx:
        if not await people.hold(tx, asked.user_id):
            return ""
        account = await linked_account(tx, asked.id, hold=True)
        row = await tx.session.get(StatsRow, asked.id, with_for_update=True)
        if account is None:
            return "the account is not linked any more"
        if account.asked != asked.asked or account.account != asked.account:
            raise Retry(0.0, "the account was renamed meanwhile")
        if row is not None:
            row.read_at = now()
        if figures == await _recorded(tx, account):
            return f"{len(figures)} figures were read, and are as they were"
        await record(tx, [_event(account, figures)])
    return f"{len(figures)} figures were read"


async def _recorded(tx: Transaction, account: LinkedAccount) -> Mapping[str, float]:
    """Return the figures that were recorded last, on the same word; none without, and where the source showed none."""
    query = select(EventRow.data).where(
        EventRow.user_id == account.user_id,
        EventRow.subject_id == account.account,
        EventRow.kind == literal_column(f"'{KIND}'"),  # as the index for it has it
        EventRow.origin.is_not_distinct_from(of_platform(account.vouched_by)),
    )
    last = await tx.session.scalar(query.order_by(EventRow.version.desc()).limit(1))
    return last["figures"] if last else {}


def _event(account: LinkedAccount, figures: Mapping[str, float]) -> NewEvent:
    return NewEvent(
        user_id=account.user_id,
        kind=KIND,
        subject_id=account.account,
        occurred_at=now(),
        data=SourceStats(
            source=account.source,
            account=account.account,
            figures=dict(figures),
            vouched_by=str(account.vouched_by) if account.vouched_by else None,
        ),
        origin=of_platform(account.vouched_by),
    )
