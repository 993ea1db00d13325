"""The routes of this room: they translate, and leave the rest to the use cases."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from litestar import Response, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.types import ControllerRouterHandler

from skillcore.accounts.access import Actor, access, user
from skillcore.accounts.routes import PersonAsked, PersonInPath
from skillcore.runtime.engine import Engine
from skillcore.runtime.pages import Cursor, Limit, Page
from skillcore.work import mentorship, projects, tasks, updates
from skillcore.work.states import State

__all__ = ["ROUTES"]

READ_TASKS = {"access": access(user(), key="tasks:read")}
WRITE_TASKS = {"access": access(user(), key="tasks:write")}
READ_PROJECTS = {"access": access(user(), key="projects:read")}
WRITE_PROJECTS = {"access": access(user(), key="projects:write")}

StateAsked = Annotated[State | None, QueryParameter(name="state", description="Only tasks in this state.")]


@post("/api/tasks", opt=WRITE_TASKS, tags=["tasks"], summary="Set a task")
async def create_task(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], data: JSONBody[tasks.NewTask]
) -> tasks.Task:
    """For yourself, or for a member of the key's platform. The requirements are those of the source."""
    async with engine.transaction() as tx:
        return await tasks.create(tx, actor, data)


@get("/api/tasks", opt=READ_TASKS, tags=["tasks"], summary="List tasks")
async def list_tasks(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    user: PersonAsked = "me",
    in_state: StateAsked = None,
    hidden: FromQuery[bool] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[tasks.Task]:
    """A person's tasks, oldest first; a platform sees its own and those that people set themselves."""
    async with engine.transaction() as tx:
        return await tasks.listing(tx, actor, user=user, state=in_state, hidden=hidden, limit=limit, cursor=cursor)


@get("/api/tasks/{task_id:uuid}", opt=READ_TASKS, tags=["tasks"], summary="Read a task")
async def read_task(engine: NamedDependency[Engine], actor: NamedDependency[Actor], task_id: FromPath[UUID]) -> tasks.Task:
    """With what its last attempt left to say: until when it waits, what would decide it, or why it failed."""
    async with engine.transaction() as tx:
        return await tasks.get(tx, actor, task_id)


@patch("/api/tasks/{task_id:uuid}", opt=WRITE_TASKS, tags=["tasks"], summary="Change a task")
async def change_task(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], task_id: FromPath[UUID], data: JSONBody[tasks.TaskChanges]
) -> tasks.Task:
    """Of a completed task only `hidden` can change."""
    async with engine.transaction() as tx:
        return await tasks.change(tx, actor, task_id, data)


@delete("/api/tasks/{task_id:uuid}", opt=WRITE_TASKS, tags=["tasks"], summary="Delete a task")
async def delete_task(engine: NamedDependency[Engine], actor: NamedDependency[Actor], task_id: FromPath[UUID]) -> None:
    """A completed task cannot be deleted, only hidden. What was recorded stays."""
    async with engine.transaction() as tx:
        await tasks.delete(tx, actor, task_id)


@post("/api/tasks/{task_id:uuid}/complete", status_code=202, opt=WRITE_TASKS, tags=["tasks"], summary="Have a task checked")
async def complete_task(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], task_id: FromPath[UUID]
) -> Response[tasks.Accepted]:
    """A job asks the source; `Location` leads to it. While it is under way, asking again leads to the same job."""
    async with engine.transaction() as tx:
        accepted = await tasks.complete(tx, actor, task_id)
    return Response(accepted, status_code=202, headers={"Location": f"/api/jobs/{accepted.job_id}"})


@get("/api/tasks/{task_id:uuid}/history", opt=READ_TASKS, tags=["tasks"], summary="Read a task's history")
async def read_history(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], task_id: FromPath[UUID]
) -> list[tasks.Change]:
    """Every change of its state, oldest first, as recorded in the ledger."""
    async with engine.transaction() as tx:
        return await tasks.history(tx, actor, task_id)


@post("/api/projects", opt=WRITE_PROJECTS, tags=["projects"], summary="Create a project")
async def create_project(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], data: JSONBody[projects.NewProject]
) -> projects.Project:
    """A platform's by its key, otherwise your own."""
    async with engine.transaction() as tx:
        return await projects.create(tx, actor, data)


@get("/api/projects", opt=READ_PROJECTS, tags=["projects"], summary="List projects")
async def list_projects(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], limit: Limit = 50, cursor: Cursor = None
) -> Page[projects.Project]:
    """The key's platform's; to a person their own, those they are in, and those of their platforms."""
    async with engine.transaction() as tx:
        return await projects.listing(tx, actor, limit=limit, cursor=cursor)


