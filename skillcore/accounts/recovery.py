"""Passwords that are changed, forgotten or lost, and accounts that wait for their first one.

Whoever has read a mail, or was given a link by an administrator, chooses a new password: all sessions end, and the device gets
attempts of its own, so that nobody who fails on purpose can keep the person out. A second factor stays.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from msgspec import Struct
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from skillcore.accounts import devices, letters, one_time, password_rules, sessions
from skillcore.accounts.access import Actor
from skillcore.accounts.attempts import Attempt, check_password, here, key_of
from skillcore.accounts.audit import note
from skillcore.accounts.notices import tell
from skillcore.accounts.one_time import Link, Token, refused
from skillcore.accounts.password_rules import GivenPassword, NewPassword
from skillcore.accounts.passwords import Passwords
from skillcore.accounts.people import by_address
from skillcore.accounts.registration import mailed
from skillcore.accounts.tables import UserRow
from skillcore.delivery import mail
from skillcore.delivery.addresses import EmailAddress, check_address
from skillcore.delivery.mail import Mail
from skillcore.plugin.veiled import Veiled
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.problems import Conflict, Forbidden, InvalidField, NotFound

__all__ = [
    "ChangedPassword",
    "Forgotten",
    "Invitation",
    "Invited",
    "KnownDevice",
    "ResetPassword",
    "change",
    "forgotten",
    "invite",
    "link_for",
    "reset",
]

INVITED = timedelta(days=7)
"""How long somebody may take to choose a first password."""


class ChangedPassword(Veiled, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One's own password, and the next one."""

    current_password: GivenPassword
    password: NewPassword


class Forgotten(Veiled, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose password is forgotten."""

    email: EmailAddress


class ResetPassword(Veiled, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token from a mail or from an administrator, and the password to be."""

    token: Token
    password: NewPassword


class KnownDevice(Veiled, frozen=True, kw_only=True):
    """What the device keeps and brings along when it signs in."""

    device_token: str


class Invitation(Veiled, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is to have an account."""

    email: EmailAddress


class Invited(Struct, frozen=True, kw_only=True):
    """An account that waits for its first password.

    Attributes:
        link: for its person; with a mail server it is on its way to them as well.
    """

    id: UUID
    link: Link


async def change(engine: Engine, actor: Actor, data: ChangedPassword) -> None:
    """Change one's own password. All other sessions end.

    Raises:
        InvalidField: the current one is wrong, or the new one too easy to guess.
    """
    user = await check_password(engine, actor, data.current_password, field="current_password")
    password_rules.check(data.password, engine.settings.auth, (user.email, user.display_name))
    fresh = await engine.service(Passwords).hash(data.password)
    async with engine.transaction() as tx:
        same = update(UserRow).where(UserRow.id == user.id, UserRow.password_hash == user.password_hash)
        if (await tx.session.execute(same.values(password_hash=fresh).returning(UserRow.id))).first() is None:
            raise InvalidField("current_password: this is not your password", field="current_password")
        await one_time.withdraw(tx, user.id, "reset")
        await note(tx, "password.changed", actor, about=user.id)
        await sessions.end_all(tx, user.id, but=actor.session_id, why="the password was changed", actor=actor)
        await tell(tx, user.id, "Your password was changed")


async def forgotten(engine: Engine, data: Forgotten) -> None:
    """Write to an address how to choose a new password, if it has an account; nobody can tell from here whether it has.

    Raises:
        Forbidden: no mails can be sent.
        TooManyRequests: too many mails to this address.
    """
    if not mail.is_configured(engine.settings):
        raise Forbidden("no mails are sent from here: ask an administrator for a link")
    await Attempt(engine, f"mail:{key_of(data.email)}").begin()
    lifetime = timedelta(minutes=engine.settings.auth.reset_minutes)
    async with engine.transaction() as tx:
        user = await by_address(tx, data.email)
        # For nobody there is a token that nobody gets, and a mail that goes nowhere: so it takes as long.
        known, to = (user.id, user.email or "") if user else (None, "")
        link = await one_time.issue(tx, "reset", lifetime, known, mailed(user) if user else data.email.encode())
        subject, text = letters.reset_password(link)
        await mail.send(tx, Mail(user_id=known, to=to, subject=subject, text=text, until=link.expires_at))


async def reset(engine: Engine, data: ResetPassword) -> KnownDevice:
    """Choose a password by a token. All sessions end, and all other tokens.

    Raises:
        InvalidField: the token does not hold, or the password is too easy to guess.
    """
    attempt = Attempt(engine, f"reset:{here()}")
    await attempt.begin()
    async with engine.transaction() as tx:
        found = await one_time.find(tx, "reset", data.token)
        user = await tx.session.get(UserRow, found.user_id) if found and found.user_id else None
    if user is None:
        raise refused()
    await attempt.succeeded()
    password_rules.check(data.password, engine.settings.auth, (user.email, user.display_name))
    fresh = await engine.service(Passwords).hash(data.password)
    async with engine.transaction() as tx:
        held = await one_time.redeem(tx, "reset", data.token)
        mine = update(UserRow).where(UserRow.id == user.id)
        await tx.session.execute(mine.values(password_hash=fresh))
        if held.details:
            await tx.session.execute(mine.where(UserRow.email_verified_at.is_(None)).values(email_verified_at=now()))
        await one_time.withdraw(tx, user.id, "reset", "email")
        await devices.forget_all(tx, user.id)
        await note(tx, "password.reset", about=user.id, by_mail=bool(held.details))
        await sessions.end_all(tx, user.id, why="the password was reset")
        await tell(tx, user.id, "Your password was replaced")
        return KnownDevice(device_token=await devices.remember(tx, user.id))


async def link_for(tx: Transaction, actor: Actor | None, user_id: UUID) -> Link:
    """Make a link by which a person chooses a new password, for an administrator to hand over.

    Args:
        tx: an open transaction.
        actor: the administrator; None on the command line.
        user_id: the person.

    Raises:
        NotFound: there is nobody of this id.
        Conflict: they have no e-mail address to sign in by.
    """
    user = await tx.session.get(UserRow, user_id)
    if user is None:
        raise NotFound("there is no such person, or not for you")
    if user.email is None:
        raise Conflict("this person has no e-mail address to sign in by: their platform brings them")
    link = await one_time.issue(tx, "reset", timedelta(minutes=tx.engine.settings.auth.reset_minutes), user.id)
    await note(tx, "password.link_issued", actor, about=user.id)
    await tell(tx, user.id, "An administrator made a link by which your password can be replaced")
    return link


async def invite(tx: Transaction, actor: Actor, data: Invitation) -> Invited:
    """Make an account without a password, and a link by which its person chooses one.

    Raises:
        Conflict: the address has an account.
        InvalidField: it is none.
    """
    check_address(data.email)
    user = UserRow(id=new_id(), email=data.email, display_name="", role="learner", time_zone="UTC", created_at=now())
    try:
        async with tx.session.begin_nested():
            tx.session.add(user)
            await tx.session.flush()
    except IntegrityError as error:
        raise Conflict("email: this address has an account already", field="email") from error
    await note(tx, "person.invited", actor, about=user.id)
    shown = await one_time.issue(tx, "reset", INVITED, user.id)
    if mail.is_configured(tx.engine.settings):
        link = await one_time.issue(tx, "reset", INVITED, user.id, mailed(user))
        subject, text = letters.invited(link)
        await mail.send(tx, Mail(user_id=user.id, to=data.email, subject=subject, text=text, until=link.expires_at))
    return Invited(id=user.id, link=shown)
