"""The ledger that authors test with: real events in, signals and scores out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from skillcore.plugin import (
    Component,
    EventKind,
    PluginInfo,
    Score,
    ScoringFormula,
    SignalRule,
    SkillSignal,
    hookimpl,
)
from skillcore.plugin.manager import PluginsFailed
from skillcore.runtime.problems import InvalidField
from skillcore.testing import Nonconformance, event, histories, ledger
from skillcore.testing.ledgers import Ledger

WORK = {"source": "gym", "account": "gym:7", "work": "loops-1", "strength": "judged", "difficulty": 4.0}


class Lap(Struct, frozen=True):
    metres: float


class Distance(Struct, frozen=True):
    metres: float = 0.0


class Settings(Struct, frozen=True):
    unit: float = 1000.0


class Laps(SignalRule):
    name = "swim.laps"
    version = 1
    kinds = frozenset({"swim.lap"})

    def derive(self, event):
        if event.data.metres < 0:
            raise ValueError("nobody swims backwards")
        return [SkillSignal("swimming", "session", event.subject_id, "update", event.data.metres)]


class Swum(ScoringFormula[Distance]):
    name = "swim.distance"
    version = 1
    kinds = frozenset({"swim.lap"})
    state = Distance

    def __init__(self, unit):
        self.unit = unit

    def apply(self, state, event):
        return Distance(state.metres + event.data.metres)

    def value(self, state, reading):
        return Score(state.metres / self.unit, (Component("metres", state.metres, 1 / self.unit, self.kinds),))


@hookimpl
def skillcore_plugin() -> PluginInfo:
    return PluginInfo(contract=">=1.1,<2", settings=Settings)


@hookimpl
def skillcore_event_kinds() -> Iterable[EventKind]:
    return [EventKind("swim.lap", Lap, client=True)]


@hookimpl
def skillcore_signal_rules(settings: Any) -> Iterable[SignalRule]:
    return [Laps()]


@hookimpl
def skillcore_scoring_formulas(settings: Settings) -> Iterable[ScoringFormula[Any]]:
    return [Swum(settings.unit)]


def plugin(*without: str) -> ModuleType:
    module = ModuleType("swim.plugin")
    for name, value in globals().items():
        if name.startswith("skillcore_") and name not in without:
            setattr(module, name, value)
    return module


async def test_the_defaults_derive_from_what_is_recorded(ledger: Ledger):
    await ledger.record("evidence.accepted", WORK, skills=["Loops"])
    await ledger.record("evidence.accepted", {**WORK, "work": "lists-1", "difficulty": 2.0})
    assert (await ledger.score("level")).value == pytest.approx(0.6)
    assert (await ledger.score("level", "loops")).value == pytest.approx(0.4)
    assert await ledger.signals() == (SkillSignal("loops", "evidence", "gym:7:loops-1", "completed"),)


async def test_the_same_work_counts_once(ledger: Ledger):
    first = await ledger.record("evidence.accepted", WORK)
    await ledger.add([first, first])
    await ledger.record("evidence.accepted", WORK)
    assert (await ledger.score("level")).value == pytest.approx(0.4)


async def test_withdrawn_evidence_does_not_count(ledger: Ledger):
    await ledger.record("evidence.accepted", WORK)
    await ledger.record("evidence.withdrawn", {"account": "gym:7", "reason": "a wrong link"}, subject_id="gym:7")
    assert (await ledger.score("level")).value == 0


async def test_people_are_told_apart(ledger: Ledger):
    await ledger.record("evidence.accepted", WORK, user="bob")
    assert (await ledger.score("level")).value == 0
    assert (await ledger.score("level", user="bob")).value == pytest.approx(0.4)


async def test_a_module_brings_kinds_rules_formulas_and_settings():
    async with ledger([plugin()], settings={"swim": {"unit": 50.0}}, formulas={"level": "swim.distance"}) as opened:
        await opened.add_skills("Swimming")
        await opened.record("swim.lap", {"metres": 50}, subject_id="s-1")
        lap = await opened.record("swim.lap", {"metres": 25}, subject_id="s-2")
        assert lap.data == Lap(25.0)
        assert (await opened.score("swim.distance")).value == pytest.approx(1.5)
        assert (await opened.score("level")).components[0].name == "metres"
        assert [signal.weight for signal in await opened.signals()] == [50.0, 25.0]


async def test_each_ledger_begins_empty():
    for _ in range(2):
        async with ledger([]) as opened:
            await opened.record("evidence.accepted", WORK)
            assert (await opened.score("level")).value == pytest.approx(0.4)


async def test_a_rule_that_fails_is_named():
    async with ledger([plugin()]) as opened:
        await opened.add_skills("swimming")
        with pytest.raises(Nonconformance, match=r"^swim.laps: fails on an event, with ValueError: nobody swims backwards"):
            await opened.record("swim.lap", {"metres": -1})


async def test_a_skill_that_nobody_knows_is_named():
    async with ledger([plugin()]) as opened:
        with pytest.raises(Nonconformance, match=r"^swim.laps: .*names the unknown skill 'swimming'"):
            await opened.record("swim.lap", {"metres": 1})


async def test_a_plugin_that_is_refused_says_why():
    with pytest.raises(PluginsFailed, match="it has no hook skillcore_plugin"):
        async with ledger([plugin("skillcore_plugin")]):
            pass


async def test_unknown_kinds_are_refused(ledger: Ledger):
    with pytest.raises(LookupError, match=r"'swim\.lap' is no kind of the engine"):
        await ledger.record("swim.lap", {"metres": 1})
    other = event(EventKind("swim.lap", Lap), {"metres": 1})
    with pytest.raises(InvalidField, match="no known kind of event"):
        await ledger.add([other])


async def test_late_events_take_their_place(ledger: Ledger):
    await ledger.record("evidence.accepted", WORK, at=datetime(2026, 5, 1, tzinfo=UTC))
    assert (await ledger.score("level", at=datetime(2026, 5, 2, tzinfo=UTC))).value == pytest.approx(0.4)
    await ledger.record("evidence.accepted", {**WORK, "work": "b"}, at=datetime(2026, 4, 1, tzinfo=UTC))
    assert (await ledger.score("level")).value == pytest.approx(0.8)


@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(drawn=st.uuids().flatmap(lambda one: histories(max_size=5, user=str(one))))
async def test_every_event_that_is_drawn_is_one_that_the_ledger_takes(ledger: Ledger, drawn: list[Any]):
    await ledger.add(drawn)