@get("/api/projects/{project_id:uuid}", opt=READ_PROJECTS, tags=["projects"], summary="Read a project")
async def read_project(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], project_id: FromPath[UUID]
) -> projects.Project:
    """With the skills that it declares."""
    async with engine.transaction() as tx:
        return await projects.get(tx, actor, project_id)


@get("/api/projects/{project_id:uuid}/members", opt=READ_PROJECTS, tags=["projects"], summary="List a project's members")
async def list_members(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    project_id: FromPath[UUID],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[projects.Member]:
    """Those who are in it now."""
    async with engine.transaction() as tx:
        return await projects.members(tx, actor, project_id, limit=limit, cursor=cursor)


@put("/api/projects/{project_id:uuid}/members/{person:str}", opt=WRITE_PROJECTS, tags=["projects"], summary="Join a project")
async def join_project(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], project_id: FromPath[UUID], person: PersonInPath
) -> projects.Member:
    """Joining leaves a trace on each skill that the project declares. Joining again changes nothing."""
    async with engine.transaction() as tx:
        return await projects.join(tx, actor, project_id, person)


@delete(
    "/api/projects/{project_id:uuid}/members/{person:str}", opt=WRITE_PROJECTS, tags=["projects"], summary="Leave a project"
)
async def leave_project(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], project_id: FromPath[UUID], person: PersonInPath
) -> None:
    """The traces of having joined stay."""
    async with engine.transaction() as tx:
        await projects.leave(tx, actor, project_id, person)


@post("/api/progress_updates", opt=WRITE_PROJECTS, tags=["projects"], summary="Report progress")
async def create_update(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], data: JSONBody[updates.NewUpdate]
) -> updates.Update:
    """Leaves a trace on each skill that the project declares, whatever the text says."""
    async with engine.transaction() as tx:
        return await updates.create(tx, actor, data)


@get("/api/progress_updates", opt=READ_PROJECTS, tags=["projects"], summary="List progress updates")
async def list_updates(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    user: PersonAsked = "me",
    project: FromQuery[UUID | None] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[updates.Update]:
    """A person's, oldest first; a platform sees those on its own projects."""
    async with engine.transaction() as tx:
        return await updates.listing(tx, actor, user=user, project=project, limit=limit, cursor=cursor)


@post("/api/mentorship-sessions", opt=WRITE_PROJECTS, tags=["mentorship"], summary="Note a mentorship session")
async def create_session(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], data: JSONBody[mentorship.NewSession]
) -> mentorship.Session:
    """Between two members of the key's platform. Sessions never touch a skill."""
    async with engine.transaction() as tx:
        return await mentorship.create(tx, actor, data)


@get("/api/mentorship-sessions", opt=READ_PROJECTS, tags=["mentorship"], summary="List mentorship sessions")
async def list_mentorship_sessions(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    user: PersonAsked = "me",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[mentorship.Session]:
    """A person's as mentor or intern, oldest first."""
    async with engine.transaction() as tx:
        return await mentorship.listing(tx, actor, user=user, limit=limit, cursor=cursor)


@get("/api/mentorship-sessions/{session_id:uuid}", opt=READ_PROJECTS, tags=["mentorship"], summary="Read a mentorship session")
async def read_mentorship_session(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], session_id: FromPath[UUID]
) -> mentorship.Session:
    """For its mentor, its intern, and the platform that noted it."""
    async with engine.transaction() as tx:
        return await mentorship.get(tx, actor, session_id)


@patch(
    "/api/mentorship-sessions/{session_id:uuid}", opt=WRITE_PROJECTS, tags=["mentorship"], summary="Change a mentorship session"
)
async def change_session(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    session_id: FromPath[UUID],
    data: JSONBody[mentorship.SessionChanges],
) -> mentorship.Session:
    """A planned session can still change, be held, or be cancelled."""
    async with engine.transaction() as tx:
        return await mentorship.change(tx, actor, session_id, data)


ROUTES: tuple[ControllerRouterHandler, ...] = (
    create_task,
    list_tasks,
    read_task,
    change_task,
    delete_task,
    complete_task,
    read_history,
    create_project,
    list_projects,
    read_project,
    list_members,
    join_project,
    leave_project,
    create_update,
    list_updates,
    create_session,
    list_mentorship_sessions,
    read_mentorship_session,
    change_session,
)
