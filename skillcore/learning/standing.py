"""Where people stand on paths, as the ledger tells it: by the tasks that they completed.

A task counts for a topic of its name, of the path that it was set for, or of any if it was set for none. Like all scores, a
standing follows from facts alone, so it is the same after a replay, and can be read as of any moment. A task whose evidence
is withdrawn, all of it, counts no more; it does again when the account is linked again.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from skillcore.accounts.access import Actor
from skillcore.learning import definitions
from skillcore.learning.definitions import Definition
from skillcore.learning.enrolments import followed
from skillcore.learning.graph import normalised
from skillcore.learning.paths import KIND, PathBody
from skillcore.learning.position import Standing, standing
from skillcore.ledger.streams import LAST, NEWEST, in_time_order
from skillcore.runtime.engine import Transaction
from skillcore.runtime.problems import Conflict, InvalidField

__all__ = ["Done", "done_by", "named_path", "refuse_locked", "standing_on"]

COMPLETED = ("task.completed",)


class Done(Struct, frozen=True):
    """The topics that somebody completed tasks on.

    Attributes:
        anywhere: of tasks that were set for no path.
        on: of tasks that were set for a path, by its id.
    """

    anywhere: frozenset[str]
    on: dict[str, frozenset[str]]

    def of(self, path_id: UUID) -> frozenset[str]:
        """Return what counts on a path."""
        return self.anywhere | self.on.get(str(path_id), frozenset())


async def done_by(tx: Transaction, user_id: UUID, *, as_of: datetime | None = None) -> Done:
    """Return the topics that somebody completed tasks on, as `normalised` has them, until a moment."""
    anywhere: set[str] = set()
    on: dict[str, set[str]] = {}
    events = in_time_order(
        await tx.psycopg(), tx.engine.plugins, user_id, COMPLETED, head=NEWEST, until=LAST if as_of is None else as_of
    )
    async for stored in events:
        data = stored.event.data
        if data.works and (topic := normalised(data.topic)):
            (anywhere if data.path is None else on.setdefault(data.path, set())).add(topic)
    return Done(frozenset(anywhere), {path: frozenset(topics) for path, topics in on.items()})


async def standing_on(tx: Transaction, user_id: UUID, path: Definition[PathBody], *, as_of: datetime | None = None) -> Standing:
    """Return where somebody stands on a path, by what was done until a moment."""
    return standing(path.body.topics, (await done_by(tx, user_id, as_of=as_of)).of(path.id))


async def named_path(tx: Transaction, actor: Actor, user_id: UUID, reference: str, topic: str) -> Definition[PathBody]:
    """Return the path that a task is to be set for.

    Args:
        tx: an open transaction.
        actor: who sets it.
        user_id: for whom.
        reference: the path's id or name.
        topic: of the task.

    Raises:
        NotFound: there is no such path that this caller sees and this person has.
        Conflict: several have this name, or it is retired.
        InvalidField: the topic is none of the path's.
    """
    path = await definitions.found(tx, actor, KIND, reference, PathBody, owner=user_id)
    if path.retired_at is not None:
        raise Conflict(f"the path {path.name!r} is retired, and no task is set for it any more", field="path")
    if normalised(topic) not in {normalised(one.name) for one in path.body.topics}:
        raise InvalidField(f"topic: {topic!r} is no topic of the path {path.name!r}: name one of them", field="topic")
    return path


async def refuse_locked(
    tx: Transaction, actor: Actor, user_id: UUID, topic: str, path: Definition[PathBody] | None = None
) -> None:
    """Refuse a task on a topic that is locked on the path it is set for; without one, on any that its person follows.

    A topic of none of them is free. Paths that the caller does not see have no part in it.

    Raises:
        Conflict: names the path and what is missing.
    """
    wanted = normalised(topic)
    if not wanted:
        return
    paths = await followed(tx, actor, user_id) if path is None else [path]
    concerned = [one for one in paths if wanted in {normalised(topic.name) for topic in one.body.topics}]
    if not concerned:
        return
    done = await done_by(tx, user_id)
    for one in concerned:
        stands = standing(one.body.topics, done.of(one.id)).topics
        (found,) = [each for each in stands if normalised(each.name) == wanted]
        if found.state == "locked":
            raise Conflict(
                f"{found.name!r} is locked on the path {one.name!r} until these are completed: {', '.join(found.missing)}",
                field="topic",
                path=str(one.id),
                missing=list(found.missing),
            )
