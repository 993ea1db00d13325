"""Learning paths: topics with what they require, as people and platforms define them; each edit is a version that stays."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.learning import definitions
from skillcore.learning.definitions import BLANK, Definition, Name
from skillcore.learning.graph import Finding, Findings, validate
from skillcore.ledger import skills
from skillcore.runtime.engine import Transaction
from skillcore.runtime.pages import Page, page, position
from skillcore.runtime.problems import InvalidField

__all__ = [
    "KIND",
    "Draft",
    "NewPath",
    "Path",
    "PathBody",
    "PathChanges",
    "PathSummary",
    "PathVersion",
    "Resource",
    "Topic",
    "change",
    "check",
    "create",
    "described",
    "get",
    "listing",
    "retire",
    "versions",
]

KIND = "path"
MOST_TOPICS = 500
RESERVED = "validate"
"""What stands in the place of a name in a route of its own."""

TopicName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        pattern=rf"^[^{BLANK}]([^\x00-\x1f\x7f]*[^{BLANK}])?\Z",
        description="Compared without regard to case and spaces.",
        examples=["CSS"],
    ),
]
Title = Annotated[str, Meta(min_length=1, max_length=200, examples=["The web, from its beginnings"])]
Description = Annotated[str, Meta(max_length=5000)]
SkillName = Annotated[str, Meta(min_length=1, max_length=100)]
Address = Annotated[
    str, Meta(max_length=2000, pattern=r"^https?://[!-~]+\Z", examples=["https://developer.mozilla.org/docs/Web/CSS"])
]
Hours = Annotated[float, Meta(gt=0, le=10_000)]


class Resource(Struct, frozen=True, forbid_unknown_fields=True):
    """Where something can be learnt.

    Attributes:
        url: its address, of http or https.
    """

    title: Title
    url: Address


class Topic(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A topic of a path.

    Attributes:
        prerequisites: names of topics of this path that come before it.
        skills: that it trains, by id, name or alias; by id once it is stored.
        hours: expected to be spent on it.
        library: what it is about, if that is a library, for advisors: ``name`` or ``name@version``.
    """

    name: TopicName
    prerequisites: Annotated[tuple[TopicName, ...], Meta(max_length=50)] = ()
    skills: Annotated[tuple[SkillName, ...], Meta(max_length=50)] = ()
    resources: Annotated[tuple[Resource, ...], Meta(max_length=20)] = ()
    hours: Hours | None = None
    library: Annotated[str, Meta(max_length=200, examples=["react@18"])] = ""


Topics = Annotated[tuple[Topic, ...], Meta(max_length=MOST_TOPICS)]


class PathBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a version of a path says."""

    title: Title
    description: Description = ""
    topics: Topics = ()


class NewPath(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A path to make.

    Attributes:
        user: for whom, if not for all who see what the caller makes.
    """

    name: Name
    title: Title
    description: Description = ""
    topics: Topics = ()
    user: people.PersonReference | None = None


