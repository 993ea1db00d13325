"""Verdicts through the whole pipeline, and plugins that do what no plugin should."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import ModuleType
from typing import Annotated, Any, ClassVar

import httpx
import pytest
import respx
from msgspec import Meta, Struct

from skillcore.plugin import (
    Account,
    Advice,
    Evidence,
    InvalidRequirement,
    MCPServer,
    NotFound,
    NotVerified,
    PathAdvisor,
    PathTopic,
    PluginInfo,
    Refused,
    ServerSettings,
    SourceError,
    Tool,
    Tools,
    Unavailable,
    Undecided,
    VerificationSource,
    Verified,
    hookimpl,
)
from skillcore.plugin.manager import Plugins
from skillcore.plugin.sections import Misfit
from skillcore.runtime.problems import InvalidField
from skillcore.runtime.settings import PluginSettings, ResilienceSettings, Settings, VerificationSettings
from skillcore.testing import MCP_URL, MCPResponder
from skillcore.verification.sources import Sources, check_sources, normalise, parse_requirement

ADA = Account("gym", "ada")
THEN = datetime(2026, 3, 1, 12, tzinfo=UTC)
SERVER = MCPServer(
    tools=(Tool("solved", ("handle",)),), settings=ServerSettings(url=MCP_URL, calls_per_second=1000.0, concurrency=64)
)
FAST = Settings(
    resilience=ResilienceSettings(retries=0, call_timeout=5.0, breaker_failures=3),
    verification=VerificationSettings(deadline=5.0),
)


class Solved(Struct, frozen=True, forbid_unknown_fields=True):
    exercise: Annotated[str, Meta(min_length=1)]
    count: Annotated[int, Meta(ge=1)] = 1


def evidence(**changes: Any) -> Evidence:
    return Evidence(**{"work": "loops-1", "occurred_at": THEN, "strength": "judged", **changes})


class Gym(VerificationSource[Solved]):
    """A source whose verdict is whatever a test wants."""

    name = "gym"
    requirement = Solved
    server = SERVER

    def __init__(self, verdict: Callable[[Tools], Any]) -> None:
        self.verdict = verdict
        self.sick: Any = None

    def check(self, requirement: Solved) -> None:
        if requirement.exercise == "impossible":
            raise InvalidRequirement("there is no such exercise", field="exercise")
        if requirement.exercise == "explosive":
            raise KeyError("bug")

    def normalise(self, handle: str) -> str:
        if " " in handle:
            raise InvalidRequirement("a handle has no spaces", field="handle")
        return handle.strip().lower()

    async def verify(self, tools: Tools, account: Account, requirement: Solved) -> Any:
        verdict = self.verdict(tools)
        return await verdict if asyncio.iscoroutine(verdict) else verdict

    async def health_check(self, tools: Tools) -> str | None:
        if isinstance(self.sick, BaseException):
            raise self.sick
        return None if self.sick is None else str(self.sick)


class Shelf(PathAdvisor):
    name: ClassVar[str] = "shelf"
    server = SERVER

    def __init__(self, advice: Any) -> None:
        self.advice = advice

    async def advise(self, tools: Tools, topics: tuple[PathTopic, ...]) -> Any:
        return self.advice


def plugins_of(gym: Gym | None = None, shelf: Shelf | None = None) -> Plugins:
    module = ModuleType("acme")

    @hookimpl
    def skillcore_plugin() -> PluginInfo:
        return PluginInfo(contract=">=1.1,<2")

    @hookimpl
    def skillcore_verification_sources(settings: None) -> list[Any]:
        return [gym] if gym else []

    @hookimpl
    def skillcore_path_advisors(settings: None) -> list[Any]:
        return [shelf] if shelf else []

    for hook in (skillcore_plugin, skillcore_verification_sources, skillcore_path_advisors):
        setattr(module, hook.__name__, hook)
    plugins = Plugins.load(allow=["acme"], extra=[("acme", module)])
    assert [plugin.error for plugin in plugins.plugins if plugin.name == "acme"] == [None]
    return plugins


@asynccontextmanager
async def sources(
    gym: Gym | None = None,
    shelf: Shelf | None = None,
    *,
    settings: Settings = FAST,
    handler: Any = None,
    tools: Any = SERVER.tools,
) -> AsyncIterator[Sources]:
    with respx.mock(using="httpcore2", assert_all_called=False) as router:
        router.route(url=MCP_URL).mock(side_effect=MCPResponder(handler or (lambda *_: '["loops-1"]'), tools=tools))
        async with Sources(plugins_of(gym, shelf), settings) as opened:
            yield opened


async def verdict_of(verdict: Any, **options: Any) -> Any:
    async with sources(Gym(lambda tools: verdict), **options) as opened:
        return (await opened.verify("gym", ADA, Solved("loops-1"))).verdict


async def error_of(verdict: Callable[[Tools], Any], **options: Any) -> SourceError:
    async with sources(Gym(verdict), **options) as opened:
        with pytest.raises(SourceError) as raised:
            await opened.verify("gym", ADA, Solved("loops-1"))
    return raised.value


async def test_a_verdict_comes_with_the_raw_answers_of_its_own_verification() -> None:
    async def verify(tools: Tools) -> Verified:
        rows = await tools.call("solved", {"handle": "ada"}, list[str])
        return Verified(tuple(evidence(work=row) for row in rows))

    async with sources(Gym(verify)) as opened:
        for _ in range(2):
            outcome = await opened.verify("gym", ADA, Solved("loops-1"))
            assert outcome.verdict == Verified((evidence(),))
            assert [answer.body for answer in outcome.answers] == ['["loops-1"]']


@pytest.mark.parametrize(
    "verdict",
    [
        Verified((evidence(topics=("loops",), difficulty=3.0, metadata={"rating": 1500}), evidence(work="loops-2"))),
        NotVerified("exercise loops-1", "3 others"),
        Undecided("too long ago", "an older list"),
    ],
)
async def test_verdicts_come_through_unchanged(verdict: Any) -> None:
    assert await verdict_of(verdict) == verdict


@pytest.mark.parametrize(
    "junk",
    [
        None,
        True,
        "verified",
        {"type": "verified", "evidence": []},
        Verified,
        Verified(()),
        Verified(None),  # type: ignore[arg-type]
        Verified((evidence(), "loops-2")),  # type: ignore[arg-type]
        Verified((evidence(occurred_at=datetime(2026, 3, 1)),)),  # noqa: DTZ001 - it is the fault under test
        Verified((evidence(occurred_at="2026-03-01"),)),
        Verified((evidence(occurred_at=0),)),
        Verified((evidence(work=""),)),
        Verified((evidence(work="x" * 201),)),
        Verified((evidence(work="loops\0"),)),
        Verified((evidence(topics=("a\0b",)),)),
        Verified((evidence(work="\ud800"),)),
        Verified((evidence(work=7),)),
        Verified((evidence(difficulty=11),)),
        Verified((evidence(difficulty="hard"),)),
        Verified((evidence(strength="certain"),)),
        Verified((evidence(topics="loops"),)),
        Verified((evidence(metadata={"secret": object()}),)),
        NotVerified(1, 2),  # type: ignore[arg-type]
        Undecided(None),  # type: ignore[arg-type]
    ],
)
async def test_junk_is_no_verdict_and_names_its_plugin(junk: Any) -> None:
    error = await error_of(lambda tools: junk)
    assert isinstance(error, Unavailable)
    assert "gym (plugin acme)" in error.message


@pytest.mark.parametrize(
    ("verdict", "found"),
    [
        (Verified(tuple(evidence(work=str(number)) for number in range(1001))), "1001 works"),
        (Verified((evidence(metadata={"essay": "x" * 4_200_000}),)), "bytes"),
        (NotVerified("x" * 4_200_000, ""), "bytes"),
    ],
)
async def test_a_verdict_has_bounds(verdict: Any, found: str) -> None:
    error = await error_of(lambda tools: verdict)
    assert isinstance(error, Unavailable)
    assert found in error.message
    assert "allowed: 1000 works and 4194304 bytes" in error.message


async def test_a_difficulty_that_is_no_number_is_unknown() -> None:
    verdict = await verdict_of(Verified((evidence(difficulty=math.nan),)))
    assert verdict.evidence[0].difficulty is None


class OddError(SourceError):
    """A plugin's own error."""


