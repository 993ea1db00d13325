"""Training sessions: begun, filled with what is done in them, and ended. Each of that is an event of the ledger.

Scores that a platform states with the scope ``scores:write`` count for skills and modules. What people say of themselves is
kept, counts as time and activity, and is marked as not counting.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct, structs
from sqlalchemy import select, tuple_

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.defaults.kinds import SessionActivity, SessionEnded, SessionStarted
from skillcore.learning import modules
from skillcore.learning.session_standing import Standing, derive, standing
from skillcore.learning.session_summary import Tally, TrainingSummary
from skillcore.learning.session_tables import TrainingSessionRow
from skillcore.ledger import record, skills
from skillcore.ledger.streams import EVENT_FIELDS, decode
from skillcore.ledger.submission import Moment, Skills, check_id, check_time
from skillcore.ledger.tables import EventRow
from skillcore.plugin import Event
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.engine import Transaction
from skillcore.runtime.events import EARLIEST, NewEvent, Via, of_platform
from skillcore.runtime.pages import Page, page, position
from skillcore.runtime.problems import Forbidden, InvalidField, NotFound

__all__ = [
    "Added",
    "NewActivities",
    "NewActivity",
    "NewTraining",
    "Taken",
    "TrainingDetail",
    "TrainingSession",
    "add",
    "end",
    "get",
    "hold",
    "listing",
    "start",
]

NOBODY = UUID(int=0)
HOLD = "select from streams where user_id = %s for no key update"
PAGE = 5000
EVENTS = f"""select {EVENT_FIELDS} from events
  where user_id = %s and subject_id = %s and kind in ('session.started', 'session.activity', 'session.ended')
    and (case when origin like 'platform:%%' then substr(origin, 10)::uuid end) is not distinct from %s
    and (occurred_at, id) > (%s, %s)
  order by occurred_at, id limit {PAGE}"""  # noqa: S608

ModuleName = Annotated[str, Meta(max_length=200, description="Which module it trains.", examples=["web-basics"])]
Name = Annotated[str, Meta(min_length=1, max_length=200)]


class NewTraining(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A session to begin.

    Attributes:
        user: whose; people train for themselves.
        module: by its name; none, if empty.
    """

    user: people.PersonReference = "me"
    module: ModuleName = ""


