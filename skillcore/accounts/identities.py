"""Whom a provider knows, and who that is here: accounts made and connected by signing in elsewhere.

Somebody is known by issuer and subject, never by an e-mail address: what a provider says of an address opens no account that
is there already. Groups give roles, and take away only what they gave.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import structlog
from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from skillcore.accounts import audit
from skillcore.accounts.access import Actor, Role
from skillcore.accounts.authentication import Known
from skillcore.accounts.identity_tables import IdentityRow
from skillcore.accounts.people import by_address
from skillcore.accounts.roles import is_last_administrator
from skillcore.accounts.tables import UserRow
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.engine import Transaction
from skillcore.runtime.problems import Conflict, Forbidden, NotFound, Unauthenticated
from skillcore.runtime.settings import OIDCProviderSettings

__all__ = ["Claims", "Identity", "admit", "connect", "disconnect", "listing", "role_by"]

log = structlog.get_logger(__name__)

RANKS: Mapping[str, int] = {"learner": 0, "mentor": 1, "admin": 2}
NAME_LENGTH = 200


class Claims(Struct, frozen=True, kw_only=True):
    """What a provider says of somebody who signed in there.

    Attributes:
        email: only where the provider says that it has verified it.
        groups: names of the groups that they belong to.
    """

    issuer: str
    subject: str
    email: str | None
    name: str
    groups: frozenset[str]


class Identity(Struct, frozen=True, kw_only=True):
    """A way to sign in to one's account.

    Attributes:
        provider: its name here; empty if it is configured no more.
        email: by which the provider knows you.
    """

    provider: str
    issuer: str
    email: str | None
    connected_at: datetime
    used_at: datetime


def role_by(groups: frozenset[str], roles: Mapping[str, Role]) -> Role:
    """Return the highest role that somebody's groups give them."""
    return max((roles[name] for name in groups if name in roles), key=RANKS.__getitem__, default="learner")


async def admit(tx: Transaction, provider: str, of: OIDCProviderSettings, claims: Claims) -> UUID:
    """Return whose account it is that somebody has signed in to; whoever comes for the first time gets one.

    Raises:
        Forbidden: they have none, and the provider's people do not get one.
        Conflict: the address that the provider has verified is another account's.
    """
    row = await _known(tx, claims)
    if row is None:
        row = await _made(tx, provider, of, claims)
    row.used_at, row.email = now(), claims.email
    if of.roles:
        await _follow_groups(tx, provider, row, role_by(claims.groups, of.roles))
    return row.user_id


async def connect(tx: Transaction, actor: Actor, provider: str, claims: Claims) -> None:
    """Let somebody sign in to the account that they are signed in to by a provider, too. Doing it again changes nothing.

    Raises:
        Conflict: it is another account's way to sign in, or this account has another one there.
    """
    user_id = actor.user_id
    if user_id is None:
        raise Unauthenticated("sign in first")
    row = _row(user_id, claims)
    try:
        async with tx.session.begin_nested():
            tx.session.add(row)
    except IntegrityError as error:
        other = await _known(tx, claims)
        if other is not None and other.user_id == user_id:
            return
        if other is None:
            message = "your account is connected with another one there: disconnect that first"
        else:
            message = "this is the way to sign in to another account here: sign in to that one, and disconnect it there"
        raise Conflict(message) from error
    await audit.note(tx, "identity.connected", actor, user_id, provider=provider)


async def listing(tx: Transaction, actor: Actor, names: Mapping[str, str]) -> list[Identity]:
    """Return by whom one can sign in to one's account.

    Args:
        tx: an open transaction.
        actor: who asks.
        names: of the providers, by issuer.
    """
    query = select(IdentityRow).where(IdentityRow.user_id == actor.user_id).order_by(IdentityRow.connected_at)
    return [
        Identity(
            provider=names.get(row.issuer, ""),
            issuer=row.issuer,
            email=row.email,
            connected_at=row.connected_at,
            used_at=row.used_at,
        )
        for row in await tx.session.scalars(query)
    ]


async def disconnect(tx: Transaction, actor: Actor, provider: str, issuer: str) -> None:
    """Let a provider's word open one's account no more. What its groups gave goes with it.

    Raises:
        NotFound: it does not open it.
        Conflict: there would be no way left to sign in.
    """
    user = await tx.session.get(UserRow, actor.user_id, with_for_update=True)
    rows: Sequence[IdentityRow] = (
        await tx.session.scalars(select(IdentityRow).where(IdentityRow.user_id == actor.user_id).with_for_update())
    ).all()
    row = next((one for one in rows if one.issuer == issuer), None)
    if user is None or row is None:
        raise NotFound(f"your account is not connected with {provider}")
    if user.password_hash is None and len(rows) == 1:
        raise Conflict(f"{provider} is the only way to sign in to this account: set a password or connect another one first")
    if row.role is not None:
        await _follow_groups(tx, provider, row, "learner")
    await tx.session.delete(row)
    await audit.note(tx, "identity.disconnected", actor, user.id, provider=provider)


async def _made(tx: Transaction, provider: str, of: OIDCProviderSettings, claims: Claims) -> IdentityRow:
    """Make an account for somebody who has none."""
    if not of.registration:
        raise Forbidden(f"nobody gets an account by {provider} here: sign in to yours, and connect it with {provider} there")
    if claims.email is not None and await by_address(tx, claims.email) is not None:
        raise _taken(provider)
    moment = now()
    user = UserRow(
        id=new_id(),
        email=claims.email,
        email_verified_at=None if claims.email is None else moment,
        display_name=claims.name[:NAME_LENGTH],
        role="learner",
        time_zone="UTC",
        created_at=moment,
    )
    row = _row(user.id, claims)
    try:
        async with tx.session.begin_nested():
            tx.session.add(user)
            await tx.session.flush()
            tx.session.add(row)
    except IntegrityError as error:  # somebody else was quicker, or they themselves in another tab
        other = await _known(tx, claims)
        if other is None:
            raise _taken(provider) from error
        return other
    await audit.note(tx, "identity.connected", about=user.id, provider=provider)
    return row


async def _known(tx: Transaction, claims: Claims) -> IdentityRow | None:
    query = select(IdentityRow).where(IdentityRow.issuer == claims.issuer, IdentityRow.subject == claims.subject)
    return await tx.session.scalar(query.with_for_update())


def _taken(provider: str) -> Conflict:
    return Conflict(
        f"there is an account with your e-mail address already: sign in to it as before, and connect it with {provider} there;"
        " what a provider says of an address opens no account"
    )


def _row(user_id: UUID, claims: Claims) -> IdentityRow:
    moment = now()
    return IdentityRow(
        id=new_id(),
        user_id=user_id,
        issuer=claims.issuer,
        subject=claims.subject,
        email=claims.email,
        connected_at=moment,
        used_at=moment,
    )


async def _follow_groups(tx: Transaction, provider: str, row: IdentityRow, wanted: Role) -> None:
    """Give the role that somebody's groups stand for.

    One is taken away only if it was given so, and never from the last administrator.
    """
    user = (await tx.session.scalars(select(UserRow).where(UserRow.id == row.user_id).with_for_update())).one()
    before = user.role
    rises = RANKS[wanted] > RANKS[before]
    if not rises and (before != row.role or wanted == before):
        return
    if before == "admin" and await is_last_administrator(tx, user.id):
        log.warning("the last administrator keeps the role, whatever the groups say", provider=provider)
        return
    user.role = row.role = wanted
    await tx.session.flush()
    await audit.note(tx, "role.changed", about=user.id, before=before, after=wanted, provider=provider)
    tx.after_commit(tx.engine.cache(Known).forget)
