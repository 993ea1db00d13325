"""Modules: tasks with the scores that they require; and which module a name means for a person.

Events name modules, and a platform's, a person's own and the installation's may share a name. What it means, is the first of
these that stands at the moment that is asked about: the person's own; what a platform set for them; their platforms', the
older one first; the installation's. To a platform, it never means what is another one's, or the person's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta, Struct, structs

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.defaults.definitions import Curriculum, Module
from skillcore.learning import definitions
from skillcore.learning.definitions import Definition
from skillcore.ledger import skills
from skillcore.runtime.engine import Transaction
from skillcore.runtime.pages import Page, page, position

__all__ = [
    "KIND",
    "SUBJECT",
    "ModuleChange",
    "NewModule",
    "create",
    "curriculum",
    "edit",
    "listing",
    "meant",
    "module",
    "versions",
]

KIND = "module"
SUBJECT = "module:"
"""What formulas' subjects of modules begin with."""

ASKED_LAST = "skillcore.learning.modules.meant"
"""Where a session of the database keeps what was asked for last, and what it is."""

HAD = """select d.id, d.name, d.created_at, d.retired_at,
    case when d.owner_id is null then case when d.platform_id is null then 3 else 2 end
      when d.platform_id is null then 0 else 1 end,
    v.created_at, v.body::text
  from definitions d join definition_versions v on v.definition_id = d.id
  where d.kind = 'module' and (d.owner_id = %(user)s or d.owner_id is null and (d.platform_id is null
      or exists (select from memberships m where m.platform_id = d.platform_id and m.user_id = %(user)s)))
    and (%(platform)s::uuid is null or d.platform_id = %(platform)s or d.platform_id is null and d.owner_id is null)
  order by d.id, v.version"""

decode = msgspec.json.Decoder(Module).decode


class NewModule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A module to be.

    Attributes:
        name: by which events name it; it never changes.
        user: the person for whom it is. Without one it is the platform's by its key, the installation's by an administrator,
            and anybody else's own.
        module: what there is to do; skills by id, name or alias.
    """

    name: definitions.Name
    user: people.PersonReference | None = None
    module: Module


class ModuleChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a module says from now on.

    Attributes:
        module: all of it.
        version: the one that the change is based on; without it, whatever stands is overwritten.
    """

    module: Module
    version: Annotated[int, Meta(ge=1)] | None = None


class Had(Struct):
    """A module that a person has or had, with its versions and since when each stood."""

    id: UUID
    name: str
    created_at: datetime
    retired_at: datetime | None
    rank: int
    versions: list[tuple[datetime, Module]]

    def at(self, moment: datetime) -> Module:
        """Return what it said at a moment; before it began, what it said first."""
        return next((said for since, said in reversed(self.versions) if since <= moment), self.versions[0][1])


async def create(tx: Transaction, actor: Actor, new: NewModule) -> Definition[Module]:
    """Define a module.

    Raises:
        InvalidField: a skill that nobody knows, or a name that looks like an id.
        NotFound: no such person, for this caller.
        Conflict: the name is taken.
    """
    owner = None if new.user is None else await people.resolve(tx, actor, new.user, write=True)
    return await definitions.define(tx, actor, KIND, new.name, await _with_ids(tx, new.module), owner=owner)


async def edit(tx: Transaction, actor: Actor, reference: str, change: ModuleChange) -> Definition[Module]:
    """Have a module say something else, from now on: what was before, stays judged by what stood then.

    Raises:
        InvalidField: a skill that nobody knows.
        NotFound: there is none that this caller may see.
        Forbidden: they may see it, and not change it.
        Conflict: another version stands by now, or it is retired.
    """
    body = await _with_ids(tx, change.module)
    return await definitions.edit(tx, actor, KIND, reference, body, version=change.version)


async def listing(
    tx: Transaction, actor: Actor, *, user: str | None, limit: int, cursor: str | None
) -> Page[Definition[Module]]:
    """Return the modules that the caller sees, oldest first; with a person, those that they have.

    Raises:
        NotFound: no such person, for this caller.
    """
    owner = None if user is None else await people.resolve(tx, actor, user)
    return await definitions.listing(tx, actor, KIND, Module, owner=owner, limit=limit, cursor=cursor)


async def versions(
    tx: Transaction, actor: Actor, reference: str, *, limit: int, cursor: str | None
) -> Page[Definition[Module]]:
    """Return a module's versions, newest first.

    Raises:
        NotFound: there is none that this caller may see.
        Conflict: several have this name; names their ids.
    """
    before = position(cursor, int)
    found = await definitions.history(tx, actor, KIND, reference, Module, limit=limit + 1, before=before)
    return page(found, limit, lambda one: one, lambda one: one.version)


async def meant(tx: Transaction, user_id: UUID, moment: datetime, *, platform: UUID | None = None) -> Mapping[str, Module]:
    """Return what the names of modules mean for a person, as it stood at a moment, in the order of the names.

    What was asked last is kept until the transaction ends, since a series asks at each moment for one module after the other.

    Args:
        tx: an open transaction, in which they are read once.
        user_id: for whom.
        moment: when.
        platform: which asks, if one does.
    """
    wanted = (user_id, platform, moment)
    kept: tuple[object, Mapping[str, Module]] = tx.session.info.get(ASKED_LAST, (None, {}))
    if kept[0] != wanted:
        kept = wanted, _meant(await _had(tx, user_id, platform), moment)
        tx.session.info[ASKED_LAST] = kept
    return kept[1]


def _meant(known: Iterable[Had], moment: datetime) -> Mapping[str, Module]:
    found: dict[str, tuple[tuple[object, ...], Had]] = {}
    for had in known:
        if had.retired_at is not None and had.retired_at <= moment:
            continue
        order = (had.created_at > moment, had.rank, had.created_at, had.id)
        if had.name not in found or order < found[had.name][0]:
            found[had.name] = (order, had)
    return {name: had.at(moment) for name, (_, had) in sorted(found.items())}


async def module(tx: Transaction, user_id: UUID, subject: str, moment: datetime) -> Module | None:
    """Return what a formula's subject is judged by, if it is a module of the person's: see `skillcore.runtime.rooms.Define`."""
    if not subject.startswith(SUBJECT):
        return None
    return (await meant(tx, user_id, moment, platform=tx.platform_id)).get(subject.removeprefix(SUBJECT))


async def curriculum(tx: Transaction, user_id: UUID, subject: str, moment: datetime) -> Curriculum | None:
    """Return all modules that a person has, each with its size; None without any, and for other subjects than the person."""
    if subject:
        return None
    known = await meant(tx, user_id, moment, platform=tx.platform_id)
    return Curriculum(modules=tuple((name, len(one.tasks)) for name, one in known.items())) if known else None


async def _had(tx: Transaction, user_id: UUID, platform: UUID | None) -> list[Had]:
    """Return a person's modules with all of their versions; a transaction that reads many moments reads them once."""
    kept: dict[Any, list[Had]] = tx.session.info.setdefault(KIND, {})
    if (user_id, platform) not in kept:
        found: dict[UUID, Had] = {}
        rows = await (await tx.psycopg()).execute(HAD, {"user": user_id, "platform": platform})
        for id_, name, created_at, retired_at, rank, since, body in await rows.fetchall():
            had = found.setdefault(id_, Had(id_, name, created_at, retired_at, rank, []))
            had.versions.append((since, decode(body)))
        kept[user_id, platform] = list(found.values())
    return kept[user_id, platform]


async def _with_ids(tx: Transaction, given: Module) -> Module:
    return structs.replace(given, skills=await skills.resolve(tx, given.skills, field="module.skills"))
