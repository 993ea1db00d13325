"""Tells people by mail that something about their account was changed, where mail can be sent."""

from __future__ import annotations

from uuid import UUID

from skillcore.accounts import letters
from skillcore.accounts.tables import UserRow
from skillcore.delivery import mail
from skillcore.delivery.mail import Mail
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Transaction

__all__ = ["tell"]


async def tell(tx: Transaction, user_id: UUID, what: str, *, to: str | None = None) -> None:
    """Write to a person.

    Args:
        tx: the transaction that changes something.
        user_id: whom.
        what: was changed: a sentence without its full stop.
        to: another address than the account's present one.
    """
    if to is None:
        user = await tx.session.get(UserRow, user_id)
        to = user.email if user is not None else None
    if to is not None:
        subject, text = letters.changed(what, now())
        await mail.send(tx, Mail(user_id=user_id, to=to, subject=subject, text=text))
