"""Signing up and signing in."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from skillcore.accounts.access import Actor, Role
from skillcore.accounts.passwords import Passwords
from skillcore.accounts.people import DisplayName, TimeZone, check_time_zone
from skillcore.accounts.tables import UserRow
from skillcore.accounts.tokens import Tokens
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.problems import Conflict, Unauthenticated

__all__ = [
    "Credentials",
    "EmailAddress",
    "NewAccount",
    "Password",
    "Profile",
    "Session",
    "login",
    "new_user",
    "profile",
    "register",
    "session_for",
]

EmailAddress = Annotated[
    str, Meta(min_length=3, max_length=254, pattern=r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+$", examples=["ada@example.org"])
]
Password = Annotated[str, Meta(min_length=10, max_length=1024, examples=["correct horse battery staple"])]


class Credentials(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose account, and the proof."""

    email: EmailAddress
    password: Annotated[str, Meta(max_length=1024, examples=["correct horse battery staple"])]


class NewAccount(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account to be."""

    email: EmailAddress
    password: Password
    display_name: DisplayName = ""
    time_zone: TimeZone = "UTC"


class Profile(Struct, frozen=True, kw_only=True):
    """One's own account."""

    id: UUID
    email: str | None
    display_name: str
    role: Role
    time_zone: str
    created_at: datetime


class Session(Struct, frozen=True, kw_only=True):
    """Signed in.

    Attributes:
        access_token: for the header ``Authorization: Bearer``.
        expires_in: seconds for which it is valid.
    """

    access_token: str
    token_type: str
    expires_in: int
    user: Profile


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
    except IntegrityError as error:
        raise Conflict("email: this address has an account already: sign in", field="email") from error
    return session_for(engine, user)


async def login(engine: Engine, data: Credentials) -> Session:
    """Sign in.

    Raises:
        Unauthenticated: in the same words and after as long, whether the address or the password is wrong.
    """
    async with engine.transaction() as tx:
        user = await tx.session.scalar(select(UserRow).where(func.lower(UserRow.email) == func.lower(data.email)))
    kept = user.password_hash if user is not None else None
    if not await engine.service(Passwords).fits(data.password, kept) or user is None:
        raise Unauthenticated("the e-mail address or the password is wrong")
    return session_for(engine, user)


async def profile(tx: Transaction, actor: Actor) -> Profile:
    """Return one's own account."""
    user = await tx.session.get(UserRow, actor.user_id)
    if user is None:
        raise Unauthenticated("this account does not exist any more")
    return _profile(user)


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


def session_for(engine: Engine, user: UserRow) -> Session:
    """Sign somebody in."""
    tokens = engine.service(Tokens)
    return Session(
        access_token=tokens.issue(user.id),
        token_type="Bearer",  # noqa: S106 - the scheme's name
        expires_in=round(tokens.lifetime.total_seconds()),
        user=_profile(user),
    )


def _profile(user: UserRow) -> Profile:
    return Profile(
        id=user.id,
        email=user.email,
        display_name=user.display_name,
        role=user.role,  # type: ignore[arg-type] # the table has no others
        time_zone=user.time_zone,
        created_at=user.created_at,
    )
