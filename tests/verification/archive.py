"""A source with as much past work as a test wants, made by number, behind a server that hands it out in parts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Annotated, Any

import httpx
import msgspec
from msgspec import Meta, Struct

from skillcore.plugin import (
    Account,
    Evidence,
    MCPServer,
    NotVerified,
    Page,
    PluginInfo,
    ServerSettings,
    Tool,
    Tools,
    Verdict,
    VerificationSource,
    Verified,
    hookimpl,
)
from skillcore.plugin.manager import Plugins
from skillcore.testing import MCP_URL, MCPResponder

SERVER = MCPServer(
    tools=(Tool("works", ("after", "count")),),
    settings=ServerSettings(url=MCP_URL, calls_per_second=1000.0, concurrency=16),
)
FIRST = datetime(2024, 1, 1, tzinfo=UTC)
TOPICS = ("loops", "SQL", "unheard of", "graph theory")


class Wanted(Struct, frozen=True, forbid_unknown_fields=True):
    """The requirement: a work that must be there."""

    work: Annotated[str, Meta(min_length=1, max_length=200)]


class Work(Struct, frozen=True):
    """A row of the server's answer."""

    work: str
    at: datetime
    topics: tuple[str, ...] = ()
    difficulty: float | None = None
    strength: str = "judged"

    @property
    def evidence(self) -> Evidence:
        return Evidence(
            work=self.work,
            occurred_at=self.at,
            topics=self.topics,
            difficulty=self.difficulty,
            strength=self.strength,  # type: ignore[arg-type]
        )


class Listing(Struct, frozen=True):
    """What the server answers: some works, and how many there are."""

    works: tuple[Work, ...]
    total: int


def made(number: int) -> Work:
    """Return the work of a number."""
    return Work(
        f"w-{number}",
        FIRST + timedelta(minutes=number),
        topics=(TOPICS[number % 4], TOPICS[number % 3]),
        difficulty=None if number % 5 == 0 else 1 + number % 9,
    )


class Archive(VerificationSource[Wanted]):
    """A source that shows its past work in parts; its cursor is how many works lie behind.

    Attributes:
        part: works that are asked for at a time.
        leaf: works of one page.
    """

    name = "archive"
    requirement = Wanted
    server = SERVER

    def __init__(self, part: int = 10, leaf: int = 10) -> None:
        self.part = part
        self.leaf = leaf

    async def verify(self, tools: Tools, account: Account, requirement: Wanted) -> Verdict:
        listing = await tools.call("works", {"after": 0, "count": 100_000}, Listing)
        found = [work.evidence for work in listing.works if work.work == requirement.work]
        return Verified(tuple(found)) if found else NotVerified(requirement.work, f"{listing.total} others")

    async def history(self, tools: Tools, account: Account, after: str | None) -> AsyncIterator[Page]:
        behind = int(after or 0)
        while True:
            listing = await tools.call("works", {"after": behind, "count": self.part}, Listing)
            for start in range(0, max(1, len(listing.works)), self.leaf):
                works = listing.works[start : start + self.leaf]
                behind += len(works)
                yield Page(evidence=tuple(work.evidence for work in works), cursor=str(behind), total=listing.total)
            if behind >= listing.total:
                return


def loaded(*sources: Any) -> Plugins:
    """Return the default plugins and one with these sources."""
    module = ModuleType("archive")

    @hookimpl
    def skillcore_plugin() -> PluginInfo:
        return PluginInfo(contract=">=1.1,<2")

    @hookimpl
    def skillcore_verification_sources(settings: None) -> list[Any]:
        return list(sources)

    for hook in (skillcore_plugin, skillcore_verification_sources):
        setattr(module, hook.__name__, hook)
    return Plugins.load(allow=["archive"], strict=True, extra=[("archive", module)])


class Shelves:
    """The server as a test arranges it.

    Attributes:
        works: all there is, the oldest first.
        answer: what it answers instead, if anything.
        before: done before each answer, with how many works lie behind the part that is asked for.
        forget: lets go of what was asked and answered so far.
    """

    def __init__(self, works: list[Work]) -> None:
        self.works = works
        self.answer: str | httpx.Response | Exception | None = None
        self.before: Callable[[int], Any] | None = None
        self.forget: Callable[[], object] = lambda: None
        self.responder = MCPResponder(self.handle, tools=SERVER.tools)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer a request; for respx."""
        if self.before is not None and b'"tools/call"' in request.content:
            called = msgspec.json.decode(request.content)["params"]["arguments"]
            happening = self.before(called["after"])
            if happening is not None:
                await happening
        return await self.responder(request)

    def handle(self, tool: str, arguments: dict[str, Any]) -> str | httpx.Response:
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer is not None:
            return self.answer
        after, count = arguments["after"], arguments["count"]
        part = self.works[after : after + count]
        return msgspec.json.encode(Listing(tuple(part), len(self.works))).decode()

    def down(self, retry_after: float | None = None) -> None:
        """Have the server fail."""
        self.answer = httpx.Response(503, headers={} if retry_after is None else {"Retry-After": f"{retry_after:g}"})

    @property
    def asked(self) -> list[int]:
        """Behind how many works each part began that it was asked for."""
        return [arguments["after"] for _, arguments in self.responder.calls]