def raising(error: BaseException) -> Callable[[Tools], Any]:
    def verdict(tools: Tools) -> Any:
        raise error

    return verdict


@pytest.mark.parametrize(
    "error",
    [
        KeyError("bug"),
        RecursionError(),
        MemoryError(),
        SystemExit(3),
        GeneratorExit(),
        asyncio.CancelledError(),
        OddError("odd"),
    ],
)
async def test_whatever_a_plugin_raises_is_contained(error: BaseException) -> None:
    raised = await error_of(raising(error))
    assert type(raised) is Unavailable


@pytest.mark.parametrize("error", [NotFound("nobody"), Refused("401"), InvalidRequirement("no", field="exercise")])
async def test_a_sources_own_words_come_through(error: SourceError) -> None:
    assert await error_of(raising(error)) is error


@pytest.mark.parametrize(
    ("asked", "kept"), [(7.0, 7.0), (0, 0), ("soon", None), (math.nan, None), (math.inf, None), (-1, None)]
)
async def test_only_a_usable_retry_after_is_passed_on(asked: Any, kept: float | None) -> None:
    raised = await error_of(raising(Unavailable("down", retry_after=asked, limited=True)))
    assert isinstance(raised, Unavailable)
    assert (raised.message, raised.retry_after, raised.limited) == ("down", kept, True)


