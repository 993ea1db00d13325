"""Setting, changing and deleting tasks: what is checked, who may, and what is final."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import text

import skillcore
from skillcore.accounts.access import Actor
from skillcore.runtime.problems import Conflict, Forbidden, InvalidField, NotFound
from skillcore.verification import accounts
from skillcore.verification.accounts import Vouch
from skillcore.work import check, projects, tasks
from skillcore.work.projects import NewProject
from skillcore.work.states import State, step
from skillcore.work.tables import TaskRow
from skillcore.work.tasks import NewTask, Task, TaskChanges
from tests.world import Arranged, Row, World


async def create(world: World, actor: Actor, person: Actor, **given: Any) -> Task:
    new: dict[str, Any] = {"description": "Solve it", "source": "gym", "requirements": {"exercise": "loops-1"}, **given}
    async with world.engine.transaction() as tx:
        return await tasks.create(tx, actor, NewTask(user=str(person.user_id), **new))


async def change(world: World, actor: Actor, task: UUID, **given: Any) -> Task:
    async with world.engine.transaction() as tx:
        return await tasks.change(tx, actor, task, TaskChanges(**given))


async def delete(world: World, actor: Actor, task: UUID) -> None:
    async with world.engine.transaction() as tx:
        await tasks.delete(tx, actor, task)


async def get(world: World, actor: Actor, task: UUID) -> Task:
    async with world.engine.transaction() as tx:
        return await tasks.get(tx, actor, task)


async def listed(world: World, actor: Actor, person: Actor, **given: Any) -> list[UUID]:
    found: list[UUID] = []
    cursor = None
    while True:
        options = {"state": None, "hidden": False, "limit": 2, **given}
        async with world.engine.transaction() as tx:
            page = await tasks.listing(tx, actor, user=str(person.user_id), cursor=cursor, **options)
        found += [task.id for task in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return found


async def finish(world: World, gym: Arranged, platform: Actor, person: Actor, task: UUID) -> None:
    gym.solved(Row("loops-1"))
    async with world.engine.transaction() as tx:
        await accounts.vouch(tx, platform, str(person.user_id), "gym", Vouch(handle="ada"))
    async with world.engine.transaction() as tx:
        await tasks.complete(tx, platform, task)
    await world.run(task)


async def test_a_task_is_stored_as_asked_and_recorded(world: World) -> None:
    platform = await world.platform()
    ada = await world.member(platform)
    task = await create(world, platform, ada, difficulty=6, topic="loops", skills=("Python",))
    assert (task.user_id, task.source, task.requirements) == (ada.user_id, "gym", {"exercise": "loops-1"})
    assert (task.difficulty, task.difficulty_by, task.set_by) == (6, "platform", "platform")
    assert (task.topic, task.skills, task.state, task.attempt) == ("loops", ("python",), "pending", 0)
    set_, state = await world.events(ada)
    assert (set_.kind, set_.subject_id, set_.skills) == ("task.created", str(task.id), ["python"])
    assert set_.data == {"source": "gym", "requirements": {"exercise": "loops-1"}, "difficulty": 6.0}
    assert (state.kind, state.data) == ("task.state", {"old": None, "new": "pending"})
    assert await get(world, ada, task.id) == task
    assert await world.signals(ada) == set()


async def test_who_sets_it_is_who_declared_its_difficulty(world: World) -> None:
    platform = await world.platform()
    ada = await world.member(platform)
    admin = Actor(kind="user", user_id=(await world.person()).user_id, role="admin")
    by = [(await create(world, actor, ada, difficulty=3)).difficulty_by for actor in (platform, ada, admin)]
    assert by == ["platform", "learner", "admin"]
    own = await create(world, admin, admin, difficulty=3)
    assert own.difficulty_by == "learner"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"source": "circus"}, "source"),
        ({"requirements": {}}, "requirements.exercise"),
        ({"requirements": {"exercise": 7}}, "requirements.exercise"),
        ({"requirements": {"exercise": "loops-1", "colour": "red"}}, "requirements.colour"),
        ({"requirements": {"exercise": "impossible"}}, "requirements.exercise"),
        ({"skills": ("juggling",)}, "skills[0]"),
    ],
)
async def test_what_cannot_be_checked_is_refused_when_it_is_set(world: World, given: dict[str, Any], field: str) -> None:
    ada = await world.person()
    with pytest.raises(InvalidField) as refusal:
        await create(world, ada, ada, **given)
    assert refusal.value.field == field
    assert await world.events(ada) == []


@pytest.mark.parametrize(
    "body",
    [
        '{"difficulty": 0.5}',
        '{"difficulty": 11}',
        '{"description": ""}',
        '{"state": "completed"}',
        '{"difficulty_by": "platform"}',
    ],
)
def test_the_edges_are_bounded_and_know_no_other_fields(body: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(body, type=TaskChanges)


async def test_foreign_people_and_tasks_do_not_exist(world: World) -> None:
    one, other = await world.platform(), await world.platform()
    ada, bob = await world.member(one), await world.member(other)
    task = await create(world, one, ada)
    with pytest.raises(NotFound):
        await create(world, other, ada)
    with pytest.raises(NotFound):
        await create(world, bob, ada)
    for actor in (other, bob):
        for attempt in (get(world, actor, task.id), change(world, actor, task.id, topic="x"), delete(world, actor, task.id)):
            with pytest.raises(NotFound):
                await attempt
        async with world.engine.transaction() as tx:
            with pytest.raises(NotFound):
                await tasks.complete(tx, actor, task.id)
            with pytest.raises(NotFound):
                await tasks.history(tx, actor, task.id)


async def test_a_platform_does_not_see_the_tasks_of_another_for_the_same_person(world: World) -> None:
    one, other = await world.platform(), await world.platform()
    ada = await world.member(one)
    await world.join(other, ada, "countess")
    ones, others, own = await create(world, one, ada), await create(world, other, ada), await create(world, ada, ada)
    assert await listed(world, one, ada) == [ones.id, own.id]
    assert await listed(world, other, ada) == [others.id, own.id]
    assert await listed(world, ada, ada) == [ones.id, others.id, own.id]
    with pytest.raises(NotFound):
        await get(world, other, ones.id)


async def test_a_project_must_be_one_that_the_caller_sees(world: World) -> None:
    one, other = await world.platform(), await world.platform()
    ada = await world.member(one)
    async with world.engine.transaction() as tx:
        own = await projects.create(tx, one, NewProject(name="ours"))
        foreign = await projects.create(tx, other, NewProject(name="theirs"))
    assert (await create(world, one, ada, project=own.id)).project == own.id
    with pytest.raises(NotFound):
        await create(world, one, ada, project=foreign.id)


async def test_changes_leave_out_what_is_not_named(world: World) -> None:
    ada = await world.person()
    task = await create(world, ada, ada, difficulty=3, topic="loops", skills=("python",))
    changed = await change(world, ada, task.id, description="Solve it twice", skills=())
    expected = msgspec.structs.replace(task, description="Solve it twice", skills=(), updated_at=changed.updated_at)
    assert changed == expected
    changed = await change(world, ada, task.id, requirements={"exercise": "loops-2"}, difficulty=None)
    assert (changed.requirements, changed.difficulty, changed.difficulty_by) == ({"exercise": "loops-2"}, None, None)
    with pytest.raises(InvalidField) as refusal:
        await change(world, ada, task.id, requirements={"exercise": "impossible"})
    assert refusal.value.field == "requirements.exercise"


async def test_a_learner_cannot_make_easier_or_remove_what_others_set(world: World) -> None:
    platform = await world.platform()
    ada = await world.member(platform)
    task = await create(world, platform, ada, difficulty=9)
    with pytest.raises(Forbidden):
        await change(world, ada, task.id, requirements={"exercise": "easy-1"})
    with pytest.raises(Forbidden):
        await delete(world, ada, task.id)
    assert (await change(world, ada, task.id, hidden=True)).hidden


async def test_a_platform_looks_at_a_members_own_task_and_no_more(world: World) -> None:
    """All platforms of the member see that task: what one did to it would tell the others of that one."""
    school, club = await world.platform(), await world.platform()
    ada = await world.member(school)
    await world.join(club, ada, "countess")
    async with world.engine.transaction() as tx:
        await accounts.vouch(tx, school, str(ada.user_id), "gym", Vouch(handle="ada"))
    task = await create(world, ada, ada, difficulty=2)
    for platform in (school, club):
        for given in ({"difficulty": 9}, {"topic": "x"}, {"hidden": True}, {}):
            with pytest.raises(Forbidden, match="not set by this platform"):
                await change(world, platform, task.id, **given)
        with pytest.raises(Forbidden, match="not set by this platform"):
            await delete(world, platform, task.id)
        async with world.engine.transaction() as tx:
            with pytest.raises(Forbidden, match="not set by this platform"):
                await tasks.complete(tx, platform, task.id)
        assert await get(world, platform, task.id) == task
    async with world.engine.transaction() as tx:
        assert (await tasks.complete(tx, ada, task.id)).task.state == "in_progress"


async def test_a_platform_sees_no_project_of_another(world: World) -> None:
    school, club = await world.platform(), await world.platform()
    ada = await world.member(school)
    await world.join(club, ada, "countess")
    async with world.engine.transaction() as tx:
        project = (await projects.create(tx, school, NewProject(name="ours"))).id
        own = (await projects.create(tx, ada, NewProject(name="mine"))).id
    task, alone, without = [await create(world, ada, ada, project=of) for of in (project, own, None)]
    for actor, seen in ((ada, [project, own, None]), (school, [project, None, None]), (club, [None, None, None])):
        assert [(await get(world, actor, one.id)).project for one in (task, alone, without)] == seen
        async with world.engine.transaction() as tx:
            page = await tasks.listing(tx, actor, user=str(ada.user_id), state=None, hidden=False, limit=10, cursor=None)
        assert [one.project for one in page.items] == seen


async def test_a_declared_difficulty_does_not_outlive_the_requirements_it_was_declared_for(world: World) -> None:
    ada = await world.person()
    admin = Actor(kind="user", user_id=(await world.person()).user_id, role="admin")
    task = await create(world, ada, ada)
    assert (await change(world, admin, task.id, difficulty=9)).difficulty_by == "admin"
    changed = await change(world, ada, task.id, requirements={"exercise": "easy-1"})
    assert (changed.difficulty, changed.difficulty_by) == (None, None)


async def test_while_it_is_being_checked_its_requirements_stay(world: World) -> None:
    platform = await world.platform()
    ada = await world.member(platform)
    task = await create(world, platform, ada)
    async with world.engine.transaction() as tx:
        await accounts.vouch(tx, platform, str(ada.user_id), "gym", Vouch(handle="ada"))
    async with world.engine.transaction() as tx:
        await tasks.complete(tx, platform, task.id)
    with pytest.raises(Conflict, match="being checked"):
        await change(world, platform, task.id, requirements={"exercise": "loops-2"})
    assert (await change(world, platform, task.id, description="Solve it soon")).description == "Solve it soon"


async def test_a_completed_task_can_only_be_hidden(world: World, gym: Arranged) -> None:
    platform = await world.platform()
    ada = await world.member(platform)
    task = await create(world, platform, ada)
    await finish(world, gym, platform, ada, task.id)
    for given in ({"description": "x"}, {"difficulty": 10}, {"skills": ("python",)}, {"hidden": True, "topic": "x"}):
        with pytest.raises(Conflict, match="completed task cannot change"):
            await change(world, platform, task.id, **given)
    with pytest.raises(Conflict, match="hide it"):
        await delete(world, platform, task.id)
    assert await listed(world, ada, ada) == [task.id]
    await change(world, ada, task.id, hidden=True)
    assert await listed(world, ada, ada) == []
    assert await listed(world, ada, ada, hidden=True, state="completed") == [task.id]
    assert (await get(world, ada, task.id)).hidden


async def test_deleting_leaves_the_events(world: World) -> None:
    ada = await world.person()
    task = await create(world, ada, ada)
    await delete(world, ada, task.id)
    with pytest.raises(NotFound):
        await get(world, ada, task.id)
    with pytest.raises(NotFound):
        await delete(world, ada, task.id)
    assert await listed(world, ada, ada, hidden=True) == []
    assert await world.kinds(ada) == ["task.created", "task.state"]
    assert [finding async for finding in check.tasks(world.engine)] == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (None, "in_progress"),
        (None, "completed"),
        ("pending", "completed"),
        ("pending", "failed"),
        ("pending", "pending"),
        ("in_progress", "pending"),
        ("in_progress", "in_progress"),
        ("failed", "completed"),
        ("failed", "pending"),
        ("completed", "in_progress"),
        ("completed", "failed"),
        ("completed", "pending"),
    ],
)
async def test_no_other_steps_are_taken(world: World, old: State | None, new: State) -> None:
    async with world.engine.transaction() as tx:
        with pytest.raises(ValueError, match=f"cannot go from {old} to {new}"):
            await step(tx, TaskRow(state=old), new)


def test_only_step_assigns_a_tasks_state() -> None:
    found = []
    for file in sorted(Path(skillcore.__file__).parent.joinpath("work").glob("*.py")):
        for function in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                found += [f"{file.stem}.{function.name}" for node in ast.walk(function) if assigns_state(node)]
    assert found == ["states.step"]


def assigns_state(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "TaskRow" and any(k.arg == "state" for k in node.keywords)
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []
    return any(isinstance(target, ast.Attribute) and target.attr == "state" for target in targets)


async def test_a_task_list_is_read_by_its_index(world: World) -> None:
    async with world.engine.transaction() as tx:
        await tx.session.execute(text("insert into users (id) select gen_random_uuid() from generate_series(1, 50)"))
        await tx.session.execute(
            text(
                "insert into tasks (id, user_id, description, source, requirements, topic, skills, set_by, state)"
                " select gen_random_uuid(), u.id, 'x', 'gym', '{}', '', '{}', 'learner', 'pending'"
                " from users u, generate_series(1, 100)"
            )
        )
        plan = await tx.session.execute(
            text(
                "explain select * from tasks where deleted_at is null and hidden_at is null"
                " and user_id = (select min(id::text)::uuid from users) order by id limit 51"
            )
        )
        assert "tasks_listing_idx" in "\n".join(row[0] for row in plan)
