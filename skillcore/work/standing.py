"""As what somebody acts on a person's task, and what follows from it: who may change, delete and complete it."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from skillcore.accounts.access import Actor
from skillcore.runtime.problems import Conflict, Forbidden
from skillcore.work.tables import TaskRow

__all__ = ["Standing", "refuse_change", "refuse_platforms", "refuse_strangers", "standing_of"]

Standing = Literal["learner", "mentor", "admin", "platform"]


def standing_of(actor: Actor, user_id: UUID) -> Standing:
    """Return as what somebody acts on a person's task."""
    if actor.platform_id is not None:
        return "platform"
    if actor.user_id == user_id:
        return "learner"
    return "admin" if actor.is_admin else "mentor"


def refuse_change(row: TaskRow, fields: set[str]) -> None:
    """Refuse what can change no more, or not now."""
    if row.state == "completed":
        raise Conflict('a completed task cannot change; only "hidden" can')
    if row.state == "in_progress" and "requirements" in fields:
        raise Conflict("the task is being checked; its requirements can change once that has ended", field="requirements")


def refuse_platforms(actor: Actor, row: TaskRow) -> None:
    """Refuse that a platform touches what it did not set: all platforms of a member see what the member set."""
    if actor.platform_id is not None and row.platform_id != actor.platform_id:
        raise Forbidden("the task was not set by this platform, which can look at it and no more")


def refuse_strangers(actor: Actor, row: TaskRow) -> None:
    """Refuse that a learner makes the task easier that others set, and keeps what they declared for it."""
    if standing_of(actor, row.user_id) == "learner" and row.set_by != "learner":
        raise Forbidden(f"the task was set by a {row.set_by}; ask there for the change")
