"""From what a source confirms to what is recorded: the same event, whether a task asked for the work or an import found it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from skillcore.defaults.kinds import EvidenceAccepted
from skillcore.plugin import Evidence
from skillcore.runtime.clock import now
from skillcore.runtime.events import EARLIEST, NewEvent, of_platform
from skillcore.verification.linking import LinkedAccount

__all__ = ["accepted", "done_at", "subject_of"]


def accepted(
    account: LinkedAccount, evidence: Evidence, answers: Sequence[str], standing: Mapping[str, Sequence[str]]
) -> NewEvent:
    """Return the event that a work is accepted; the ledger records it once, whichever way it comes first.

    Args:
        account: whose work it is.
        evidence: what the source says of it.
        answers: SHA-256 of the raw answers that it rests on.
        standing: by topic, the ids of the skills that it stands for.
    """
    data = EvidenceAccepted(
        source=account.source,
        account=account.account,
        work=evidence.work,
        strength=evidence.strength,
        difficulty=evidence.difficulty,
        topics=evidence.topics,
        answers=tuple(answers),
        vouched_by=str(account.vouched_by) if account.vouched_by else None,
        metadata=dict(evidence.metadata),
    )
    return NewEvent(
        user_id=account.user_id,
        kind="evidence.accepted",
        subject_id=subject_of(account, evidence),
        skills=tuple(dict.fromkeys(skill for topic in evidence.topics for skill in standing[topic])),
        occurred_at=done_at(evidence),
        data=data,
        origin=of_platform(account.vouched_by),
    )


def subject_of(account: LinkedAccount, evidence: Evidence) -> str:
    """Return the name under which the ledger knows a work."""
    return f"{account.account}:{evidence.work}"


def done_at(evidence: Evidence) -> datetime:
    """Return when a work was done; some sources repeat their user's word for it, which may lie in the future."""
    return min(max(evidence.occurred_at, EARLIEST), now())
