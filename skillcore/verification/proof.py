"""The job behind ``confirm``: asks whether an account was proved, with no transaction open, and settles it in one.

It may be killed anywhere and run again. Until the last transaction nothing is stored, and after it the attempt is no longer
being checked, so that running again does nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from uuid import UUID

from msgspec import Struct
from sqlalchemy import select

from skillcore.plugin import Account, Identity, IssuedChallenge, NotProved, Refused, SourceError, Unavailable
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.jobs import JobContext, Retry
from skillcore.runtime.problems import Conflict, InvalidField
from skillcore.runtime.sealing import Sealer
from skillcore.verification import imports, stats
from skillcore.verification.asking import delay_after, in_words, plain
from skillcore.verification.attempts import instant
from skillcore.verification.handles import check_id, parse_handle
from skillcore.verification.identities import SignedIn
from skillcore.verification.linking import Claim, LinkedAccount, Method, link, lock
from skillcore.verification.revocations import give_back
from skillcore.verification.signing_in import SignIn, as_returned, forget, signed_in
from skillcore.verification.sources import Sources
from skillcore.verification.tables import LinkAttemptRow
from skillcore.verification.tokens import Holder, keep, worth_keeping

__all__ = ["Looking", "prove"]


class Looking(Struct, frozen=True, kw_only=True):
    """An attempt as it stood when the job began."""

    id: UUID
    source: str
    method: Method
    account: Account
    challenge: IssuedChallenge
    sign_in: SignIn | None = None


async def prove(engine: Engine, context: JobContext, attempt: str) -> None:
    """Look whether an account was proved, and link it; or say what is missing.

    Raises:
        Retry: the source does not answer now.
    """
    looking = await _begun(engine, UUID(attempt))
    if looking is None:
        return
    try:
        found = await LOOKS[looking.method](engine, looking)
    except Unavailable as error:
        await _wait(engine, context, looking, error)
    except SourceError as error:
        await _fail(engine, looking, in_words(error.message))
    else:
        kept = await _settle(engine, looking, found)
        if isinstance(found, SignedIn) and not kept:
            await give_back(engine, looking.source, looking.method, found.token)


async def _look_at_challenge(engine: Engine, looking: Looking) -> Identity | NotProved:
    return await engine.service(Sources).prove(looking.source, looking.account, looking.challenge)


async def _look_at_sign_in(engine: Engine, looking: Looking) -> SignedIn:
    if looking.sign_in is None:
        raise Refused("nothing came back from the site; start again")
    return await signed_in(engine, looking.source, looking.sign_in)


LOOKS: Mapping[str, Callable[[Engine, Looking], Awaitable[Identity | NotProved | SignedIn]]] = {
    "challenge": _look_at_challenge,
    "oauth": _look_at_sign_in,
    "oidc": _look_at_sign_in,
}
"""How each way to prove an account finds out whose it is."""


async def _begun(engine: Engine, number: UUID) -> Looking | None:
    """Return the attempt that is to be looked at; None if it is over or waits for its person."""
    async with engine.transaction() as tx:
        row = await tx.session.get(LinkAttemptRow, number)
        if row is None or row.state != "checking":
            return None
        challenge = IssuedChallenge(
            key=row.challenge_key or "", data=row.data or {}, issued_at=row.issued_at, expires_at=row.expires_at
        )
        return Looking(
            id=row.id,
            source=row.source,
            method=row.method,  # type: ignore[arg-type] # the table has no others
            account=Account(row.source, row.handle),
            challenge=challenge,
            sign_in=as_returned(engine.service(Sealer), row),
        )


async def _wait(engine: Engine, context: JobContext, looking: Looking, error: Unavailable) -> None:
    """Have the job run again when the source may answer, unless that is too late for the attempt.

    Raises:
        Retry: usually.
    """
    settings = engine.settings.verification
    seconds = delay_after(context.attempt, error, settings)
    reason = plain(f"{looking.source} gives no answer: {in_words(error.message)}")
    async with engine.transaction() as tx:
        row = await _current(tx, looking)
        if row is None:
            return
        moment = await instant(tx)
        row.reason = reason
        if moment + timedelta(seconds=seconds) > row.expires_at + timedelta(seconds=settings.proof_grace):
            row.state = "open" if moment <= row.expires_at else "expired"
            return
    raise Retry(seconds, reason)


async def _fail(engine: Engine, looking: Looking, reason: str) -> None:
    async with engine.transaction() as tx:
        row = await _current(tx, looking)
        if row is not None:
            _failed(row, reason)


async def _settle(engine: Engine, looking: Looking, found: Identity | NotProved | SignedIn) -> bool:
    """Draw the consequences in one transaction, if they are still anybody's; says whether the token of a sign-in is kept."""
    async with engine.transaction() as tx:
        await lock(tx, looking.source)  # before the row: whoever holds that one never waits for this lock
        row = await _current(tx, looking)
        if row is None:
            return False
        if isinstance(found, SignedIn):
            linked = await _met(tx, row, found.identity)
            return linked is not None and await _keep(tx, linked, row.method, found)
        if isinstance(found, NotProved):
            await _unmet(tx, row, found)
        elif found.mark and await _used(tx, row.source, found.mark):
            await _unmet(
                tx, row, NotProved(looked_for="something done for this attempt", found="what has proved an account before")
            )
        else:
            await _met(tx, row, found)
    return False


