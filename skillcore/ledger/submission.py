"""Events as callers of the API send them: checked, put into the ledger's terms, and recorded, one by one or together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec
from msgspec import Meta, Struct

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.ledger import skills
from skillcore.ledger.intake import ingest
from skillcore.ledger.preparation import RecordedOtherwise
from skillcore.ledger.recording import Recorded
from skillcore.plugin.manager import Plugins
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine
from skillcore.runtime.events import EARLIEST, NewEvent, of_platform
from skillcore.runtime.problems import Forbidden, InvalidField, NotFound, Problem, TooLarge
from skillcore.runtime.refusals import document
from skillcore.runtime.requests import misfit
from skillcore.runtime.skill_names import normalise

__all__ = [
    "Batch",
    "Moment",
    "NewEntry",
    "Outcome",
    "Outcomes",
    "Skills",
    "Written",
    "check_id",
    "check_time",
    "submit",
    "submit_batch",
]

KEYED = uuid5(NAMESPACE_URL, "urn:skillcore:idempotency-key")
"""Namespace of the ids of events that came without one, under an idempotency key."""

OWN = ("progress.", "session.")
"""What learners report of themselves."""

Kind = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)+\Z",
        max_length=100,
        description="Of the kinds that clients may send, or one of the platform's own below `x.`.",
        examples=["platform.volunteered"],
    ),
]
Subject = Annotated[str, Meta(max_length=200, description="What it is about.", examples=["opportunity-9"])]
Skills = Annotated[tuple[skills.Name, ...], Meta(max_length=50, description="By id, name or alias.", examples=[["python"]])]
Moment = Annotated[datetime, Meta(tz=True, description="When it happened; now, if not given.")]
Given = Annotated[dict[str, Any], Meta(extra_json_schema={"$ref": "#/components/schemas/NewEntry"})]
"""A `NewEntry` that is not looked at yet, so that one which does not fit refuses itself and not the batch."""

Payload = Annotated[dict[str, Any], Meta(description="As its kind wants it.", examples=[{"title": "Reading evening"}])]


class NewEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An event to record.

    Attributes:
        user: in whose stream; a person reports only of themselves.
        id: makes sending it again harmless: the same content changes nothing, another is refused. A UUID of version 4 or 7;
            version 5 is the engine's own.
    """

    user: people.PersonReference = "me"
    kind: Kind
    data: Payload = {}
    subject: Subject = ""
    skills: Skills = ()
    occurred_at: Moment | None = None
    id: UUID | None = None


class Batch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Many events to record.

    Attributes:
        atomic: record all of them or none; otherwise each gets its own outcome.
    """

    events: Annotated[tuple[Given, ...], Meta(min_length=1, description="As for a single one.")]
    atomic: bool = False


class Written(Struct, frozen=True, kw_only=True):
    """An event that is in the ledger.

    Attributes:
        new: recorded now; otherwise it was there already.
    """

    id: UUID
    new: bool


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of one event of a batch.

    Attributes:
        status: ``known`` was there already; ``refused`` says why in ``problem``.
    """

    status: Literal["recorded", "known", "refused"]
    id: UUID | None = None
    problem: dict[str, Any] | None = None


class Outcomes(Struct, frozen=True, kw_only=True):
    """What became of a batch, in the order of its events."""

    results: list[Outcome]
    recorded: int
    known: int
    refused: int


async def submit(engine: Engine, actor: Actor, entry: NewEntry, *, key: str | None = None) -> Written:
    """Record an event.

    Args:
        engine: this process.
        actor: a person, of themselves, or a platform's key.
        entry: what happened.
        key: the request's idempotency key; an event without an id gets one from it.

    Raises:
        InvalidField: the event does not fit its kind, or names what nobody knows.
        Forbidden: the kind, or what it says, is not for this caller.
        NotFound: no such person, for this caller.
        RecordedOtherwise: its id was recorded with other content.
    """
    (event,) = await _translated(engine, actor, [entry], key)
    if isinstance(event, Problem):
        raise event
    recorded = await ingest(engine, [event])
    return Written(id=recorded.ids[0], new=recorded.new[0])


