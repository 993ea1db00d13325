"""The routes of reviews: they translate, and leave the rest to the use cases."""

from __future__ import annotations

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.types import ControllerRouterHandler

from skillcore.accounts.access import Actor, access, user
from skillcore.accounts.routes import PersonAsked
from skillcore.runtime.engine import Engine
from skillcore.runtime.pages import Cursor, Limit, Page
from skillcore.work import reviews

__all__ = ["ROUTES"]

READ = {"access": access(user(), key="projects:read")}
WRITE = {"access": access(user(), key="projects:write")}


@post("/api/reviews", opt=WRITE, tags=["reviews"], summary="Review somebody's work")
async def give_review(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], data: JSONBody[reviews.NewReview]
) -> reviews.Review:
    """Of somebody with whom you share a project or a platform. A later review of the same work takes its place."""
    async with engine.transaction() as tx:
        return await reviews.give(tx, actor, data)


@get("/api/reviews", opt=READ, tags=["reviews"], summary="List reviews")
async def list_reviews(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    user: PersonAsked = "me",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[reviews.Review]:
    """Those that a person was given and that still stand, oldest first; a platform sees its own."""
    async with engine.transaction() as tx:
        return await reviews.listing(tx, actor, user=user, limit=limit, cursor=cursor)


ROUTES: tuple[ControllerRouterHandler, ...] = (give_review, list_reviews)
