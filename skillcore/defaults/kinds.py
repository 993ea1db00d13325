"""The engine's own kinds of events. Payloads only ever gain optional fields."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from skillcore.plugin import EventKind, Strength

__all__ = [
    "KINDS",
    "AccountLinked",
    "AccountUnlinked",
    "EvidenceAccepted",
    "EvidenceWithdrawn",
    "LevelChanged",
    "MentorshipHeld",
    "ProgressUpdated",
    "ProjectJoined",
    "ProjectLeft",
    "ReviewDiscounted",
    "ReviewGiven",
    "SourceStats",
    "TaskCompleted",
    "TaskCreated",
    "TaskFailed",
    "TaskState",
    "TaskVerified",
    "WorkDone",
]

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Text = Annotated[str, Meta(max_length=2000)]
Difficulty = Annotated[float, Meta(ge=1, le=10)]
Minutes = Annotated[float, Meta(ge=0, le=1440)]
Percent = Annotated[float, Meta(ge=0, le=100)]


class Payload(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of the engine's payloads."""


class TaskCreated(Payload, frozen=True, kw_only=True):
    """A task was set. Subject: the task."""

    source: Name
    requirements: dict[str, Any]
    difficulty: Difficulty | None = None


class TaskState(Payload, frozen=True, kw_only=True):
    """A task changed its state. Subject: the task."""

    old: Literal["pending", "in_progress", "completed", "failed"] | None
    new: Literal["pending", "in_progress", "completed", "failed"]
    reason: Text = ""


class TaskVerified(Payload, frozen=True, kw_only=True):
    """A source confirmed a task's requirement. Subject: the task.

    Attributes:
        answers: SHA-256 of the raw answers that the verdict rests on, in hexadecimal.
        vouched_by: the platform that vouches for the account, unless its user has proved it.
    """

    source: Name
    account: Name
    works: tuple[Name, ...]
    answers: tuple[str, ...] = ()
    vouched_by: str | None = None


class WorkDone(Payload, frozen=True, kw_only=True):
    """A work that a completed task rests on, with what its source says of it."""

    subject: Annotated[str, Meta(min_length=1, max_length=500)]
    skills: tuple[Name, ...] = ()
    difficulty: Difficulty | None = None
    strength: Strength = "asserted"


class TaskCompleted(Payload, frozen=True, kw_only=True):
    """A task is done. Subject: the task; its skills are those declared for the task.

    Attributes:
        difficulty: as a mentor, an administrator or a platform declared it; a learner's own figure is left out.
        topic: the area that the task belonged to; of a task on a learning path, one of its topics.
        path: the learning path that the task was set for, by its id, in its ``path_version`` of that moment.
    """

    works: tuple[WorkDone, ...]
    difficulty: Difficulty | None = None
    declared_by: Literal["mentor", "admin", "platform"] | None = None
    topic: Text = ""
    path: str | None = None
    path_version: int | None = None


class TaskFailed(Payload, frozen=True, kw_only=True):
    """A task was found not done, or cannot be checked. Subject: the task."""

    reason: Text
    looked_for: Text = ""
    found: Text = ""


class EvidenceAccepted(Payload, frozen=True, kw_only=True):
    """A source confirms a work. Subject: ``<source>:<account's id>:<work>``; recorded once."""

    source: Name
    account: Name
    work: Name
    strength: Strength
    difficulty: Difficulty | None = None
    topics: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    vouched_by: str | None = None
    metadata: dict[str, Any] = {}


class EvidenceWithdrawn(Payload, frozen=True, kw_only=True):
    """All evidence of an account no longer counts. Subject: ``<source>:<account's id>``."""

    account: Name
    reason: Text


class AccountLinked(Payload, frozen=True, kw_only=True):
    """An account became a person's. Subject: ``<source>:<account's id>``. Ends an earlier withdrawal."""

    account: Name
    handle: Name
    method: Literal["vouched", "oauth", "oidc", "challenge"]
    vouched_by: str | None = None


class AccountUnlinked(Payload, frozen=True, kw_only=True):
    """An account no longer brings new evidence. Subject: ``<source>:<account's id>``.

    Attributes:
        by: who decided it, if not the person: ``administrator``, whom the audit names, or ``platform:<id>``.
    """

    account: Name
    reason: Text = ""
    by: Name | None = None


class SourceStats(Payload, frozen=True, kw_only=True):
    """A source showed other figures of an account than before. Subject: ``<source>:<account's id>``.

    Attributes:
        figures: all that its public profile shows, by name; empty if it shows none any more.
        vouched_by: the platform that vouches for the account, unless its user has proved it.
    """

    source: Name
    account: Name
    figures: Annotated[dict[Annotated[str, Meta(min_length=1, max_length=100)], float], Meta(max_length=50)]
    vouched_by: str | None = None


class ProjectJoined(Payload, frozen=True, kw_only=True):
    """A person joined a project. Subject: the project; skills: those it declares."""

    name: Name


