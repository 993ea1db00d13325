"""Attempts to prove something by guessing are counted, and so are mails that anybody can have us send."""

from __future__ import annotations

import hashlib

from skillcore.accounts.access import Actor
from skillcore.accounts.limits import enforce, give_back
from skillcore.accounts.passwords import Passwords
from skillcore.accounts.tables import UserRow
from skillcore.delivery.addresses import Unusable, compared
from skillcore.runtime import callers
from skillcore.runtime.engine import Engine
from skillcore.runtime.problems import Conflict, InvalidField, Unauthenticated

__all__ = ["Attempt", "check_password", "here", "key_of"]


class Attempt:
    """A guess: it spends a unit of each bucket, and gives them back when it was right.

    Args:
        engine: of this process.
        buckets: whose, behind the limit's name; in the order in which they are asked.
    """

    def __init__(self, engine: Engine, *buckets: str) -> None:
        self._engine = engine
        self._limit = engine.settings.limits.login
        self._keys = [f"login:{bucket}" for bucket in buckets]

    async def begin(self) -> None:
        """Spend.

        Raises:
            TooManyRequests: one of them is used up; what was spent for this attempt is given back, since it was none.
        """
        spent: list[str] = []
        try:
            for key in self._keys:
                await enforce(self._engine, key, self._limit)
                spent.append(key)
        except Exception:
            for key in spent:
                await give_back(self._engine, key, self._limit)
            raise

    async def succeeded(self) -> None:
        """Give back."""
        for key in self._keys:
            await give_back(self._engine, key, self._limit)


def key_of(email: str) -> str:
    """Return by what attempts at an address are counted, whether it has an account or not, or is none at all."""
    try:
        known_by = compared(email)
    except Unusable:
        known_by = email
    return hashlib.sha256(known_by.encode()).hexdigest()


def here() -> str:
    """Return the bucket of the address from which somebody calls."""
    return f"address:{callers.group(callers.current().address)}"


async def check_password(engine: Engine, actor: Actor, password: str, *, field: str = "password") -> UserRow:
    """Have somebody who is signed in prove again that it is they. Returns their account.

    Raises:
        InvalidField: this is not their password.
        Conflict: they have none.
        TooManyRequests: they have guessed too often.
    """
    async with engine.transaction() as tx:
        user = await tx.session.get(UserRow, actor.user_id)
    if user is None:
        raise Unauthenticated("this account does not exist any more")
    if user.password_hash is None:
        raise Conflict("this account has no password: whoever signs in elsewhere is asked there")
    attempt = Attempt(engine, f"password:{user.id}")
    await attempt.begin()
    if not await engine.service(Passwords).fits(password, user.password_hash):
        raise InvalidField(f"{field}: this is not your password", field=field)
    await attempt.succeeded()
    return user
