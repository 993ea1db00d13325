"""How far somebody is in a module: what they completed, how well they do, in how much time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from uuid import UUID

from msgspec import Struct

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.defaults.definitions import Module
from skillcore.defaults.module_progress import AVERAGE, EFFICIENCY, MINUTES
from skillcore.insight import spans
from skillcore.insight.levels import rounded
from skillcore.learning import definitions
from skillcore.learning.modules import KIND, SUBJECT
from skillcore.ledger import scores
from skillcore.plugin import Score
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Transaction
from skillcore.runtime.problems import NotFound

__all__ = ["ModuleReading", "TaskReading", "figures", "read"]


class TaskReading(Struct, frozen=True, kw_only=True):
    """A task of the module.

    Attributes:
        required: the score with which it is completed; null where any completes it.
    """

    name: str
    completed: bool
    required: float | None


class ModuleReading(Struct, frozen=True, kw_only=True):
    """How far a person is in a module.

    Attributes:
        module: its id.
        completion: completed tasks of all, in percent: the score `module`.
        average_score: of the scores that count; null without any.
        minutes: spent, whoever tells of them.
        expected_minutes: that the module takes; null where nobody says.
        efficiency: completion / 100 · expected minutes / minutes spent: 1 is as expected, 2 twice as fast; null where one of
            them is missing.
        readiness: a word for the last scores: the label of the score `readiness`; null without any.
        as_of: the day at whose end all this holds; null for now.
    """

    user_id: UUID
    module: UUID
    name: str
    title: str
    completion: float | None
    tasks: list[TaskReading]
    average_score: float | None
    minutes: float | None
    expected_minutes: float | None
    efficiency: float | None
    readiness: str | None
    as_of: date | None


async def read(tx: Transaction, actor: Actor, reference: str, *, user: str, as_of: date | None) -> ModuleReading:
    """Return how far a person is in a module, judged by what it said at the moment that is asked about.

    Raises:
        NotFound: no such person or module, for this caller, or the module is not that person's.
        InvalidField: a day that cannot be asked for.
        Conflict: several modules have this name; names their ids.
    """
    person = await people.read(tx, actor, user)
    found = await definitions.found(tx, actor, KIND, reference, Module, owner=person.id)
    moment = spans.past_end(as_of, person.time_zone)
    at = moment or now()
    body = await definitions.at(tx, KIND, found.id, Module, at, owner=person.id)
    if body is None:
        raise NotFound("there is no such module, or not for you")
    subject = f"{SUBJECT}{found.name}"
    value = await scores.read(tx, person.id, KIND, subject=subject, at=at, as_of=moment, definition=body)
    readiness = await scores.read(tx, person.id, "readiness", subject=subject, at=at, as_of=moment)
    parts = value.score.components
    done = {part.name for part in parts if part.weight and part.value >= 1}
    beside = figures(value.score)
    return ModuleReading(
        user_id=person.id,
        module=found.id,
        name=found.name,
        title=body.title,
        completion=rounded(value.score.value),
        tasks=[
            TaskReading(name=task.name, completed=task.name in done, required=body.required_of(task)) for task in body.tasks
        ],
        average_score=rounded(beside.get(AVERAGE)),
        minutes=rounded(beside.get(MINUTES)),
        expected_minutes=rounded(body.minutes),
        efficiency=rounded(beside.get(EFFICIENCY)),
        readiness=readiness.score.label,
        as_of=as_of,
    )


def figures(score: Score) -> Mapping[str, float]:
    """Return what a module's score tells beside its completion, by name: parts without weight."""
    return {part.name: part.value for part in score.components if not part.weight}