class ProjectLeft(Payload, frozen=True, kw_only=True):
    """A person left a project. Subject: the project."""

    name: Name


class ProgressUpdated(Payload, frozen=True, kw_only=True):
    """A person reported progress on a project. Subject: the update; skills: those the project declares."""

    project_id: Name
    text: Text = ""


class MentorshipHeld(Payload, frozen=True, kw_only=True):
    """A mentorship session took place. Subject: the session, which knows the mentor. It leaves no signals."""

    focus: Text = ""
    minutes: Minutes | None = None


class LevelChanged(Payload, frozen=True, kw_only=True):
    """The whole part of a person's level changed."""

    old: int
    new: int
    formula: Name


class ReviewGiven(Payload, frozen=True, kw_only=True):
    """Somebody reviewed a person's work. Subject: the task, or empty for skills as such; skills: those that were reviewed.

    Attributes:
        reviewer: what the reviewer is called towards this person alone; it leads to nobody once they are erased.
        quality: of the work, from 0 to 100.
        discounted: the reviewer's word counts less, as after `ReviewDiscounted`.
    """

    reviewer: Name
    quality: Percent
    discounted: bool = False


class ReviewDiscounted(Payload, frozen=True, kw_only=True):
    """A reviewer's word counts less from now on: two or three people reviewed each other in a circle. Skills: those reviewed.

    Attributes:
        reviewer: as in `ReviewGiven`.
        people: how many are in the circle.
    """

    reviewer: Name
    people: Literal[2, 3]


class TaskProgress(Payload, frozen=True, kw_only=True):
    """Progress on a task. Subject: the space; or a goal, where it is an activity beside the goal's spaces."""

    value: Percent
    task: Text = ""


class TimeSpent(Payload, frozen=True, kw_only=True):
    """Time spent in a space. Subject: the space."""

    minutes: Minutes


class MilestoneReached(Payload, frozen=True, kw_only=True):
    """A milestone of a space or a goal. Subject: the space, or the goal."""

    milestone: Name


class Interaction(Payload, frozen=True, kw_only=True):
    """An interaction in a space, such as one with an assistant. Subject: the space."""

    quality: Percent
    note: Text = ""


class SessionStarted(Payload, frozen=True, kw_only=True):
    """A training session began. Subject: the session."""

    module: Text = ""


class SessionActivity(Payload, frozen=True, kw_only=True):
    """Something done in a training session. Subject: the session; its skills are those that it trained.

    Attributes:
        module: which the session trains, if any.
        item: what was attempted, by a name that is the same for everybody who attempts it.
        difficulty: of that, as whoever records it states it.
    """

    type: Name
    score: Percent | None = None
    module: Text = ""
    detail: dict[str, Any] = {}
    item: Name | None = None
    difficulty: Difficulty | None = None


class SessionEnded(Payload, frozen=True, kw_only=True):
    """A training session ended. Subject: the session. The engine ends one that lies idle, as of its last activity.

    Attributes:
        module: which the session trained, if any.
    """

    module: Text = ""


class Volunteered(Payload, frozen=True, kw_only=True):
    """A person volunteered on a platform. Subject: the opportunity."""

    title: Text = ""
    minutes: Minutes | None = None


class OpportunityShared(Payload, frozen=True, kw_only=True):
    """A person passed an opportunity on. Subject: the opportunity."""

    title: Text = ""


KINDS = (
    EventKind("task.created", TaskCreated),
    EventKind("task.state", TaskState),
    EventKind("task.verified", TaskVerified),
    EventKind("task.completed", TaskCompleted),
    EventKind("task.failed", TaskFailed),
    EventKind("evidence.accepted", EvidenceAccepted),
    EventKind("evidence.withdrawn", EvidenceWithdrawn),
    EventKind("account.linked", AccountLinked),
    EventKind("account.unlinked", AccountUnlinked),
    EventKind("source.stats", SourceStats),
    EventKind("project.joined", ProjectJoined),
    EventKind("project.left", ProjectLeft),
    EventKind("progress.updated", ProgressUpdated),
    EventKind("mentorship.held", MentorshipHeld),
    EventKind("level.changed", LevelChanged),
    EventKind("review.given", ReviewGiven),
    EventKind("review.discounted", ReviewDiscounted),
    EventKind("progress.task", TaskProgress, client=True),
    EventKind("progress.time", TimeSpent, client=True),
    EventKind("progress.milestone", MilestoneReached, client=True),
    EventKind("progress.interaction", Interaction, client=True),
    EventKind("session.started", SessionStarted, client=True),
    EventKind("session.activity", SessionActivity, client=True),
    EventKind("session.ended", SessionEnded, client=True),
    EventKind("platform.volunteered", Volunteered, client=True),
    EventKind("platform.opportunity_shared", OpportunityShared, client=True),
)
