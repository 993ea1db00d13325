"""Signing in with a password and, where the account has one, a second factor.

An unknown address, a wrong password and an account without one are answered in the same words, after the same statements and
one hash. Attempts are counted for the address called from and for the account, known or not; a device on which the person has
signed in before is counted by itself.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import update

from skillcore.accounts import devices, second_factor
from skillcore.accounts.attempts import Attempt, here, key_of
from skillcore.accounts.audit import note_apart
from skillcore.accounts.devices import DeviceToken
from skillcore.accounts.password_rules import GivenPassword
from skillcore.accounts.passwords import Passwords
from skillcore.accounts.people import by_address
from skillcore.accounts.second_factor import GivenCode
from skillcore.accounts.sessions import How, Kept, Session, begin
from skillcore.accounts.tables import UserRow
from skillcore.delivery.addresses import EmailAddress
from skillcore.plugin.veiled import Veiled
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.problems import Unauthenticated

__all__ = ["Credentials", "Entered", "enter", "login"]

WRONG = "the e-mail address or the password is wrong"


class Credentials(Veiled, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose account, and the proof.

    Attributes:
        keep: what the caller keeps of the session: tokens, or, as pages do, a cookie.
    """

    email: EmailAddress
    password: GivenPassword
    code: GivenCode = ""
    device_token: DeviceToken = ""
    keep: Kept = "token"


class Entered(Veiled, frozen=True, kw_only=True):
    """Somebody who has just come in.

    Attributes:
        device_token: for their device to keep; empty if it has one.
    """

    session: Session
    device_token: str


async def login(engine: Engine, data: Credentials, device_token: str = "") -> Entered:
    """Sign in.

    Args:
        engine: of this process.
        data: the proof.
        device_token: that the request brought.

    Raises:
        Unauthenticated: in the same words and after as long, whether the address or the password is wrong; or a code is asked
            for, which ``code_required`` tells to those who had the password.
        TooManyRequests: too many attempts.
        UnavailableNow: too many people sign in at once.
    """
    async with engine.transaction() as tx:
        user = await by_address(tx, data.email)
        device = await devices.known(tx, user.id if user else None, device_token)
    attempt = Attempt(engine, f"device:{device}") if device else Attempt(engine, here(), f"account:{key_of(data.email)}")
    await attempt.begin()
    passwords = engine.service(Passwords)
    kept = user.password_hash if user is not None else None
    if not await passwords.fits(data.password, kept) or user is None or kept is None:
        await note_apart(engine, "session.refused", about=user.id if user else None, why="address or password")
        raise Unauthenticated(WRONG)
    await attempt.succeeded()
    await _second_factor(engine, user.id, device, data.code)
    fresh = await passwords.hash(data.password) if passwords.is_outdated(kept) else kept
    async with engine.transaction() as tx:
        mine = update(UserRow).where(UserRow.id == user.id, UserRow.password_hash == kept).values(password_hash=fresh)
        if (await tx.session.execute(mine.returning(UserRow.id))).first() is None:
            raise Unauthenticated(WRONG)  # the password has been changed meanwhile
        return await enter(tx, user.id, "password", data.keep, device)


async def enter(tx: Transaction, user_id: UUID, how: How, keep: Kept, device: UUID | None = None) -> Entered:
    """Begin a session, and remember the device on which it does."""
    if device is not None:
        await devices.use(tx, device)
    token = "" if device else await devices.remember(tx, user_id)
    return Entered(session=await begin(tx, user_id, how, keep), device_token=token)


async def _second_factor(engine: Engine, user_id: UUID, device: UUID | None, code: str) -> None:
    """Ask for the second factor, if there is one.

    Raises:
        Unauthenticated: the code is missing or wrong.
        TooManyRequests: too many were wrong.
    """
    async with engine.transaction() as tx:
        if not await second_factor.is_on(tx, user_id):
            return
    if not code:
        raise Unauthenticated("this account has a second factor: send its code as well", code_required=True)
    if not await second_factor.guess(engine, user_id, code, device):
        await note_apart(engine, "session.refused", about=user_id, why="code")
        raise Unauthenticated("the code is wrong, or was used: send the one that is shown now", code_required=True)
