"""Tasks on learning paths: locked topics, the position that follows from what was completed, and what withdrawal does to it."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from skillcore.accounts.access import Actor
from skillcore.defaults.kinds import TaskCompleted, WorkDone
from skillcore.insight import positions
from skillcore.insight.positions import Position
from skillcore.learning import enrolments, paths
from skillcore.learning.paths import NewPath, Path, PathChanges, Topic
from skillcore.learning.tables import DefinitionVersionRow
from skillcore.ledger import entries, maintenance, record
from skillcore.runtime.clock import new_id
from skillcore.runtime.events import NewEvent
from skillcore.runtime.problems import Conflict, InvalidField, NotFound
from skillcore.verification.linking import Claim, link, unlink
from skillcore.work import tasks
from skillcore.work.tasks import NewTask, Task, TaskChanges
from tests.world import Arranged, Row, World

WEB = (Topic(name="HTML"), Topic(name="CSS", prerequisites=("html",)), Topic(name="React", prerequisites=("CSS",)))


async def make(world: World, actor: Actor, name: str = "web", topics: tuple[Topic, ...] = WEB) -> Path:
    async with world.engine.transaction() as tx:
        return await paths.create(tx, actor, NewPath(name=name, title="The web", topics=topics))


async def start(world: World, actor: Actor, path: Path, person: Actor | None = None) -> bool:
    async with world.engine.transaction() as tx:
        return (await enrolments.start(tx, actor, str(path.id), user=str((person or actor).user_id)))[1]


async def leave(world: World, actor: Actor, path: Path) -> None:
    async with world.engine.transaction() as tx:
        await enrolments.leave(tx, actor, str(path.id), user=str(actor.user_id))


async def task(world: World, actor: Actor, topic: str, person: Actor | None = None, **more: Any) -> Task:
    given = {"description": "d", "source": "gym", "requirements": {"exercise": topic or "x"}, "topic": topic, **more}
    async with world.engine.transaction() as tx:
        return await tasks.create(tx, actor, NewTask(user=str((person or actor).user_id), **given))


async def change(world: World, actor: Actor, of: Task, **changes: Any) -> Task:
    async with world.engine.transaction() as tx:
        return await tasks.change(tx, actor, of.id, TaskChanges(**changes))


async def proved(world: World, person: Actor) -> UUID:
    """Let a person have proved an account; returns its id."""
    assert person.user_id is not None
    claim = Claim(user_id=person.user_id, source="gym", handle="ada", handle_key="ada", external_id="ada", method="challenge")
    async with world.engine.transaction() as tx:
        return (await link(tx, claim)).id


async def unlinked(world: World, account: UUID, *, withdraw: bool = False) -> None:
    async with world.engine.transaction() as tx:
        await unlink(tx, account, withdraw=withdraw)


async def complete(world: World, gym: Arranged, person: Actor, topic: str, **more: Any) -> Task:
    """Set a task, and have it completed on the word of the source."""
    of = await task(world, person, topic, **more)
    async with world.engine.transaction() as tx:
        await tasks.complete(tx, person, of.id)
    gym.solved(Row(topic))
    await world.run(of.id)
    async with world.engine.transaction() as tx:
        done = await tasks.get(tx, person, of.id)
    assert done.state == "completed"
    return done


async def at(world: World, actor: Actor, path: Path, as_of: date | None = None, person: Actor | None = None) -> Position:
    async with world.engine.transaction() as tx:
        return await positions.read(tx, actor, str(path.id), user=str((person or actor).user_id), as_of=as_of)


def told(found: Position) -> tuple[tuple[str, ...], tuple[str, ...], str | None, float]:
    return found.completed, found.available, found.current, found.progress


async def test_from_the_first_topic_to_the_last(world: World, gym: Arranged) -> None:
    ada = await world.person()
    await proved(world, ada)
    path = await make(world, ada)
    assert told(await at(world, ada, path)) == ((), ("HTML",), "HTML", 0.0)
    assert await start(world, ada, path)
    assert not await start(world, ada, path)
    await complete(world, gym, ada, " html")
    assert told(await at(world, ada, path)) == (("HTML",), ("CSS",), "CSS", 33.333333)
    with pytest.raises(Conflict) as caught:
        await task(world, ada, "React")
    assert (caught.value.extra, caught.value.field) == ({"path": str(path.id), "missing": ["CSS"]}, "topic")
    assert "'React' is locked on the path 'web' until these are completed: CSS" in str(caught.value)
    await complete(world, gym, ada, "css", path="web")
    await complete(world, gym, ada, "REACT", path=str(path.id))
    found = await at(world, ada, path)
    assert told(found) == (("HTML", "CSS", "React"), (), None, 100.0)
    completed = [event.data for event in await world.events(ada, "task.completed")]
    assert [(one["topic"], one.get("path"), one.get("path_version")) for one in completed] == [
        (" html", None, None),
        ("css", str(path.id), 1),
        ("REACT", str(path.id), 1),
    ]


async def test_only_topics_of_a_path_that_is_followed_are_locked(world: World) -> None:
    ada = await world.person()
    path = await make(world, ada)
    await task(world, ada, "React")
    await start(world, ada, path)
    with pytest.raises(Conflict):
        await task(world, ada, "  react ")
    for free in ("cooking", "HTML", ""):
        await task(world, ada, free)
    await leave(world, ada, path)
    with pytest.raises(NotFound):
        await leave(world, ada, path)
    await task(world, ada, "React")
    with pytest.raises(Conflict):
        await task(world, ada, "React", path="web")  # it is set for the path, followed or not
    assert await start(world, ada, path)
    async with world.engine.transaction() as tx:
        await paths.retire(tx, ada, "web")
    await task(world, ada, "React")
    with pytest.raises(Conflict, match="retired"):
        await task(world, ada, "HTML", path=str(path.id))
    with pytest.raises(Conflict, match="retired"):
        await start(world, ada, path)


async def test_a_topic_can_be_changed_to_what_is_open_alone(world: World) -> None:
    ada = await world.person()
    path = await make(world, ada)
    await start(world, ada, path)
    of = await task(world, ada, "HTML", path="web")
    assert of.path == path.id
    with pytest.raises(Conflict, match="locked"):
        await change(world, ada, of, topic="CSS")
    with pytest.raises(InvalidField, match="no topic of the path"):
        await change(world, ada, of, topic="cooking")
    assert (await change(world, ada, of, topic="cooking", path=None)).path is None
    with pytest.raises(InvalidField):
        await change(world, ada, of, path="web")
    with pytest.raises(NotFound):
        await change(world, ada, of, path="nowhere")
    with pytest.raises(InvalidField):
        await task(world, ada, "", path="web")


async def test_a_task_is_set_for_a_path_that_its_person_has(world: World) -> None:
    school = await world.platform()
    people = {name: await world.member(school, name) for name in ("bob", "cleo")}
    made = {}
    for name in people:
        async with world.engine.transaction() as tx:
            new = NewPath(name="web", title="The web", topics=WEB, user=f"ext:{name}")
            made[name] = await paths.create(tx, school, new)
    for name, person in people.items():
        assert (await task(world, school, "HTML", person, path="web")).path == made[name].id
    with pytest.raises(NotFound):
        await task(world, school, "HTML", people["bob"], path=str(made["cleo"].id))


async def test_a_task_for_one_path_counts_there_alone_and_others_everywhere(world: World, gym: Arranged) -> None:
    ada = await world.person()
    await proved(world, ada)
    web, other = await make(world, ada), await make(world, ada, "other")
    await complete(world, gym, ada, "HTML", path="web")
    assert [(await at(world, ada, path)).completed for path in (web, other)] == [("HTML",), ()]
    await complete(world, gym, ada, "CSS", path="web")
    await complete(world, gym, ada, "html")
    assert [(await at(world, ada, path)).completed for path in (web, other)] == [("HTML", "CSS"), ("HTML",)]


async def test_what_was_done_too_early_counts_and_unlocks_nothing_else(world: World, gym: Arranged) -> None:
    ada = await world.person()
    await proved(world, ada)
    path = await make(world, ada)
    await complete(world, gym, ada, "React")
    await start(world, ada, path)
    found = await at(world, ada, path)
    assert told(found) == (("React",), ("HTML",), "HTML", 33.333333)
    assert [(topic.name, topic.state, topic.missing) for topic in found.topics] == [
        ("HTML", "available", ()),
        ("CSS", "locked", ("html",)),
        ("React", "completed", ("CSS",)),
    ]
    await task(world, ada, "React")  # who has shown it may show it again
    with pytest.raises(Conflict):
        await task(world, ada, "CSS")


async def test_withdrawn_evidence_takes_back_what_rests_on_it(world: World, gym: Arranged) -> None:
    ada = await world.person()
    account = await proved(world, ada)
    path = await make(world, ada)
    await start(world, ada, path)
    await complete(world, gym, ada, "HTML")
    await unlinked(world, account)
    assert (await at(world, ada, path)).completed == ("HTML",)  # unlinking keeps evidence
    await unlinked(world, account, withdraw=True)
    assert told(await at(world, ada, path)) == ((), ("HTML",), "HTML", 0.0)
    with pytest.raises(Conflict):
        await task(world, ada, "CSS")
    await proved(world, ada)  # linked again, it counts again
    assert told(await at(world, ada, path)) == (("HTML",), ("CSS",), "CSS", 33.333333)
    await task(world, ada, "CSS")


DAYS = {
    "2026-02-01": (1, (), ("HTML",), "HTML", 0.0),  # before it was made, its first version stands
    "2026-03-04": (1, (), ("HTML",), "HTML", 0.0),
    "2026-03-05": (1, ("HTML",), ("CSS",), "CSS", 33.333333),
    "2026-03-20": (2, ("HTML",), ("CSS", "Forms"), "CSS", 25.0),
    "2026-03-25": (2, ("HTML", "CSS"), ("Vue", "Forms"), "Vue", 50.0),
    "2029-01-01": (2, ("HTML", "CSS"), ("Vue", "Forms"), "Vue", 50.0),  # of days to come, what is known today
}


async def test_as_of_a_day_in_the_version_of_that_day(world: World) -> None:
    ada = await world.person()
    path = await make(world, ada)
    async with world.engine.transaction() as tx:
        changed = (*WEB[:2], Topic(name="Vue", prerequisites=("CSS",)), Topic(name="Forms", prerequisites=("HTML",)))
        await paths.change(tx, ada, "web", PathChanges(topics=changed))
    await made_on(world, path, noon("2026-03-01"), noon("2026-03-20"))
    # Later things come first: what counts is when something happened, not when it was recorded.
    for topic, day in (("CSS", "2026-03-25"), ("cooking", "2026-03-06"), ("HTML", "2026-03-05")):
        data = TaskCompleted(works=(WorkDone(subject=f"gym:ada:{topic}"),), topic=topic)
        done = NewEvent(
            user_id=ada.user_id or new_id(), kind="task.completed", subject_id=topic, data=data, occurred_at=noon(day)
        )
        async with world.engine.transaction() as tx:
            await record(tx, [done])
    days = {day: await at(world, ada, path, date.fromisoformat(day)) for day in DAYS}
    assert {day: (found.version, *told(found)) for day, found in days.items()} == DAYS
    await maintenance.rebuild(world.engine, lambda _: None)
    assert {day: await at(world, ada, path, date.fromisoformat(day)) for day in DAYS} == days


def noon(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(12), UTC)


async def made_on(world: World, path: Path, *moments: datetime) -> None:
    """Have the versions of a path made at these moments."""
    async with world.engine.transaction() as tx:
        for number, moment in enumerate(moments, 1):
            version = (DefinitionVersionRow.definition_id == path.id) & (DefinitionVersionRow.version == number)
            await tx.session.execute(update(DefinitionVersionRow).where(version).values(created_at=moment))


async def test_a_platform_keeps_to_its_paths_and_learns_of_no_others(world: World, gym: Arranged) -> None:
    school, club, bob = await world.platform(), await world.platform(), await world.person()
    ada = await world.member(school)
    await world.join(club, ada, "ada")
    await proved(world, ada)
    clubs, own = (
        await make(world, club),
        await make(world, ada, "own", (Topic(name="Go", prerequisites=("C",)), Topic(name="C"))),
    )
    for actor, path in ((club, clubs), (ada, own)):
        await start(world, actor, path, ada)
    # What the school does not see does not bind it; the club and Ada herself are bound by it.
    await task(world, school, "CSS", ada)
    await task(world, club, "Go", ada)
    for actor, topic in ((club, "CSS"), (ada, "CSS"), (ada, "Go")):
        with pytest.raises(Conflict):
            await task(world, actor, topic, ada)
    with pytest.raises(NotFound):
        await task(world, school, "HTML", ada, path=str(clubs.id))
    for actor, path in ((school, clubs), (school, own), (club, own), (bob, clubs)):
        with pytest.raises(NotFound):
            await at(world, actor, path, None, ada)
        with pytest.raises(NotFound):
            await start(world, actor, path, ada)
    done = await complete(world, gym, ada, "HTML", path=str(clubs.id))
    assert done.path == clubs.id
    async with world.engine.transaction() as tx:
        shown = [(await tasks.get(tx, actor, done.id)).path for actor in (school, club)]
        kinds = [
            {
                entry.kind
                for entry in (await entries.listing(tx, actor, str(ada.user_id), kind=None, limit=100, cursor=None)).items
            }
            for actor in (school, club)
        ]
    assert shown == [None, clubs.id]
    assert ["task.completed" in seen for seen in kinds] == [False, True]
    assert (await at(world, club, clubs, None, ada)).completed == ("HTML",)


async def test_only_what_a_person_has_can_be_started_for_them(world: World) -> None:
    school = await world.platform()
    ada, bob = await world.member(school), await world.member(school, "bob")
    root = Actor(kind="user", user_id=(await world.person()).user_id, role="admin")
    own, shared = await make(world, ada), await make(world, school, "shared")
    with pytest.raises(NotFound):
        await start(world, root, own, bob)
    assert await start(world, root, own, ada)
    assert await start(world, bob, shared)
    assert await start(world, school, shared, ada)


async def test_starting_at_once_starts_once(world: World) -> None:
    ada = await world.person()
    path = await make(world, ada)
    begun = await asyncio.gather(*(start(world, ada, path) for _ in range(8)))
    assert sorted(begun) == [False] * 7 + [True]
