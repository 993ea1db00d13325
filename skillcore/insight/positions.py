"""Where people stand on learning paths, now or as of a former day, as figures and as a map."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from msgspec import Struct

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.charts import MindMap
from skillcore.charts import Topic as Drawn
from skillcore.charts.figures import State
from skillcore.insight import spans
from skillcore.insight.levels import rounded
from skillcore.insight.pictures import drawable
from skillcore.learning import definitions
from skillcore.learning.definitions import Definition
from skillcore.learning.enrolments import enrolled, followed, starts
from skillcore.learning.graph import normalised
from skillcore.learning.paths import KIND, PathBody
from skillcore.learning.position import Standing, TopicStanding, standing
from skillcore.learning.standing import done_by, standing_on
from skillcore.runtime.engine import Transaction
from skillcore.runtime.pages import Page, page, position

__all__ = ["FollowedPath", "Position", "chart", "following", "read"]

DRAWN: dict[str, State] = {"completed": "done", "available": "open", "locked": "locked"}


class Position(Struct, frozen=True, kw_only=True):
    """Where a person stands on a path.

    Attributes:
        version: of the path: the one that stood on the day asked for.
        as_of: the day at whose end this holds; null for now.
        started_at: when they last started it; null if they never did.
        left_at: when they left it; null if they follow it, or never did.
        topics: in the order of the path, with what each locked one still requires.
        completed: names of topics.
        available: topics that can be begun: all that they require is completed.
        current: the first of them in the order of the path; null once all is completed.
        progress: completed topics in percent of those of this version.
    """

    path: UUID
    name: str
    version: int
    user_id: UUID
    as_of: date | None
    started_at: datetime | None
    left_at: datetime | None
    topics: tuple[TopicStanding, ...]
    completed: tuple[str, ...]
    available: tuple[str, ...]
    current: str | None
    progress: float


class FollowedPath(Struct, frozen=True, kw_only=True):
    """A path that a person follows, and where they stand on it; `GET /api/learning-paths/{name}/position` has more.

    Attributes:
        version: of the path: its last one.
        started_at: when they last started it.
        topics: how many it has.
        completed: how many of them are completed.
        current: the first topic that can be begun, in the order of the path; null once all is completed.
        progress: completed topics in percent of all.
    """

    path: UUID
    name: str
    title: str
    version: int
    started_at: datetime
    topics: int
    completed: int
    current: str | None
    progress: float


class Found(Struct, frozen=True):
    """A path as it stood, and where somebody stood on it."""

    user_id: UUID
    path: Definition[PathBody]
    standing: Standing


async def read(tx: Transaction, actor: Actor, reference: str, *, user: str, as_of: date | None) -> Position:
    """Return where a person stands on a path, whether they follow it or not.

    Args:
        tx: an open transaction.
        actor: who asks.
        reference: the path's id or name.
        user: whose position.
        as_of: at the end of this day, in the person's time zone; now, if not given.

    Raises:
        NotFound: no such person for this caller, or no path that the caller sees and this person has.
        Conflict: several paths have this name; names their ids.
        InvalidField: a day that cannot be asked for.
    """
    found = await _found(tx, actor, reference, user=user, as_of=as_of)
    enrolment = await enrolled(tx, found.user_id, found.path.id)
    topics = found.standing.topics
    return Position(
        path=found.path.id,
        name=found.path.name,
        version=found.path.version,
        user_id=found.user_id,
        as_of=as_of,
        started_at=enrolment.started_at if enrolment else None,
        left_at=enrolment.left_at if enrolment else None,
        topics=topics,
        completed=tuple(topic.name for topic in topics if topic.state == "completed"),
        available=tuple(topic.name for topic in topics if topic.state == "available"),
        current=found.standing.current,
        progress=rounded(found.standing.progress) or 0.0,
    )


async def following(tx: Transaction, actor: Actor, person: str, *, limit: int, cursor: str | None) -> Page[FollowedPath]:
    """Return the paths that a person follows and the caller sees, oldest first; none that is retired.

    Raises:
        NotFound: no such person for this caller.
    """
    after = position(cursor, UUID)
    user_id = await people.resolve(tx, actor, person)
    seen = await followed(tx, actor, user_id)
    started = await starts(tx, user_id)
    # A path may have been left since the first of the two was asked for.
    paths = [path for path in seen if path.id in started and (after is None or path.id > after)]
    done = await done_by(tx, user_id)
    return page(
        paths[: limit + 1],
        limit,
        lambda path: _followed(path, started[path.id], standing(path.body.topics, done.of(path.id))),
        lambda path: path.id,
    )


def _followed(path: Definition[PathBody], started_at: datetime, stands: Standing) -> FollowedPath:
    return FollowedPath(
        path=path.id,
        name=path.name,
        title=path.body.title,
        version=path.version,
        started_at=started_at,
        topics=len(stands.topics),
        completed=sum(topic.state == "completed" for topic in stands.topics),
        current=stands.current,
        progress=rounded(stands.progress) or 0.0,
    )


async def chart(tx: Transaction, actor: Actor, reference: str, *, user: str, as_of: date | None) -> MindMap:
    """Return the map of a path with where a person stands on it; its title names the current topic.

    Arguments and errors are those of `read`, and:

    Raises:
        Unprocessable: the path has more topics than can be drawn.
    """
    found = await _found(tx, actor, reference, user=user, as_of=as_of)
    said, current = found.path.body, found.standing.current
    names = {normalised(topic.name): topic.name for topic in said.topics}
    states: dict[str, State] = {
        topic.name: "current" if topic.name == current else DRAWN[topic.state] for topic in found.standing.topics
    }
    with drawable():
        return MindMap(
            title=said.title if current is None else f"{said.title} · now: {current}",
            topics=tuple(
                Drawn(
                    topic.name,
                    topic.name,
                    states[topic.name],
                    tuple(dict.fromkeys(names[normalised(one)] for one in topic.prerequisites)),
                )
                for topic in said.topics
            ),
        )


async def _found(tx: Transaction, actor: Actor, reference: str, *, user: str, as_of: date | None) -> Found:
    person = await people.read(tx, actor, user)
    moment = spans.past_end(as_of, person.time_zone)
    path = await definitions.found(tx, actor, KIND, reference, PathBody, owner=person.id, moment=moment)
    return Found(person.id, path, await standing_on(tx, person.id, path, as_of=moment))
