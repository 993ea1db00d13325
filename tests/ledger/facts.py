"""People, skills and events for tests of the ledger, rules that can be broken, and its rows as they lie in the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any
from uuid import UUID

import psycopg

from skillcore.defaults.kinds import EvidenceAccepted, MentorshipHeld, ProgressUpdated, ProjectJoined, TaskCompleted, WorkDone
from skillcore.ledger import checks, skills
from skillcore.plugin import Event, PluginInfo, SignalRule, SkillSignal, hookimpl
from skillcore.plugin.manager import Plugins
from skillcore.runtime.clock import new_id
from skillcore.runtime.engine import Engine
from skillcore.runtime.events import NewEvent
from tests.conftest import Dsns

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PARTITIONS = 8


def note(user: UUID, number: int = 0, *, id_: UUID | None = None, said: str = "", skills: tuple[str, ...] = ()) -> NewEvent:
    """Return an event of a platform's own kind."""
    return NewEvent(
        user_id=user,
        kind="x.note",
        data={"said": said or f"number {number}", "weight": 1e16},
        subject_id=f"note-{number}",
        skills=skills,
        occurred_at=NOON + timedelta(seconds=number),
        id=id_ or new_id(),
    )


def evidence(user: UUID, work: str = "1500/A", *, skills: tuple[str, ...] = (), difficulty: float = 3.0) -> NewEvent:
    """Return a work's evidence."""
    return NewEvent(
        user_id=user,
        kind="evidence.accepted",
        data=EvidenceAccepted(source="gym", account="gym:ada", work=work, strength="judged", difficulty=difficulty),
        subject_id=f"gym:ada:{work}",
        skills=skills,
        occurred_at=NOON,
    )


def joined(user: UUID, *names: str, project: str = "p-1") -> NewEvent:
    """Return that a person joined a project which declares these skills."""
    return NewEvent(
        user_id=user, kind="project.joined", data=ProjectJoined(name="Bees"), subject_id=project, skills=names, occurred_at=NOON
    )


def updated(user: UUID, *names: str, update: str = "u-1") -> NewEvent:
    """Return that a person reported progress."""
    data = ProgressUpdated(project_id="p-1", text="I use #python and rust")
    return NewEvent(user_id=user, kind="progress.updated", data=data, subject_id=update, skills=names, occurred_at=NOON)


def completed(user: UUID, *names: str, work: str = "1500/A", task: str = "t-1") -> NewEvent:
    """Return that a person completed a task for which these skills were declared."""
    data = TaskCompleted(works=(WorkDone(subject=f"gym:ada:{work}"),))
    return NewEvent(user_id=user, kind="task.completed", data=data, subject_id=task, skills=names, occurred_at=NOON)


def mentored(user: UUID, *names: str) -> NewEvent:
    """Return that a person was mentored."""
    data = MentorshipHeld(focus="python")
    return NewEvent(user_id=user, kind="mentorship.held", data=data, subject_id="s-1", skills=names, occurred_at=NOON)


async def catalogue(engine: Engine, *names: str) -> tuple[str, ...]:
    """Add skills; returns their ids."""
    async with engine.transaction() as tx:
        return tuple([(await skills.create(tx, skills.NewSkill(name=name))).id for name in names])


def mended(event: Event) -> Iterable[SkillSignal]:
    """Behave as a rule should."""
    return [SkillSignal(skill, "platform", event.subject_id, "joined") for skill in event.skills]


class Broken(SignalRule):
    """A rule on notes that does whatever a test wants of it."""

    name = "broken"
    version = 1
    kinds = frozenset({"x.note"})
    behaviour: Callable[[Event], Iterable[SkillSignal]] = staticmethod(mended)

    def derive(self, event: Event) -> Iterable[SkillSignal]:
        """Do it."""
        return type(self).behaviour(event)


def with_rule(rule: SignalRule) -> Plugins:
    """Return the default plugins and one with this rule."""
    module = ModuleType("rules")

    @hookimpl
    def skillcore_plugin() -> PluginInfo:
        return PluginInfo(contract=">=1.1,<2")

    @hookimpl
    def skillcore_signal_rules(settings: None) -> list[SignalRule]:
        return [rule]

    for hook in (skillcore_plugin, skillcore_signal_rules):
        setattr(module, hook.__name__, hook)
    return Plugins.load(allow=["rules"], strict=True, extra=[("rules", module)])


def rows(dsns: Dsns, query: str, *arguments: object) -> list[tuple[Any, ...]]:
    """Return what the owner reads."""
    with psycopg.connect(dsns.owner_dsn, autocommit=True) as connection:
        return connection.execute(query.encode(), arguments or None).fetchall()


async def clean(engine: Engine) -> list[str]:
    """Return what the checks of streams and signals find: nothing, where all is well."""
    found = [finding for check in (checks.streams, checks.signals) async for finding in check(engine)]
    return [f"{finding.check} {finding.message} {finding.user_id} {finding.subject}" for finding in found]
