"""The sources of this process: asks them for verdicts, and knows how they are. No database here.

A source is a plugin's code with the session and the guard of its server. The code may do anything, so it is contained; the
server may do anything, so its answers are judged. What is left is a verdict, or a `SourceError`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from datetime import datetime
from importlib import import_module
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, cast

import msgspec
from msgspec import Struct

from skillcore.plugin import (
    Account,
    Advice,
    Identity,
    InvalidRequirement,
    IssuedChallenge,
    NotProved,
    PathAdvisor,
    PathTopic,
    SourceError,
    Unavailable,
    Verdict,
    VerificationSource,
)
from skillcore.plugin.manager import Plugins
from skillcore.plugin.sections import Misfit, fit
from skillcore.runtime import clock
from skillcore.runtime.mcp_answers import ServerReport
from skillcore.runtime.outbound import Network
from skillcore.runtime.problems import InvalidField
from skillcore.runtime.resilience import BreakerState, Guard
from skillcore.runtime.settings import ResilienceSettings, Settings
from skillcore.verification.challenges import sound_proof
from skillcore.verification.containment import contained, sound_verdict, task_name
from skillcore.verification.figures import sound_figures
from skillcore.verification.histories import END, NONE, BrokenHistory, Circles, Read, Reading, sound_page
from skillcore.verification.strays import task_factory, within_the_engine
from skillcore.verification.tools import GuardedTools, RawAnswer

if TYPE_CHECKING:
    from skillcore.runtime.mcp import ServerSession

__all__ = ["Outcome", "SourceHealth", "Sources", "check_sources", "normalise", "parse_requirement", "source_of"]


T = TypeVar("T")

CLOSING = 5.0
"""Seconds that a plugin's code has to end when its history is read no further."""


class Outcome(Struct, frozen=True):
    """A verdict, and the raw answers that it rests on."""

    verdict: Verdict
    answers: tuple[RawAnswer, ...] = ()


class SourceHealth(Struct, frozen=True, kw_only=True):
    """How a source or advisor is.

    Attributes:
        plugin: the plugin that offers it.
        reachable: its server answered just now.
        server: what the server calls itself; empty while unreachable, as are ``version`` and ``protocol``.
        tools: what is wrong with tools that the source needs, by tool.
        breaker: whether calls are let through.
        error: why it cannot be used, or None.
    """

    name: str
    kind: Literal["source", "advisor"]
    plugin: str
    reachable: bool
    server: str = ""
    version: str = ""
    protocol: str = ""
    tools: Mapping[str, str] = {}
    breaker: BreakerState
    error: str | None = None


