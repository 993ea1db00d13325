"""Projects, updates and mentorship sessions: which of them touch skills, who sees them, and what is refused."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from skillcore.accounts.access import Actor
from skillcore.runtime.clock import new_id
from skillcore.runtime.problems import Conflict, InvalidField, NotFound
from skillcore.work import mentorship, projects, updates
from skillcore.work.mentorship import NewSession, Session, SessionChanges
from skillcore.work.projects import NewProject, Project
from skillcore.work.updates import NewUpdate, Update
from tests.world import World


async def create(world: World, actor: Actor, **given: Any) -> Project:
    async with world.engine.transaction() as tx:
        return await projects.create(tx, actor, NewProject(**{"name": "Compiler", **given}))


async def join(world: World, actor: Actor, project: UUID, person: Actor) -> projects.Member:
    async with world.engine.transaction() as tx:
        return await projects.join(tx, actor, project, str(person.user_id))


async def leave(world: World, actor: Actor, project: UUID, person: Actor) -> None:
    async with world.engine.transaction() as tx:
        await projects.leave(tx, actor, project, str(person.user_id))


async def report(world: World, actor: Actor, project: UUID, person: Actor, content: str = "wrote loops in SQL") -> Update:
    async with world.engine.transaction() as tx:
        return await updates.create(tx, actor, NewUpdate(project=project, user=str(person.user_id), content=content))


async def ids(world: World, actor: Actor, limit: int = 50) -> list[UUID]:
    found: list[UUID] = []
    cursor = None
    while True:
        async with world.engine.transaction() as tx:
            page = await projects.listing(tx, actor, limit=limit, cursor=cursor)
        found += [project.id for project in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return found


async def test_joining_touches_the_declared_skills_and_never_the_ideas(world: World) -> None:
    platform = await world.platform()
    ada = await world.member(platform)
    project = await create(world, platform, skills=("Python", "LOOPS", "python"), metadata={"skill_ideas": ["sql"]})
    assert project.skills == ("loops", "python")
    assert project.metadata == {"skill_ideas": ["sql"]}
    await join(world, platform, project.id, ada)
    assert await world.signals(ada) == {
        ("loops", "project", str(project.id), "joined"),
        ("python", "project", str(project.id), "joined"),
    }
    (event,) = await world.events(ada)
    assert (event.kind, event.subject_id, event.skills, event.data) == (
        "project.joined",
        str(project.id),
        ["loops", "python"],
        {"name": "Compiler"},
    )


async def test_joining_twice_is_joining_once_and_returning_is_recorded(world: World) -> None:
    platform = await world.platform()
    ada = await world.member(platform)
    project = await create(world, platform, skills=("python",))
    first = await join(world, platform, project.id, ada)
    assert await join(world, platform, project.id, ada) == first
    await leave(world, platform, project.id, ada)
    with pytest.raises(NotFound):
        await leave(world, platform, project.id, ada)
    await join(world, platform, project.id, ada)
    assert await world.kinds(ada) == ["project.joined", "project.left", "project.joined"]
    assert len(await world.signals(ada)) == 1


async def test_members_are_counted_and_listed_while_they_are_in_it(world: World) -> None:
    platform = await world.platform()
    people = [await world.member(platform, f"member-{number}") for number in range(3)]
    project = await create(world, platform)
    for person in people:
        await join(world, platform, project.id, person)
    await leave(world, platform, project.id, people[0])
    async with world.engine.transaction() as tx:
        assert (await projects.get(tx, platform, project.id)).members == 2
        page = await projects.members(tx, platform, project.id, limit=1, cursor=None)
        rest = await projects.members(tx, platform, project.id, limit=5, cursor=page.next_cursor)
    assert [member.user_id for member in [*page.items, *rest.items]] == [person.user_id for person in people[1:]]


async def test_an_unknown_skill_is_refused_by_its_place(world: World) -> None:
    with pytest.raises(InvalidField) as refusal:
        await create(world, await world.platform(), skills=("python", "juggling"))
    assert refusal.value.field == "skills[1]"


async def test_who_sees_which_project(world: World) -> None:
    one, other = await world.platform(), await world.platform()
    ada, bob, eve = await world.member(one), await world.member(other), await world.person()
    admin = Actor(kind="user", user_id=(await world.person()).user_id, role="admin")
    ones, others, adas = await create(world, one), await create(world, other), await create(world, ada)
    assert await ids(world, one) == [ones.id]
    assert await ids(world, other) == [others.id]
    assert await ids(world, ada, limit=1) == [ones.id, adas.id]
    assert await ids(world, bob) == [others.id]
    assert await ids(world, eve) == []
    assert await ids(world, admin) == [ones.id, others.id, adas.id]
    for actor, project in ((one, others), (ada, others), (bob, adas), (one, adas)):
        async with world.engine.transaction() as tx:
            with pytest.raises(NotFound):
                await projects.get(tx, actor, project.id)
    with pytest.raises(NotFound):
        await join(world, one, ones.id, bob)
    with pytest.raises(NotFound):
        await join(world, bob, ones.id, bob)
    await join(world, ada, ones.id, ada)


async def test_an_update_is_stored_and_touches_the_declared_skills_whatever_its_text_says(world: World) -> None:
    platform = await world.platform()
    ada = await world.member(platform)
    project = await create(world, platform, skills=("python",))
    await join(world, platform, project.id, ada)
    update = await report(world, platform, project.id, ada)
    assert (update.project, update.user_id, update.content) == (project.id, ada.user_id, "wrote loops in SQL")
    (event,) = await world.events(ada, "progress.updated")
    assert (event.subject_id, event.skills) == (str(update.id), ["python"])
    assert event.data == {"project_id": str(project.id), "text": "wrote loops in SQL"}
    assert ("python", "update", str(update.id), "update") in await world.signals(ada)
    assert {skill for skill, *_ in await world.signals(ada)} == {"python"}
    second = await report(world, ada, project.id, ada)
    async with world.engine.transaction() as tx:
        page = await updates.listing(tx, platform, user=str(ada.user_id), project=None, limit=10, cursor=None)
    assert [row.id for row in page.items] == [update.id, second.id]


async def test_no_declared_skills_no_signals(world: World) -> None:
    platform = await world.platform()
    ada = await world.member(platform)
    project = await create(world, platform)
    await join(world, platform, project.id, ada)
    await report(world, platform, project.id, ada)
    assert await world.signals(ada) == set()


async def test_updates_need_membership_and_stay_with_their_platform(world: World) -> None:
    one, other = await world.platform(), await world.platform()
    ada = await world.member(one)
    await world.join(other, ada, "countess")
    project = await create(world, one)
    with pytest.raises(Conflict, match=f"PUT /api/projects/{project.id}/members"):
        await report(world, one, project.id, ada)
    with pytest.raises(NotFound):
        await report(world, other, project.id, ada)
    await join(world, one, project.id, ada)
    await report(world, one, project.id, ada)
    async with world.engine.transaction() as tx:
        theirs = await updates.listing(tx, other, user=str(ada.user_id), project=None, limit=10, cursor=None)
        own = await updates.listing(tx, ada, user="me", project=project.id, limit=10, cursor=None)
    assert (len(theirs.items), len(own.items)) == (0, 1)


async def note(world: World, actor: Actor, mentor: Actor, intern: Actor, **given: Any) -> Session:
    new = NewSession(mentor=str(mentor.user_id), intern=str(intern.user_id), focus="python loops", **given)
    async with world.engine.transaction() as tx:
        return await mentorship.create(tx, actor, new)


async def change(world: World, actor: Actor, session: UUID, **given: Any) -> Session:
    async with world.engine.transaction() as tx:
        return await mentorship.change(tx, actor, session, SessionChanges(**given))


async def test_a_held_session_is_recorded_once_and_touches_no_skill(world: World) -> None:
    platform = await world.platform()
    mentor, intern = await world.member(platform, "mentor"), await world.member(platform, "intern")
    project = await create(world, platform, skills=("python",))
    session = await note(world, platform, mentor, intern, project=project.id)
    assert (session.status, session.project) == ("planned", project.id)
    assert await world.events(intern) == []
    held = await change(world, platform, session.id, status="held", minutes=45)
    assert (held.status, held.minutes, held.focus) == ("held", 45, "python loops")
    with pytest.raises(Conflict, match="the session is held"):
        await change(world, platform, session.id, status="planned")
    (event,) = await world.events(intern)
    assert (event.kind, event.subject_id) == ("mentorship.held", str(session.id))
    assert event.data == {"focus": "python loops", "minutes": 45.0}
    assert await world.signals(intern) == set()
    assert await world.signals(mentor) == set()


async def test_a_session_noted_as_held_is_recorded_at_once(world: World) -> None:
    platform = await world.platform()
    mentor, intern = await world.member(platform, "mentor"), await world.member(platform, "intern")
    await note(world, platform, mentor, intern, status="held")
    assert await world.kinds(intern) == ["mentorship.held"]


async def test_a_cancelled_session_leaves_nothing(world: World) -> None:
    platform = await world.platform()
    mentor, intern = await world.member(platform, "mentor"), await world.member(platform, "intern")
    session = await note(world, platform, mentor, intern)
    await change(world, platform, session.id, status="cancelled")
    with pytest.raises(Conflict):
        await change(world, platform, session.id, status="held")
    assert await world.events(intern) == []


async def test_sessions_are_seen_by_those_whom_they_concern(world: World) -> None:
    one, other = await world.platform(), await world.platform()
    mentor, intern, stranger = await world.member(one, "mentor"), await world.member(one, "intern"), await world.person()
    await world.join(other, intern, "somebody")
    session = await note(world, one, mentor, intern)
    for actor in (one, mentor, intern):
        async with world.engine.transaction() as tx:
            assert (await mentorship.get(tx, actor, session.id)).id == session.id
    for actor in (other, stranger):
        async with world.engine.transaction() as tx:
            with pytest.raises(NotFound):
                await mentorship.get(tx, actor, session.id)
    async with world.engine.transaction() as tx:
        seen = [
            len((await mentorship.listing(tx, actor, user=str(person.user_id), limit=5, cursor=None)).items)
            for actor, person in ((one, intern), (one, mentor), (other, intern), (mentor, mentor))
        ]
        with pytest.raises(NotFound):
            await mentorship.get(tx, one, new_id())
    assert seen == [1, 1, 0, 1]


async def test_sessions_need_two_people_whom_the_caller_knows(world: World) -> None:
    platform = await world.platform()
    mentor, stranger = await world.member(platform, "mentor"), await world.person()
    with pytest.raises(InvalidField):
        await note(world, platform, mentor, mentor)
    with pytest.raises(NotFound):
        await note(world, platform, mentor, stranger)
    with pytest.raises(NotFound):
        await note(world, stranger, mentor, stranger)
