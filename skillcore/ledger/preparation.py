"""From an event on its way in to the rows it will become: checked, encoded, its signals derived. Pure, before any lock."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import get_args
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec
from msgspec import Struct

from skillcore.ledger.images import CONTENT_TIME, content_image
from skillcore.plugin import Event, SignalRule, SignalType, SkillSignal, SourceType
from skillcore.plugin.manager import Plugins
from skillcore.runtime.chain import leaf_of
from skillcore.runtime.clock import new_id
from skillcore.runtime.events import NewEvent
from skillcore.runtime.problems import Conflict, InvalidField

__all__ = [
    "DerivedSignal",
    "ParkedRule",
    "Prepared",
    "RecordedOtherwise",
    "Row",
    "admitted",
    "check",
    "derive",
    "evidence_id",
    "prepare",
]

SOURCE_TYPES = frozenset(get_args(SourceType))
SIGNAL_TYPES = frozenset(get_args(SignalType))
EVIDENCE = uuid5(NAMESPACE_URL, "urn:skillcore:evidence")
OWN_KIND = re.compile(r"x(\.[a-z0-9_]+)+").fullmatch
canonical = msgspec.json.Encoder(order="sorted").encode

Key = tuple[bytes, bytes]
"""A user's and an event's id."""


class RecordedOtherwise(Conflict):
    """Events with these keys were recorded, or given in the same call, with other content."""

    def __init__(self, keys: Collection[Key]) -> None:
        self.keys = frozenset(keys)
        ids = sorted(str(UUID(bytes=id_)) for _, id_ in keys)
        super().__init__(f"an event with the id {ids[0]} was recorded with other content", field="id", ids=ids)


class Row(Struct, frozen=True, gc=False):
    """An event ready to be written."""

    event: NewEvent
    id: UUID
    occurred_at: datetime
    data: bytes
    salt: bytes
    content: bytes
    leaf: bytes

    def repeats(self, content: bytes) -> bool:
        """Say whether it is what was recorded before, with this content, under its id.

        A work's evidence always is, whatever it says. An event that came without a time was given the time of its arrival,
        which is another one when it is sent again.
        """
        if self.event.kind == "evidence.accepted" or content == self.content:
            return True
        before, after = slice(CONTENT_TIME.start), slice(CONTENT_TIME.stop, None)
        untimed = self.event.occurred_at is None
        return untimed and content[before] == self.content[before] and content[after] == self.content[after]


class DerivedSignal(Struct, frozen=True, gc=False):
    """A signal with the event and the rule it comes from; None and "" where it was emitted by hand."""

    user_id: UUID
    signal: SkillSignal
    event_id: UUID | None
    rule: str
    rule_version: int
    created_at: datetime

    @property
    def key(self) -> tuple[UUID, str, str, str, str]:
        """What makes a signal one and the same."""
        signal = self.signal
        return (self.user_id, signal.skill_id, signal.source_type, signal.source_id, signal.signal_type)


class ParkedRule(Struct, frozen=True):
    """A rule that raised: the fact is kept, and the rule's part of it waits to be repaired."""

    user_id: UUID
    event_id: UUID
    rule: str
    error: str


class Prepared(Struct):
    """What one call will write, without duplicates.

    Attributes:
        rows: by user and event id.
        order: the keys of the events as they were given, duplicates included.
    """

    rows: dict[Key, Row]
    order: list[Key]
    signals: dict[tuple[UUID, str, str, str, str], DerivedSignal]
    parked: list[ParkedRule]

    def users(self) -> list[bytes]:
        """Return the ids of all users concerned, sorted: the order in which streams are locked."""
        return sorted({user for user, _ in self.rows})

    def without(self, known: Collection[Key]) -> Prepared:
        """Return what remains to be written when these events are there already."""
        return Prepared(
            {key: row for key, row in self.rows.items() if key not in known},
            self.order,
            {
                key: s
                for key, s in self.signals.items()
                if s.event_id is None or (s.user_id.bytes, s.event_id.bytes) not in known
            },
            [p for p in self.parked if (p.user_id.bytes, p.event_id.bytes) not in known],
        )


def evidence_id(subject_id: str) -> UUID:
    """Return the id under which a work's evidence is recorded: a unit of work counts once."""
    return uuid5(EVIDENCE, subject_id)


def admitted(signal: SkillSignal) -> bool:
    """Say whether a signal may exist at all: it has a source, and mentorship never leaves one."""
    return all((signal.source_type, signal.source_id, signal.signal_type)) and signal.source_type != "mentorship"