class Sources:
    """All sources and advisors of a process, each with one session and one guard. Closes them when left.

    Args:
        plugins: what is loaded.
        settings: for ``[resilience]``, each plugin's own resilience, the deadline of a verification, and where servers may be.

    Raises:
        Misfit: a plugin's own resilience does not fit.
    """

    def __init__(self, plugins: Plugins, settings: Settings) -> None:
        self._plugins = plugins
        self._deadline = settings.verification.deadline
        network = Network(settings.outbound.allow)
        offered: dict[str, VerificationSource[Any] | PathAdvisor] = {**plugins.sources, **plugins.advisors}
        self._served: Mapping[str, _Served] = MappingProxyType(
            {
                name: _Served(plugins.owner(name), item, settings.resilience_of(plugins.owner(name)), network)
                for name, item in offered.items()
            }
        )
        self._apart: dict[str, datetime] = {}
        self._returned: set[str] = set()

    async def __aenter__(self) -> Self:
        asyncio.get_running_loop().set_task_factory(task_factory)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all sessions at once."""
        await asyncio.gather(*(served.session.aclose() for served in self._served.values()))

    async def verify(self, name: str, account: Account, requirement: Struct) -> Outcome:
        """Ask a source whether an account's work meets a requirement.

        Raises:
            SourceError: no verdict; the subclass says why.
        """
        source, served = self._asked(name)
        tools = served.tools()
        returned = await self._contained(name, lambda: source.verify(tools, account, requirement), self._deadline)
        return Outcome(sound_verdict(served.who, returned), tuple(tools.answers))

    async def history(self, name: str, account: Account, after: str | None) -> AsyncGenerator[Read, None]:
        """Yield an account's past work page by page; each page has the deadline of a verification.

        Close it (`contextlib.aclosing`) when it is not read to its end.

        Args:
            name: of the source.
            account: whose work.
            after: the cursor of the last page that was kept.

        Raises:
            SourceError: while iterating; the subclass says why. `BrokenHistory` where asking again cannot help.
        """
        source, served = self._asked(name)
        tools = served.tools()
        reading = Reading(served.who, lambda: source.history(tools, account, after))
        circles = Circles(after)
        try:
            while True:
                self._refuse_apart(name)
                yielded = await self._contained(name, reading.following, self._deadline)
                if yielded is NONE:
                    raise BrokenHistory(f"{name} shows no history")
                if yielded is END:
                    return
                page = sound_page(served.who, yielded)
                if circles.come_round(page.cursor):
                    raise BrokenHistory(f"{served.who} goes in circles: its history came back to a cursor before it")
                yield Read(page, tools.take())
        finally:
            with suppress(SourceError):  # nobody waits for it any more
                await contained(served.who, reading.close, CLOSING)

    async def prove(self, name: str, account: Account, challenge: IssuedChallenge) -> Identity | NotProved:
        """Ask a source whether a challenge was met.

        Raises:
            SourceError: it did not say; the subclass says why.
        """
        source, served = self._asked(name)
        tools = served.tools()
        returned = await self._contained(name, lambda: source.check_challenge(tools, account, challenge), self._deadline)
        return sound_proof(served.who, returned)

    async def figures(self, name: str, account: Account) -> dict[str, float]:
        """Ask a source for the figures of an account's public profile.

        Raises:
            SourceError: it did not say; the subclass says why.
        """
        source, served = self._asked(name)
        returned = await self._contained(name, lambda: source.get_user_stats(served.tools(), account), self._deadline)
        return sound_figures(served.who, returned)

    async def advise(self, name: str, topics: tuple[PathTopic, ...]) -> tuple[Advice, ...]:
        """Ask an advisor about the topics of a path.

        Raises:
            Unavailable: it is not loaded, or nothing that can be trusted came back.
        """
        advisor = self._plugins.advisors.get(name)
        if advisor is None:
            raise Unavailable(f"the advisor {name!r} is not loaded")
        served = self._served[name]
        self._refuse_apart(name)
        returned = await self._contained(name, lambda: advisor.advise(served.tools(), topics), self._deadline)
        try:
            return msgspec.json.decode(msgspec.json.encode(returned), type=tuple[Advice, ...])
        except Exception as error:  # whatever it returned may fail in its own way
            raise Unavailable(f"{served.who} returned something else than advice: {error}") from error

    async def check(self, name: str, *, seconds: float = 90.0) -> SourceHealth:
        """Look how a source or advisor is: connect if needed, ask for its tools, and let it judge for itself.

        Args:
            name: of the source or advisor.
            seconds: the check ends then at the latest.

        Raises:
            KeyError: there is none of this name.
        """
        served = self._served[name]
        report, error = ServerReport(), None
        try:
            self._refuse_apart(name)
            report = await contained(served.who, served.report, seconds)
            if not report.problems:
                error = await self._contained(name, served.judge_itself, seconds)
        except SourceError as raised:
            error = raised.message
        return SourceHealth(
            name=name,
            kind="source" if name in self._plugins.sources else "advisor",
            plugin=served.plugin,
            reachable=bool(report.protocol),
            server=report.name,
            version=report.version,
            protocol=report.protocol,
            tools=report.problems,
            breaker=served.guard.breaker.state,
            error=error or "; ".join(report.problems.values()) or None,
        )

    def states(self) -> Mapping[str, BreakerState]:
        """Return the breaker of each source and advisor."""
        return {name: served.guard.breaker.state for name, served in self._served.items()}

    def set_apart(self, until: Mapping[str, datetime]) -> None:
        """Ask none of these sources and advisors before its time, and all others."""
        self._apart = dict(until)
        self._returned &= until.keys()

    def returned(self) -> frozenset[str]:
        """Return those that were set apart, and that have since been asked and let others on."""
        return frozenset(self._returned)

    def running(self, task: str, modules: Collection[str]) -> tuple[str, ...]:
        """Return whose code runs, given the name of the task and the modules that it is in: one, or all of a plugin's."""
        named = [name for name, served in self._served.items() if task == task_name(served.who)]
        packages = {module.partition(".")[0] for module in modules} - {__name__.partition(".")[0]}
        within = [name for name, served in self._served.items() if served.package in packages]
        return tuple(named or within)

    def _asked(self, name: str) -> tuple[VerificationSource[Any], _Served]:
        source = self._plugins.sources.get(name)
        if source is None:
            raise Unavailable(f"the source {name!r} is not loaded")
        self._refuse_apart(name)
        return source, self._served[name]

    def _refuse_apart(self, name: str) -> None:
        seconds = (self._apart[name] - clock.now()).total_seconds() if name in self._apart else 0.0
        if seconds > 0:
            message = f"{self._served[name].who} held up its worker, and is not asked for {max(1, round(seconds))} s"
            raise Unavailable(message, retry_after=seconds)

    async def _contained(self, name: str, call: Callable[[], Awaitable[T]], seconds: float) -> T:
        try:
            return await contained(self._served[name].who, call, seconds)
        finally:
            if name in self._apart:
                self._returned.add(name)


