"""The routes of spaces, goals and weekly goals: they translate, and leave the rest to the use cases."""

from __future__ import annotations

from typing import Annotated

from litestar import delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter, QueryParameter
from litestar.types import ControllerRouterHandler

from skillcore.accounts.access import Actor, access, user
from skillcore.accounts.routes import PersonAsked
from skillcore.runtime.engine import Engine
from skillcore.runtime.pages import Cursor, Limit, Page
from skillcore.work import goals, spaces, weekly

__all__ = ["ROUTES"]

READ = {"access": access(user(), key="projects:read")}
WRITE = {"access": access(user(), key="projects:write")}
REPORT = {"access": access(user(), key="events:write")}

SpaceInPath = Annotated[str, PathParameter(max_length=200, description="A space's id or name.")]
GoalInPath = Annotated[str, PathParameter(max_length=200, description="A goal's id or name.")]
Of = Annotated[
    str | None,
    QueryParameter(
        max_length=204,
        description="Whose progress: `me`, a user's id, or `ext:` with a member's external id; without, of whom it belongs to.",
    ),
]
HadBy = Annotated[
    str | None,
    QueryParameter(
        max_length=204,
        description="Only what this person has: `me`, a user's id, or `ext:` with a member's external id; all you see without.",
    ),
]
Weeks = Annotated[int, QueryParameter(ge=1, le=53, description="How many weeks, the present one included.")]


@post("/api/spaces", opt=WRITE, tags=["spaces"], summary="Make a space")
async def create_space(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], data: JSONBody[spaces.NewSpace]
) -> spaces.Space:
    """Your own, a platform's for one of its members or for all, or by an administrator for everybody."""
    async with engine.transaction() as tx:
        return await spaces.create(tx, actor, data)


@get("/api/spaces", opt=READ, tags=["spaces"], summary="List spaces")
async def list_spaces(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    user: HadBy = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[spaces.Space]:
    """Those that you see, oldest first, without what is retired."""
    async with engine.transaction() as tx:
        return await spaces.listing(tx, actor, user=user, limit=limit, cursor=cursor)


@get("/api/spaces/{space:str}", opt=READ, tags=["spaces"], summary="Read a space")
async def read_space(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], space: SpaceInPath, user: Of = None
) -> spaces.Space:
    """With a person's progress: its parts, the milestones reached, and the next one."""
    async with engine.transaction() as tx:
        return await spaces.get(tx, actor, space, user=user)


@get("/api/spaces/{space:str}/versions", opt=READ, tags=["spaces"], summary="Read a space's versions")
async def list_space_versions(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    space: SpaceInPath,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[spaces.Space]:
    """Newest first."""
    async with engine.transaction() as tx:
        return await spaces.versions(tx, actor, space, limit=limit, cursor=cursor)


@patch("/api/spaces/{space:str}", opt=WRITE, tags=["spaces"], summary="Change a space")
async def change_space(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], space: SpaceInPath, data: JSONBody[spaces.SpaceChanges]
) -> spaces.Space:
    """Makes a new version; former days stay judged by the one that stood then."""
    async with engine.transaction() as tx:
        return await spaces.edit(tx, actor, space, data)


@delete("/api/spaces/{space:str}", opt=WRITE, tags=["spaces"], summary="Retire a space")
async def retire_space(engine: NamedDependency[Engine], actor: NamedDependency[Actor], space: SpaceInPath) -> None:
    """It is no longer listed; what was reported of it stays."""
    async with engine.transaction() as tx:
        await spaces.retire(tx, actor, space)


@post("/api/spaces/{space:str}/progress", opt=REPORT, tags=["spaces"], summary="Report progress in a space")
async def report_space(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], space: SpaceInPath, data: JSONBody[spaces.SpaceReport]
) -> spaces.Space:
    """A task, minutes, a milestone, an interaction: each an event of its own, like those of `POST /api/events`."""
    async with engine.transaction() as tx:
        return await spaces.report(tx, actor, space, data)


@post("/api/goals", opt=WRITE, tags=["goals"], summary="Make a goal")
async def create_goal(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], data: JSONBody[goals.NewGoal]
) -> goals.Goal:
    """Of spaces that whoever has the goal has too."""
    async with engine.transaction() as tx:
        return await goals.create(tx, actor, data)


@get("/api/goals", opt=READ, tags=["goals"], summary="List goals")
async def list_goals(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    user: HadBy = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[goals.Goal]:
    """Those that you see, oldest first, without what is retired."""
    async with engine.transaction() as tx:
        return await goals.listing(tx, actor, user=user, limit=limit, cursor=cursor)


@get("/api/goals/{goal:str}", opt=READ, tags=["goals"], summary="Read a goal")
async def read_goal(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], goal: GoalInPath, user: Of = None
) -> goals.Goal:
    """With a person's progress: each of its spaces, its milestones, and what was done beside."""
    async with engine.transaction() as tx:
        return await goals.get(tx, actor, goal, user=user)


@get("/api/goals/{goal:str}/versions", opt=READ, tags=["goals"], summary="Read a goal's versions")
async def list_goal_versions(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    goal: GoalInPath,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[goals.Goal]:
    """Newest first."""
    async with engine.transaction() as tx:
        return await goals.versions(tx, actor, goal, limit=limit, cursor=cursor)


@patch("/api/goals/{goal:str}", opt=WRITE, tags=["goals"], summary="Change a goal")
async def change_goal(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], goal: GoalInPath, data: JSONBody[goals.GoalChanges]
) -> goals.Goal:
    """Makes a new version; former days stay judged by the one that stood then."""
    async with engine.transaction() as tx:
        return await goals.edit(tx, actor, goal, data)


@delete("/api/goals/{goal:str}", opt=WRITE, tags=["goals"], summary="Retire a goal")
async def retire_goal(engine: NamedDependency[Engine], actor: NamedDependency[Actor], goal: GoalInPath) -> None:
    """It is no longer listed; what was reported of it stays."""
    async with engine.transaction() as tx:
        await goals.retire(tx, actor, goal)


@post("/api/goals/{goal:str}/progress", opt=REPORT, tags=["goals"], summary="Report progress towards a goal")
async def report_goal(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], goal: GoalInPath, data: JSONBody[goals.GoalReport]
) -> goals.Goal:
    """A milestone of the goal's own, or an activity beside its spaces."""
    async with engine.transaction() as tx:
        return await goals.report(tx, actor, goal, data)


@put("/api/weekly-goal", opt=WRITE, tags=["goals"], summary="Set a weekly goal")
async def set_weekly_goal(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], data: JSONBody[weekly.NewWeeklyGoal]
) -> weekly.WeeklyGoal:
    """Minutes and works a week; null for what is not wanted. Former weeks keep the goal that they had."""
    async with engine.transaction() as tx:
        return await weekly.write(tx, actor, data)


@get("/api/weekly-goal", opt=READ, tags=["goals"], summary="Read a weekly goal")
async def read_weekly_goal(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], user: PersonAsked = "me", weeks: Weeks = 1
) -> weekly.WeeklyGoal:
    """With what was done in each of the last weeks, in the person's time zone, what was wanted, and what is missing."""
    async with engine.transaction() as tx:
        return await weekly.read(tx, actor, user=user, weeks=weeks)


ROUTES: tuple[ControllerRouterHandler, ...] = (
    create_space,
    list_spaces,
    read_space,
    list_space_versions,
    change_space,
    retire_space,
    report_space,
    create_goal,
    list_goals,
    read_goal,
    list_goal_versions,
    change_goal,
    retire_goal,
    report_goal,
    set_weekly_goal,
    read_weekly_goal,
)