class NewActivity(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something done in a session.

    Attributes:
        type: what kind of thing, such as `quiz`.
        score: from 0 to 100; from keys only with `scores:write`.
        item: what was attempted, by a name that is the same for everybody: a task of the module, for one.
        difficulty: of that.
        detail: anything more, as an object.
        skills: that it trained.
        occurred_at: when; now, if not given.
        id: makes sending it again harmless: a UUID of version 4 or 7.
    """

    type: Annotated[str, Meta(min_length=1, max_length=200, examples=["quiz"])]
    score: Annotated[float, Meta(ge=0, le=100, examples=[85])] | None = None
    item: Annotated[str, Meta(min_length=1, max_length=200, examples=["selectors"])] | None = None
    difficulty: Annotated[float, Meta(ge=1, le=10)] | None = None
    detail: dict[str, Any] = {}
    skills: Skills = ()
    occurred_at: Moment | None = None
    id: UUID | None = None


class NewActivities(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was done in a session: recorded all together, or not at all."""

    events: Annotated[tuple[NewActivity, ...], Meta(min_length=1, max_length=500)]


class TrainingSession(Struct, frozen=True, kw_only=True):
    """A training session.

    Attributes:
        subject: under which its events stand in the ledger, and can be sent there.
        platform: whose business it is; null where the person recorded it themselves.
        module: which it trains; null if none.
        last_at: when something happened in it for the last time.
        ended_at: null while it is open; what happens after an end opens it again.
        automatic: it lay idle, and nobody ended it.
        activities: how many things were done.
    """

    id: UUID
    user_id: UUID
    subject: str
    platform: UUID | None
    module: str | None
    started_at: datetime
    last_at: datetime
    ended_at: datetime | None
    automatic: bool
    activities: int


class TrainingDetail(TrainingSession, frozen=True, kw_only=True):
    """A training session with what came of it so far."""

    summary: TrainingSummary


class Taken(Struct, frozen=True, kw_only=True):
    """An activity that is in the ledger.

    Attributes:
        new: recorded now; otherwise it was there already.
        counts: whether its score counts for skills and modules; null where it has none.
    """

    id: UUID
    new: bool
    counts: bool | None


class Added(Struct, frozen=True, kw_only=True):
    """What became of activities, in their order, and the session after them."""

    events: list[Taken]
    session: TrainingSession


async def start(tx: Transaction, actor: Actor, new: NewTraining) -> TrainingSession:
    """Begin a session.

    Raises:
        NotFound: no such person, for this caller; people train for themselves.
    """
    user_id = await people.resolve(tx, actor, new.user, write=True)
    if actor.kind == "user" and user_id != actor.user_id:
        raise NotFound("user: people begin sessions of their own", field="user")
    subject = str(new_id())
    begun = _event(actor, user_id, subject, actor.platform_id, "session.started", SessionStarted(module=new.module))
    await record(tx, [begun])
    (found,) = await derive(tx, [(user_id, subject)])
    return _session(found)


async def add(tx: Transaction, actor: Actor, session: UUID, new: NewActivities) -> Added:
    """Record what was done in a session; one that was over is open again if this happened after its end.

    Raises:
        NotFound: there is none that this caller may see.
        Forbidden: it is somebody else's, or the key may not state scores.
        InvalidField: a skill that nobody knows, a moment at which nothing can have happened, or an id of the engine's own.
        Conflict: an event of this id says something else.
    """
    row = await _found(tx, actor, session, write=True)
    told = await _told(tx, row.user_id, new.events)
    events = []
    for place, activity in enumerate(new.events):
        _check(tx, actor, activity, f"events[{place}]")
        data = SessionActivity(
            type=activity.type,
            score=activity.score,
            module=row.module if activity.id is None else told.get(activity.id, row.module),
            detail=activity.detail,
            item=activity.item,
            difficulty=activity.difficulty,
        )
        event = _event(actor, row.user_id, row.subject, row.platform_id, "session.activity", data)
        known = await skills.resolve(tx, activity.skills, field=f"events[{place}].skills")
        events.append(structs.replace(event, skills=known, occurred_at=activity.occurred_at, id=activity.id))
    recorded = await record(tx, events)
    found = await _derived(tx, row)
    counts = actor.kind == "key"
    taken = [
        Taken(id=id_, new=fresh, counts=None if activity.score is None else counts)
        for id_, fresh, activity in zip(recorded.ids, recorded.new, new.events, strict=True)
    ]
    return Added(events=taken, session=_session(found))


async def _told(tx: Transaction, user_id: UUID, activities: Sequence[NewActivity]) -> Mapping[UUID, str]:
    """Return the modules of those activities that are told again: their session may be another's by now."""
    ids = [activity.id for activity in activities if activity.id is not None]
    if not ids:
        return {}
    known = select(EventRow.id, EventRow.data).where(EventRow.user_id == user_id, EventRow.id.in_(ids))
    return {id_: str(data.get("module", "")) for id_, data in (await tx.session.execute(known)).all()}


async def end(tx: Transaction, actor: Actor, session: UUID) -> TrainingDetail:
    """End a session now; one that is over stays as it is.

    Raises:
        NotFound: there is none that this caller may see.
        Forbidden: it is somebody else's.
    """
    row = await _found(tx, actor, session, write=True)
    await hold(tx, row.user_id)
    found = await _derived(tx, row)
    if found.ended_at is None:
        ended = _event(actor, row.user_id, row.subject, row.platform_id, "session.ended", SessionEnded(module=found.module))
        await record(tx, [structs.replace(ended, occurred_at=max(now(), found.last_at))])
        found = await _derived(tx, row)
    return await _detail(tx, actor, found)


async def get(tx: Transaction, actor: Actor, session: UUID) -> TrainingDetail:
    """Return a session with what came of it so far.

    Raises:
        NotFound: there is none that this caller may see.
    """
    row = await _found(tx, actor, session)
    return await _detail(tx, actor, _one(await standing(tx, [(row.user_id, row.subject)]), row))


async def listing(
    tx: Transaction,
    actor: Actor,
    *,
    user: str,
    is_open: bool | None,
    module: str | None,
    limit: int,
    cursor: str | None,
) -> Page[TrainingSession]:
    """Return a person's sessions, the latest first; a platform sees its own, and those that people recorded themselves.

    Raises:
        NotFound: no such person, for this caller.
    """
    user_id = await people.resolve(tx, actor, user)
    query = select(TrainingSessionRow).where(TrainingSessionRow.user_id == user_id)
    if actor.platform_id is not None:
        own = TrainingSessionRow.platform_id == actor.platform_id
        query = query.where(TrainingSessionRow.platform_id.is_(None) | own)
    if is_open is not None:
        ended = TrainingSessionRow.ended_at
        query = query.where(ended.is_(None) if is_open else ended.is_not(None))
    if module is not None:
        query = query.where(TrainingSessionRow.module == module)
    place = tuple_(TrainingSessionRow.started_at, TrainingSessionRow.id)
    before = position(cursor, tuple[datetime, UUID])
    if before is not None:
        query = query.where(place < tuple_(*before))
    order = (TrainingSessionRow.started_at.desc(), TrainingSessionRow.id.desc())
    rows = (await tx.session.scalars(query.order_by(*order).limit(limit + 1))).all()
    return page(rows, limit, _session, lambda row: (row.started_at, row.id))


async def hold(tx: Transaction, user_id: UUID) -> None:
    """Let nothing more be recorded of a person until the transaction ends."""
    await (await tx.psycopg()).execute(HOLD, (user_id,))


async def _found(tx: Transaction, actor: Actor, session: UUID, *, write: bool = False) -> TrainingSessionRow:
    """Return a session's row, if the caller may see it, and if need be write it."""
    row = await tx.session.get(TrainingSessionRow, session)
    if row is not None and actor.platform_id is not None and row.platform_id not in {None, actor.platform_id}:
        row = None
    try:  # also where there is no such session, which then takes as long as somebody else's
        await people.resolve(tx, actor, str(row.user_id if row is not None else NOBODY), write=write)
    except NotFound:
        row = None
    if row is None:
        raise NotFound("no such session")
    if write and actor.kind == "user" and row.user_id != actor.user_id:
        raise Forbidden("the session is somebody else's: people train for themselves")
    if write and actor.kind == "key" and row.platform_id is None:
        raise Forbidden("the session is not this platform's, which can look at it and no more")
    return row


def _check(tx: Transaction, actor: Actor, activity: NewActivity, place: str) -> None:
    try:
        check_id(activity.id)
        check_time(activity.occurred_at, tx.engine.settings.ledger.future_tolerance)
    except InvalidField as error:
        raise InvalidField(f"{place}.{error.detail}", field=f"{place}.{error.field}") from error
    if activity.score is not None and actor.kind == "key" and "scores:write" not in actor.scopes:
        field = f"{place}.score"
        raise Forbidden(f"{field}: this key lacks the scope scores:write", field=field, scope="scores:write")


def _event(actor: Actor, user_id: UUID, subject: str, platform_id: UUID | None, kind: str, data: Struct) -> NewEvent:
    via: Via = "platform" if actor.kind == "key" else "page"
    origin = of_platform(platform_id)
    return NewEvent(user_id=user_id, kind=kind, data=data, subject_id=subject, via=via, origin=origin)


async def _derived(tx: Transaction, row: TrainingSessionRow) -> Standing:
    return _one(await derive(tx, [(row.user_id, row.subject)]), row)


def _one(found: list[Standing], row: TrainingSessionRow) -> Standing:
    """Return the session of a row, among those of the same subject."""
    for one in found:
        if one.id == row.id:
            return one
    raise NotFound("no such session")  # its person was erased just now


async def _detail(tx: Transaction, actor: Actor, found: Standing) -> TrainingDetail:
    tally = Tally(timedelta(seconds=tx.engine.settings.learning.session_idle))
    async for event in _events(tx, found):
        tally.add(event)
    known = None
    if found.module:
        asking = actor.platform_id or found.platform_id
        known = (await modules.meant(tx, found.user_id, found.last_at, platform=asking)).get(found.module)
    required = {} if known is None else {task.name: known.required_of(task) for task in known.tasks}
    return TrainingDetail(**structs.asdict(_session(found)), summary=tally.summary(required))


async def _events(tx: Transaction, found: Standing) -> AsyncIterator[Event]:
    """Yield a session's events, in the order of time."""
    connection = await tx.psycopg()
    after = (EARLIEST, NOBODY)
    while True:
        cursor = await connection.execute(EVENTS, (found.user_id, found.subject, found.platform_id, *after))
        rows = await cursor.fetchall()
        for row in rows:
            stored = decode(row, tx.engine.plugins)
            after = stored.position
            yield stored.event
        if len(rows) < PAGE:
            return


def _session(found: Standing | TrainingSessionRow) -> TrainingSession:
    return TrainingSession(
        id=found.id,
        user_id=found.user_id,
        subject=found.subject,
        platform=found.platform_id,
        module=found.module or None,
        started_at=found.started_at,
        last_at=found.last_at,
        ended_at=found.ended_at,
        automatic=found.automatic,
        activities=found.activities,
    )
