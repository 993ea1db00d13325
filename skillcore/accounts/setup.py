"""The first administrator: whoever can read a file on the server may become it, once."""

from __future__ import annotations

import asyncio
from hmac import compare_digest
from pathlib import Path
from typing import Annotated

from msgspec import Meta
from sqlalchemy import select

from skillcore.accounts.audit import note
from skillcore.accounts.login import Entered, enter
from skillcore.accounts.password_rules import NewPassword, check
from skillcore.accounts.registration import new_user
from skillcore.accounts.roles import one_at_a_time
from skillcore.accounts.sessions import Kept
from skillcore.accounts.setup_token import FILE
from skillcore.accounts.tables import UserRow
from skillcore.delivery.addresses import EmailAddress, check_address
from skillcore.plugin.veiled import Veiled
from skillcore.runtime.engine import Engine
from skillcore.runtime.problems import Conflict, Forbidden

__all__ = ["NewAdministrator", "set_up"]


class NewAdministrator(Veiled, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first administrator to be.

    Attributes:
        token: from the file that the start of the service named.
        keep: what the caller keeps of the session: tokens, or, as pages do, a cookie.
    """

    email: EmailAddress
    password: NewPassword
    token: Annotated[str, Meta(min_length=1, max_length=200, examples=["the token from the file"])]
    keep: Kept = "token"


async def set_up(engine: Engine, data: NewAdministrator) -> Entered:
    """Make the first administrator, exactly once, and sign them in.

    Raises:
        Conflict: there is one.
        Forbidden: the token is not that of the file.
        InvalidField: address or password cannot be used.
    """
    check_address(data.email)
    check(data.password, engine.settings.auth, (data.email,))
    path = Path(engine.settings.data_dir) / FILE
    token = await asyncio.to_thread(_read, path)
    fits = compare_digest(token.encode(), data.token.strip().encode()) and bool(token)
    if fits:
        user = await new_user(engine, data.email, data.password, role="admin")
    async with engine.transaction() as tx:
        await one_at_a_time(tx)
        if await tx.session.scalar(select(UserRow.id).where(UserRow.role == "admin").limit(1)):
            raise Conflict("skillcore is set up: an administrator exists, who can sign in")
        if not fits:
            raise Forbidden(f"this is not the token in the file {FILE} of the data directory: read it there")
        tx.session.add(user)
        await tx.session.flush()
        await note(tx, "setup.done", about=user.id)
        entered = await enter(tx, user.id, "setup", data.keep)
    await asyncio.to_thread(path.unlink, missing_ok=True)
    return entered


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
