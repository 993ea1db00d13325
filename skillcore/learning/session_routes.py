"""The routes of training sessions: they translate, and leave the rest to the use cases."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.types import ControllerRouterHandler

from skillcore.accounts.access import Actor, access, user
from skillcore.accounts.routes import PersonAsked
from skillcore.learning import training
from skillcore.runtime.engine import Engine
from skillcore.runtime.pages import Cursor, Limit, Page

__all__ = ["ROUTES"]

READ = {"access": access(user(), key="events:read")}
WRITE = {"access": access(user(), key="events:write")}

OpenAsked = Annotated[
    bool | None, QueryParameter(name="open", description="Only those that are open, or only those that are not.")
]
ModuleAsked = Annotated[str | None, QueryParameter(max_length=200, description="Only of the module of this name.")]


@post("/api/sessions", opt=WRITE, tags=["training"], summary="Begin a training session")
async def start_session(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], data: JSONBody[training.NewTraining]
) -> training.TrainingSession:
    """For yourself, or for a member of the key's platform."""
    async with engine.transaction() as tx:
        return await training.start(tx, actor, data)


@get("/api/sessions", opt=READ, tags=["training"], summary="List training sessions")
async def list_training_sessions(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    user: PersonAsked = "me",
    is_open: OpenAsked = None,
    module: ModuleAsked = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[training.TrainingSession]:
    """The latest first. A platform sees its own, and those that people recorded themselves."""
    async with engine.transaction() as tx:
        return await training.listing(tx, actor, user=user, is_open=is_open, module=module, limit=limit, cursor=cursor)


@get("/api/sessions/{session_id:uuid}", opt=READ, tags=["training"], summary="Read a training session")
async def read_training_session(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], session_id: FromPath[UUID]
) -> training.TrainingDetail:
    """With what came of it so far: time, scores, improvements and challenges."""
    async with engine.transaction() as tx:
        return await training.get(tx, actor, session_id)


@post("/api/sessions/{session_id:uuid}/events", opt=WRITE, tags=["training"], summary="Record what is done in a session")
async def add_to_session(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    session_id: FromPath[UUID],
    data: JSONBody[training.NewActivities],
) -> training.Added:
    """All of it or nothing. Scores that people state of themselves are kept, and do not count; the answer says which do."""
    async with engine.transaction() as tx:
        return await training.add(tx, actor, session_id, data)


@post("/api/sessions/{session_id:uuid}/end", status_code=200, opt=WRITE, tags=["training"], summary="End a training session")
async def end_training_session(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], session_id: FromPath[UUID]
) -> training.TrainingDetail:
    """Now. One that is over stays as it is."""
    async with engine.transaction() as tx:
        return await training.end(tx, actor, session_id)


ROUTES: tuple[ControllerRouterHandler, ...] = (
    start_session,
    list_training_sessions,
    read_training_session,
    add_to_session,
    end_training_session,
)
