"""The job that empties the outbox, mail by mail.

It may be killed anywhere and run again. A mail whose worker dies between the server's word and the deletion goes out twice,
under the same Message-ID.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import structlog
from sqlalchemy import delete, update

from skillcore.delivery.mail import Letter
from skillcore.delivery.smtp import NotNow, Refused, hand_over, written
from skillcore.delivery.tables import MailRow
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.forgetting import delete_some
from skillcore.runtime.jobs import JobContext, Retry
from skillcore.runtime.rooms import Retention
from skillcore.runtime.sealing import Sealer

__all__ = ["RETENTION", "deliver", "forget_expired"]

log = structlog.get_logger(__name__)

FIRST_WAIT = 5.0
LONGEST_WAIT = 1800.0
KEPT = timedelta(days=7)
"""How long an operator can see that a mail was never delivered."""


async def deliver(engine: Engine, context: JobContext, mail: str) -> None:
    """Hand a mail to the server, with no transaction open meanwhile, and delete it.

    Raises:
        Retry: the server does not take it now.
    """
    async with engine.transaction() as tx:
        row = await tx.session.get(MailRow, UUID(mail))
    if row is None or row.body is None:
        return
    if row.expires_at <= now():
        await _close(engine, row, "given_up", "nobody wants it any more: it could not be sent in time")
        return
    letter = msgspec.json.decode(engine.service(Sealer).open(MailRow.body, row.id, row.user_id, row.body), type=Letter)
    try:
        if letter.to:
            settings = engine.settings.mail
            await hand_over(settings, written(letter, sender=settings.sender, id_=row.id, at=row.created_at))
    except Refused as error:
        await _close(engine, row, "refused", str(error))
    except NotNow as error:
        await _later(engine, context, row, str(error))
    else:
        async with engine.transaction() as tx:
            await tx.session.execute(delete(MailRow).where(MailRow.id == row.id))


async def _later(engine: Engine, context: JobContext, row: MailRow, reason: str) -> None:
    """Have the job run again, after twice as long each time, for as long as anybody wants the mail.

    Raises:
        Retry: unless it would come too late.
    """
    seconds = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(context.attempt - 1, 16))
    if now() + timedelta(seconds=seconds) >= row.expires_at:
        await _close(engine, row, "given_up", reason)
        return
    async with engine.transaction() as tx:
        await tx.session.execute(update(MailRow).where(MailRow.id == row.id).values(reason=reason))
    log.warning("a mail has to wait", mail=str(row.id), reason=reason, seconds=seconds)
    raise Retry(seconds, reason)


async def _close(engine: Engine, row: MailRow, state: str, reason: str) -> None:
    """Keep of a mail that it was not delivered, and why."""
    async with engine.transaction() as tx:
        values = {"state": state, "reason": reason, "body": None}
        await tx.session.execute(update(MailRow).where(MailRow.id == row.id).values(values))
    log.error("a mail was not delivered", mail=str(row.id), state=state, reason=reason)


async def forget_expired(tx: Transaction, before: datetime, limit: int) -> int:
    """Delete mails that nobody has wanted any more since a moment; returns how many."""
    return await delete_some(tx, MailRow.id, MailRow.expires_at < before, limit)


RETENTION = Retention(name="undelivered mails", kept=lambda _: KEPT, forget=forget_expired)
