"""Raw answers: stored before anything is derived from them, reused while they are fresh and positive, forgotten in time."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog
from msgspec import Struct
from sqlalchemy import select, text

from skillcore.accounts import people
from skillcore.plugin import Page, Verdict, Verified
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.engine import Engine, Transaction
from skillcore.verification.linking import LinkedAccount
from skillcore.verification.tables import AnswerRow
from skillcore.verification.tools import RawAnswer

__all__ = ["Kept", "forget_expired", "keep", "keep_page", "requirement_hash", "reuse"]

log = structlog.get_logger(__name__)

EXPIRE = text(
    "delete from answers where (verification_id, place) in (select verification_id, place from answers"
    " where expires_at < :before order by expires_at limit :batch for update skip locked) returning place"
)

_canonical = msgspec.json.Encoder(order="sorted").encode


class Kept(Struct, frozen=True):
    """A verdict whose raw answers are stored.

    Attributes:
        answers: SHA-256 of each raw answer, in hexadecimal.
    """

    verdict: Verdict
    answers: tuple[str, ...] = ()


def requirement_hash(source: str, requirement: Struct) -> str:
    """Return what two requirements share exactly if they ask the same of the same source."""
    return hashlib.sha256(_canonical([source, requirement])).hexdigest()


async def keep(
    engine: Engine, account: LinkedAccount, requirement: Struct, verdict: Verdict, answers: Sequence[RawAnswer]
) -> Kept:
    """Store the raw answers of a verification in a transaction of its own; of somebody who was erased meanwhile, none."""
    judged = msgspec.to_builtins(verdict)
    await _store(engine, account, requirement_hash(account.source, requirement), judged, answers)
    return Kept(verdict, tuple(answer.sha256 for answer in answers))


async def keep_page(engine: Engine, account: LinkedAccount, page: Page, answers: Sequence[RawAnswer]) -> tuple[str, ...]:
    """Store the raw answers that a page of history rests on, in a transaction of its own; returns their digests.

    Nobody takes them for the answers to a requirement.
    """
    about = {"type": "history", "works": len(page.evidence), "cursor": page.cursor}
    await _store(engine, account, "history", about, answers)
    return tuple(answer.sha256 for answer in answers)


async def _store(engine: Engine, account: LinkedAccount, asked: str, judged: Any, answers: Sequence[RawAnswer]) -> None:
    verification = new_id()
    expires_at = now() + timedelta(days=engine.settings.verification.answer_retention_days)
    rows = [
        AnswerRow(
            verification_id=verification,
            place=place,
            user_id=account.user_id,
            source=account.source,
            account=account.account,
            requirement_hash=asked,
            outcome=judged["type"],
            verdict=judged,
            received_at=answer.received_at,
            expires_at=expires_at,
            tool=answer.tool,
            arguments=msgspec.to_builtins(answer.arguments),
            failed=answer.failed,
            sha256=bytes.fromhex(answer.sha256),
            body=answer.body.encode(),
        )
        for place, answer in enumerate(answers)
    ]
    if rows:
        async with engine.transaction() as tx:
            if await people.hold(tx, account.user_id):
                tx.session.add_all(rows)


async def reuse(tx: Transaction, account: LinkedAccount, requirement: Struct) -> Kept | None:
    """Return the newest positive verdict of the same account on the same requirement, if it is fresh enough.

    A negative one is never reused: who mends the work right after it must not wait.
    """
    oldest = now() - timedelta(seconds=tx.engine.settings.verification.answer_reuse)
    query = (
        select(AnswerRow.verification_id, AnswerRow.verdict)
        .where(
            AnswerRow.account == account.account,
            AnswerRow.requirement_hash == requirement_hash(account.source, requirement),
            AnswerRow.received_at > oldest,
            AnswerRow.place == 0,
            text("outcome = 'verified'"),  # written out, so that the partial index is found
        )
        .order_by(AnswerRow.received_at.desc())
        .limit(1)
    )
    found = (await tx.session.execute(query)).first()
    if found is None:
        return None
    verdict = _decoded(found.verdict)
    if verdict is None:
        return None
    digests = await tx.session.scalars(
        select(AnswerRow.sha256).where(AnswerRow.verification_id == found.verification_id).order_by(AnswerRow.place)
    )
    return Kept(verdict, tuple(digest.hex() for digest in digests))


def _decoded(stored: Any) -> Verified | None:
    try:
        return msgspec.convert(stored, Verified)
    except msgspec.ValidationError as error:
        log.warning("a stored verdict does not decode; the source is asked again", error=str(error))
        return None


async def forget_expired(tx: Transaction, before: datetime, limit: int) -> int:
    """Delete answers whose time was over before a moment; returns how many.

    Args:
        tx: an open transaction.
        before: the moment.
        limit: how many at most.
    """
    return len((await tx.session.execute(EXPIRE, {"before": before, "batch": limit})).all())
