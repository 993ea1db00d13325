"""A source on which everything can be arranged, and people and platforms with what tests ask of the ledger."""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import cache
from types import ModuleType
from typing import Annotated, Any
from uuid import UUID

import httpx
import msgspec
from msgspec import Meta, Struct
from sqlalchemy import select

from skillcore.accounts.access import SCOPES, Actor
from skillcore.accounts.tables import MembershipRow, PlatformRow, UserRow
from skillcore.ledger.tables import EventRow, SignalRow
from skillcore.plugin import (
    Account,
    Evidence,
    InvalidRequirement,
    MCPServer,
    NotFound,
    NotVerified,
    PluginInfo,
    Refused,
    ServerSettings,
    SourceError,
    Strength,
    Tool,
    Tools,
    Unavailable,
    Undecided,
    Verdict,
    VerificationSource,
    Verified,
    hookimpl,
)
from skillcore.plugin.manager import Plugins
from skillcore.runtime.clock import new_id
from skillcore.runtime.engine import Engine
from skillcore.runtime.jobs import JobContext
from skillcore.testing import MCP_URL, MCPResponder, ToolFault
from skillcore.work.completion import complete_task

SERVER = MCPServer(
    tools=(Tool("solved", ("handle",)),), settings=ServerSettings(url=MCP_URL, calls_per_second=1000.0, concurrency=16)
)
SOLVED_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Solved(Struct, frozen=True, forbid_unknown_fields=True):
    """The requirement: an exercise that must have been solved."""

    exercise: Annotated[str, Meta(min_length=1, max_length=50)]


class Row(Struct, frozen=True):
    exercise: str
    topics: tuple[str, ...] = ()
    difficulty: float | None = None
    strength: Strength = "judged"


class Listing(Struct, frozen=True):
    """What the gym's server answers; ``complete`` says whether it shows everything."""

    solved: tuple[Row, ...]
    complete: bool = True


class Gym(VerificationSource[Solved]):
    """A source whose server answers as the test arranges."""

    name = "gym"
    requirement = Solved
    server = SERVER

    def check(self, requirement: Solved) -> None:
        if requirement.exercise == "impossible":
            raise InvalidRequirement("there is no such exercise", field="exercise")

    def normalise(self, handle: str) -> str:
        if " " in handle.strip():
            raise InvalidRequirement("a handle has no spaces", field="handle")
        return handle.strip().lower()

    async def verify(self, tools: Tools, account: Account, requirement: Solved) -> Verdict:
        listing = await tools.call("solved", {"handle": self.normalise(account.handle)}, Listing, failure=failure)
        for row in listing.solved:
            if row.exercise == requirement.exercise:
                evidence = Evidence(
                    work=row.exercise,
                    occurred_at=SOLVED_AT,
                    topics=row.topics,
                    difficulty=row.difficulty,
                    strength=row.strength,
                )
                return Verified((evidence,))
        if not listing.complete:
            return Undecided("the gym shows its newest only", "solve it again")
        return NotVerified(f"exercise {requirement.exercise}", f"{len(listing.solved)} others")


def failure(text: str) -> SourceError:
    """Turn the words of the gym's server into errors."""
    if "nobody" in text:
        return NotFound("the gym knows nobody of this name")
    if "key" in text:
        return Refused("the gym refuses our key")
    return Unavailable(f"the gym says: {text}")


def plugins() -> Plugins:
    """Return the default plugins and the gym, loaded once for all tests; what a test puts in their place is its own."""
    return copy.copy(_plugins())


@cache
def _plugins() -> Plugins:
    module = ModuleType("gym")

    @hookimpl
    def skillcore_plugin() -> PluginInfo:
        return PluginInfo(contract=">=1.1,<2")

    @hookimpl
    def skillcore_verification_sources(settings: None) -> list[Any]:
        return [Gym()]

    for hook in (skillcore_plugin, skillcore_verification_sources):
        setattr(module, hook.__name__, hook)
    return Plugins.load(allow=["gym"], strict=True, extra=[("gym", module)])


class Arranged:
    """The gym's server as a test arranges it.

    Attributes:
        answer: the text it answers with, an HTTP response, or an exception it raises.
        meanwhile: done once, while the source is being asked.
    """

    def __init__(self) -> None:
        self.responder = MCPResponder(self.handle, tools=SERVER.tools)
        self.answer: str | httpx.Response | Exception = '{"solved": []}'
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer a request; for respx."""
        if self.meanwhile is not None and b'"tools/call"' in request.content:
            happening, self.meanwhile = self.meanwhile, None
            await happening()
        return await self.responder(request)

    def handle(self, tool: str, arguments: dict[str, Any]) -> str | httpx.Response:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def solved(self, *rows: Row, complete: bool = True) -> None:
        """Have these exercises solved."""
        self.answer = msgspec.json.encode(Listing(rows, complete)).decode()

    def down(self, retry_after: float | None = None) -> None:
        """Have the server fail."""
        headers = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
        self.answer = httpx.Response(503, headers=headers)

    def says(self, text: str) -> None:
        """Have the tool fail with these words."""
        self.answer = ToolFault(text)

    @property
    def calls(self) -> int:
        """How often it was asked."""
        return len(self.responder.calls)


class World:
    """People and platforms, and what tests ask of the ledger."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    async def person(self) -> Actor:
        """Return a learner."""
        user_id = new_id()
        async with self.engine.transaction() as tx:
            tx.session.add(UserRow(id=user_id))
        return Actor(kind="user", user_id=user_id)

    async def platform(self) -> Actor:
        """Return a key of a platform with all scopes."""
        platform_id = new_id()
        async with self.engine.transaction() as tx:
            tx.session.add(PlatformRow(id=platform_id, name="a platform"))
        return Actor(kind="key", platform_id=platform_id, scopes=frozenset(SCOPES))

    async def join(self, platform: Actor, person: Actor, external_id: str) -> None:
        """Make a person a platform's member."""
        async with self.engine.transaction() as tx:
            tx.session.add(MembershipRow(platform_id=platform.platform_id, external_id=external_id, user_id=person.user_id))

    async def member(self, platform: Actor, external_id: str = "ada") -> Actor:
        """Return a learner who is a platform's member."""
        person = await self.person()
        await self.join(platform, person, external_id)
        return person

    async def events(self, person: Actor, *kinds: str) -> list[EventRow]:
        """Return a person's events in the order of their versions."""
        query = select(EventRow).where(EventRow.user_id == person.user_id).order_by(EventRow.version)
        async with self.engine.transaction() as tx:
            rows = list(await tx.session.scalars(query))
        return [row for row in rows if not kinds or row.kind in kinds]

    async def kinds(self, person: Actor) -> list[str]:
        """Return the kinds of a person's events in the order of their versions."""
        return [row.kind for row in await self.events(person)]

    async def signals(self, person: Actor) -> set[tuple[str, str, str, str]]:
        """Return a person's signals: skill, source type, source and signal type."""
        async with self.engine.transaction() as tx:
            rows = await tx.session.scalars(select(SignalRow).where(SignalRow.user_id == person.user_id))
            return {(row.skill_id, row.source_type, row.source_id, row.signal_type) for row in rows}

    async def run(self, task: UUID, attempt: int = 1) -> None:
        """Run a task's job once, as a worker would."""
        await complete_task(self.engine, JobContext(self.engine, 0, attempt), task=str(task))
