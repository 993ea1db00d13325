"""Ten plugins, each broken in one way: who catches it, and in which words. What they name is the plugin, and what to do.

Some cannot be loaded, some hold up or flood a worker, and some only lie, which nobody but a conformance suite can see. What
they do to a whole service, `test_broken_plugins.py` shows.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import ModuleType
from typing import Any, NamedTuple

import pytest
import respx
import structlog
from msgspec import Struct

from skillcore.plugin import (
    Account,
    Component,
    Event,
    MCPServer,
    NotVerified,
    PluginInfo,
    Reading,
    Score,
    ScoringFormula,
    ServerSettings,
    Tool,
    Unavailable,
    VerificationSource,
    hookimpl,
)
from skillcore.plugin.hookspecs import HookSpecs
from skillcore.plugin.manager import Plugins
from skillcore.runtime.settings import ResilienceSettings, Settings, VerificationSettings
from skillcore.testing import MCP_URL, FormulaSuite, MCPResponder, Nonconformance
from skillcore.verification.sources import Sources
from tests.cli.conftest import Commands
from tests.testing.gym import Gym, GymSuite

Install = Callable[[str, str], None]

# 1 to 5: what does not load. `skillcore plugins list` names the plugin with all of this, and `plugins check` its remedy.

PLUGIN = """
from msgspec import Struct
from skillcore.plugin import *
from skillcore.plugin import EventKind, PluginInfo, hookimpl

{before}

class Lap(Struct, frozen=True):
    metres: float = 1.0

@hookimpl
def skillcore_plugin():
    return PluginInfo(contract="{contract}")

@hookimpl
def skillcore_event_kinds():
    return {kinds}
"""
SOUND = {"before": "", "contract": ">=1.1,<2", "kinds": '[EventKind("swim.lap", Lap)]'}


class Unloadable(NamedTuple):
    """What is wrong with a plugin, and what is said of it."""

    changes: dict[str, str]
    wrong: str
    remedy: str


def raising(hook: str) -> dict[str, str]:
    """Return the changes that make a hook raise."""
    argument = "settings" if hook not in {"skillcore_plugin", "skillcore_event_kinds", "skillcore_achievements"} else ""
    return {"before": "", "after": f"\n@hookimpl\ndef {hook}({argument}):\n    raise OSError('no such luck')\n"}


HOOKS = [hook for hook in vars(HookSpecs) if hook.startswith("skillcore_")]
UNLOADABLE = {
    "junk types": Unloadable({"kinds": "[42]"}, "an object of class int is none", "must return a list of EventKind"),
    "import error": Unloadable({"before": "import pool"}, "ModuleNotFoundError: No module named 'pool'", "importing it raised"),
    "name clash": Unloadable({"kinds": '[EventKind("task.verified", Lap)]'}, "and so does plugin defaults", "uninstall one of"),
    "wrong contract": Unloadable({"contract": ">=2,<3"}, "it wants contract >=2,<3", "install a release of acme-broken for"),
    **{
        f"raising at {hook}": Unloadable(raising(hook), f"{hook} raised OSError: no such luck", "acme_broken.py, line")
        for hook in HOOKS
    },
}


@pytest.mark.parametrize("breakage", UNLOADABLE)
def test_what_cannot_be_used_is_refused_and_named(breakage: str, install: Install, command: Commands) -> None:
    broken = UNLOADABLE[breakage]
    install("broken", PLUGIN.format(**SOUND | broken.changes) + broken.changes.get("after", ""))
    install("sound", PLUGIN.format(**SOUND))

    listed = command("plugins", "list", "--json")

    plugins = {plugin["name"]: plugin for plugin in listed.json["plugins"]}
    assert listed.code == 1
    assert (plugins["broken"]["state"], plugins["sound"]["state"]) == ("failed", "active")
    assert (plugins["broken"]["distribution"], plugins["broken"]["offers"]) == ("acme-broken", {})
    assert broken.wrong in plugins["broken"]["error"]
    assert broken.remedy in plugins["broken"]["error"]
    checked = command("plugins", "check", "broken", "--json")
    assert checked.code == 1
    assert checked.json["lines"][0]["detail"] == plugins["broken"]["error"]


# 6 to 8: what a worker meets. The others go on at once, the task waits, and the log says to the operator what to do.

SERVER = MCPServer(tools=(Tool("look"),), settings=ServerSettings(url=MCP_URL, calls_per_second=1000.0))


def patient(seconds: float) -> Settings:
    return Settings(
        resilience=ResilienceSettings(retries=0, result_limit=10_000), verification=VerificationSettings(deadline=seconds)
    )


class Look(Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing is asked."""


class Source(VerificationSource[Look]):
    """Asks once, if it comes to that."""

    requirement = Look
    server = SERVER

    def __init__(self, name: str) -> None:
        self.name = name  # type: ignore[misc]

    async def verify(self, tools: Any, account: Account, requirement: Look) -> NotVerified:
        await tools.call("look", {}, list[int])
        return NotVerified("it", "nothing")


class Hanging(Source):
    async def verify(self, tools: Any, account: Account, requirement: Look) -> NotVerified:
        await asyncio.Event().wait()
        return NotVerified("it", "nothing")


class Quitting(Source):
    async def verify(self, tools: Any, account: Account, requirement: Look) -> NotVerified:
        raise SystemExit(3)


class Meeting(NamedTuple):
    """A source that a worker meets."""

    source: Source
    deadline: float
    answer: str
    error: str
    remedy: str


