"""A site where deeds are public, and a source that proves accounts by one that was asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from types import ModuleType
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import select, text

from skillcore.accounts.access import Actor
from skillcore.plugin import (
    Account,
    Challenge,
    ChallengeProof,
    Identity,
    IssuedChallenge,
    MCPServer,
    NotProved,
    OAuthClient,
    OAuthProof,
    PluginInfo,
    Proof,
    ServerSettings,
    SourceError,
    Tool,
    Tools,
    Undecided,
    Verdict,
    VerificationSource,
    hookimpl,
)
from skillcore.plugin.manager import Plugins
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.jobs import JobContext, Jobs
from skillcore.runtime.sealing import Sealer
from skillcore.runtime.settings import ResilienceSettings, Settings, VerificationSettings
from skillcore.testing import MCP_URL
from skillcore.verification import accounts, proving
from skillcore.verification.accounts import SourceAccount
from skillcore.verification.attempts import Attempt
from skillcore.verification.proof import prove
from skillcore.verification.proving import NewAttempt, Submitted
from skillcore.verification.room import ROOM
from skillcore.verification.sources import Sources
from skillcore.verification.tables import LinkAttemptRow
from tests.conftest import Dsns
from tests.world import World

SOURCE = "arena"


class Lift(Struct, frozen=True, forbid_unknown_fields=True):
    """The requirement; no test of proofs asks for it."""

    kilos: int


class Act(NamedTuple):
    """Something done in public."""

    number: int
    handle: str
    deed: str
    at: datetime


class Site:
    """What everybody can see there.

    Attributes:
        acts: in the order in which they were done.
        ids: the site's own ids of accounts, by handle; without one an account has none.
        names: what the site calls accounts now, by the handle that was asked for.
        deeds: how many different challenges there are.
        error: raised instead of an answer.
        heedless: the source looks at no time, nor at who it was: the worst that a plugin could do.
        meanwhile: done once, while the source is being asked.
    """

    def __init__(self) -> None:
        self.acts: list[Act] = []
        self.ids: dict[str, str] = {}
        self.names: dict[str, str] = {}
        self.deeds = 2**64
        self.error: SourceError | None = None
        self.returned: Any = None
        self.heedless = False
        self.meanwhile: Callable[[], Awaitable[object]] | None = None
        self.looks = 0

    def act(self, handle: str, attempt: Attempt, at: datetime | None = None) -> Act:
        """Do what an attempt asks for, when it was issued if not otherwise said."""
        act = Act(len(self.acts) + 1, handle, attempt.data["deed"], at or attempt.issued_at)
        self.acts.append(act)
        return act


class Arena(VerificationSource[Lift]):
    """A source that tells an act from others by who did it, what it was, and when."""

    name = SOURCE
    requirement = Lift
    server = MCPServer(tools=(Tool("acts", ("handle",)),), settings=ServerSettings(url=MCP_URL))
    proofs: tuple[Proof, ...] = (ChallengeProof(minutes=30),)

    def __init__(self, site: Site) -> None:
        self.site = site

    async def verify(self, tools: Tools, account: Account, requirement: Lift) -> Verdict:
        return Undecided("nobody weighs anything here")

    def challenge(self, account: Account, number: int) -> Challenge:
        deed = f"lift {number % self.site.deeds}"
        return Challenge(key=deed, instructions=f"Lift stone {deed}", data={"deed": deed})

    async def check_challenge(self, tools: Tools, account: Account, challenge: IssuedChallenge) -> Identity | NotProved:
        self.site.looks += 1
        if self.site.meanwhile is not None:
            happening, self.site.meanwhile = self.site.meanwhile, None
            await happening()
        if self.site.error is not None:
            raise self.site.error
        if self.site.returned is not None:
            return self.site.returned
        for act in self.site.acts:
            in_time = challenge.issued_at <= act.at <= challenge.expires_at
            if self.site.heedless or (act.handle.lower() == account.handle.lower() and act.deed == challenge.key and in_time):
                name = self.site.names.get(act.handle, act.handle)
                return Identity(handle=name, external_id=self.site.ids.get(act.handle), mark=str(act.number))
        return NotProved(looked_for=f"{challenge.key} by {account.handle}", found=f"{len(self.site.acts)} acts")


class LaxArena(Arena):
    """Compares handles as they come."""

    def normalise(self, handle: str) -> str:
        return handle


class SignedIn(Arena):
    """Offers to sign in, too, under credentials that nobody has configured."""

    proofs = (
        OAuthProof(
            client=OAuthClient(),
            authorize_url="https://arena.test/authorize",
            token_url="https://arena.test/token",
            user_url="https://arena.test/user",
        ),
        ChallengeProof(minutes=5),
    )


class Unproved(Arena):
    """Has no way to prove an account."""

    proofs = ()


def plugins(*sources: Any) -> Plugins:
    """Return the default plugins and one with these sources."""
    module = ModuleType("arenas")

    @hookimpl
    def skillcore_plugin() -> PluginInfo:
        return PluginInfo(contract=">=1.1,<2")

    @hookimpl
    def skillcore_verification_sources(settings: None) -> list[Any]:
        return list(sources)

    for hook in (skillcore_plugin, skillcore_verification_sources):
        setattr(module, hook.__name__, hook)
    return Plugins.load(allow=["arenas"], strict=True, extra=[("arenas", module)])


class Claims(World):
    """People who claim accounts at the arena."""

    def __init__(self, engine: Engine, site: Site) -> None:
        super().__init__(engine)
        self.site = site

    async def start(self, person: Actor, handle: str, **more: Any) -> Attempt:
        async with self.engine.transaction() as tx:
            return await proving.start(tx, person, SOURCE, NewAttempt(handle=handle, **more))

    async def seen(self, person: Actor) -> Attempt:
        async with self.engine.transaction() as tx:
            return await proving.show(tx, person, SOURCE)

    async def confirm(self, person: Actor) -> Submitted:
        async with self.engine.transaction() as tx:
            return await proving.confirm(tx, person, SOURCE)

    async def look(self, person: Actor, times: int = 1) -> Attempt:
        """Run the job of a person's newest attempt, as a worker would."""
        query = select(LinkAttemptRow.id).where(LinkAttemptRow.user_id == person.user_id).order_by(LinkAttemptRow.id.desc())
        async with self.engine.transaction() as tx:
            number = await tx.session.scalar(query.limit(1))
        await self.run_proof(number, times)
        return await self.seen(person)

    async def run_proof(self, number: UUID | None, times: int = 1) -> None:
        """Run the job of an attempt."""
        await prove(self.engine, JobContext(self.engine, 0, times), attempt=str(number))

    async def confirmed(self, person: Actor) -> Attempt:
        """Confirm and look."""
        await self.confirm(person)
        return await self.look(person)

    async def proved(self, person: Actor, handle: str) -> Attempt:
        """Prove an account from beginning to end."""
        self.site.act(handle, await self.start(person, handle))
        attempt = await self.confirmed(person)
        assert attempt.state == "proved", attempt
        return attempt

    async def pass_time(self, seconds: float) -> None:
        """Let all attempts be older."""
        earlier = "{0} = {0} - make_interval(secs => :s)"
        query = f"update link_attempts set {earlier.format('issued_at')}, {earlier.format('expires_at')}"
        async with self.engine.transaction() as tx:
            await tx.session.execute(text(query), {"s": seconds})

    async def held(self, person: Actor) -> list[SourceAccount]:
        """Return a person's accounts, as they see them."""
        async with self.engine.transaction() as tx:
            return await accounts.listing(tx, person, "me")

    async def unlink(self, actor: Actor, person: Actor, **options: Any) -> None:
        async with self.engine.transaction() as tx:
            await accounts.unlink(tx, actor, str(person.user_id), SOURCE, **options)


def patient(settings: Settings) -> Settings:
    """Return settings under which nothing hinders a test."""
    return msgspec.structs.replace(
        settings,
        resilience=ResilienceSettings(retries=0, call_timeout=5.0, breaker_failures=1000),
        verification=VerificationSettings(
            deadline=10.0, retry_base=1.0, retry_attempts=3, retry_every=300.0, proof_starts_per_hour=1000
        ),
    )


@asynccontextmanager
async def claims_at(dsns: Dsns, settings: Settings, source: Arena, *, jobs: bool = True) -> AsyncIterator[Claims]:
    """Open an engine on a source, with its sources, and its jobs where no application opens them."""
    database = Database(dsns.service_dsn, settings.database)
    engine = Engine(settings, plugins(source), database)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        sources = await stack.enter_async_context(Sources(engine.plugins, settings))
        await stack.enter_async_context(engine.open(sources))
        if jobs:
            await stack.enter_async_context(engine.open(Jobs([ROOM])))
            await stack.enter_async_context(Sealer.opened(engine))
        yield Claims(engine, source.site)
