"""The kinds of events that there are, and events of them made by hand, for samples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec
from msgspec import Struct

from skillcore.ledger.preparation import evidence_id
from skillcore.plugin import Event, EventKind
from skillcore.plugin.manager import Plugins

__all__ = ["OF_PLATFORMS", "event", "installed", "known_kinds", "user_of"]

OF_PLATFORMS = "x."
"""What the kinds begin with that platforms make up for themselves; their payload is a plain dict."""

START = datetime(2026, 3, 2, 16, tzinfo=UTC)
SAMPLES = uuid5(NAMESPACE_URL, "urn:skillcore:testing")


@cache
def installed() -> Plugins:
    """Return what all installed plugins offer, with their settings as they come."""
    return Plugins.load()


def known_kinds(more: Iterable[EventKind] = ()) -> dict[str, EventKind]:
    """Return the kinds of the engine, of all installed plugins and those given, by name."""
    return {**installed().kinds, **{kind.name: kind for kind in more}}


def user_of(name: str) -> UUID:
    """Return the id of a person by a name: the same name is the same person."""
    return uuid5(SAMPLES, f"user:{name}")


def event(
    kind: str | EventKind,
    data: Struct | Mapping[str, Any] | None = None,
    *,
    subject_id: str | None = None,
    skills: Iterable[str] = (),
    at: datetime = START,
    id: UUID | None = None,  # noqa: A002 - what it is called in an event
    user: str = "ada",
) -> Event:
    """Return an event as rules and formulas see it, for samples.

    Args:
        kind: the name of a kind of the engine or of an installed plugin, or the kind itself.
        data: the payload, or its fields; JSON's types will do.
        subject_id: what it is about; of evidence, account and work as in its payload if not given.
        skills: ids of skills.
        at: when it happened.
        id: derived from all the rest, if not given.
        user: a name that stands for a person.

    Raises:
        LookupError: no such kind.
        msgspec.ValidationError: the payload is not one of this kind.
    """
    name = kind if isinstance(kind, str) else kind.name
    payload = payload_of(kind, data)
    about = subject_id if subject_id is not None else _subject(name, payload)
    if id is None and name == "evidence.accepted":
        id = evidence_id(about)  # noqa: A001
    if id is None:
        said = (name, about, at.isoformat(), user, msgspec.json.encode(payload, order="sorted").decode(), *skills)
        id = uuid5(SAMPLES, repr(said))  # noqa: A001
    return Event(str(id), str(user_of(user)), name, about, at, tuple(skills), payload)


def payload_of(kind: str | EventKind, data: Struct | Mapping[str, Any] | None) -> Any:
    """Return the payload of a kind, from its fields if need be."""
    if isinstance(kind, str) and kind.startswith(OF_PLATFORMS):
        return dict(data) if isinstance(data, Mapping) else {}
    if isinstance(kind, str):
        found = known_kinds().get(kind)
        if found is None:
            raise LookupError(
                f"{kind!r} is no kind of the engine or of an installed plugin: spell it as it is, or pass an EventKind"
            )
        kind = found
    return data if isinstance(data, Struct) else msgspec.convert(dict(data or {}), kind.payload)


def _subject(kind: str, payload: Any) -> str:
    return f"{payload.account}:{payload.work}" if kind == "evidence.accepted" else "subject-1"