async def test_a_source_that_hangs_is_ended_at_the_deadline() -> None:
    ended = asyncio.Event()

    async def hang(tools: Tools) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    short = Settings(verification=VerificationSettings(deadline=0.05))
    error = await error_of(hang, settings=short)
    assert "did not finish within 0.05 s" in error.message
    assert ended.is_set()


async def test_a_source_that_refuses_to_end_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skillcore.verification.containment.STUBBORN", 0.05)
    release, left = asyncio.Event(), asyncio.Event()

    async def stubborn(tools: Tools) -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        left.set()

    short = Settings(verification=VerificationSettings(deadline=0.05))
    error = await error_of(stubborn, settings=short)
    assert "did not finish" in error.message
    release.set()
    await left.wait()


async def test_cancelling_a_verification_ends_the_sources_work() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def hang(tools: Tools) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with sources(Gym(hang)) as opened:
        caller = asyncio.create_task(opened.verify("gym", ADA, Solved("loops-1")))
        await begun.wait()
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        assert ended.is_set()


async def test_an_unknown_source_is_unavailable() -> None:
    async with sources() as opened:
        with pytest.raises(Unavailable, match="not loaded"):
            await opened.verify("gym", ADA, Solved("loops-1"))
        with pytest.raises(Unavailable, match="not loaded"):
            await opened.advise("shelf", ())


async def test_advice_comes_through_and_junk_does_not() -> None:
    advice = (Advice("Ajv", "documented", "there is documentation", citations=("docs/1",)),)
    async with sources(shelf=Shelf(advice)) as opened:
        assert await opened.advise("shelf", (PathTopic("Ajv"),)) == advice
    for junk in (None, "read more", [1], (Advice("Ajv", "surely", "yes"),)):  # type: ignore[arg-type]
        async with sources(shelf=Shelf(junk)) as opened:
            with pytest.raises(Unavailable, match="shelf"):
                await opened.advise("shelf", (PathTopic("Ajv"),))


# --- health ------------------------------------------------------------------------------------------------------------


async def test_a_healthy_source_says_what_serves_it() -> None:
    async with sources(Gym(lambda tools: None), Shelf(())) as opened:
        gym, shelf = await check_sources(opened)
    assert (gym.name, gym.kind, gym.plugin, gym.reachable, gym.error) == ("gym", "source", "acme", True, None)
    assert (gym.server, gym.version) == ("responder", "1.0")
    assert (shelf.name, shelf.kind, shelf.breaker.state) == ("shelf", "advisor", "closed")


async def test_a_missing_tool_is_named() -> None:
    async with sources(Gym(lambda tools: None), tools=(Tool("swim"),)) as opened:
        health = await opened.check("gym")
    assert health.reachable
    assert set(health.tools) == {"solved"}
    assert "no tool 'solved'; it has swim" in (health.error or "")


