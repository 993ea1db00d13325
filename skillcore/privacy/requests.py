"""Asking to be erased: confirmed, with some days to think better of it; and administrators who erase somebody at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import structlog
from msgspec import Meta, Struct
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from skillcore.accounts import people, second_factor, sessions
from skillcore.accounts.access import Actor
from skillcore.accounts.attempts import check_password
from skillcore.accounts.audit import note
from skillcore.accounts.roles import one_at_a_time
from skillcore.accounts.second_factor import GivenCode
from skillcore.accounts.tables import SessionRow, UserRow
from skillcore.delivery import mail
from skillcore.plugin.veiled import Veiled
from skillcore.privacy.erasure import Busy, erase
from skillcore.privacy.tables import ErasureRequestRow
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.problems import Conflict, Forbidden, InvalidField, NotFound, Unauthenticated

__all__ = ["Confirmation", "ErasureRequest", "ask", "cancel", "command", "erase_due", "order", "read"]

log = structlog.get_logger(__name__)

RECENT = timedelta(minutes=10)
"""How old a sign-in may be that confirms, for accounts without a password."""

AT_ONCE = 100

SUBJECT = "Your account will be erased"
TEXT = """You asked for your account and everything that is kept about you to be erased.

That will be done on {due:%Y-%m-%d at %H:%M} UTC, and cannot be undone.

