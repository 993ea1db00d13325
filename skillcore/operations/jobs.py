"""How a job goes, for those whose job it is."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from skillcore.accounts.access import Actor
from skillcore.accounts.audit import note_read
from skillcore.runtime import jobs
from skillcore.runtime.engine import Transaction
from skillcore.runtime.problems import NotFound

__all__ = ["Job", "read"]


class Job(Struct, frozen=True, kw_only=True):
    """A job.

    Attributes:
        name: of its kind.
        state: ``retrying`` waits for another attempt; ``failed`` is given up.
        message: what it is doing.
        done: of ``total``, where it counts.
        reason: why its last attempt failed, or must wait.
        attempts: that have ended.
        scheduled_at: not before then.
    """

    id: int
    name: str
    state: Literal["waiting", "running", "retrying", "succeeded", "failed", "cancelled"]
    message: str
    done: int | None
    total: int | None
    reason: str
    attempts: int
    scheduled_at: datetime | None
    updated_at: datetime | None


async def read(tx: Transaction, actor: Actor, number: int) -> Job:
    """Return a job of the actor's own, or of their platform; administrators see all.

    Raises:
        NotFound: there is none of that number for this actor.
    """
    status = await jobs.status(tx, number)
    if status is None or not _concerns(status, actor):
        raise NotFound("there is no such job, or not for you")
    if status.user_id is not None:
        note_read(tx, actor, [status.user_id])
    return Job(**{name: getattr(status, name) for name in Job.__struct_fields__})


def _concerns(status: jobs.JobStatus, actor: Actor) -> bool:
    if actor.kind == "key":
        return status.platform_id is not None and status.platform_id == actor.platform_id
    return actor.is_admin or (status.user_id is not None and status.user_id == actor.user_id)
