"""What a sign-in at a site gave, kept sealed for one use: to ask the site what the account is called now.

It is kept only where the account is known by an id that outlives its name, and for as long as the account is linked. What is
kept no longer is handed to `skillcore.verification.revocations`, which has the site take it back.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import structlog
from msgspec import Struct
from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects.postgresql import insert

from skillcore.plugin import OAuthProof, SourceError
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.sealing import Sealer, Unsealable
from skillcore.runtime.sites import Token
from skillcore.verification.identities import SignedIn, proof_of
from skillcore.verification.tables import SourceAccountRow, SourceTokenRow, TokenRevocationRow

__all__ = [
    "GIVEN_UP",
    "Holder",
    "ends_at",
    "forget_person",
    "hand_back",
    "keep",
    "kept_for",
    "let_go",
    "let_go_unlinked",
    "opened",
    "sealed",
    "worth_keeping",
]

log = structlog.get_logger(__name__)

SHORTEST_USE = timedelta(days=2)
"""A token that ends before it would be used again, and cannot be renewed, is not kept."""

GIVEN_UP = timedelta(days=1)
"""How long a site is asked to take a token back before it is forgotten all the same."""


class Holder(Struct, frozen=True, kw_only=True):
    """Whose token it is, at which source."""

    account_id: UUID
    user_id: UUID
    source: str
    method: str


def worth_keeping(engine: Engine, found: SignedIn) -> bool:
    """Say whether what a sign-in gave can be of use later, and this deployment keeps such."""
    token = found.token
    lasts = bool(token.refresh_token) or token.life is None or token.life > SHORTEST_USE
    return engine.settings.verification.keep_tokens and found.lookable and lasts


async def keep(tx: Transaction, holder: Holder, token: Token) -> None:
    """Keep a token in the place of the one that was there.

    That one is not given back: a site may take what it has just given to the same person for the same grant.
    """
    moment = now()
    values = {
        "method": holder.method,
        "token": sealed(tx.engine, holder, token),
        "kept_at": moment,
        "expires_at": ends_at(token, moment),
        "asked_at": moment,
        "busy_until": None,
    }
    row = insert(SourceTokenRow).values(account_id=holder.account_id, user_id=holder.user_id, **values)
    await tx.session.execute(row.on_conflict_do_update(index_elements=["account_id"], set_=values))


async def kept_for(tx: Transaction, user_id: UUID) -> set[UUID]:
    """Return which accounts of a person have a token."""
    return set(await tx.session.scalars(select(SourceTokenRow.account_id).where(SourceTokenRow.user_id == user_id)))


async def let_go(tx: Transaction, *conditions: ColumnElement[bool], limit: int | None = None) -> int:
    """Keep some tokens no longer, and have their sites take them back; returns how many.

    Args:
        tx: the caller's transaction.
        conditions: which, by columns of tokens and of their accounts.
        limit: how many at most.
    """
    await tx.session.flush()
    query = (
        select(SourceTokenRow, SourceAccountRow.source)
        .join(SourceAccountRow, SourceAccountRow.id == SourceTokenRow.account_id)
        .where(*conditions)
        .order_by(SourceTokenRow.account_id)
        .limit(limit)
        .with_for_update(of=SourceTokenRow)
        .execution_options(populate_existing=True)
    )
    rows = (await tx.session.execute(query)).all()
    for row, source in rows:
        token = opened(tx.engine, row)
        if token is not None:
            hand_back(tx, source, row.method, token)
        await tx.session.delete(row)
    await tx.session.flush()
    return len(rows)


async def let_go_unlinked(tx: Transaction, user_ids: Collection[UUID]) -> None:
    """Keep no tokens of these people's accounts that are not linked any more."""
    await let_go(tx, SourceTokenRow.user_id.in_(user_ids), SourceAccountRow.unlinked_at.is_not(None))


async def forget_person(tx: Transaction, user_id: UUID) -> None:
    """Keep none of somebody who is erased."""
    await let_go(tx, SourceTokenRow.user_id == user_id)


def hand_back(tx: Transaction, source: str, method: str, token: Token) -> None:
    """Have a site take back a token that nobody keeps, where it does that at all. Nothing remains that says whose it was."""
    try:
        proof = proof_of(tx.engine, source, method)
    except SourceError:
        return
    if isinstance(proof, OAuthProof) and proof.revoke_url is None:
        return
    number, moment = new_id(), now()
    tx.session.add(
        TokenRevocationRow(
            id=number,
            source=source,
            method=method,
            token=tx.engine.service(Sealer).seal(TokenRevocationRow.token, number, None, _encoded(token)),
            next_at=moment,
            given_up_at=moment + GIVEN_UP,
        )
    )


def sealed(engine: Engine, holder: Holder, token: Token) -> bytes:
    """Return a token as it is kept for an account."""
    return engine.service(Sealer).seal(SourceTokenRow.token, holder.account_id, holder.user_id, _encoded(token))


def opened(engine: Engine, row: SourceTokenRow | TokenRevocationRow) -> Token | None:
    """Return the token of a row; None where it does not open here, for want of its key or since it was meddled with."""
    try:
        if isinstance(row, SourceTokenRow):
            plain = engine.service(Sealer).open(SourceTokenRow.token, row.account_id, row.user_id, row.token)
        else:
            plain = engine.service(Sealer).open(TokenRevocationRow.token, row.id, None, row.token)
    except Unsealable as error:
        log.warning("a token does not open", reason=str(error))
        return None
    return msgspec.json.decode(plain, type=Token)


def ends_at(token: Token, moment: datetime) -> datetime | None:
    """Return when an access token ends that was given at a moment."""
    return None if token.life is None else moment + token.life


def _encoded(token: Token) -> bytes:
    """Return of a token what can be used again: the word of a sign-in is none of it, nor is how long it was to hold."""
    return msgspec.json.encode(Token(token.access_token, refresh_token=token.refresh_token))
