"""The default signal rules: what joining, updating and proving work leaves on skills."""

from __future__ import annotations

from collections.abc import Iterable

from skillcore.plugin import Event, SignalRule, SkillSignal

__all__ = ["Completed", "CompletedTask", "Joined", "Updated", "Volunteered"]


class Joined(SignalRule):
    """Joining a project touches each skill that the project declares."""

    name = "joined"
    version = 1
    kinds = frozenset({"project.joined"})

    def derive(self, event: Event) -> Iterable[SkillSignal]:
        """Return one ``joined`` signal a declared skill."""
        return (SkillSignal(skill, "project", event.subject_id, "joined") for skill in event.skills)


class Updated(SignalRule):
    """A progress update touches each skill that its project declares."""

    name = "updated"
    version = 1
    kinds = frozenset({"progress.updated"})

    def derive(self, event: Event) -> Iterable[SkillSignal]:
        """Return one ``update`` signal a declared skill."""
        return (SkillSignal(skill, "update", event.subject_id, "update") for skill in event.skills)


class Completed(SignalRule):
    """Accepted evidence completes the skills that its source names."""

    name = "completed"
    version = 1
    kinds = frozenset({"evidence.accepted"})

    def derive(self, event: Event) -> Iterable[SkillSignal]:
        """Return one ``completed`` signal a skill, with the work as its source."""
        return (SkillSignal(skill, "evidence", event.subject_id, "completed") for skill in event.skills)


class CompletedTask(SignalRule):
    """A completed task completes its declared skills, with the work as source: a work counts once, whoever names it."""

    name = "completed-task"
    version = 1
    kinds = frozenset({"task.completed"})

    def derive(self, event: Event) -> Iterable[SkillSignal]:
        """Return one ``completed`` signal a declared skill and work."""
        return (
            SkillSignal(skill, "evidence", work.subject, "completed") for work in event.data.works for skill in event.skills
        )


class Volunteered(SignalRule):
    """Volunteering on a platform starts the skills it names."""

    name = "volunteered"
    version = 1
    kinds = frozenset({"platform.volunteered"})

    def derive(self, event: Event) -> Iterable[SkillSignal]:
        """Return one ``joined`` signal a skill named."""
        return (SkillSignal(skill, "platform", event.subject_id, "joined") for skill in event.skills)
