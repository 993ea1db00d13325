"""A plugin such as an author would write, which the benchmark of starting installs many times under many names."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from skillcore.plugin import (
    Account,
    Component,
    Event,
    Evidence,
    MCPServer,
    NotVerified,
    PluginInfo,
    Reading,
    Score,
    ScoringFormula,
    ServerSettings,
    SignalRule,
    SkillSignal,
    Tool,
    Tools,
    Verdict,
    VerificationSource,
    Verified,
    hookimpl,
)

NAME = __name__.rpartition(".")[2].replace("_", "-")


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """Its section."""

    scale: Annotated[float, Meta(gt=0)] = 1.0
    server: ServerSettings = ServerSettings(command=sys.executable)


class Done(Struct, frozen=True, forbid_unknown_fields=True):
    """A requirement."""

    exercise: Annotated[str, Meta(min_length=1, max_length=100)]


class Row(Struct, frozen=True):
    """What its server answers."""

    exercise: str
    at: datetime


class Source(VerificationSource[Done]):
    """A source."""

    name = NAME
    requirement = Done

    def __init__(self, server: ServerSettings) -> None:
        self.server = MCPServer(tools=(Tool("solved", ("handle",)),), settings=server)

    async def verify(self, tools: Tools, account: Account, requirement: Done) -> Verdict:
        """Look for the exercise."""
        for row in await tools.call("solved", {"handle": account.handle}, list[Row]):
            if row.exercise == requirement.exercise:
                return Verified((Evidence(work=row.exercise, occurred_at=row.at, strength="judged"),))
        return NotVerified(looked_for=requirement.exercise, found="nothing")


class Rule(SignalRule):
    """A rule."""

    name = NAME
    version = 1
    kinds = frozenset({"platform.volunteered"})

    def derive(self, event: Event) -> Iterable[SkillSignal]:
        """Derive a signal for each skill."""
        return [SkillSignal(skill, "platform", event.subject_id, "update") for skill in event.skills]


class Count(Struct, frozen=True):
    """A state."""

    works: int = 0


class Formula(ScoringFormula[Count]):
    """A formula."""

    name = f"{NAME}.works"
    version = 1
    kinds = frozenset({"evidence.accepted"})
    state = Count

    def __init__(self, scale: float) -> None:
        self.scale = scale

    def apply(self, state: Count, event: Event) -> Count:
        """Count a work."""
        return Count(state.works + 1)

    def value(self, state: Count, reading: Reading) -> Score:
        """Return how many there are, to scale."""
        return Score(state.works * self.scale, (Component("works", float(state.works), self.scale, self.kinds),))


@hookimpl
def skillcore_plugin() -> PluginInfo:
    """Introduce the plugin."""
    return PluginInfo(contract=">=1.1,<2", settings=Settings)


@hookimpl
def skillcore_verification_sources(settings: Settings) -> Iterable[VerificationSource[Any]]:
    """Offer the source."""
    return [Source(settings.server)]


@hookimpl
def skillcore_signal_rules(settings: Settings) -> Iterable[SignalRule]:
    """Offer the rule."""
    return [Rule()]


@hookimpl
def skillcore_scoring_formulas(settings: Settings) -> Iterable[ScoringFormula[Any]]:
    """Offer the formula."""
    return [Formula(settings.scale)]