If you have changed your mind, or if it was not you: sign in before then and cancel it. You were signed out everywhere.
"""


class Confirmation(Veiled, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """That it is really you.

    Attributes:
        password: of your account; without one, sign in anew and ask within ten minutes.
        code: of your second factor, if you have one.
    """

    password: Annotated[str, Meta(max_length=1024, examples=["correct horse battery staple"])] = ""
    code: GivenCode = ""


class ErasureRequest(Struct, frozen=True, kw_only=True):
    """That a person is to be erased.

    Attributes:
        due_at: when it is done, within a minute or so.
    """

    requested_at: datetime
    due_at: datetime


async def ask(engine: Engine, actor: Actor, confirmation: Confirmation) -> ErasureRequest:
    """Have the actor erased after the days of grace; their sessions end now. Asking again changes nothing.

    Raises:
        InvalidField: the password is wrong, or the code.
        TooManyRequests: it was guessed at too often.
        Forbidden: there is none, and the sign-in is too long ago.
        Conflict: nobody else could administrate.
    """
    await _confirm(engine, actor, confirmation)
    due_at = now() + timedelta(days=engine.settings.privacy.erasure_grace_days)
    async with engine.transaction() as tx:
        user = await _held(tx, actor.user_id)
        if user is None:
            raise Unauthenticated("this account does not exist any more")
        row, new = await _request(tx, user, "asked", due_at)
        if new:
            await note(tx, "erasure.requested", actor, user.id)
            if user.email:
                text = TEXT.format(due=row.due_at)
                await mail.send(tx, mail.Mail(user_id=user.id, to=user.email, subject=SUBJECT, text=text))
        await sessions.end_all(tx, user.id, why="erasure was asked for")
        return _shown(row)


async def read(tx: Transaction, actor: Actor) -> ErasureRequest:
    """Return the actor's request.

    Raises:
        NotFound: they have none.
    """
    row = await tx.session.get(ErasureRequestRow, actor.user_id)
    if row is None:
        raise NotFound("you have not asked to be erased")
    return _shown(row)


async def cancel(tx: Transaction, actor: Actor) -> None:
    """Take the actor's request back.

    Raises:
        NotFound: they have none.
        Forbidden: an administrator decided it.
    """
    query = select(ErasureRequestRow).where(ErasureRequestRow.user_id == actor.user_id).with_for_update()
    row = await tx.session.scalar(query)
    if row is None:
        raise NotFound("you have not asked to be erased")
    if row.reason != "asked":
        raise Forbidden("an administrator decided that: ask there")
    await tx.session.delete(row)
    await note(tx, "erasure.cancelled", actor, actor.user_id)


async def order(tx: Transaction, actor: Actor, reference: str) -> ErasureRequest:
    """Have somebody erased at once, by an administrator; their sessions end now.

    Raises:
        NotFound: there is no such person.
        Conflict: nobody else could administrate.
    """
    user = await _held(tx, await people.resolve(tx, actor, reference))
    if user is None:
        raise NotFound("there is no such person, or not for you")
    row, _ = await _request(tx, user, "administrator", now())
    row.reason, row.due_at = "administrator", min(row.due_at, now())
    await note(tx, "erasure.requested", actor, user.id)
    await sessions.end_all(tx, user.id, why="an administrator has the account erased")
    return _shown(row)


async def command(tx: Transaction, user_id: UUID) -> ErasureRequest:
    """Have somebody erased after the days of grace, from the command line; their sessions end now.

    Raises:
        NotFound: there is no such person.
        Conflict: nobody else could administrate.
    """
    user = await _held(tx, user_id)
    if user is None:
        raise NotFound("there is no such person")
    due_at = now() + timedelta(days=tx.engine.settings.privacy.erasure_grace_days)
    row, new = await _request(tx, user, "administrator", due_at)
    if new or row.reason != "administrator":
        row.reason = "administrator"
        await note(tx, "erasure.requested", None, user.id)
    await sessions.end_all(tx, user.id, why="an operator has the account erased")
    return _shown(row)


async def erase_due(engine: Engine) -> int:
    """Erase those whose time has come; returns how many. Several processes may do it at the same time."""
    async with engine.transaction() as tx:
        query = select(ErasureRequestRow.user_id, ErasureRequestRow.reason).where(ErasureRequestRow.due_at <= now())
        due = (await tx.session.execute(query.order_by(ErasureRequestRow.due_at).limit(AT_ONCE))).all()
    erased = 0
    for user_id, reason in due:
        try:
            erased += await erase(engine, user_id, reason, due=True)
        except (Busy, Conflict) as error:
            log.warning("an erasure waits", error=str(error))
    return erased


async def _confirm(engine: Engine, actor: Actor, confirmation: Confirmation) -> None:
    """See that the actor is really there; hashing takes a while, so no transaction is open meanwhile."""
    user_id = actor.user_id
    if user_id is None:
        raise Unauthenticated("this is for people who are signed in")
    async with engine.transaction() as tx:
        kept = await tx.session.scalar(select(UserRow.password_hash).where(UserRow.id == user_id))
        coded = await second_factor.is_on(tx, user_id)
        began = await tx.session.scalar(select(SessionRow.created_at).where(SessionRow.id == actor.session_id))
    if kept is not None:
        await check_password(engine, actor, confirmation.password)
    elif began is None or began < now() - RECENT:
        raise Forbidden("sign in again, and ask within ten minutes: your account has no password to confirm it with")
    if coded and not confirmation.code:
        raise InvalidField("code: this account has a second factor: send its code as well", field="code")
    if coded:
        await second_factor.check(engine, user_id, confirmation.code)


async def _held(tx: Transaction, user_id: UUID | None) -> UserRow | None:
    return await tx.session.scalar(select(UserRow).where(UserRow.id == user_id).with_for_update(key_share=True))


async def _request(tx: Transaction, user: UserRow, reason: str, due_at: datetime) -> tuple[ErasureRequestRow, bool]:
    """Return a person's request, and whether it is new.

    Raises:
        Conflict: nobody else could administrate.
    """
    if user.role == "admin":
        await one_at_a_time(tx)
        leaving = select(ErasureRequestRow.user_id)
        others = select(func.count()).where(UserRow.role == "admin", UserRow.id != user.id, UserRow.id.not_in(leaving))
        if await tx.session.scalar(others) == 0:
            raise Conflict("this is the only administrator: make somebody else one first")
    new = insert(ErasureRequestRow).values(user_id=user.id, reason=reason, due_at=due_at).on_conflict_do_nothing()
    inserted = await tx.session.scalar(new.returning(ErasureRequestRow.user_id))
    query = select(ErasureRequestRow).where(ErasureRequestRow.user_id == user.id).with_for_update()
    return (await tx.session.scalars(query.execution_options(populate_existing=True))).one(), inserted is not None


def _shown(row: ErasureRequestRow) -> ErasureRequest:
    return ErasureRequest(requested_at=row.requested_at, due_at=row.due_at)