@pytest.mark.parametrize(
    ("sick", "expected"),
    [("the token has no scope", "the token has no scope"), (KeyError("bug"), "KeyError"), (Unavailable("down"), "down")],
)
async def test_a_source_may_say_more_of_itself(sick: Any, expected: str) -> None:
    gym = Gym(lambda tools: None)
    gym.sick = sick
    async with sources(gym) as opened:
        health = await opened.check("gym")
    assert health.reachable
    assert expected in (health.error or "")


async def test_a_server_that_is_down_and_a_check_that_takes_too_long() -> None:
    gym = Gym(lambda tools: None)
    async with Sources(plugins_of(gym), FAST) as opened:
        with respx.mock(using="httpcore2", assert_all_called=False) as router:
            router.route(url=MCP_URL).mock(return_value=httpx.Response(503))
            health = await opened.check("gym")
    assert (health.reachable, health.server) == (False, "")
    assert "503" in (health.error or "")

    async def never(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with Sources(plugins_of(gym), FAST) as opened:
        with respx.mock(using="httpcore2", assert_all_called=False) as router:
            router.route(url=MCP_URL).mock(side_effect=never)
            health = await opened.check("gym", seconds=0.1)
    assert "did not finish within 0.1 s" in (health.error or "")


async def test_the_breaker_shows_and_a_check_looks_past_it() -> None:
    async def ask(tools: Tools) -> None:
        await tools.call("solved", {"handle": "ada"}, list[str])

    async with sources(Gym(ask), handler=lambda *_: "nonsense") as opened:
        assert opened.states()["gym"].state == "closed"
        for _ in range(3):
            with pytest.raises(Unavailable):
                await opened.verify("gym", ADA, Solved("loops-1"))
        assert opened.states()["gym"].state == "open"
        health = await opened.check("gym")
    assert health.reachable
    assert health.breaker.state == "open"
    assert "expected" in health.breaker.last_failure


# --- settings, requirements, handles -----------------------------------------------------------------------------------


def test_a_plugins_own_resilience_lies_over_the_general_one() -> None:
    sections = {"acme": {"resilience": {"call_timeout": 3, "retries": 0}, "other": 1}}
    settings = Settings(resilience=ResilienceSettings(breaker_reset=9.0, retries=7), plugins=PluginSettings(sections=sections))
    assert settings.resilience_of("acme") == ResilienceSettings(breaker_reset=9.0, retries=0, call_timeout=3.0)
    assert settings.resilience_of("other") == settings.resilience


def test_a_plugins_own_resilience_that_does_not_fit_is_named() -> None:
    settings = Settings(plugins=PluginSettings(sections={"acme": {"resilience": {"retries": -1}}}))
    with pytest.raises(Misfit, match=r"plugins\.acme\.resilience\.retries"):
        settings.resilience_of("acme")


def test_a_requirement_is_typed() -> None:
    assert parse_requirement(plugins_of(Gym(lambda _: None)), "gym", {"exercise": "loops-1"}) == Solved("loops-1")


@pytest.mark.parametrize(
    ("name", "data", "field"),
    [
        ("gym", {}, "requirements.exercise"),
        ("gym", {"exercise": 1}, "requirements.exercise"),
        ("gym", {"exercise": ""}, "requirements.exercise"),
        ("gym", {"exercise": "loops-1", "count": "2"}, "requirements.count"),
        ("gym", {"exercise": "loops-1", "count": 0}, "requirements.count"),
        ("gym", {"exercise": "loops-1", "cuont": 2}, "requirements.cuont"),
        ("gym", {"exercise": "impossible"}, "requirements.exercise"),
        ("gym", {"exercise": "explosive"}, "requirements"),
        ("pool", {}, "source"),
    ],
)
def test_a_requirement_that_does_not_fit_names_the_field(name: str, data: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidField) as raised:
        parse_requirement(plugins_of(Gym(lambda _: None)), name, data)
    assert raised.value.field == field


def test_handles_are_compared_as_the_source_does() -> None:
    plugins = plugins_of(Gym(lambda _: None))
    assert normalise(plugins, "gym", "Ada") == "ada"
    for handle in ("a b", "", "a\0b"):
        with pytest.raises(InvalidField) as raised:
            normalise(plugins, "gym", handle)
        assert raised.value.field == "handle"