async def _keep(tx: Transaction, linked: LinkedAccount, method: str, found: SignedIn) -> bool:
    """Keep the token of a sign-in, if it is of use; says whether it is kept."""
    if not worth_keeping(tx.engine, found):
        return False
    holder = Holder(account_id=linked.id, user_id=linked.user_id, source=linked.source, method=method)
    await keep(tx, holder, found.token)
    return True


async def _met(tx: Transaction, row: LinkAttemptRow, found: Identity) -> LinkedAccount | None:
    """Link the account that was proved, unless it is another one than was claimed, or somebody else's."""
    try:
        handle = parse_handle(tx.engine.plugins, row.source, found.handle)
        check_id(row.source, found.external_id)
    except InvalidField as error:
        _failed(row, f"{row.source} names an account that cannot be: {error.detail}")
        return None
    if row.method == "challenge" and handle.key != row.handle_key:
        _failed(row, f"{row.source} says that this account is called {handle.written!r}; start again with that name")
        return None
    claim = Claim(
        user_id=row.user_id,
        source=row.source,
        handle=handle.written,
        handle_key=handle.key,
        external_id=found.external_id,
        method=row.method,  # type: ignore[arg-type] # the table has no others
    )
    try:
        linked = await link(tx, claim)
    except Conflict as refusal:
        _failed(row, refusal.detail)
        return None
    row.state, row.mark, row.handle, row.handle_key = "proved", found.mark, handle.written, handle.key
    forget(row)
    await _proved(tx, row, linked)
    return linked


async def _proved(tx: Transaction, row: LinkAttemptRow, linked: LinkedAccount) -> None:
    """Do what follows from a proof, in the transaction that links the account."""
    row.account_id = linked.id
    await imports.begin(tx, linked)
    await stats.begin(tx, linked)  # behind the import: whoever takes several locks of jobs takes them in order


async def _unmet(tx: Transaction, row: LinkAttemptRow, found: NotProved) -> None:
    """Leave an attempt open for another look, while it lasts."""
    row.state = "open" if await instant(tx) <= row.expires_at else "expired"
    row.reason, row.looked_for, row.found = "", plain(found.looked_for), plain(found.found)


async def _used(tx: Transaction, source: str, mark: str) -> bool:
    query = select(LinkAttemptRow.id).where(LinkAttemptRow.source == source, LinkAttemptRow.mark == mark)
    return await tx.session.scalar(query) is not None


async def _current(tx: Transaction, looking: Looking) -> LinkAttemptRow | None:
    """Return the attempt's row, locked; None if it is no longer being checked."""
    row = await tx.session.get(LinkAttemptRow, looking.id, with_for_update=True)
    return row if row is not None and row.state == "checking" else None


def _failed(row: LinkAttemptRow, reason: str) -> None:
    row.state, row.reason = "failed", plain(reason)
    forget(row)
