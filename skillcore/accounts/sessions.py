"""Being signed in: sessions begin, go on, are listed, and end.

A session is a row, whatever stands for it outside: an access token that names it and a refresh token, for programs; or a
cookie, for pages. When the row ends, both stop working: at once in the process that ended it, within seconds in the others.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct
from sqlalchemy import ColumnElement, or_, select, update

from skillcore.accounts import cookies, refresh
from skillcore.accounts.access import Actor
from skillcore.accounts.audit import note
from skillcore.accounts.authentication import Known, seen
from skillcore.accounts.profiles import Profile, profile_of
from skillcore.accounts.tables import SessionRow, UserRow
from skillcore.accounts.tokens import Tokens
from skillcore.runtime import callers
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.forgetting import delete_some
from skillcore.runtime.pages import Page, page, position
from skillcore.runtime.problems import NotFound, Unauthenticated

__all__ = [
    "How",
    "Kept",
    "Session",
    "ShownSession",
    "begin",
    "end",
    "end_all",
    "forget_expired",
    "leave",
    "list_sessions",
    "read",
    "renew",
]

How = Literal["password", "oidc", "setup", "register"]
Kept = Annotated[Literal["token", "cookie"], Meta(examples=["token"])]


class Session(Struct, frozen=True, kw_only=True):
    """A session that has just begun or gone on, with its secrets; `signed_in.answer` makes the answer of it.

    Attributes:
        user: whose it is.
        expires_at: when it ends at the latest.
        access_token: for the header ``Authorization: Bearer``; empty for a session kept in a cookie.
        expires_in: seconds for which the access token is valid.
        refresh_token: for ``POST /api/auth/refresh``, once.
        cookie: the value of the cookie; empty for a session kept in tokens.
    """

    id: UUID
    user: Profile
    expires_at: datetime
    access_token: str = ""
    expires_in: int = 0
    refresh_token: str = ""
    cookie: str = ""

    def __repr__(self) -> str:
        """Return a text without the secrets."""
        return f"Session(id={self.id!r}, user={self.user.id!r})"


class ShownSession(Struct, frozen=True, kw_only=True):
    """A session as its person sees it.

    Attributes:
        how: it began.
        kept: in what the caller keeps it.
        agent: the program or browser that began it, as it named itself.
        address: from which it began.
        last_seen_at: to the minute.
        expires_at: when it ends if it is not used; use puts this off, up to the end of its days.
        current: whether this request belongs to it.
    """

    id: UUID
    how: How
    kept: Kept
    agent: str
    address: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    current: bool


async def begin(tx: Transaction, user_id: UUID, how: How, kept: Kept = "token") -> Session:
    """Sign a person in, whoever they are by now known to be.

    Args:
        tx: an open transaction.
        user_id: the person.
        how: they proved to be it.
        kept: what the caller wants to keep: tokens, or a cookie.

    Raises:
        Unauthenticated: the person has just been erased.
    """
    settings, moment, caller = tx.engine.settings.auth, now(), callers.current()
    kept_there = select(UserRow).where(UserRow.id == user_id).with_for_update(read=True, key_share=True)
    user = await tx.session.scalar(kept_there)
    if user is None:
        raise Unauthenticated("this account does not exist any more")
    cookie = cookies.new_secret() if kept == "cookie" else ""
    row = SessionRow(
        id=new_id(),
        user_id=user_id,
        how=how,
        kept=kept,
        address=caller.address,
        agent=caller.agent,
        created_at=moment,
        last_seen_at=moment,
        idle_at=moment + timedelta(days=settings.idle_days),
        expires_at=moment + timedelta(days=settings.session_days),
        cookie_sha256=cookies.fingerprint(cookie) if cookie else None,
    )
    tx.session.add(row)
    await tx.session.flush()
    await note(tx, "session.started", about=user_id, session=str(row.id), how=how, kept=kept)
    await _make_room(tx, user_id, row.id)
    if cookie:
        return Session(id=row.id, user=profile_of(user), expires_at=row.expires_at, cookie=cookie)
    token = await refresh.first(tx, row.id, user_id, row.expires_at)
    return _with_tokens(tx.engine, row.id, user, row.expires_at, token)


async def renew(engine: Engine, token: str) -> Session:
    """Return new tokens for a refresh token.

    Raises:
        Unauthenticated: it is not known, has expired, or its session has ended; or it was used before, which ends its
            session: one of the two who have it is a thief.
    """
    async with engine.transaction() as tx:
        found = await refresh.rotate(tx, token)
        if isinstance(found, refresh.Rotated):
            await tx.session.execute(seen(found.session_id, engine.settings.auth))
            user = (await tx.session.scalars(select(UserRow).where(UserRow.id == found.user_id))).one()
            return _with_tokens(engine, found.session_id, user, found.expires_at, found.token)
        if found.reused:
            await _end(tx, None, SessionRow.id == found.session_id, why="a refresh token was used twice")
        elif found.session_id:
            await note(tx, "session.refused", about=found.user_id, session=str(found.session_id), why="it is over")
    raise Unauthenticated("the refresh token does not hold: sign in again")


async def list_sessions(tx: Transaction, actor: Actor, *, limit: int, cursor: str | None) -> Page[ShownSession]:
    """Return where a person is signed in, the newest first."""
    after = position(cursor, UUID)
    query = select(SessionRow).where(SessionRow.user_id == actor.user_id, *_alive()).order_by(SessionRow.id.desc())
    if after is not None:
        query = query.where(SessionRow.id < after)
    rows = (await tx.session.scalars(query.limit(limit + 1))).all()
    return page(rows, limit, lambda row: _shown(row, actor), lambda row: row.id)


async def read(tx: Transaction, actor: Actor) -> ShownSession:
    """Return the session by which a person asks.

    Raises:
        Unauthenticated: it has just ended.
    """
    row = await tx.session.scalar(select(SessionRow).where(SessionRow.id == actor.session_id, *_alive()))
    if row is None:
        raise Unauthenticated("this session has ended: sign in again")
    return _shown(row, actor)


async def leave(tx: Transaction, actor: Actor, *, everywhere: bool) -> None:
    """End the session by which a person asks, or all of theirs."""
    which = SessionRow.user_id == actor.user_id
    await _end(tx, actor, which, *([] if everywhere else [SessionRow.id == actor.session_id]), why="signed out")


async def end(tx: Transaction, actor: Actor, session_id: UUID) -> None:
    """End one of a person's own sessions.

    Raises:
        NotFound: they have none of that id that goes on.
    """
    if not await _end(tx, actor, SessionRow.id == session_id, SessionRow.user_id == actor.user_id, *_alive(), why="signed out"):
        raise NotFound("there is no such session, or not for you")


async def end_all(tx: Transaction, user_id: UUID, but: UUID | None = None, *, why: str, actor: Actor | None = None) -> int:
    """End all of a person's sessions, and return how many did.

    Args:
        tx: an open transaction.
        user_id: the person.
        but: a session that goes on.
        why: in few words, for the audit.
        actor: who ends them; None if nobody is signed in.
    """
    others = [] if but is None else [SessionRow.id != but]
    return await _end(tx, actor, SessionRow.user_id == user_id, *others, why=why)


async def forget_expired(tx: Transaction, before: datetime, limit: int) -> int:
    """Delete sessions, with their refresh tokens, that were over before a moment; and return how many.

    Args:
        tx: an open transaction.
        before: the moment.
        limit: how many at most.
    """
    over = or_(SessionRow.expires_at < before, SessionRow.idle_at < before, SessionRow.revoked_at < before)
    return await delete_some(tx, SessionRow.id, over, limit)


async def _end(tx: Transaction, actor: Actor | None, *which: ColumnElement[bool], why: str) -> int:
    query = update(SessionRow).where(SessionRow.revoked_at.is_(None), *which).returning(SessionRow.id, SessionRow.user_id)
    ended = (await tx.session.execute(query.values(revoked_at=now(), revoked_why=why))).all()
    for session_id, user_id in ended:
        await note(tx, "session.ended", actor, about=user_id, session=str(session_id), why=why)
    if ended:
        tx.after_commit(tx.engine.cache(Known).forget)
    return len(ended)


async def _make_room(tx: Transaction, user_id: UUID, begun: UUID) -> None:
    """End those of a person's sessions that are too many: a program that signs in and never out must not pile them up.

    What has not been used for longest goes first, so that such a program uses up its own and nobody's telephone. Others may
    begin one at the same moment; what is too many then goes with the next.
    """
    others = select(SessionRow.id).where(SessionRow.user_id == user_id, SessionRow.id != begun, *_alive())
    latest = others.order_by(SessionRow.last_seen_at.desc(), SessionRow.id.desc())
    room = tx.engine.settings.auth.most_sessions - 1
    which = others.where(SessionRow.id.not_in(latest.limit(room))).with_for_update(skip_locked=True)
    await _end(tx, None, SessionRow.id.in_(which), why="too many sessions")


def _alive() -> tuple[ColumnElement[bool], ...]:
    moment = now()
    return SessionRow.revoked_at.is_(None), SessionRow.expires_at > moment, SessionRow.idle_at > moment


def _with_tokens(engine: Engine, session_id: UUID, user: UserRow, ends: datetime, token: str) -> Session:
    tokens = engine.service(Tokens)
    moment = now()
    lifetime = min(tokens.lifetime, ends - moment)
    return Session(
        id=session_id,
        user=profile_of(user),
        expires_at=ends,
        access_token=tokens.issue(user.id, session_id, at=moment, lifetime=lifetime),
        expires_in=int(lifetime.total_seconds()),
        refresh_token=token,
    )


def _shown(row: SessionRow, actor: Actor) -> ShownSession:
    return ShownSession(
        id=row.id,
        how=row.how,  # type: ignore[arg-type] # the table has no others
        kept=row.kept,  # type: ignore[arg-type] # the table has no others
        agent=row.agent,
        address=row.address,
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        expires_at=min(row.idle_at, row.expires_at),
        current=row.id == actor.session_id,
    )
