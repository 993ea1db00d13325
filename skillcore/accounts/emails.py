"""The e-mail address of an account: proved by reading mail there, and changed with the password.

Where no mails can be sent an address is changed at once and proved by nobody, and one that is taken is told to be.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from skillcore.accounts import letters, one_time
from skillcore.accounts.access import Actor
from skillcore.accounts.attempts import Attempt, check_password, key_of
from skillcore.accounts.audit import note
from skillcore.accounts.notices import tell
from skillcore.accounts.one_time import Token
from skillcore.accounts.password_rules import GivenPassword
from skillcore.accounts.people import by_address
from skillcore.accounts.tables import UserRow
from skillcore.delivery import mail
from skillcore.delivery.addresses import EmailAddress, check_address, compared
from skillcore.delivery.mail import Mail
from skillcore.plugin.veiled import Veiled
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.problems import Conflict, Forbidden

__all__ = ["ChangedEmail", "ConfirmedEmail", "change", "confirm", "verify"]


class ChangedEmail(Veiled, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The address to be, and one's password."""

    email: EmailAddress
    password: GivenPassword


class ConfirmedEmail(Veiled, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token from a mail."""

    token: Token


async def change(engine: Engine, actor: Actor, data: ChangedEmail) -> bool:
    """Change one's address, once mail was read there; returns whether it is changed already, since no mails can be sent.

    Raises:
        InvalidField: the password is wrong, or the address is none.
        Conflict: the address has an account; only where no mails can be sent.
    """
    check_address(data.email)
    user = await check_password(engine, actor, data.password)
    if mail.is_configured(engine.settings):
        await _write(engine, user.id, data.email)
        return False
    async with engine.transaction() as tx:
        await _changed(tx, user.id, data.email, actor=actor)
    return True


async def verify(engine: Engine, actor: Actor) -> None:
    """Write to one's own address how to prove it.

    Raises:
        Conflict: it is proved, or there is none.
        Forbidden: no mails can be sent.
    """
    if not mail.is_configured(engine.settings):
        raise Forbidden("no mails are sent from here, so no address can be proved")
    async with engine.transaction() as tx:
        user = await tx.session.get(UserRow, actor.user_id)
    if user is None or user.email is None or user.email_verified_at is not None:
        raise Conflict("there is no address to prove: it is proved, or you have none")
    await _write(engine, user.id, user.email)


async def confirm(tx: Transaction, data: ConfirmedEmail) -> None:
    """Take an address for proved, and for the account's, on the word of who has read mail there.

    Raises:
        InvalidField: the token does not hold.
        Conflict: the address has another account by now.
    """
    held = await one_time.redeem(tx, "email", data.token)
    if held.user_id is not None:
        await _changed(tx, held.user_id, held.details.decode(), proved=True)


async def _write(engine: Engine, user_id: UUID, email: str) -> None:
    """Write to an address; to that of another account, that it stays that account's. The statements are the same."""
    await Attempt(engine, f"mail:{key_of(email)}").begin()
    lifetime = timedelta(hours=engine.settings.auth.confirm_hours)
    async with engine.transaction() as tx:
        holder = await by_address(tx, email)
        link = await one_time.issue(tx, "email", lifetime, user_id, email.encode())
        theirs = holder is not None and holder.id != user_id
        subject, text = letters.taken() if theirs else letters.confirm_address(link)
        whose = holder.id if holder is not None and theirs else user_id
        await mail.send(tx, Mail(user_id=whose, to=email, subject=subject, text=text, until=link.expires_at))


async def _changed(tx: Transaction, user_id: UUID, email: str, *, actor: Actor | None = None, proved: bool = False) -> None:
    user = await tx.session.get(UserRow, user_id, with_for_update=True)
    if user is None:
        return
    before = user.email
    values = {"email": email, "email_key": compared(email), "email_verified_at": now() if proved else None}
    try:
        async with tx.session.begin_nested():
            await tx.session.execute(update(UserRow).where(UserRow.id == user_id).values(values))
    except IntegrityError as error:
        raise Conflict("email: this address has an account already", field="email") from error
    await one_time.withdraw(tx, user_id, "reset", "email")
    if before == email:
        await note(tx, "email.verified", actor, about=user_id)
        return
    await note(tx, "email.changed", actor, about=user_id, proved=proved)
    if before is not None:
        await tell(tx, user_id, "Its e-mail address was changed to another one", to=before)