async def submit_batch(engine: Engine, actor: Actor, batch: Batch, *, key: str | None = None) -> Outcomes:
    """Record many events; `submit` says what of each may be refused.

    Raises:
        TooLarge: more than ``ledger.batch_limit`` events.
        Problem: the batch is atomic and one event is refused; the field says which.
    """
    limit = engine.settings.ledger.batch_limit
    if len(batch.events) > limit:
        raise TooLarge(f"events: {len(batch.events)} of them; at most {limit} at a time", field="events", limit=limit)
    events = await _translated(engine, actor, [_entry(given) for given in batch.events], key)
    if batch.atomic:
        return await _all_or_none(engine, events)
    problems: dict[int, Problem] = {place: event for place, event in enumerate(events) if isinstance(event, Problem)}
    while True:
        sent = {place: event for place, event in enumerate(events) if isinstance(event, NewEvent) and place not in problems}
        try:
            recorded = await ingest(engine, list(sent.values()))
        except RecordedOtherwise as conflict:
            problems |= _differing(sent, conflict)
            continue
        return _outcomes(len(events), dict(zip(sent, _each(recorded), strict=True)), problems)


def _entry(given: dict[str, Any]) -> NewEntry | Problem:
    try:
        return msgspec.convert(given, NewEntry)
    except msgspec.ValidationError as error:
        return misfit(str(error))


async def _translated(
    engine: Engine, actor: Actor, entries: Sequence[NewEntry | Problem], key: str | None
) -> list[NewEvent | Problem]:
    """Return what is to be recorded; a problem in the place of each event that cannot be."""
    given = [entry for entry in entries if isinstance(entry, NewEntry)]
    async with engine.transaction() as tx:
        named = await people.resolve_all(tx, actor, {entry.user for entry in given})
        await skills.find(tx, [name for entry in given for name in entry.skills])
    names = engine.cache(skills.Catalogue).names
    seed = None if key is None else f"{actor.name}\n{key}"
    translated: list[NewEvent | Problem] = []
    for place, entry in enumerate(entries):
        if isinstance(entry, Problem):
            translated.append(entry)
            continue
        try:
            event = _event(engine, actor, entry, named, names)
        except Problem as problem:
            translated.append(problem)
            continue
        if event.id is None and seed is not None:
            event = msgspec.structs.replace(event, id=uuid5(KEYED, f"{seed}\n{place}"))
        translated.append(event)
    return translated


def _event(engine: Engine, actor: Actor, entry: NewEntry, named: dict[str, UUID], names: dict[str, str]) -> NewEvent:
    _check_kind(actor, entry, engine.plugins)
    user_id = named.get(entry.user)
    if user_id is None or (actor.kind == "user" and user_id != actor.user_id):
        raise NotFound("user: there is no such person, or not for you", field="user")
    data = _payload(entry, engine.plugins)
    if (
        actor.kind == "key"
        and "scores:write" not in actor.scopes
        and entry.kind == "session.activity"
        and data.score is not None
    ):
        raise Forbidden("data.score: this key lacks the scope scores:write", field="data.score", scope="scores:write")
    check_id(entry.id)
    check_time(entry.occurred_at, engine.settings.ledger.future_tolerance)
    return NewEvent(
        user_id=user_id,
        kind=entry.kind,
        data=data,
        subject_id=entry.subject,
        skills=_skills(entry, names),
        occurred_at=entry.occurred_at,
        id=entry.id,
        via="platform" if actor.kind == "key" else "page",
        origin=of_platform(actor.platform_id),
    )


def _check_kind(actor: Actor, entry: NewEntry, plugins: Plugins) -> None:
    known = plugins.kinds.get(entry.kind)
    if known is None and not entry.kind.startswith("x."):
        message = f"kind: {entry.kind!r} is no known kind of event; a platform's own kinds begin with 'x.'"
        raise InvalidField(message, field="kind")
    if known is not None and not known.client:
        raise Forbidden(f"kind: only the engine records {entry.kind!r}", field="kind")
    if actor.kind == "user" and not entry.kind.startswith(OWN):
        raise Forbidden(f"kind: people report only {' and '.join(own + '*' for own in OWN)} of themselves", field="kind")


