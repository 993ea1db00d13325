"""Signing up.

Where mails can be sent, every registration is answered alike, after one hash and the same statements: look into your mail. It
says there whether the address has an account; one that had none gets it when the link comes back together with the password,
so that neither whoever reads the mail nor whoever typed the address can do it alone.

Where no mails can be sent nobody can prove an address. Whoever registers has an account at once, and is told that an address
has one. That cannot be hidden there, since whoever registers could just try to sign in; ``auth.registration = "closed"``
leaves registering to invitations.
"""

from __future__ import annotations

from datetime import timedelta

import msgspec
from sqlalchemy.exc import IntegrityError

from skillcore.accounts import letters, one_time, password_rules
from skillcore.accounts.access import Role
from skillcore.accounts.attempts import Attempt, here, key_of
from skillcore.accounts.audit import note
from skillcore.accounts.login import Entered, enter
from skillcore.accounts.one_time import Token, refused
from skillcore.accounts.password_rules import GivenPassword, NewPassword
from skillcore.accounts.passwords import Passwords
from skillcore.accounts.people import DisplayName, TimeZone, by_address, check_time_zone
from skillcore.accounts.sessions import Kept
from skillcore.accounts.tables import UserRow
from skillcore.delivery import mail
from skillcore.delivery.addresses import EmailAddress, check_address
from skillcore.delivery.mail import Mail
from skillcore.plugin.veiled import Veiled
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.engine import Engine
from skillcore.runtime.problems import Conflict, Forbidden

__all__ = ["Confirmation", "NewAccount", "confirm", "mailed", "new_user", "register"]


class NewAccount(Veiled, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account to be.

    Attributes:
        keep: what the caller keeps of the session: tokens, or, as pages do, a cookie.
    """

    email: EmailAddress
    password: NewPassword
    display_name: DisplayName = ""
    time_zone: TimeZone = "UTC"
    keep: Kept = "token"


class Confirmation(Veiled, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The end of a registration by mail.

    Attributes:
        password: that was chosen when it began.
    """

    token: Token
    password: GivenPassword
    keep: Kept = "token"


class Pending(Veiled, frozen=True, kw_only=True):
    """What is sealed of an account to be, until it is one."""

    email: str
    password_hash: str
    display_name: str
    time_zone: str


async def register(engine: Engine, data: NewAccount) -> Entered | None:
    """Make an account and sign it in; or, where mails can be sent, write to its address: then there is nothing to return.

    Raises:
        Conflict: the e-mail address has one; only where no mails can be sent.
        Forbidden: nobody registers here.
        InvalidField: a field does not fit.
        TooManyRequests: too many mails to this address.
    """
    settings = engine.settings.auth
    if settings.registration == "closed":
        raise Forbidden("nobody registers here: ask an administrator for an invitation")
    check_address(data.email)
    check_time_zone(data.time_zone)
    password_rules.check(data.password, settings, (data.email, data.display_name))
    if mail.is_configured(engine.settings):
        await Attempt(engine, f"mail:{key_of(data.email)}").begin()
        kept = await engine.service(Passwords).hash(data.password)
        await _write(
            engine, Pending(email=data.email, password_hash=kept, display_name=data.display_name, time_zone=data.time_zone)
        )
        return None
    user = await new_user(engine, data.email, data.password)
    user.display_name, user.time_zone = data.display_name, data.time_zone
    return await _made(engine, user, data.keep)


async def confirm(engine: Engine, data: Confirmation) -> Entered:
    """Make the account of a registration whose mail has arrived, and sign it in.

    Raises:
        InvalidField: the token does not hold, or the password is another one.
        Conflict: another registration of this address was quicker.
    """
    attempt = Attempt(engine, here())
    await attempt.begin()
    async with engine.transaction() as tx:
        found = await one_time.find(tx, "registration", data.token)
    pending = msgspec.json.decode(found.details, type=Pending) if found else None
    fits = await engine.service(Passwords).fits(data.password, pending.password_hash if pending else None)
    if pending is None or not fits:
        raise refused()
    await attempt.succeeded()
    user = _user(pending.email, pending.password_hash)
    user.display_name, user.time_zone, user.email_verified_at = pending.display_name, pending.time_zone, now()
    return await _made(engine, user, data.keep, data.token)


async def new_user(engine: Engine, email: str, password: str, role: Role = "learner") -> UserRow:
    """Return the row of an account, its password hashed; before a transaction, since that takes a while."""
    return _user(email, await engine.service(Passwords).hash(password), role)


def _user(email: str, password_hash: str, role: Role = "learner") -> UserRow:
    return UserRow(
        id=new_id(),
        email=email,
        password_hash=password_hash,
        display_name="",
        role=role,
        time_zone="UTC",
        created_at=now(),
    )


async def _made(engine: Engine, user: UserRow, keep: Kept, token: str = "") -> Entered:
    try:
        async with engine.transaction() as tx:
            if token:
                await one_time.redeem(tx, "registration", token)
            tx.session.add(user)
            await tx.session.flush()
            await note(tx, "person.registered", about=user.id, by_mail=bool(token))
            return await enter(tx, user.id, "register", keep)
    except IntegrityError as error:
        raise Conflict("email: this address has an account already: sign in", field="email") from error


async def _write(engine: Engine, pending: Pending) -> None:
    """Write to the address: how to finish, or that it has an account. The statements are the same."""
    settings = engine.settings.auth
    details = msgspec.json.encode(pending)
    async with engine.transaction() as tx:
        user = await by_address(tx, pending.email)
        if user is None:
            link = await one_time.issue(tx, "registration", timedelta(hours=settings.confirm_hours), details=details)
            subject, text = letters.confirm_registration(link)
        else:
            link = await one_time.issue(tx, "reset", timedelta(minutes=settings.reset_minutes), user.id, mailed(user))
            subject, text = letters.already_registered(link)
        to = pending.email if user is None else user.email or ""
        known = user.id if user else None
        await mail.send(tx, Mail(user_id=known, to=to, subject=subject, text=text, until=link.expires_at))


def mailed(user: UserRow) -> bytes:
    """Return what is sealed beside a token that goes to an account's address: who brings it back has read mail there."""
    return (user.email or "").encode()
