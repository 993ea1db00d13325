"""The states of a task. `step` is the one place that assigns them, under the row's lock and with the event that says so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID, uuid5

import msgspec
from msgspec import Struct
from sqlalchemy import select

from skillcore.defaults.kinds import TaskState
from skillcore.ledger import record
from skillcore.plugin import Undecided
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Transaction
from skillcore.runtime.events import NewEvent, of_platform
from skillcore.verification.asking import plain
from skillcore.work.tables import TaskRow

__all__ = ["TRANSITIONS", "Failure", "Outcome", "State", "Waiting", "event_id", "locked", "outcome_of", "step"]

State = Literal["pending", "in_progress", "completed", "failed"]

TRANSITIONS: dict[State | None, frozenset[State]] = {
    None: frozenset({"pending"}),
    "pending": frozenset({"in_progress"}),
    "in_progress": frozenset({"completed", "failed"}),
    "failed": frozenset({"in_progress"}),
    "completed": frozenset(),
}

TASK_EVENTS = UUID("3f1b6d52-5f0e-5b57-8f5e-7d0f6c1a9a44")
"""Namespace of the ids of a task's events."""


class Waiting(Struct, frozen=True, tag="waiting"):
    """The source does not answer; the task is checked again by itself.

    Attributes:
        until: when.
    """

    reason: str
    until: datetime


class Failure(Struct, frozen=True, tag="failure"):
    """The last attempt failed: why, and where a source answered, what was looked for and what was found."""

    reason: str
    looked_for: str = ""
    found: str = ""


Outcome = Waiting | Failure | Undecided
"""What a task that is not completed has to say about its last attempt."""


def event_id(task_id: UUID, attempt: int, name: str) -> UUID:
    """Return the id of what an attempt at a task records: done twice, it is recorded once."""
    return uuid5(TASK_EVENTS, f"{task_id}:{attempt}:{name}")


def outcome_of(row: TaskRow) -> Outcome | None:
    """Return what the last attempt left to say."""
    return None if row.outcome is None else msgspec.convert(row.outcome, Outcome)


async def locked(tx: Transaction, task_id: UUID) -> TaskRow | None:
    """Return a task's row, locked until the transaction ends; None if there is none, or it was deleted."""
    query = select(TaskRow).where(TaskRow.id == task_id, TaskRow.deleted_at.is_(None))
    return await tx.session.scalar(query.with_for_update().execution_options(populate_existing=True))


async def step(
    tx: Transaction,
    row: TaskRow,
    new: State,
    *,
    reason: str = "",
    before: Sequence[NewEvent] = (),
    after: Sequence[NewEvent] = (),
) -> None:
    """Bring a locked (or new) task into a state, and record it with everything that goes with it, in this order.

    Args:
        tx: the transaction that locked the row; nothing else may be recorded in it.
        row: the task.
        new: its next state.
        reason: why, in words.
        before: events that led to the state.
        after: events that follow from it.

    Raises:
        ValueError: no such step.
    """
    old: State | None = row.state  # type: ignore[assignment]
    if new not in TRANSITIONS[old]:
        message = f"a task cannot go from {old} to {new}"
        raise ValueError(message)
    if new == "in_progress":
        row.attempt += 1
    row.state = new
    row.updated_at = now()
    state = NewEvent(
        id=event_id(row.id, row.attempt, f"state:{new}"),
        user_id=row.user_id,
        kind="task.state",
        subject_id=str(row.id),
        data=TaskState(old=old, new=new, reason=plain(reason)),
        origin=of_platform(row.platform_id),
    )
    await record(tx, [*before, state, *after])
