"""Sites take back tokens that are kept no longer: asked at growing intervals, for a day at most, and quietly.

Nobody waits for it, and nothing is lost if it fails: a token that is forgotten here can be used by nobody here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import structlog
from msgspec import Struct
from sqlalchemy import select

from skillcore.plugin import SourceError
from skillcore.runtime import oauth
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine
from skillcore.runtime.periodic import repeating
from skillcore.runtime.sites import Token
from skillcore.verification.identities import site_of
from skillcore.verification.tables import TokenRevocationRow
from skillcore.verification.tokens import let_go, opened

__all__ = ["give_back", "revoke_due", "service"]

log = structlog.get_logger(__name__)

EVERY = 60.0
AT_ONCE = 20
"""Tokens that one process gives back at a time."""

PAUSE = timedelta(minutes=2)
"""Until a site is asked again that was asked in vain; twice as long each time. No question takes longer."""

LONGEST_PAUSE = timedelta(hours=4)


class Due(Struct, frozen=True):
    """A token whose site is to take it back now."""

    id: UUID
    source: str
    method: str
    token: Token

    def __repr__(self) -> str:
        """Show nothing of it."""
        return f"{type(self).__name__}(…)"


@asynccontextmanager
async def service(engine: Engine) -> AsyncIterator[None]:
    """Give back what is kept no longer from time to time, in each worker process."""

    async def again() -> None:
        if not engine.settings.verification.keep_tokens:
            await forget_all(engine)
        await revoke_due(engine)

    async with repeating("giving tokens back", again, EVERY):
        yield


async def forget_all(engine: Engine) -> int:
    """Keep no token any longer, since the operator wants none kept; returns how many there were."""
    count = 0
    while True:
        async with engine.transaction() as tx:
            gone = await let_go(tx, limit=AT_ONCE)
        count += gone
        if gone < AT_ONCE:
            return count


async def revoke_due(engine: Engine) -> int:
    """Have sites take back what they were not asked for yet, or in vain some time ago; returns how many of them did."""
    due = await _claimed(engine)
    done = await asyncio.gather(*(give_back(engine, one.source, one.method, one.token) for one in due))
    taken = [one.id for one, taken in zip(due, done, strict=True) if taken]
    async with engine.transaction() as tx:
        for row in await tx.session.scalars(select(TokenRevocationRow).where(TokenRevocationRow.id.in_(taken))):
            await tx.session.delete(row)
    return len(taken)


async def give_back(engine: Engine, source: str, method: str, token: Token) -> bool:
    """Have a site take back a token, with no transaction open; says whether it has, or never will."""
    try:
        await oauth.given_back(engine.network, await site_of(engine, source, method), token)
    except SourceError as error:
        log.info("a token could not be given back", source=source, reason=type(error).__name__)
        return False
    return True


async def _claimed(engine: Engine) -> list[Due]:
    """Return what is due, and let nobody else ask for it meanwhile; what was due for too long is forgotten."""
    async with engine.transaction() as tx:
        query = select(TokenRevocationRow).where(TokenRevocationRow.next_at <= now()).order_by(TokenRevocationRow.next_at)
        due = []
        for row in await tx.session.scalars(query.limit(AT_ONCE).with_for_update(skip_locked=True)):
            if row.given_up_at <= now():
                log.info("a token is forgotten that its site has not taken back", source=row.source)
                await tx.session.delete(row)
                continue
            row.next_at = min(now() + min(PAUSE * 2**row.attempts, LONGEST_PAUSE), row.given_up_at)
            row.attempts += 1
            token = opened(engine, row)
            if token is not None:
                due.append(Due(row.id, row.source, row.method, token))
        return due
