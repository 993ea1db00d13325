"""What people do to prove that an account is theirs: start an attempt, look how it stands, confirm it, or leave it.

Each way of proving has a function here that starts it and one in `skillcore.verification.proof` that looks; the rest is the
same for all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct

from skillcore.accounts.access import Actor
from skillcore.plugin import Account, ChallengeProof, OAuthProof, OIDCProof, Proof, VerificationSource
from skillcore.runtime import jobs
from skillcore.runtime.clock import new_id
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.problems import Conflict, Forbidden, InvalidField, NotFound
from skillcore.runtime.sealing import Sealer
from skillcore.verification import signing_in
from skillcore.verification.attempts import (
    Attempt,
    Started,
    instant,
    keys_taken,
    newest,
    refuse_hurry,
    shown,
    standing,
    supersede,
)
from skillcore.verification.challenges import draw, method_of
from skillcore.verification.handles import LONGEST_NAME, parse_handle
from skillcore.verification.identities import page_for
from skillcore.verification.linking import Method, refuse_held
from skillcore.verification.signing_in import Return
from skillcore.verification.sources import source_of
from skillcore.verification.tables import LinkAttemptRow

__all__ = ["JOB", "NewAttempt", "Submitted", "cancel", "come_back", "confirm", "look_up", "offered", "show", "start"]

JOB = "verification.prove"


class NewAttempt(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody wants to prove.

    Attributes:
        handle: the account's name there; needed for a challenge, and not taken where the site itself says who signs in.
        method: how; the first way that the source offers here, if not given.
    """

    handle: Annotated[str, Meta(max_length=LONGEST_NAME)] = ""
    method: Method | None = None


class Submitted(Struct, frozen=True, kw_only=True):
    """That an attempt is being checked, and by which job."""

    job_id: int
    attempt: Attempt


Starter = Callable[[Transaction, Started, Any], Awaitable[LinkAttemptRow]]


def offered(source: VerificationSource[Any], redirect_uri: str) -> Mapping[str, Proof]:
    """Return the ways in which an account at a source can be proved here, the best one first.

    Args:
        source: where.
        redirect_uri: the page to which the site sends people back; without one nobody signs in there.
    """
    return {
        method_of(proof): proof
        for proof in source.proofs
        if isinstance(proof, ChallengeProof) or signing_in.is_offered(proof, redirect_uri)
    }


async def look_up(engine: Engine, source: str, new: NewAttempt) -> None:
    """Learn what `start` needs to know and cannot ask for while its transaction is open.

    Raises:
        InvalidField: as `start` does.
        UnavailableNow: the site at which the person is to sign in does not answer.
    """
    await signing_in.look_up(engine, _chosen(engine, source_of(engine.plugins, source), new.method))


async def start(tx: Transaction, actor: Actor, source: str, new: NewAttempt) -> Attempt:
    """Start an attempt to prove an account at a source, after `look_up`; one that was open there is superseded.

    Raises:
        InvalidField: no such source, no such way to prove an account there, or a handle that cannot be.
        Conflict: somebody else has proved the account, or too many prove it at the moment.
        TooManyRequests: the person starts too many.
        UnavailableNow: the source's code failed.
    """
    user_id, found = _oneself(actor), source_of(tx.engine.plugins, source)
    proof = _chosen(tx.engine, found, new.method)
    moment = await instant(tx)
    await refuse_hurry(tx, user_id, moment)
    await supersede(tx, user_id, source)
    issued_at = moment.replace(microsecond=0)
    started = Started(user_id=user_id, source=found, handle=new.handle, issued_at=issued_at, moment=moment)
    row = await STARTERS[type(proof)](tx, started, proof)
    tx.session.add(row)
    await tx.session.flush()
    return shown(tx, row, moment)


async def show(tx: Transaction, actor: Actor, source: str) -> Attempt:
    """Return one's newest attempt at a source.

    Raises:
        NotFound: there is none.
    """
    return shown(tx, await _own(tx, actor, source), await instant(tx))


async def confirm(tx: Transaction, actor: Actor, source: str) -> Submitted:
    """Have one's newest attempt checked by a job; while it is being checked, asking again leads to the same job.

    Raises:
        NotFound: there is none.
        Conflict: it is over.
    """
    row, moment = await _own(tx, actor, source, lock=True), await instant(tx)
    if row.method != "challenge" and row.code is None and row.state == "open":
        raise Conflict(f"sign in at {source} first, then hand in what it gave with POST /api/sources/{source}/link/callback")
    return await _checked(tx, row, moment)