class PathChanges(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of a path; what is left out stays.

    Attributes:
        version: the one that the change is based on; if another one stands by now, nothing changes.
    """

    name: Name | UnsetType = UNSET
    title: Title | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    topics: Topics | UnsetType = UNSET
    version: int | None = None


class Draft(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Topics to look at; nothing of them is stored as a path."""

    topics: Topics


class Path(Struct, frozen=True, kw_only=True):
    """A path in one of its versions.

    Attributes:
        platform_id: of the platform that made it; null of a person's own, and of what is everybody's.
        user_id: whose it is; null of what a platform shares with its members, and of what is everybody's.
        warnings: what its author may want to look at.
        order: in which its topics are recommended.
        edited_at: when this version was made.
        retired_at: since when it is no longer listed.
    """

    id: UUID
    name: str
    version: int
    title: str
    description: str
    topics: tuple[Topic, ...]
    platform_id: UUID | None
    user_id: UUID | None
    warnings: tuple[Finding, ...]
    order: tuple[str, ...]
    created_at: datetime
    edited_at: datetime
    retired_at: datetime | None


class PathSummary(Struct, frozen=True, kw_only=True):
    """A path in a list; its attributes are those of `Path`.

    Attributes:
        topics: how many it has.
    """

    id: UUID
    name: str
    version: int
    title: str
    description: str
    topics: int
    platform_id: UUID | None
    user_id: UUID | None
    edited_at: datetime


class PathVersion(Struct, frozen=True, kw_only=True):
    """A version of a path; `GET /api/learning-paths/{name}?version=` has all of it.

    Attributes:
        topics: how many it has.
        made_at: when; it stood until the next one was made.
    """

    version: int
    title: str
    topics: int
    made_at: datetime


async def create(tx: Transaction, actor: Actor, new: NewPath) -> Path:
    """Make a path: a platform's by its key, everybody's by an administrator, otherwise the caller's own; or a person's.

    Raises:
        InvalidField: the graph of topics has an error, or a skill is unknown; names the first field at fault.
        NotFound: no such person, for this caller.
        Conflict: the name is taken.
    """
    _check_name(new.name)
    owner = None if new.user is None else await people.resolve(tx, actor, new.user, write=True)
    body = PathBody(title=new.title, description=new.description, topics=await _sound(tx, new.topics))
    return described(await definitions.define(tx, actor, KIND, new.name, body, owner=owner))


async def get(tx: Transaction, actor: Actor, reference: str, *, version: int | None = None) -> Path:
    """Return a path, in its last version if no other is asked for.

    Raises:
        NotFound: there is none that this caller may see, or not in this version.
        Conflict: several have this name; names their ids.
    """
    return described(await definitions.found(tx, actor, KIND, reference, PathBody, version=version))


async def listing(tx: Transaction, actor: Actor, *, user: str | None, limit: int, cursor: str | None) -> Page[PathSummary]:
    """Return the paths that the caller sees, oldest first; with a person, those that they have.

    Raises:
        NotFound: no such person, for this caller.
    """
    owner = None if user is None else await people.resolve(tx, actor, user)
    found = await definitions.listing(tx, actor, KIND, PathBody, owner=owner, limit=limit, cursor=cursor)
    return Page([_summary(one) for one in found.items], found.next_cursor)


async def change(tx: Transaction, actor: Actor, reference: str, changes: PathChanges) -> Path:
    """Change a path; what it says becomes a new version.

    Raises:
        InvalidField: as for `create`.
        NotFound: there is none that this caller may see.
        Forbidden: somebody else made it.
        Conflict: another version stands by now, the new name is taken, or it is retired.
    """
    stands = await definitions.found(tx, actor, KIND, reference, PathBody, write=True)
    given = {name: value for name in ("title", "description") if (value := getattr(changes, name)) is not UNSET}
    if changes.topics is not UNSET:
        given["topics"] = await _sound(tx, changes.topics)
    if changes.name is not UNSET:
        _check_name(changes.name)
    body = msgspec.structs.replace(stands.body, **given)
    name = None if changes.name is UNSET else changes.name
    return described(await definitions.edit(tx, actor, KIND, str(stands.id), body, name=name, version=changes.version))


async def versions(tx: Transaction, actor: Actor, reference: str, *, limit: int, cursor: str | None) -> Page[PathVersion]:
    """Return a path's versions, newest first.

    Raises:
        NotFound: there is none that this caller may see.
    """
    before = position(cursor, int)
    found = await definitions.history(tx, actor, KIND, reference, PathBody, limit=limit + 1, before=before)
    return page(found, limit, _version, lambda one: one.version)


async def retire(tx: Transaction, actor: Actor, reference: str) -> None:
    """List a path no longer; its versions stay.

    Raises:
        NotFound: there is none that this caller may see.
        Forbidden: somebody else made it.
        Conflict: it is retired already.
    """
    await definitions.retire(tx, actor, KIND, reference)


def check(draft: Draft) -> Findings:
    """Return what is found in topics without asking anybody; nothing is stored."""
    _check_addresses(draft.topics)
    return validate(draft.topics)


def described(path: Definition[PathBody]) -> Path:
    """Return a path as it is shown."""
    findings = validate(path.body.topics)
    return Path(
        id=path.id,
        name=path.name,
        version=path.version,
        title=path.body.title,
        description=path.body.description,
        topics=path.body.topics,
        platform_id=path.platform_id,
        user_id=path.owner_id,
        warnings=findings.warnings,
        order=findings.order,
        created_at=path.created_at,
        edited_at=path.edited_at,
        retired_at=path.retired_at,
    )


def _summary(path: Definition[PathBody]) -> PathSummary:
    return PathSummary(
        id=path.id,
        name=path.name,
        version=path.version,
        title=path.body.title,
        description=path.body.description,
        topics=len(path.body.topics),
        platform_id=path.platform_id,
        user_id=path.owner_id,
        edited_at=path.edited_at,
    )


def _version(path: Definition[PathBody]) -> PathVersion:
    return PathVersion(version=path.version, title=path.body.title, topics=len(path.body.topics), made_at=path.edited_at)


async def _sound(tx: Transaction, topics: Sequence[Topic]) -> tuple[Topic, ...]:
    """Return topics that can be followed, with the ids of their skills.

    Raises:
        InvalidField: names the first field at fault, and all that are.
    """
    findings = validate(topics)
    if findings.errors:
        errors = [{"field": one.field, "detail": one.message} for one in findings.errors]
        first = findings.errors[0]
        raise InvalidField(f"{first.field}: {first.message}", field=first.field, errors=errors)
    _check_addresses(topics)
    sound = []
    for place, topic in enumerate(topics):
        ids = await skills.resolve(tx, topic.skills, field=f"topics[{place}].skills")
        sound.append(msgspec.structs.replace(topic, skills=ids))
    return tuple(sound)


def _check_name(name: str) -> None:
    if name == RESERVED:
        raise InvalidField(f"name: {RESERVED!r} stands for something else in the addresses of paths", field="name")


def _check_addresses(topics: Sequence[Topic]) -> None:
    for place, topic in enumerate(topics):
        for number, resource in enumerate(topic.resources):
            try:
                host = urlsplit(resource.url).hostname
            except ValueError:
                host = None
            if not host:
                field = f"topics[{place}].resources[{number}].url"
                raise InvalidField(f"{field}: {resource.url!r} names no host", field=field)