def _payload(entry: NewEntry, plugins: Plugins) -> Any:
    known = plugins.kinds.get(entry.kind)
    if known is None:
        return entry.data
    try:
        return msgspec.convert(entry.data, known.payload)
    except msgspec.ValidationError as error:
        inner = misfit(str(error))
        field = f"data.{inner.field}" if inner.field else "data"
        raise InvalidField(f"{field}: {inner.detail.removeprefix(f'{inner.field}: ')}", field=field) from error


def check_id(id_: UUID | None) -> None:
    """Refuse an event's id that a client may not give.

    Raises:
        InvalidField: it is of the version that the engine's own ids have.
    """
    if id_ is not None and id_.version == 5:  # whoever took one first would keep the engine's event out
        raise InvalidField("id: send a UUID of version 4 or 7; version 5 is the engine's own", field="id")


def check_time(occurred_at: datetime | None, tolerance: float) -> None:
    """Refuse a moment at which nothing can have happened.

    Args:
        occurred_at: when it did, as a client says.
        tolerance: seconds by which its clock may be ahead.

    Raises:
        InvalidField: it lies in the future, or before anything here began.
    """
    if occurred_at is None:
        return
    if occurred_at > now() + timedelta(seconds=tolerance):
        message = f"occurred_at: {occurred_at.isoformat()} lies more than {tolerance:g} s in the future"
        raise InvalidField(message, field="occurred_at")
    if occurred_at < EARLIEST:
        raise InvalidField(f"occurred_at: {occurred_at.isoformat()} lies before {EARLIEST.year}", field="occurred_at")


def _skills(entry: NewEntry, names: dict[str, str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for place, name in enumerate(entry.skills):
        id_ = names.get(normalise(name))
        if id_ is None:
            message = f"skills[{place}]: {name!r} is not a known skill; create it with POST /api/skills"
            raise InvalidField(message, field=f"skills[{place}]")
        found[id_] = None
    return tuple(found)


async def _all_or_none(engine: Engine, events: Sequence[NewEvent | Problem]) -> Outcomes:
    sent = []
    for place, event in enumerate(events):
        if isinstance(event, Problem):
            raise _at(place, event)
        sent.append(event)
    try:
        recorded = await ingest(engine, sent)
    except RecordedOtherwise as conflict:
        place, problem = min(_differing(dict(enumerate(sent)), conflict).items())
        raise _at(place, problem) from conflict
    return _outcomes(len(sent), dict(enumerate(_each(recorded))), {})


def _at(place: int, problem: Problem) -> Problem:
    """Have the problem of one event say that it is this one's of the batch."""
    field = f"events[{place}].{problem.field}" if problem.field else f"events[{place}]"
    problem.detail = f"{field}: {problem.detail.removeprefix(f'{problem.field}: ')}"
    problem.field = field
    return problem


def _differing(sent: dict[int, NewEvent], conflict: RecordedOtherwise) -> dict[int, Problem]:
    return {
        place: RecordedOtherwise([(event.user_id.bytes, event.id.bytes)])
        for place, event in sent.items()
        if event.id is not None and (event.user_id.bytes, event.id.bytes) in conflict.keys
    }


def _each(recorded: Recorded) -> list[Outcome]:
    return [Outcome(status="recorded" if new else "known", id=id_) for id_, new in zip(recorded.ids, recorded.new, strict=True)]


def _outcomes(size: int, written: dict[int, Outcome], problems: dict[int, Problem]) -> Outcomes:
    refused = {place: Outcome(status="refused", problem=document(problem)) for place, problem in problems.items()}
    results = [written[place] if place in written else refused[place] for place in range(size)]
    counted = {status: sum(outcome.status == status for outcome in results) for status in ("recorded", "known", "refused")}
    return Outcomes(results=results, **counted)
