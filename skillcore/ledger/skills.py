"""The catalogue of skills: a normalised id each, aliases, and the matching of names to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

from msgspec import Meta, Struct
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from skillcore.ledger.tables import SkillAliasRow, SkillRow
from skillcore.runtime.engine import Transaction
from skillcore.runtime.pages import Page, page, position
from skillcore.runtime.problems import Conflict, InvalidField, NotFound
from skillcore.runtime.skill_names import normalise

__all__ = ["Catalogue", "NewSkill", "Skill", "create", "find", "known", "listing", "match", "resolve"]

Name = Annotated[str, Meta(min_length=1, max_length=100, examples=["Binary search"])]


class NewSkill(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A skill to add to the catalogue.

    Attributes:
        name: as people write it; its normalised form becomes the id.
        category: a word to group skills by.
        aliases: other names under which sources and people know it.
    """

    name: Name
    category: Annotated[str, Meta(max_length=100)] = ""
    aliases: Annotated[tuple[Name, ...], Meta(max_length=50)] = ()


class Skill(Struct, frozen=True, kw_only=True):
    """A skill of the catalogue."""

    id: str
    name: str
    category: str
    aliases: tuple[str, ...] = ()


class Catalogue:
    """This process's copy of all names. Skills are only ever added, so it can miss one, and never be wrong."""

    def __init__(self) -> None:
        self.ids: frozenset[str] = frozenset()
        self.names: dict[str, str] = {}

    async def load(self, tx: Transaction) -> None:
        """Read all skills and aliases."""
        ids = (await tx.session.scalars(select(SkillRow.id))).all()
        aliases = await tx.session.scalars(select(SkillAliasRow))
        self.ids = frozenset(ids)
        self.names = {**{row.alias: row.skill_id for row in aliases}, **{id_: id_ for id_ in ids}}


async def known(tx: Transaction, skills: Iterable[str]) -> frozenset[str]:
    """Return the ids of all known skills; reads them anew if one of ``skills`` is not among those remembered."""
    catalogue = tx.engine.cache(Catalogue)
    if not catalogue.ids.issuperset(skills):
        await catalogue.load(tx)
    return catalogue.ids


async def find(tx: Transaction, names: Sequence[str]) -> list[str | None]:
    """Return the skill id of each name, or None."""
    catalogue = tx.engine.cache(Catalogue)
    wanted = [normalise(name) for name in names]
    if any(name not in catalogue.names for name in wanted):
        await catalogue.load(tx)
    return [catalogue.names.get(name) for name in wanted]


async def resolve(tx: Transaction, names: Sequence[str], *, field: str = "skills") -> tuple[str, ...]:
    """Return the ids of skills named by id, name or alias, each once.

    Raises:
        InvalidField: a name that no skill has.
    """
    found = await find(tx, names)
    for place, (name, id_) in enumerate(zip(names, found, strict=True)):
        if id_ is None:
            message = f"{name!r} is not a known skill; create it with POST /api/skills"
            raise InvalidField(message, field=f"{field}[{place}]")
    return tuple(dict.fromkeys(id_ for id_ in found if id_ is not None))


async def match(tx: Transaction, topics: Sequence[str]) -> tuple[str, ...]:
    """Return the ids of the skills that a source's topics name; topics that no skill has are left out."""
    return tuple(dict.fromkeys(id_ for id_ in await find(tx, topics) if id_ is not None))


async def create(tx: Transaction, new: NewSkill) -> Skill:
    """Add a skill.

    Raises:
        InvalidField: a name without letters and digits.
        Conflict: one of its names belongs to another skill.
    """
    id_ = normalise(new.name)
    aliases = tuple(sorted({alias for alias in map(normalise, new.aliases) if alias != id_}))
    if not id_ or not all(aliases):
        raise InvalidField("a skill's name needs a letter or a digit", field="name" if not id_ else "aliases")
    taken = await find(tx, [id_, *aliases])
    if any(taken):
        holder = next(holder for holder in taken if holder)
        message = f"the name belongs to the skill {holder!r}"
        raise Conflict(message, field="name" if taken[0] else "aliases")
    row = insert(SkillRow).values(id=id_, name=new.name.strip(), category=new.category.strip())
    if await tx.session.scalar(row.on_conflict_do_nothing().returning(SkillRow.id)) is None:
        message = f"the name belongs to the skill {id_!r}"
        raise Conflict(message, field="name")
    if aliases:
        rows = insert(SkillAliasRow).values([{"alias": alias, "skill_id": id_} for alias in aliases])
        added = await tx.session.scalars(rows.on_conflict_do_nothing().returning(SkillAliasRow.alias))
        if len(added.all()) != len(aliases):
            raise Conflict("an alias belongs to another skill", field="aliases")
    return Skill(id=id_, name=new.name.strip(), category=new.category.strip(), aliases=aliases)


async def get(tx: Transaction, name: str) -> Skill:
    """Return a skill by id, name or alias.

    Raises:
        NotFound: no skill has this name.
    """
    (id_,) = await find(tx, [name])
    row = None if id_ is None else await tx.session.get(SkillRow, id_)
    if row is None:
        raise NotFound("no such skill")
    aliases = (await tx.session.scalars(select(SkillAliasRow.alias).where(SkillAliasRow.skill_id == id_))).all()
    return _skill(row, aliases)


async def listing(tx: Transaction, *, category: str | None, limit: int, cursor: str | None) -> Page[Skill]:
    """Return the catalogue's skills, ordered by id."""
    query = select(SkillRow).where(SkillRow.id > (position(cursor, str) or "")).order_by(SkillRow.id).limit(limit + 1)
    if category is not None:
        query = query.where(SkillRow.category == category)
    rows = (await tx.session.scalars(query)).all()
    aliases: dict[str, list[str]] = {row.id: [] for row in rows}
    for row in await tx.session.scalars(select(SkillAliasRow).where(SkillAliasRow.skill_id.in_(aliases))):
        aliases[row.skill_id].append(row.alias)
    return page(rows, limit, lambda row: _skill(row, aliases[row.id]), lambda row: row.id)


def _skill(row: SkillRow, aliases: Iterable[str]) -> Skill:
    return Skill(id=row.id, name=row.name, category=row.category, aliases=tuple(sorted(aliases)))
