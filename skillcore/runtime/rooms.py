"""What a room offers to the rest: routes, jobs, services and the like, and what it owes to people who leave."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from litestar.types import ControllerRouterHandler
from msgspec import Struct

from skillcore.plugin import Event
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.events import NewEvent
from skillcore.runtime.settings import Settings

__all__ = [
    "Check",
    "Define",
    "Erase",
    "Finding",
    "Gauge",
    "Job",
    "Leave",
    "Rebuild",
    "Retention",
    "Room",
    "Service",
    "Subscription",
]

Process = Literal["api", "worker"]


class Finding(Struct, frozen=True):
    """Something that ``verify-ledger`` found wrong: what, and where."""

    check: str
    message: str
    user_id: UUID | None = None
    subject: str = ""


Check = Callable[[Engine], AsyncIterator[Finding]]
"""A check of ``skillcore verify-ledger``; yields what is wrong."""

Rebuild = Callable[[Engine, Callable[[str], None]], Awaitable[None]]
"""A step of ``skillcore rebuild``: drops derived state and recomputes it, telling its progress; may be run again."""

Service = Callable[[Engine], AbstractAsyncContextManager[object]]
"""Opens something a process runs for a room, such as the ledger's intake; closed in reverse order."""

Gauge = Callable[[Transaction], Awaitable[None]]
"""Reads values from the database into the room's metrics, when somebody scrapes them."""

Erase = Callable[[Transaction, UUID], Awaitable[None]]
"""What erasing a person asks of a room beyond what its tables declare: such as handing over what others share, or forgetting
them in a cache. Called in the transaction that erases, before the declared rows go; the second time it finds nothing to do."""

Define = Callable[[Transaction, UUID, str, datetime], Awaitable[Struct | None]]
"""Returns what a person's subject is judged by, as it stood at a moment: called with their id and the subject. None if there is
none, or it is not theirs."""

Leave = Callable[[Transaction, UUID, UUID], Awaitable[None]]
"""What a room does when a person leaves a platform: called with their ids, in the transaction that ends the membership, as the
last thing that it does."""


class Retention(Struct, frozen=True, kw_only=True):
    """What a room does not keep for ever.

    Attributes:
        name: of what is forgotten, in words: ``answers``.
        kept: how long, by the settings, after what `forget` goes by; None if for ever. Zero for rows that say themselves when
            their time is over.
        forget: called with a transaction, a moment and a number: deletes no more than so many of the rows whose time was over
            before the moment, and returns how many; called again until fewer than asked for are gone.
    """

    name: str
    kept: Callable[[Settings], timedelta | None]
    forget: Callable[[Transaction, datetime, int], Awaitable[int]]


class Job(Struct, frozen=True, kw_only=True):
    """Work done later, in a worker, at least once; its effect must be the same if it runs twice.

    Attributes:
        name: dotted, room first: ``work.complete_task``.
        queue: a queue of the settings.
        by_source: it is about one source, and waits in that source's own lane of the queue, so that jobs about a source
            that hangs keep no others waiting.
        run: called with the engine, the job's context and the arguments it was enqueued with.
        retries: how often it is tried again after failing or killing its worker; then it is dead, and visible as such.
        retry_base: seconds before the first of these retries; each further one waits twice as long.
    """

    name: str
    queue: str
    by_source: bool = False
    run: Callable[..., Awaitable[Mapping[str, Any] | None]]
    retries: int = 3
    retry_base: float = 2.0


class Subscription(Struct, frozen=True, kw_only=True):
    """The way up: what a room does after events were recorded.

    Attributes:
        name: stable; the cursor is kept under it.
        kinds: events it looks at.
        follows: role of a formula whose kinds it looks at too; without an active formula in that role it waits.
        emits: kinds that its handler records; the graph of kinds must have no cycle.
        handle: called with a transaction and the new events of each person, in the order of their versions; returns what
            follows from them, which is recorded in the same transaction. Ids come from `runtime.events.consequence`.
    """

    name: str
    kinds: frozenset[str]
    follows: str | None = None
    emits: frozenset[str] = frozenset()
    handle: Callable[[Transaction, Mapping[UUID, tuple[Event, ...]]], Awaitable[Sequence[NewEvent]]]


class Room(Struct, frozen=True, kw_only=True):
    """A folder's offer. ``app.py`` and the command line iterate over all rooms and name none."""

    name: str
    routes: tuple[ControllerRouterHandler, ...] = ()
    jobs: tuple[Job, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    checks: Mapping[str, Check] = {}
    rebuild: tuple[Rebuild, ...] = ()
    services: Mapping[Process, tuple[Service, ...]] = {}
    gauges: tuple[Gauge, ...] = ()
    retention: tuple[Retention, ...] = ()
    erase: tuple[Erase, ...] = ()
    leave: tuple[Leave, ...] = ()
    definitions: Mapping[type[Struct], Define] = {}
