"""Signing up."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from sqlalchemy.exc import IntegrityError

from skillcore.accounts.access import Role
from skillcore.accounts.login import Credentials, EmailAddress
from skillcore.accounts.passwords import Passwords
from skillcore.accounts.people import DisplayName, TimeZone, check_time_zone
from skillcore.accounts.sessions import Kept, Session, begin
from skillcore.accounts.tables import UserRow
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.engine import Engine
from skillcore.runtime.problems import Conflict

__all__ = ["NewAccount", "Password", "new_user", "register"]

Password = Annotated[str, Meta(min_length=10, max_length=1024, examples=["correct horse battery staple"])]


class NewAccount(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account to be.

    Attributes:
        keep: what the caller keeps of the session: tokens, or, as pages do, a cookie.
    """

    email: EmailAddress
    password: Password
    display_name: DisplayName = ""
    time_zone: TimeZone = "UTC"
    keep: Kept = "token"


async def register(engine: Engine, data: NewAccount) -> Session:
    """Make an account, and sign it in.

    Raises:
        Conflict: the e-mail address has one.
    """
    check_time_zone(data.time_zone)
    user = await new_user(engine, data)
    user.display_name, user.time_zone = data.display_name, data.time_zone
    try:
        async with engine.transaction() as tx:
            tx.session.add(user)
            await tx.session.flush()
            return await begin(tx, user.id, "register", data.keep)
    except IntegrityError as error:
        raise Conflict("email: this address has an account already: sign in", field="email") from error


async def new_user(engine: Engine, data: Credentials | NewAccount, role: Role = "learner") -> UserRow:
    """Return the row of an account, its password hashed; before a transaction, since that takes a while."""
    kept = await engine.service(Passwords).hash(data.password)
    return UserRow(
        id=new_id(),
        email=data.email,
        password_hash=kept,
        display_name="",
        role=role,
        time_zone="UTC",
        created_at=now(),
    )