class _Served:
    """A source or advisor with the session and the guard of its server."""

    def __init__(
        self,
        plugin: str,
        item: VerificationSource[Any] | PathAdvisor,
        resilience: ResilienceSettings,
        network: Network,
    ) -> None:
        self.plugin = plugin
        self.item = item
        self.package = type(item).__module__.partition(".")[0]
        self.who = item.name if item.name == plugin else f"{item.name} (plugin {plugin})"
        server = item.server
        self.session = _sessions()(item.name, server, resilience, network)
        self.guard = Guard(
            item.name,
            resilience,
            calls_per_second=server.settings.calls_per_second,
            concurrency=server.settings.concurrency,
        )

    def tools(self) -> GuardedTools:
        """Return tools that record the answers of one use."""
        return GuardedTools(self.session, self.guard)

    async def report(self) -> ServerReport:
        """Return what the server says of itself, in a session that stays open."""
        with within_the_engine():
            return await self.session.check()

    async def judge_itself(self) -> str | None:
        """Return what the plugin finds wrong with its source."""
        found: object = await self.item.health_check(self.tools())
        return None if found is None else str(found)


async def check_sources(sources: Sources, names: Collection[str] = (), *, seconds: float = 90.0) -> tuple[SourceHealth, ...]:
    """Check sources and advisors side by side, in the order of their names.

    Args:
        sources: of this process.
        names: which; all without.
        seconds: for each.

    Raises:
        KeyError: one of the names is unknown.
    """
    chosen = sorted(names or sources.states())
    async with asyncio.TaskGroup() as group:
        checks = [group.create_task(sources.check(name, seconds=seconds)) for name in chosen]
    return tuple(check.result() for check in checks)


def parse_requirement(plugins: Plugins, name: str, data: Mapping[str, Any]) -> Struct:
    """Return a source's requirement from what a caller sent.

    Raises:
        InvalidField: no such source, a value that does not fit, or one that the source refuses; names the field.
    """
    source = source_of(plugins, name)
    try:
        requirement: Struct = fit(data, source.requirement)
    except Misfit as misfit:
        field = ".".join(("requirements", *misfit.path))
        raise InvalidField(f"{field}: found {misfit.found}; allowed: {misfit.allowed}", field=field) from misfit
    _asked(name, lambda: source.check(requirement), "requirements")
    return requirement


def normalise(plugins: Plugins, name: str, handle: str) -> str:
    """Return a handle as the source compares it.

    Raises:
        InvalidField: no such source, or the source knows that this is no handle there.
    """
    source = source_of(plugins, name)
    normal = _asked(name, lambda: source.normalise(handle))
    if not isinstance(normal, str) or not normal or "\0" in normal:
        raise InvalidField(f"{handle!r} is no handle at {name}", field="handle")
    return normal


def source_of(plugins: Plugins, name: str) -> VerificationSource[Any]:
    """Return a source by its name.

    Raises:
        InvalidField: there is none of this name.
    """
    source = plugins.sources.get(name)
    if source is None:
        known = ", ".join(sorted(plugins.sources)) or "none"
        raise InvalidField(f"there is no source {name!r}; there are: {known}", field="source")
    return source


def _asked(name: str, question: Callable[[], Any], prefix: str = "") -> Any:
    """Put a question to a plugin's code that does no I/O."""
    try:
        return question()
    except InvalidRequirement as error:
        field = ".".join(part for part in (prefix, error.field) if part)
        raise InvalidField(error.message, field=field) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # its code failed on this value, which is all that can be said
        raise InvalidField(
            f"the source {name!r} cannot judge this value: {type(error).__name__}: {error}", field=prefix or None
        ) from error


def _sessions() -> type[ServerSession]:
    """Load the library of MCP, which takes as long as all else: API processes and most commands never ask a server."""
    return cast("type[ServerSession]", import_module("skillcore.runtime.mcp").ServerSession)
