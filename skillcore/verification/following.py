"""What an account is called now: its site is asked by the token of the sign-in that proved it, before its source is.

A name that was given up can be taken by somebody else. So an account that was renamed goes on under its new name, and one
whose id is another is never followed. It decides nothing about whose work is whose: sources judge by the id. A site that does
not answer holds nothing up, and a token that holds no more is forgotten: the next sign-in brings another one.
"""

from __future__ import annotations

from datetime import timedelta

import structlog
from msgspec import Struct
from sqlalchemy import or_, select

from skillcore.accounts import people
from skillcore.plugin import Identity, SourceError, Unavailable
from skillcore.runtime import oauth
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.problems import Conflict, InvalidField
from skillcore.runtime.sites import Token, TokenEnded
from skillcore.verification.handles import parse_handle
from skillcore.verification.identities import shown_by, site_of
from skillcore.verification.linking import Claim, LinkedAccount, link, linked_account, lock
from skillcore.verification.tables import SourceTokenRow
from skillcore.verification.tokens import Holder, ends_at, hand_back, opened, sealed

__all__ = ["DAILY", "LATELY", "followed"]

log = structlog.get_logger(__name__)

DAILY = timedelta(hours=20)
"""Before an import: less than a day, so that one which comes once a day, give or take a tenth, always asks."""

LATELY = timedelta(minutes=10)
"""Before a verification, for which somebody waits who may just have been renamed."""

BUSY = timedelta(minutes=5)
"""For how long nobody else asks, and nobody at all if it was in vain. No question takes longer."""

EARLY = timedelta(minutes=1)
"""How long before its end a token is renewed."""


class Following(Struct, kw_only=True):
    """An account whose name is asked for.

    Attributes:
        token: as it is kept now.
        ended: whether its access token holds no more, as far as is known here.
    """

    account: LinkedAccount
    holder: Holder
    token: Token
    ended: bool

    def __repr__(self) -> str:
        """Show nothing of it."""
        return f"{type(self).__name__}(…)"


async def followed(engine: Engine, account: LinkedAccount, older_than: timedelta) -> LinkedAccount:
    """Return an account under the name that its site has for it now; as it is, where that cannot be found out.

    For worker processes, and outside of a transaction.

    Args:
        engine: of this process.
        account: that a source is to be asked about.
        older_than: the site is asked if it last said it longer ago than this.
    """
    following = await _begun(engine, account, older_than)
    if following is None:
        return account
    try:
        found = await _asked(engine, following)
    except TokenEnded:
        return await _settled(engine, following, None)
    except SourceError as error:
        source = account.source
        log.info("a site does not say what an account is called", source=source, reason=type(error).__name__)
        return account
    return await _settled(engine, following, found)


async def _begun(engine: Engine, account: LinkedAccount, older_than: timedelta) -> Following | None:
    """Return what is needed to ask; None if there is no token, or nothing to ask for now. Nobody else asks meanwhile."""
    if not account.by_id or not engine.settings.verification.keep_tokens:
        return None
    async with engine.transaction() as tx:
        moment = now()
        query = select(SourceTokenRow).where(
            SourceTokenRow.account_id == account.id,
            SourceTokenRow.asked_at <= moment - older_than,
            or_(SourceTokenRow.busy_until.is_(None), SourceTokenRow.busy_until <= moment),
        )
        row = await tx.session.scalar(query.with_for_update(skip_locked=True))
        if row is None:
            return None
        token = opened(engine, row)
        if token is None:
            return None
        row.busy_until = moment + BUSY
        holder = Holder(account_id=account.id, user_id=account.user_id, source=account.source, method=row.method)
        ended = row.expires_at is not None and row.expires_at <= moment + EARLY
        return Following(account=account, holder=holder, token=token, ended=ended)


async def _asked(engine: Engine, following: Following) -> Identity:
    """Return whose account it is, by a renewed token where the one that is kept holds no more.

    Raises:
        TokenEnded: it holds no more, and cannot be renewed.
        SourceError: the site does not say.
    """
    holder = following.holder
    if following.ended and following.token.refresh_token:
        await _renew(engine, following)
        return await shown_by(engine, holder.source, holder.method, following.token)
    try:
        return await shown_by(engine, holder.source, holder.method, following.token)
    except TokenEnded:
        if not following.token.refresh_token:
            raise
    await _renew(engine, following)
    return await shown_by(engine, holder.source, holder.method, following.token)


async def _renew(engine: Engine, following: Following) -> None:
    """Renew a token, and keep its successor before anything is done with it: the one before may hold no more.

    Raises:
        TokenEnded: the site renews it no more.
        Unavailable: the site does not say, or the account has another token, or none, by now.
    """
    site = await site_of(engine, following.holder.source, following.holder.method)
    successor = await oauth.renewed(engine.network, site, following.token)
    async with engine.transaction() as tx:
        row = await _own(tx, following)
        if row is None:
            hand_back(tx, following.holder.source, following.holder.method, successor)
        else:
            row.token = sealed(engine, following.holder, successor)
            row.expires_at = ends_at(successor, now())
    if row is None:
        raise Unavailable("the account was linked anew, or is linked no more")
    following.token = successor


async def _settled(engine: Engine, following: Following, found: Identity | None) -> LinkedAccount:
    """Draw the consequences of what the site said, if they are still anybody's; nothing found: its token holds no more."""
    account = following.account
    async with engine.transaction() as tx:
        if not await people.hold(tx, account.user_id):
            return account
        await lock(tx, account.source)
        row = await _own(tx, following)
        current = await linked_account(tx, account.id)
        if row is None or current is None:
            return current or account
        if found is None or found.external_id != current.external_id:
            source = account.source
            log.info("a token is forgotten: its site takes it no more", source=source, another=found is not None)
            if found is not None:
                hand_back(tx, following.holder.source, following.holder.method, following.token)
            await tx.session.delete(row)
            return current
        row.asked_at, row.busy_until = now(), None
        return await _called(tx, current, found)


async def _called(tx: Transaction, current: LinkedAccount, found: Identity) -> LinkedAccount:
    """Return an account under the name that its site says."""
    try:
        handle = parse_handle(tx.engine.plugins, current.source, found.handle)
        claim = Claim(
            user_id=current.user_id,
            source=current.source,
            handle=handle.written,
            handle_key=handle.key,
            external_id=current.external_id,
            method=current.method,
        )
        return await link(tx, claim)
    except (InvalidField, Conflict) as error:
        log.warning("an account keeps its old name here", source=current.source, reason=type(error).__name__)
        return current


async def _own(tx: Transaction, following: Following) -> SourceTokenRow | None:
    """Return the row of the token, locked; None if the account has another one, or none, by now."""
    row = await tx.session.get(SourceTokenRow, following.holder.account_id, with_for_update=True, populate_existing=True)
    kept = None if row is None else opened(tx.engine, row)
    return row if kept is not None and kept.access_token == following.token.access_token else None
