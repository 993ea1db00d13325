"""Signing in."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from sqlalchemy import func, select

from skillcore.accounts.passwords import Passwords
from skillcore.accounts.sessions import Kept, Session, begin
from skillcore.accounts.tables import UserRow
from skillcore.runtime.engine import Engine
from skillcore.runtime.problems import Unauthenticated

__all__ = ["Credentials", "EmailAddress", "login"]

EmailAddress = Annotated[
    str, Meta(min_length=3, max_length=254, pattern=r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+\Z", examples=["ada@example.org"])
]


class Credentials(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose account, and the proof.

    Attributes:
        keep: what the caller keeps of the session: tokens, or, as pages do, a cookie.
    """

    email: EmailAddress
    password: Annotated[str, Meta(max_length=1024, examples=["correct horse battery staple"])]
    keep: Kept = "token"


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
    async with engine.transaction() as tx:
        return await begin(tx, user.id, "password", data.keep)
