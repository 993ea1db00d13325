"""The engine's own kinds, rules and formulas, as a plugin: the worked example of the contract. Pure; owns no table."""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from skillcore.defaults.attempts.formula import AttemptSettings, configured
from skillcore.defaults.goal import Goal, GoalSettings
from skillcore.defaults.improvement import Improvement, ImprovementSettings
from skillcore.defaults.kinds import KINDS
from skillcore.defaults.level import Level, LevelSettings
from skillcore.defaults.mastery import Mastery, MasterySettings
from skillcore.defaults.module_progress import ModuleProgress, ModuleSettings
from skillcore.defaults.overall import Overall
from skillcore.defaults.readiness import Readiness, ReadinessSettings
from skillcore.defaults.rules import Completed, CompletedTask, Joined, Updated, Volunteered
from skillcore.defaults.skill_progress import SkillProgress, SkillProgressSettings
from skillcore.defaults.space import Space, SpaceSettings
from skillcore.defaults.working_difficulty import WorkingDifficulty, WorkingDifficultySettings
from skillcore.plugin import EventKind, PluginInfo, ScoringFormula, SignalRule, hookimpl

__all__ = ["Settings"]


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """``[plugins.defaults]``: parameters of the default formulas."""

    level: LevelSettings = LevelSettings()
    mastery: MasterySettings = MasterySettings()
    readiness: ReadinessSettings = ReadinessSettings()
    improvement: ImprovementSettings = ImprovementSettings()
    working_difficulty: WorkingDifficultySettings = WorkingDifficultySettings()
    module: ModuleSettings = ModuleSettings()
    attempt: AttemptSettings = AttemptSettings()
    space: SpaceSettings = SpaceSettings()
    goal: GoalSettings = GoalSettings()
    skill_progress: SkillProgressSettings = SkillProgressSettings()


@hookimpl
def skillcore_plugin() -> PluginInfo:
    """Introduce the defaults."""
    return PluginInfo(contract=">=1.1,<2", settings=Settings)


@hookimpl
def skillcore_event_kinds() -> Iterable[EventKind]:
    """Offer the engine's kinds."""
    return KINDS


@hookimpl
def skillcore_signal_rules(settings: Settings) -> Iterable[SignalRule]:
    """Offer the default rules; they take no settings."""
    return (Joined(), Updated(), Completed(), CompletedTask(), Volunteered())


@hookimpl
def skillcore_scoring_formulas(settings: Settings) -> Iterable[ScoringFormula[Any]]:
    """Offer the default formulas. The attempt model is read from its file here, once."""
    return (
        Level(settings.level),
        Mastery(settings.mastery),
        Readiness(settings.readiness),
        Improvement(settings.improvement),
        WorkingDifficulty(settings.working_difficulty),
        ModuleProgress(settings.module),
        Overall(),
        configured(settings.attempt),
        Space(settings.space),
        Goal(settings.goal),
        SkillProgress(settings.skill_progress),
    )