def derive(rule: SignalRule, event: Event, known_skills: Collection[str]) -> list[SkillSignal]:
    """Return the signals of one rule for one event.

    Raises:
        Exception: whatever the rule raises, or a ValueError for a result that is no signal or names an unknown skill.
    """
    signals = []
    for signal in rule.derive(event):
        if not isinstance(signal, SkillSignal):
            message = f"returned {type(signal).__name__} instead of SkillSignal"
            raise TypeError(message)
        if signal.skill_id not in known_skills:
            message = f"names the unknown skill {signal.skill_id!r}"
            raise ValueError(message)
        if admitted(signal):
            check(signal)
            signals.append(signal)
    return signals


def check(signal: SkillSignal) -> None:
    """Refuse what the table would refuse: one rule's mistake must not cost the fact.

    Raises:
        ValueError: the signal is of an unknown type, or its source or its weight cannot be stored.
    """
    if signal.source_type not in SOURCE_TYPES or signal.signal_type not in SIGNAL_TYPES:
        message = f"returned a signal of the unknown type {signal.source_type!r}/{signal.signal_type!r}"
        raise ValueError(message)
    if "\0" in signal.source_id or not math.isfinite(signal.weight):
        message = f"returned a signal with the source {signal.source_id!r} and the weight {signal.weight!r}"
        raise ValueError(message)
    signal.source_id.encode()


def prepare(events: Sequence[NewEvent], plugins: Plugins, known_skills: Collection[str], now: datetime) -> Prepared:
    """Return the rows that these events become.

    Raises:
        InvalidField: an event cannot be recorded; the field names it by its place in the call.
        RecordedOtherwise: two events of this call have the same id and differ.
    """
    prepared = Prepared({}, [], {}, [])
    salts = os.urandom(16 * len(events))
    for place, event in enumerate(events):
        row = _row(event, place, salts[16 * place : 16 * place + 16], now, plugins, known_skills)
        key = (event.user_id.bytes, row.id.bytes)
        prepared.order.append(key)
        first = prepared.rows.setdefault(key, row)
        if first is not row:
            if not row.repeats(first.content):
                raise RecordedOtherwise([key])
            continue
        rules = plugins.rules_for(event.kind)
        if rules:
            _apply(rules, event, row, known_skills, prepared)
    return prepared


def _row(event: NewEvent, place: int, salt: bytes, now: datetime, plugins: Plugins, known_skills: Collection[str]) -> Row:
    kind = plugins.kinds.get(event.kind)
    if kind is None and not OWN_KIND(event.kind):
        message = f"{event.kind!r} is no known kind of event; a platform's own kinds begin with 'x.'"
        raise InvalidField(message, field=f"events[{place}].kind")
    if kind is not None and not isinstance(event.data, kind.payload):
        message = f"the payload of {event.kind!r} is a {kind.payload.__name__}, not a {type(event.data).__name__}"
        raise InvalidField(message, field=f"events[{place}].data")
    for skill in event.skills:
        if skill not in known_skills:
            message = f"{skill!r} is not a known skill; create it with POST /api/skills"
            raise InvalidField(message, field=f"events[{place}].skills")
    occurred_at = event.occurred_at or now
    if occurred_at.tzinfo is None:
        raise InvalidField("a time needs a time zone", field=f"events[{place}].occurred_at")
    if "\0" in event.subject_id:
        raise InvalidField("a subject cannot contain the character U+0000", field=f"events[{place}].subject_id")
    id_ = evidence_id(event.subject_id) if event.kind == "evidence.accepted" else event.id or new_id()
    data = canonical(event.data)
    content = content_image(
        id_,
        occurred_at,
        event.kind,
        event.subject_id,
        event.via,
        event.skills,
        data,
        event.origin,
        event.origin_seq,
    )
    return Row(event, id_, occurred_at, data, salt, content, leaf_of(event.user_id.bytes, salt, content))


def _apply(rules: Iterable[SignalRule], new: NewEvent, row: Row, known_skills: Collection[str], prepared: Prepared) -> None:
    event = Event(str(row.id), str(new.user_id), new.kind, new.subject_id, row.occurred_at, new.skills, new.data, new.via)
    for rule in rules:
        try:
            signals = derive(rule, event, known_skills)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a rule that raises, or calls sys.exit, never refuses a fact
            prepared.parked.append(ParkedRule(new.user_id, row.id, rule.name, f"{type(error).__name__}: {error}"[:500]))
            continue
        for signal in signals:
            derived = DerivedSignal(new.user_id, signal, row.id, rule.name, rule.version, row.occurred_at)
            prepared.signals.setdefault(derived.key, derived)
