"""`record`: facts that join a caller's transaction. `emit_skill_signals`: the inner step that writes signals."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from skillcore.ledger import skills
from skillcore.ledger.preparation import DerivedSignal, Prepared, check, prepare
from skillcore.ledger.writer import NOT_AS_EXPECTED, insert_signals, write_few, write_known, write_many
from skillcore.plugin import SignalType, SkillSignal, SourceType
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Transaction
from skillcore.runtime.events import NewEvent
from skillcore.runtime.hints import FEED, hint
from skillcore.runtime.problems import InvalidField

__all__ = ["FEW", "Recorded", "SignalContext", "emit_skill_signals", "record", "recorded_of"]

FEW = 64
"""Up to so many events are written by one statement; more by COPY."""


class Recorded(Struct, frozen=True):
    """What became of events, in the order they were given.

    Attributes:
        ids: the id of each.
        new: whether it was recorded now; otherwise the same event was there already.
    """

    ids: tuple[UUID, ...]
    new: tuple[bool, ...]


class SignalContext(Struct, frozen=True):
    """Where emitted signals come from.

    Attributes:
        created_at: the event's own time.
    """

    event_id: UUID
    rule: str
    rule_version: int
    created_at: datetime


async def record(tx: Transaction, events: Sequence[NewEvent]) -> Recorded:
    """Record facts in the caller's transaction; the rules' signals come with them.

    Call it once per transaction, with everything there is to record: streams are locked in one sorted go, which is what
    keeps two transactions from waiting for each other. An event that is there already, with the same content, changes
    nothing; a work's evidence that is there already is dropped whatever it says.

    Raises:
        InvalidField: an event of an unknown kind, with an unknown skill, or with a time without zone.
        RecordedOtherwise: an event's id was recorded with other content.
    """
    if tx.recorded:
        raise RuntimeError("record() was called before in this transaction: pass all events in one call")
    tx.recorded = True
    if not events:
        return Recorded((), ())
    known = await skills.known(tx, [skill for event in events for skill in event.skills])
    prepared = prepare(events, tx.engine.plugins, known, now())
    connection = await tx.psycopg()
    await connection.execute("savepoint recording")
    try:
        await (write_few if len(prepared.rows) <= FEW else write_many)(connection, prepared)
        fresh: Collection[tuple[bytes, bytes]] = prepared.rows.keys()
    except NOT_AS_EXPECTED:
        await connection.execute("rollback to savepoint recording")
        fresh = await write_known(connection, prepared)
    await connection.execute("release savepoint recording")
    hint(tx, FEED)
    return recorded_of(prepared, fresh)


def recorded_of(prepared: Prepared, fresh: Collection[tuple[bytes, bytes]]) -> Recorded:
    """Return what became of prepared events of which these were new; a repetition within the call is not new."""
    seen: set[tuple[bytes, bytes]] = set()
    new = []
    for key in prepared.order:
        new.append(key in fresh and key not in seen)
        seen.add(key)
    return Recorded(tuple(UUID(bytes=id_) for _, id_ in prepared.order), tuple(new))


async def emit_skill_signals(
    tx: Transaction,
    user_id: UUID | None,
    source_type: SourceType | None,
    source_id: str | None,
    signal_type: SignalType | None,
    skill_ids: Collection[str],
    weight: float = 1.0,
    context: SignalContext | None = None,
) -> int:
    """Write one signal for each skill, once; never updates, never deletes.

    A missing user, source type, source id or signal type, no skill at all, and mentorship leave nothing.

    Returns:
        How many signals are new.

    Raises:
        InvalidField: a skill that the catalogue does not know.
        ValueError: an unknown source type or signal type, or a weight that is no finite number.
    """
    if not user_id or not source_type or not source_id or not signal_type or not skill_ids:
        return 0
    if source_type == "mentorship":
        return 0
    unknown = set(skill_ids) - await skills.known(tx, skill_ids)
    if unknown:
        message = f"{min(unknown)!r} is not a known skill; create it with POST /api/skills"
        raise InvalidField(message, field="skill_ids")
    context_of = context or SignalContext(UUID(int=0), "", 0, now())
    signals = [
        DerivedSignal(
            user_id,
            SkillSignal(skill, source_type, source_id, signal_type, weight),
            context.event_id if context else None,
            context_of.rule,
            context_of.rule_version,
            context_of.created_at,
        )
        for skill in dict.fromkeys(skill_ids)
    ]
    for derived in signals:
        check(derived.signal)
    return await insert_signals(await tx.psycopg(), signals)
