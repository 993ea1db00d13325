"""The routes of learning paths: they translate, and leave the rest to the use cases."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, PathParameter, QueryParameter
from litestar.types import ControllerRouterHandler
from msgspec import Struct

from skillcore.accounts.access import Actor, access, user
from skillcore.accounts.routes import PersonAsked
from skillcore.learning import advice, enrolments, paths
from skillcore.learning.definitions import LAST_VERSION
from skillcore.learning.graph import Findings
from skillcore.runtime.engine import Engine
from skillcore.runtime.freshness import KEPT, is_held, tag_of
from skillcore.runtime.pages import Cursor, Limit, Page

__all__ = ["ROUTES", "PathNamed"]

READ = {"access": access(user(), key="paths:read")}
WRITE = {"access": access(user(), key="paths:write")}

PathNamed = Annotated[str, PathParameter(max_length=200, description="A path's id, or its name.")]
"""For a handler's path parameter ``{name:str}``."""

OwnerAsked = Annotated[
    str | None,
    QueryParameter(
        name="user",
        max_length=204,
        description="Only what this person has: `me`, a user's id, or `ext:` with a member's external id.",
    ),
]
VersionAsked = Annotated[int | None, QueryParameter(name="version", ge=1, le=LAST_VERSION, description="A former version.")]
AdviceAsked = Annotated[bool, QueryParameter(name="advice", description="Have the installed advisor asked too, by a job.")]


class Validation(Struct, frozen=True, kw_only=True):
    """What was found in topics.

    Attributes:
        findings: of the graph alone, at once.
        advice: of the installed advisor, if asked for: `GET /api/path-advice/{id}` has it once it is there.
    """

    findings: Findings
    advice: advice.Asked | None


@post("/api/learning-paths", opt=WRITE, tags=["paths"], summary="Make a learning path")
async def create_path(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], data: JSONBody[paths.NewPath]
) -> paths.Path:
    """A platform's by its key, everybody's by an administrator, otherwise your own. With an error in it, it is not stored."""
    async with engine.transaction() as tx:
        return await paths.create(tx, actor, data)


@get("/api/learning-paths", opt=READ, tags=["paths"], summary="List learning paths")
async def list_paths(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    owner: OwnerAsked = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[paths.PathSummary]:
    """Those that you see, oldest first: everybody's, your platforms' and your own."""
    async with engine.transaction() as tx:
        return await paths.listing(tx, actor, user=owner, limit=limit, cursor=cursor)


@post("/api/learning-paths/validate", status_code=200, opt=READ, tags=["paths"], summary="Look for mistakes in a path")
async def validate_path(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    data: JSONBody[paths.Draft],
    advised: AdviceAsked = False,
) -> Validation:
    """Nothing is made. What the graph tells is there at once; what an advisor says comes later, if one can be reached."""
    findings = paths.check(data)
    if not advised:
        return Validation(findings=findings, advice=None)
    async with engine.transaction() as tx:
        return Validation(findings=findings, advice=await advice.ask(tx, actor, data))


@get("/api/path-advice/{advice_id:uuid}", opt=READ, tags=["paths"], summary="Read advice on a path")
async def read_path_advice(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], advice_id: FromPath[UUID]
) -> advice.Asked:
    """What the advisor said, or why there is nothing from it."""
    async with engine.transaction() as tx:
        return await advice.read(tx, actor, advice_id)


@get(
    "/api/learning-paths/{name:str}",
    opt=READ | {"statuses": {304: "It is the path that the caller has."}},
    tags=["paths"],
    summary="Read a learning path",
)
async def read_path(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    request: Request[Any, Any, Any],
    name: PathNamed,
    version: VersionAsked = None,
) -> Response[paths.Path]:
    """With its topics, in its last version or a former one. One that is retired is found by its id."""
    async with engine.transaction() as tx:
        path = await paths.get(tx, actor, name, version=version)
    headers = {**KEPT, "ETag": tag_of(msgspec.json.encode(path))}
    if is_held(request.headers, headers["ETag"]):
        return Response(None, status_code=304, headers=headers)  # type: ignore[arg-type] # an answer without a body
    return Response(path, headers=headers)


@patch("/api/learning-paths/{name:str}", opt=WRITE, tags=["paths"], summary="Change a learning path")
async def change_path(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    name: PathNamed,
    data: JSONBody[paths.PathChanges],
) -> paths.Path:
    """Makes a new version. With `version`, only if that one still stands."""
    async with engine.transaction() as tx:
        return await paths.change(tx, actor, name, data)


@delete("/api/learning-paths/{name:str}", opt=WRITE, tags=["paths"], summary="Retire a learning path")
async def retire_path(engine: NamedDependency[Engine], actor: NamedDependency[Actor], name: PathNamed) -> None:
    """It is no longer listed, and nobody starts it any more. Its versions stay."""
    async with engine.transaction() as tx:
        await paths.retire(tx, actor, name)


@get("/api/learning-paths/{name:str}/versions", opt=READ, tags=["paths"], summary="List a path's versions")
async def list_path_versions(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    name: PathNamed,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[paths.PathVersion]:
    """Newest first."""
    async with engine.transaction() as tx:
        return await paths.versions(tx, actor, name, limit=limit, cursor=cursor)


@post(
    "/api/learning-paths/{name:str}/start",
    opt=WRITE | {"statuses": {200: "They followed it before."}},
    tags=["paths"],
    summary="Start a learning path",
)
async def start_path(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], name: PathNamed, user: PersonAsked = "me"
) -> Response[enrolments.Enrolment]:
    """From now on its locked topics refuse tasks."""
    async with engine.transaction() as tx:
        enrolment, begun = await enrolments.start(tx, actor, name, user=user)
    return Response(enrolment, status_code=201 if begun else 200)


@post("/api/learning-paths/{name:str}/leave", status_code=200, opt=WRITE, tags=["paths"], summary="Leave a learning path")
async def leave_path(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], name: PathNamed, user: PersonAsked = "me"
) -> enrolments.Enrolment:
    """What was completed on it stays completed. It can be started again."""
    async with engine.transaction() as tx:
        return await enrolments.leave(tx, actor, name, user=user)


ROUTES: tuple[ControllerRouterHandler, ...] = (
    create_path,
    list_paths,
    validate_path,
    read_path_advice,
    read_path,
    change_path,
    retire_path,
    list_path_versions,
    start_path,
    leave_path,
)
