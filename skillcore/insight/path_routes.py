"""The routes of positions on learning paths."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.types import ControllerRouterHandler

from skillcore.accounts.access import Actor, access, user
from skillcore.accounts.routes import PersonAsked, PersonInPath
from skillcore.insight import pictures, positions
from skillcore.insight.routes import AsOf
from skillcore.learning.path_routes import PathNamed
from skillcore.runtime.engine import Engine
from skillcore.runtime.freshness import KEPT
from skillcore.runtime.pages import Cursor, Limit, Page

__all__ = ["ROUTES"]

READ = {"access": access(user(), key="paths:read")}


@get("/api/learning-paths/{name:str}/position", opt=READ, tags=["paths"], summary="Read a position on a learning path")
async def read_position(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    name: PathNamed,
    user: PersonAsked = "me",
    as_of: AsOf = None,
) -> positions.Position:
    """By the tasks that the person completed, whether they follow the path or not."""
    async with engine.transaction() as tx:
        return await positions.read(tx, actor, name, user=user, as_of=as_of)


@get("/api/users/{person:str}/learning-paths", opt=READ, tags=["paths"], summary="List the learning paths somebody follows")
async def list_followed_paths(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    person: PersonInPath,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[positions.FollowedPath]:
    """Those that you see, oldest first, each with how far the person is on it."""
    async with engine.transaction() as tx:
        return await positions.following(tx, actor, person, limit=limit, cursor=cursor)


@get(
    "/api/learning-paths/{name:str}/map.svg",
    opt=READ | pictures.PICTURE,
    tags=["paths"],
    summary="Draw a learning path",
    media_type=pictures.MEDIA_TYPE,
)
async def draw_path(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    request: Request[Any, Any, Any],
    name: PathNamed,
    user: PersonAsked = "me",
    as_of: AsOf = None,
) -> Response[str]:
    """Its topics, done, open and locked, of up to 120; to be asked for again with `If-None-Match`."""
    async with engine.transaction() as tx:
        chart = await positions.chart(tx, actor, name, user=user, as_of=as_of)
    return pictures.answer(request, chart, KEPT)


ROUTES: tuple[ControllerRouterHandler, ...] = (read_position, list_followed_paths, draw_path)
