"""The hooks a plugin may implement. All are synchronous, typed, do no I/O and only return objects; the engine calls those.

A plugin is an installed distribution with an entry point in the group ``skillcore`` that names a module. Its hooks are
plain functions in that module, marked with `hookimpl`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pluggy

from skillcore.plugin.events import EventKind, PluginInfo
from skillcore.plugin.scores import Achievement, ScoringFormula, SignalRule
from skillcore.plugin.sources import PathAdvisor, VerificationSource

__all__ = ["HookSpecs", "hookimpl", "hookspec"]

GROUP = "skillcore"
"""Both the entry point group and pluggy's project name."""

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)
"""Marks a function as the implementation of the hook of the same name."""


class HookSpecs:
    """One method a hook. Each docstring ends in an example that a test runs."""

    @hookspec
    def skillcore_plugin(self) -> PluginInfo:  # type: ignore[empty-body]
        """Say which versions of the contract the plugin works with, and which settings it takes. Every plugin does.

        Example:
            >>> from msgspec import Struct
            >>> from skillcore.plugin import PluginInfo, hookimpl
            >>> class Settings(Struct, frozen=True, forbid_unknown_fields=True):
            ...     greeting: str = "hello"
            >>> @hookimpl
            ... def skillcore_plugin() -> PluginInfo:
            ...     return PluginInfo(contract=">=1.1,<2", settings=Settings)
        """

    @hookspec
    def skillcore_verification_sources(self, settings: Any) -> Iterable[VerificationSource[Any]]:  # type: ignore[empty-body]
        """Offer verification sources.

        Args:
            settings: the plugin's own section of the configuration, as the Struct it declared; None without one.

        Example:
            >>> from datetime import UTC, datetime
            >>> from msgspec import Struct
            >>> from skillcore.plugin import (
            ...     Account, Evidence, MCPServer, NotVerified, ServerSettings, Tool, Tools, Verdict, VerificationSource,
            ...     Verified, hookimpl,
            ... )
            >>> class Solved(Struct, frozen=True, forbid_unknown_fields=True):
            ...     exercise: str
            >>> class Row(Struct, frozen=True):
            ...     exercise: str
            ...     at: datetime
            >>> class Gym(VerificationSource[Solved]):
            ...     name = "gym"
            ...     requirement = Solved
            ...     server = MCPServer(
            ...         tools=(Tool("solved", ("handle",)),), settings=ServerSettings(command="gym-mcp-server")
            ...     )
            ...     async def verify(self, tools: Tools, account: Account, requirement: Solved) -> Verdict:
            ...         rows = await tools.call("solved", {"handle": account.handle}, list[Row])
            ...         for row in rows:
            ...             if row.exercise == requirement.exercise:
            ...                 return Verified((Evidence(work=row.exercise, occurred_at=row.at, strength="judged"),))
            ...         return NotVerified(looked_for=requirement.exercise, found=f"{len(rows)} other exercises")
            >>> @hookimpl
            ... def skillcore_verification_sources(settings: None) -> list[VerificationSource[Solved]]:
            ...     return [Gym()]
        """

    @hookspec
    def skillcore_path_advisors(self, settings: Any) -> Iterable[PathAdvisor]:  # type: ignore[empty-body]
        """Offer advisors on learning paths. They verify nobody.

        Args:
            settings: as for sources.

        Example:
            >>> from skillcore.plugin import (
            ...     Advice, MCPServer, PathAdvisor, PathTopic, ServerSettings, Tool, Tools, hookimpl
            ... )
            >>> class Shelf(PathAdvisor):
            ...     name = "shelf"
            ...     server = MCPServer(tools=(Tool("find", ("title",)),), settings=ServerSettings(command="shelf-mcp-server"))
            ...     async def advise(self, tools: Tools, topics: tuple[PathTopic, ...]) -> tuple[Advice, ...]:
            ...         advice = []
            ...         for topic in topics:
            ...             books = await tools.call("find", {"title": topic.name}, list[str])
            ...             if not books:
            ...                 advice.append(Advice(topic.name, "undocumented", "no book has this title"))
            ...         return tuple(advice)
            >>> @hookimpl
            ... def skillcore_path_advisors(settings: None) -> list[PathAdvisor]:
            ...     return [Shelf()]
        """

    @hookspec
    def skillcore_event_kinds(self) -> Iterable[EventKind]:  # type: ignore[empty-body]
        """Register kinds of events with typed payloads.

        Example:
            >>> from msgspec import Struct
            >>> from skillcore.plugin import EventKind, hookimpl
            >>> class Lap(Struct, frozen=True, forbid_unknown_fields=True):
            ...     metres: float
            >>> @hookimpl
            ... def skillcore_event_kinds() -> list[EventKind]:
            ...     return [EventKind("swim.lap", Lap, client=True)]
        """

    @hookspec
    def skillcore_signal_rules(self, settings: Any) -> Iterable[SignalRule]:  # type: ignore[empty-body]
        """Offer rules that derive skill signals from events.

        Args:
            settings: as for sources.

        Example:
            >>> from collections.abc import Iterable
            >>> from skillcore.plugin import Event, SignalRule, SkillSignal, hookimpl
            >>> class Volunteering(SignalRule):
            ...     name = "volunteering"
            ...     version = 1
            ...     kinds = frozenset({"platform.volunteered"})
            ...     def derive(self, event: Event) -> Iterable[SkillSignal]:
            ...         return [SkillSignal(skill, "platform", event.subject_id, "joined") for skill in event.skills]
            >>> @hookimpl
            ... def skillcore_signal_rules(settings: None) -> list[SignalRule]:
            ...     return [Volunteering()]
        """

    @hookspec
    def skillcore_scoring_formulas(self, settings: Any) -> Iterable[ScoringFormula[Any]]:  # type: ignore[empty-body]
        """Offer formulas that fold events into scores.

        Args:
            settings: as for sources; a formula's parameters come from here.

        Example:
            >>> from msgspec import Struct
            >>> from skillcore.plugin import Component, Event, Reading, Score, ScoringFormula, hookimpl
            >>> class Count(Struct, frozen=True):
            ...     works: int = 0
            >>> class Works(ScoringFormula[Count]):
            ...     name = "works"
            ...     version = 1
            ...     kinds = frozenset({"evidence.accepted"})
            ...     state = Count
            ...     def apply(self, state: Count, event: Event) -> Count:
            ...         return Count(state.works + 1)
            ...     def value(self, state: Count, reading: Reading) -> Score:
            ...         return Score(float(state.works), (Component("works", float(state.works), 1.0, self.kinds),))
            >>> @hookimpl
            ... def skillcore_scoring_formulas(settings: None) -> list[ScoringFormula[Count]]:
            ...     return [Works()]
        """

    @hookspec
    def skillcore_achievements(self) -> Iterable[Achievement]:  # type: ignore[empty-body]
        """Offer achievements: declarative requirements over scores.

        Example:
            >>> from skillcore.plugin import Achievement, hookimpl
            >>> @hookimpl
            ... def skillcore_achievements() -> list[Achievement]:
            ...     return [Achievement(name="first-ten", title="Ten works", formula="works", at_least=10, points=5)]
        """
