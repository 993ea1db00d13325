"""What a plugin says of itself, and the events that it may add to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

__all__ = ["Event", "EventKind", "PluginInfo"]


class PluginInfo(Struct, frozen=True):
    """What a plugin is.

    Attributes:
        contract: the versions of this contract that the plugin works with, such as ``>=1.1,<2``: from the one it was
            written for, up to the next that may break it. A skillcore outside of them refuses the plugin.
        settings: the Struct behind ``[plugins.<name>]``; every field needs a default. A field ``server: ServerSettings``
            holds the MCP server.
        exempt: what `skillcore plugins check` asks and the nature of the plugin prevents: the line's id, such as
            ``history-offered``, and the reason, for people.
    """

    contract: str
    settings: type[Struct] | None = None
    exempt: Mapping[str, str] = {}


class EventKind(Struct, frozen=True):
    """A kind of event and the shape of its payload.

    Attributes:
        name: dotted, lower case, such as ``task.verified``.
        payload: a Struct that only ever gains optional fields.
        client: platforms and learners may send it; otherwise only the engine records it.
    """

    name: str
    payload: type[Struct]
    client: bool = False


class Event(Struct, frozen=True):
    """A recorded fact, as rules and formulas see it: its payload is an instance of its kind's Struct."""

    id: str
    user_id: str
    kind: str
    subject_id: str
    occurred_at: datetime
    skills: tuple[str, ...]
    data: Any
    via: str = "engine"
