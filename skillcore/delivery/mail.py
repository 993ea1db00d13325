"""Mails, and how they get into the outbox: sealed, in the transaction of whoever has a reason for them."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from msgspec import Struct

from skillcore.delivery.tables import MailRow
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.engine import Transaction
from skillcore.runtime.jobs import defer
from skillcore.runtime.sealing import Sealer
from skillcore.runtime.settings import Settings

__all__ = ["JOB", "Letter", "Mail", "is_configured", "send"]

JOB = "delivery.send_mail"
WORTH = timedelta(days=1)
"""How long a mail is worth sending that says nothing else."""


class Letter(Struct, frozen=True):
    """What is sealed of a mail.

    Attributes:
        to: the address as its person typed it; empty for a mail that goes nowhere.
    """

    to: str
    subject: str
    text: str


class Mail(Struct, frozen=True, kw_only=True):
    """A mail to be.

    Attributes:
        user_id: whom it is about; None for somebody who has no account.
        to: the address as its person typed it. Without one the mail goes nowhere and takes as long: so the time of an answer
            does not tell whether there was anybody to write to.
        subject: one line.
        text: plain text. It must hold nothing that others than we and its reader have written.
        until: from when on nobody wants it any more; a day from now, if not given.
    """

    user_id: UUID | None
    to: str
    subject: str
    text: str
    until: datetime | None = None


def is_configured(settings: Settings) -> bool:
    """Tell whether there is a server to hand mails to."""
    return bool(settings.mail.host)


async def send(tx: Transaction, mail: Mail) -> bool:
    """Put a mail into the outbox, from which it goes once the transaction has committed.

    Returns:
        Whether it will go: without a configured server nothing happens.
    """
    if not is_configured(tx.engine.settings):
        return False
    id_ = new_id()
    plain = msgspec.json.encode(Letter(mail.to, mail.subject, mail.text))
    sealed = tx.engine.service(Sealer).seal(MailRow.body, id_, mail.user_id, plain)
    moment = now()
    tx.session.add(
        MailRow(
            id=id_,
            user_id=mail.user_id,
            body=sealed,
            state="waiting",
            reason="",
            expires_at=mail.until or moment + WORTH,
            created_at=moment,
        )
    )
    await defer(tx, JOB, mail=str(id_))
    return True