async def come_back(tx: Transaction, actor: Actor, source: str, given: Return) -> Submitted:
    """Hand in what a site gave to somebody who signed in there, and have it checked by a job.

    Raises:
        NotFound: no attempt was started.
        Conflict: it is over, or another way was chosen.
        InvalidField: what was given belongs to another attempt.
    """
    row, moment = await _own(tx, actor, source, lock=True), await instant(tx)
    if row.method not in signing_in.METHODS:
        raise Conflict(f"this attempt is a challenge; confirm it with POST /api/sources/{source}/link/confirm")
    if standing(tx, row, moment) == "open":
        ways = offered(source_of(tx.engine.plugins, source), page_for(tx.engine.settings, source))
        signing_in.take_in(tx.engine.service(Sealer), row, given, ways.get(row.method))
    return await _checked(tx, row, moment)


async def _checked(tx: Transaction, row: LinkAttemptRow, moment: datetime) -> Submitted:
    """Have an attempt checked by a job, unless one does so already."""
    if row.state == "checking" and row.job_id is not None and await _under_way(tx, row.job_id):
        return Submitted(job_id=row.job_id, attempt=shown(tx, row, moment))
    state = "expired" if row.expires_at < moment and row.state == "checking" else standing(tx, row, moment)
    if state not in {"open", "checking"}:
        raise Conflict(
            f"this attempt is over ({state}); start another one with POST /api/sources/{row.source}/link", state=state
        )
    row.state, row.reason, row.looked_for, row.found = "checking", "", "", ""
    number = await jobs.defer(tx, JOB, source=row.source, lock=f"proof:{row.id}", owner=row.user_id, attempt=row.id)
    row.job_id = number or row.job_id  # without a number the job of an earlier look still waits, and takes up this one
    return Submitted(job_id=row.job_id or 0, attempt=shown(tx, row, moment))


async def cancel(tx: Transaction, actor: Actor, source: str) -> None:
    """Leave one's newest attempt; a job that is looking at it links nothing.

    Raises:
        NotFound: there is none that is open.
    """
    row = await _own(tx, actor, source, lock=True)
    if standing(tx, row, await instant(tx)) not in {"open", "checking"}:
        raise NotFound(f"no attempt to prove a {source} account is open")
    row.state = "cancelled"


async def _start_challenge(tx: Transaction, started: Started, proof: ChallengeProof) -> LinkAttemptRow:
    """Set a challenge that nobody else has who claims the same account."""
    name = started.source.name
    if not started.handle.strip():
        raise InvalidField(f"handle: name the {name} account that is to be proved", field="handle")
    handle = parse_handle(tx.engine.plugins, name, started.handle)
    await refuse_held(tx, started.user_id, name, handle)
    taken = await keys_taken(tx, name, handle.key, started.moment)
    challenge = draw(started.source, Account(name, handle.written), taken)
    return LinkAttemptRow(
        id=new_id(),
        user_id=started.user_id,
        source=name,
        method="challenge",
        handle=handle.written,
        handle_key=handle.key,
        challenge_key=challenge.key,
        data=dict(challenge.data),
        instructions=challenge.instructions,
        issued_at=started.issued_at,
        expires_at=started.issued_at + timedelta(minutes=proof.minutes),
        state="open",
    )


STARTERS: Mapping[type[Proof], Starter] = {
    ChallengeProof: _start_challenge,
    OAuthProof: signing_in.start_oauth,
    OIDCProof: signing_in.start_oidc,
}
"""How each way to prove an account begins."""


def _chosen(engine: Engine, source: VerificationSource[Any], method: Method | None) -> Proof:
    ways = offered(source, page_for(engine.settings, source.name))
    chosen = next(iter(ways), None) if method is None else method
    if chosen is None or chosen not in ways:
        known = ", ".join(ways) or "none"
        raise InvalidField(f"method: a {source.name} account cannot be proved so here; there are: {known}", field="method")
    return ways[chosen]


def _oneself(actor: Actor) -> UUID:
    if actor.user_id is None:
        raise Forbidden("people prove accounts themselves; a platform vouches for its members")
    return actor.user_id


async def _own(tx: Transaction, actor: Actor, source: str, *, lock: bool = False) -> LinkAttemptRow:
    row = await newest(tx, _oneself(actor), source, lock=lock)
    if row is None:
        raise NotFound(f"no attempt to prove a {source} account was started")
    return row


async def _under_way(tx: Transaction, job_id: int) -> bool:
    status = await jobs.status(tx, job_id)
    return status is not None and status.state in {"waiting", "running", "retrying"}
