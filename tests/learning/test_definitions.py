"""Definitions: who sees and who changes which, versions that stay, and edits at the same time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from msgspec import Struct
from sqlalchemy import select, update

from skillcore.accounts.access import Actor
from skillcore.accounts.mentor_tables import MentorRow
from skillcore.learning import definitions
from skillcore.learning.definitions import Definition, Name
from skillcore.learning.tables import DefinitionRow, DefinitionVersionRow
from skillcore.runtime.clock import new_id
from skillcore.runtime.problems import Conflict, Forbidden, InvalidField, NotFound, Problem
from tests.world import World


class Recipe(Struct, frozen=True, forbid_unknown_fields=True):
    """A body."""

    steps: tuple[str, ...]
    minutes: float | None = None


BREAD = Recipe(("knead", "bake"))
CAKE = Recipe(("stir", "bake"), 45.0)


async def define(world: World, actor: Actor, name: str = "bread", body: Recipe = BREAD, **more: Any) -> Definition[Recipe]:
    async with world.engine.transaction() as tx:
        return await definitions.define(tx, actor, "recipe", name, body, **more)


async def edit(world: World, actor: Actor, reference: object, body: Recipe = CAKE, **more: Any) -> Definition[Recipe]:
    async with world.engine.transaction() as tx:
        return await definitions.edit(tx, actor, "recipe", str(reference), body, **more)


async def found(world: World, actor: Actor, reference: object = "bread", **more: Any) -> Definition[Recipe]:
    async with world.engine.transaction() as tx:
        return await definitions.found(tx, actor, "recipe", str(reference), Recipe, **more)


async def history(world: World, actor: Actor, reference: object, **more: Any) -> list[Definition[Recipe]]:
    async with world.engine.transaction() as tx:
        return await definitions.history(tx, actor, "recipe", str(reference), Recipe, **more)


async def retire(world: World, actor: Actor, reference: object) -> None:
    async with world.engine.transaction() as tx:
        await definitions.retire(tx, actor, "recipe", str(reference))


async def at(world: World, of: Definition[Recipe], moment: datetime, **more: Any) -> Recipe | None:
    async with world.engine.transaction() as tx:
        return await definitions.at(tx, "recipe", of.id, Recipe, moment, **more)


async def listed(world: World, actor: Actor, limit: int = 50, **more: Any) -> list[UUID]:
    ids: list[UUID] = []
    cursor = None
    while True:
        async with world.engine.transaction() as tx:
            page = await definitions.listing(tx, actor, "recipe", Recipe, limit=limit, cursor=cursor, **more)
        assert len(page.items) <= limit
        ids += [one.id for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return ids


async def admin(world: World) -> Actor:
    person = await world.person()
    return msgspec.structs.replace(person, role="admin")


async def mentor(world: World, *learners: Actor) -> Actor:
    person = await world.person()
    async with world.engine.transaction() as tx:
        tx.session.add_all(MentorRow(mentor_id=person.user_id, learner_id=learner.user_id) for learner in learners)
    return msgspec.structs.replace(person, role="mentor")


async def refused(what: Any) -> type[Problem]:
    with pytest.raises(Problem) as caught:
        await what
    return type(caught.value)


async def test_a_definition_is_found_by_its_name_and_its_id(world: World) -> None:
    ada = await world.person()
    made = await define(world, ada)
    assert (made.version, made.body, made.owner_id, made.platform_id) == (1, BREAD, ada.user_id, None)
    assert await found(world, ada) == await found(world, ada, made.id) == made
    assert await listed(world, ada) == [made.id]
    assert await refused(found(world, ada, "cake")) is NotFound
    assert await refused(found(world, ada, "bread\0")) is NotFound
    async with world.engine.transaction() as tx:
        with pytest.raises(NotFound, match="no such meal"):
            await definitions.found(tx, ada, "meal", str(made.id), Recipe)


async def test_whose_it_is_follows_from_who_makes_it_for_whom(world: World) -> None:
    school, root, bob = await world.platform(), await admin(world), await world.person()
    ada = await world.member(school)
    whose = {
        "own": await define(world, ada),
        "the platform's": await define(world, school),
        "set by the platform": await define(world, school, owner=ada.user_id),
        "everybody's": await define(world, root),
        "an administrator's own": await define(world, root, owner=root.user_id),
        "by an administrator": await define(world, root, owner=bob.user_id),
    }
    assert {name: (one.platform_id, one.owner_id) for name, one in whose.items()} == {
        "own": (None, ada.user_id),
        "the platform's": (school.platform_id, None),
        "set by the platform": (school.platform_id, ada.user_id),
        "everybody's": (None, None),
        "an administrator's own": (None, root.user_id),
        "by an administrator": (None, bob.user_id),
    }
    for stranger in (bob, await world.platform(), await mentor(world, ada)):
        assert await refused(define(world, stranger, owner=ada.user_id)) is NotFound


async def test_everyone_sees_theirs_and_what_is_shared_with_them(world: World) -> None:
    school, club, root = await world.platform(), await world.platform(), await admin(world)
    ada, bob = await world.member(school), await world.member(club, "bob")
    guide = await mentor(world, ada)
    made = {
        "ada's": await define(world, ada),
        "bob's": await define(world, bob),
        "the school's": await define(world, school),
        "the school's for ada": await define(world, school, owner=ada.user_id),
        "the club's": await define(world, club),
        "the club's for bob": await define(world, club, owner=bob.user_id),
        "everybody's": await define(world, root),
    }
    sees = {
        "ada": (ada, {"ada's", "the school's", "the school's for ada", "everybody's"}),
        "bob": (bob, {"bob's", "the club's", "the club's for bob", "everybody's"}),
        "the school": (school, {"the school's", "the school's for ada", "everybody's"}),
        "guide": (guide, {"ada's", "the school's for ada", "everybody's"}),
        "somebody": (await world.person(), {"everybody's"}),
        "root": (root, set(made)),
    }
    for who, (actor, names) in sees.items():
        assert {name for name, one in made.items() if one.id in await listed(world, actor)} == names, who
        for name, one in made.items():
            if name in names:
                assert (await found(world, actor, one.id)).id == one.id, (who, name)
                assert len(await history(world, actor, one.id)) == 1
            else:
                assert await refused(found(world, actor, one.id)) is NotFound, (who, name)
                assert await refused(history(world, actor, one.id)) is NotFound
                assert await refused(edit(world, actor, one.id)) is NotFound
                assert await refused(retire(world, actor, one.id)) is NotFound


async def test_a_mentor_sees_what_is_of_their_own_learners_alone(world: World) -> None:
    ada, bob = await world.person(), await world.person()
    hers, his = await define(world, ada), await define(world, bob)
    assert await listed(world, await mentor(world, ada)) == [hers.id]
    assert await listed(world, await mentor(world, bob)) == [his.id]
    assert await listed(world, await mentor(world)) == []


async def test_what_a_person_has_is_told_from_what_the_caller_sees(world: World) -> None:
    school, root = await world.platform(), await admin(world)
    ada, bob = await world.member(school), await world.member(school, "bob")
    own, shared = await define(world, ada), await define(world, school, "cake")
    await define(world, bob)
    everybodys = await define(world, root, "tea")
    assert await listed(world, root, owner=ada.user_id) == [own.id, shared.id, everybodys.id]
    assert await listed(world, school, owner=ada.user_id) == [shared.id, everybodys.id]
    assert (await found(world, root, owner=ada.user_id)).id == own.id
    with pytest.raises(Conflict) as caught:
        await found(world, root)
    assert str(own.id) in caught.value.extra["ids"]
    assert len(caught.value.extra["ids"]) == 2


async def test_only_its_maker_changes_it(world: World) -> None:
    school, root = await world.platform(), await admin(world)
    ada = await world.member(school)
    guide = await mentor(world, ada)
    own, shared = await define(world, ada), await define(world, school, "shared")
    given, everybodys = await define(world, school, "given", owner=ada.user_id), await define(world, root, "everybody's")
    for actor, one in ((guide, own), (ada, shared), (ada, given), (guide, given), (ada, everybodys), (school, everybodys)):
        assert await refused(edit(world, actor, one.id)) is Forbidden
        assert await refused(retire(world, actor, one.id)) is Forbidden
        assert await refused(found(world, actor, one.id, write=True)) is Forbidden
    for actor, one in ((ada, own), (school, shared), (school, given), (root, everybodys), (root, own), (root, given)):
        assert (await edit(world, actor, one.id, Recipe((str(actor.user_id),)))).version > 1


async def test_a_platform_no_longer_sees_what_it_set_for_somebody_who_left(world: World) -> None:
    school, club = await world.platform(), await world.platform()
    ada = await world.member(school)
    given, shared = await define(world, school, owner=ada.user_id), await define(world, school, "shared")
    await world.join(club, ada, "ada")
    async with world.engine.transaction() as tx:
        connection = await tx.psycopg()
        await connection.execute("delete from memberships where platform_id = %s", (school.platform_id,))
    assert await refused(found(world, school, given.id)) is NotFound
    assert (await found(world, ada)).id == given.id
    assert await refused(found(world, ada, shared.id)) is NotFound
    assert await at(world, shared, datetime.max.replace(tzinfo=UTC), owner=ada.user_id) is None


async def test_names_are_taken_once_by_each_owner(world: World) -> None:
    school, club, root = await world.platform(), await world.platform(), await admin(world)
    ada, bob = await world.member(school), await world.member(school, "bob")
    ways: list[tuple[Actor, UUID | None]] = [(ada, None), (school, None), (school, ada.user_id), (root, None)]
    ways += [(bob, None), (school, bob.user_id), (club, None)]
    for actor, owner in ways:
        await define(world, actor, owner=owner)
        with pytest.raises(Conflict) as caught:
            await define(world, actor, owner=owner)
        assert caught.value.field == "name"
    async with world.engine.transaction() as tx:
        await definitions.define(tx, ada, "other kind", "bread", BREAD)
    cake = await define(world, ada, "cake")
    with pytest.raises(Conflict, match="'bread'"):
        await edit(world, ada, cake.id, name="bread")
    assert (await found(world, ada, "cake")).version == 1


@pytest.mark.parametrize("name", ["", "a/b", " a", "a ", "a\nb", "a\x7f", "x" * 201])
def test_names_can_stand_in_a_path(name: str) -> None:
    for good in ("a", "web basics", "C++", "東京", "x" * 200):
        assert msgspec.convert(good, Name) == good
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(name, Name)


async def test_a_name_is_no_id(world: World) -> None:
    ada, bob = await world.person(), await world.person()
    made = await define(world, ada)
    for name in (str(made.id), made.id.hex):
        with pytest.raises(InvalidField):
            await define(world, bob, name)
        with pytest.raises(InvalidField):
            await edit(world, ada, made.id, name=name)


async def test_an_edit_is_a_version_and_former_ones_stay(world: World) -> None:
    ada = await world.person()
    first = await define(world, ada)
    second = await edit(world, ada, "bread", version=1)
    same = await edit(world, ada, "bread")
    third = await edit(world, ada, "bread", BREAD, name="rye")
    assert (second.version, second.body, same) == (2, CAKE, second)
    assert (third.version, third.name) == (3, "rye")
    assert [(one.version, one.body) for one in await history(world, ada, "rye")] == [(3, BREAD), (2, CAKE), (1, BREAD)]
    assert [one.version for one in await history(world, ada, "rye", limit=1, before=3)] == [2]
    assert (await found(world, ada, "rye", version=2)).body == CAKE
    assert await refused(found(world, ada, "rye", version=4)) is NotFound
    assert await refused(found(world, ada, "bread")) is NotFound
    renamed = await edit(world, ada, "rye", BREAD, name="spelt")
    assert (renamed.version, renamed.created_at, renamed.edited_at) == (3, first.created_at, third.edited_at)


async def test_what_was_retired_keeps_its_versions_and_frees_its_name(world: World) -> None:
    ada = await world.person()
    old = await edit(world, ada, (await define(world, ada)).id)
    await retire(world, ada, "bread")
    assert await listed(world, ada) == []
    assert await refused(found(world, ada)) is NotFound
    kept = await found(world, ada, old.id)
    assert kept.retired_at is not None
    assert len(await history(world, ada, old.id)) == 2
    for act in (edit(world, ada, old.id), retire(world, ada, old.id), found(world, ada, old.id, write=True)):
        assert await refused(act) is Conflict
    new = await define(world, ada)
    assert (await found(world, ada)).id == new.id
    assert await at(world, old, datetime.max.replace(tzinfo=UTC), owner=ada.user_id) == CAKE


async def test_what_stood_at_a_moment(world: World) -> None:
    school = await world.platform()
    ada, bob = await world.member(school), await world.person()
    made = await define(world, ada)
    for body in (CAKE, Recipe(("buy",))):
        await edit(world, ada, made.id, body)
    times = [one.edited_at for one in reversed(await history(world, ada, made.id))]
    assert times == sorted(set(times))
    year, tick = timedelta(days=365), timedelta(microseconds=1)
    said = {moment: await at(world, made, moment) for moment in (times[0] - year, *times, times[1] - tick, times[2] + year)}
    assert said == {
        times[0] - year: BREAD,
        times[0]: BREAD,
        times[1] - tick: BREAD,
        times[1]: CAKE,
        times[2]: Recipe(("buy",)),
        times[2] + year: Recipe(("buy",)),
    }
    assert await at(world, made, times[2], owner=ada.user_id) == Recipe(("buy",))
    assert await at(world, made, times[2], owner=bob.user_id) is None
    shared = await define(world, school)
    assert await at(world, shared, times[2], owner=ada.user_id) == BREAD
    assert await at(world, shared, times[2], owner=bob.user_id) is None
    assert await at(world, msgspec.structs.replace(made, id=new_id()), times[2]) is None


async def test_versions_follow_each_other_in_time_whatever_clocks_say(world: World) -> None:
    """The first one was made by a process whose clock is an hour ahead."""
    ada = await world.person()
    made = await define(world, ada)
    ahead = made.edited_at + timedelta(hours=1)
    async with world.engine.transaction() as tx:
        await tx.session.execute(update(DefinitionRow).values(edited_at=ahead))
        await tx.session.execute(update(DefinitionVersionRow).values(created_at=ahead))
    edited = await edit(world, ada, made.id)
    assert edited.edited_at == ahead + timedelta(microseconds=1)
    assert await at(world, made, ahead) == BREAD
    assert await at(world, made, ahead + timedelta(hours=1)) == CAKE


async def test_an_edit_of_a_version_that_no_longer_stands_names_the_one_that_does(world: World) -> None:
    ada = await world.person()
    await define(world, ada)
    await edit(world, ada, "bread", version=1)
    with pytest.raises(Conflict) as caught:
        await edit(world, ada, "bread", BREAD, version=1)
    assert (caught.value.extra["version"], caught.value.field) == (2, "version")
    assert (await found(world, ada)).body == CAKE


async def test_of_edits_at_once_one_wins_and_none_is_lost_unseen(world: World) -> None:
    ada = await world.person()
    made = await define(world, ada)
    bodies = [Recipe((str(number),)) for number in range(8)]
    based = await asyncio.gather(*(edit(world, ada, made.id, body, version=1) for body in bodies), return_exceptions=True)
    (won,) = [one for one in based if isinstance(one, Definition)]
    assert {type(one) for one in based if one is not won} == {Conflict}
    assert (won.version, await found(world, ada)) == (2, won)
    # Without a version each overwrites what stands, one after another.
    await asyncio.gather(*(edit(world, ada, made.id, Recipe((f"x{number}",))) for number in range(8)))
    async with world.engine.transaction() as tx:
        versions = await tx.session.scalars(select(DefinitionVersionRow.version).order_by(DefinitionVersionRow.version))
        assert list(versions) == list(range(1, 11))


async def test_of_definitions_made_at_once_under_one_name_one_stays(world: World) -> None:
    ada = await world.person()
    made = await asyncio.gather(*(define(world, ada) for _ in range(8)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in made) == ["Conflict"] * 7 + ["Definition"]


async def test_a_list_goes_on_where_it_ended(world: World) -> None:
    ada = await world.person()
    made = [(await define(world, ada, f"bread {number}")).id for number in range(5)]
    await retire(world, ada, "bread 2")
    assert await listed(world, ada, limit=2) == [made[0], made[1], made[3], made[4]]


async def test_who_reads_what_is_somebody_elses_is_noted(world: World) -> None:
    ada, root = await world.person(), await admin(world)
    made = await define(world, ada)
    await found(world, ada)
    await define(world, root, "tea")
    async with world.engine.transaction() as tx:
        connection = await tx.psycopg()
        query = "select about_id from audit where act = 'person.read' order by position"
        assert await (await connection.execute(query)).fetchall() == []
    await found(world, root, made.id)
    await listed(world, root)
    await found(world, root, "tea")
    async with world.engine.transaction() as tx:
        connection = await tx.psycopg()
        assert await (await connection.execute(query)).fetchall() == [(ada.user_id,)] * 2