MEETINGS = {
    "hanging": Meeting(Hanging("bad"), 0.2, "[]", "bad (plugin acme) did not finish within 0.2 s", "verification.isolated"),
    "huge answer": Meeting(
        Source("bad"), 60, f"[{'1,' * 10_000}1]", "bad answered look with more than 10000 bytes", "resilience.result_limit"
    ),
    "raising at work": Meeting(Quitting("bad"), 60, "[]", "bad (plugin acme) failed: SystemExit: 3", "plugins.block"),
}


def offering(*sources: Source) -> Plugins:
    module = ModuleType("acme")

    @hookimpl
    def skillcore_plugin() -> PluginInfo:
        return PluginInfo(contract=">=1.1,<2")

    @hookimpl
    def skillcore_verification_sources(settings: None) -> list[Any]:
        return list(sources)

    module.skillcore_plugin = skillcore_plugin  # type: ignore[attr-defined]
    module.skillcore_verification_sources = skillcore_verification_sources  # type: ignore[attr-defined]
    return Plugins.load(allow=["acme"], strict=True, extra=[("acme", module)])


@pytest.mark.parametrize("breakage", MEETINGS)
async def test_what_goes_wrong_at_work_is_contained_and_named(breakage: str) -> None:
    met = MEETINGS[breakage]
    with (
        respx.mock(using="httpcore2", assert_all_called=False) as router,
        structlog.testing.capture_logs() as logged,
    ):
        router.route(url=MCP_URL).mock(side_effect=MCPResponder(lambda *_: met.answer, tools=SERVER.tools))
        async with Sources(offering(met.source), patient(met.deadline)) as opened:
            with pytest.raises(Unavailable) as raised:
                await opened.verify("bad", Account("bad", "ada"), Look())

    assert met.error in raised.value.message
    said = [*(f"{line.get('plugin')}: {line.get('remedy')}" for line in logged), f"bad: {raised.value.message}"]
    assert any(line.startswith("bad") and met.remedy in line for line in said), said


async def test_a_sound_source_beside_a_hanging_one_answers() -> None:
    with respx.mock(using="httpcore2", assert_all_called=False) as router:
        router.route(url=MCP_URL).mock(side_effect=MCPResponder(lambda *_: "[]", tools=SERVER.tools))
        async with Sources(offering(Hanging("bad"), Source("good")), patient(60)) as opened:
            hanging = asyncio.ensure_future(opened.verify("bad", Account("bad", "ada"), Look()))
            found = await opened.verify("good", Account("good", "ada"), Look())
            assert not hanging.done()
            hanging.cancel()
            await asyncio.wait({hanging})
    assert found.verdict == NotVerified("it", "nothing")


# 8 to 10: what looks right and is not. The suite that the author adds says so.


class BlocksTheLoop(Gym):
    async def verify(self, tools: Any, account: Account, requirement: Any) -> Any:
        time.sleep(1)  # noqa: ASYNC251 - it is the fault under test
        return await super().verify(tools, account, requirement)


class SharesItsState(Gym):
    """Keeps whom it is asked about, for all users at once."""

    async def verify(self, tools: Any, account: Account, requirement: Any) -> Any:
        self.account = account
        await self.rows(tools, account)
        return self.judged(await self.rows(tools, self.account), requirement)


class Count(Struct, frozen=True):
    works: int = 0


class Impure(ScoringFormula[Count]):
    """Counts for more in the evening."""

    name = "evening"
    version = 1
    kinds = frozenset({"evidence.accepted"})
    state = Count

    def apply(self, state: Count, event: Event) -> Count:
        return Count(state.works + (2 if datetime.now(UTC).hour >= 18 else 1))

    def value(self, state: Count, reading: Reading) -> Score:
        return Score(float(state.works), (Component("works", float(state.works), 1.0, self.kinds, reading.subject),))


class BlockingSuite(GymSuite):
    source = BlocksTheLoop()


class SharingSuite(GymSuite):
    source = SharesItsState()


class ImpureSuite(FormulaSuite):
    formula = Impure()


class Lie(NamedTuple):
    """Who sees it, and what is said."""

    suite: Any
    test: str
    wrong: str
    remedy: str


LIES = {
    "blocking the loop": Lie(
        BlockingSuite, "test_it_never_holds_up_the_loop", "gym: held up the loop for 1", "await instead of sleeping or blocking"
    ),
    "state shared between users": Lie(
        SharingSuite,
        "test_verifications_of_two_users_give_what_they_give_alone",
        "gym: gave ",
        "keep what belongs to one verification in local variables",
    ),
    "impure formula": Lie(ImpureSuite, "test_it_is_pure", "evening: is not pure, it ", "reading.at"),
}


@pytest.mark.parametrize("breakage", LIES)
def test_what_only_looks_right_is_caught_by_the_suite(breakage: str) -> None:
    lie = LIES[breakage]
    with pytest.raises(Nonconformance) as caught:
        getattr(lie.suite(), lie.test)()
    assert str(caught.value).startswith(lie.wrong)
    assert lie.remedy in caught.value.remedy.lower()


def test_there_are_ten() -> None:
    kinds = {name.partition(" at skillcore")[0] for name in UNLOADABLE} | (MEETINGS.keys() - {"raising at work"}) | LIES.keys()
    assert sorted(kinds) == sorted(
        [
            "junk types",
            "import error",
            "name clash",
            "wrong contract",
            "raising",
            "hanging",
            "huge answer",
            "blocking the loop",
            "impure formula",
            "state shared between users",
        ]
    )
