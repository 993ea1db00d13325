"""The routes of platforms, their keys, and people."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from litestar import Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, PathParameter, QueryParameter
from litestar.types import ControllerRouterHandler

from skillcore.accounts import people, platforms, roles
from skillcore.accounts.access import Actor, access, admin, user
from skillcore.runtime.engine import Engine
from skillcore.runtime.pages import Cursor, Limit, Page

__all__ = ["ROUTES", "PersonAsked", "PersonInPath"]

PersonInPath = Annotated[
    str,
    PathParameter(
        max_length=204, description="`me`, a user's id, or `ext:` with the external id of a member of the key's platform."
    ),
]
"""For a handler's path parameter ``{person:str}``."""

PersonAsked = Annotated[
    str,
    QueryParameter(
        max_length=204,
        description="Whose: `me`, a user's id, or `ext:` with a member's external id; you without.",
    ),
]
"""For a handler's query parameter: ``user: PersonAsked = "me"``."""


@post("/api/platforms", opt={"access": access(admin())}, tags=["platforms"], summary="Make a platform")
async def create_platform(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], data: JSONBody[platforms.NewPlatform]
) -> platforms.Platform:
    """A platform brings people and their work, with keys of its own."""
    async with engine.transaction() as tx:
        return await platforms.create(tx, actor, data)


@get("/api/platforms", opt={"access": access(admin())}, tags=["platforms"], summary="List platforms")
async def list_platforms(engine: NamedDependency[Engine], limit: Limit = 50, cursor: Cursor = None) -> Page[platforms.Platform]:
    """All platforms, oldest first."""
    async with engine.transaction() as tx:
        return await platforms.list_platforms(tx, limit=limit, cursor=cursor)


@get(
    "/api/platforms/{platform_id:uuid}",
    opt={"access": access(admin(), key="users:read")},
    tags=["platforms"],
    summary="Read a platform",
)
async def read_platform(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], platform_id: FromPath[UUID]
) -> platforms.Platform:
    """A key reads its own platform only."""
    async with engine.transaction() as tx:
        return await platforms.read(tx, actor, platform_id)


@post(
    "/api/platforms/{platform_id:uuid}/keys",
    opt={"access": access(admin()), "secret": True},
    tags=["platforms"],
    summary="Make a key",
)
async def create_key(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    platform_id: FromPath[UUID],
    data: JSONBody[platforms.NewApiKey],
) -> platforms.ShownApiKey:
    """The answer shows the key, once and never again."""
    async with engine.transaction() as tx:
        return await platforms.create_key(tx, actor, platform_id, data)


@post(
    "/api/platforms/{platform_id:uuid}/keys/{key_id:uuid}/renew",
    opt={"access": access(admin()), "secret": True},
    tags=["platforms"],
    summary="Renew a key",
)
async def renew_key(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    platform_id: FromPath[UUID],
    key_id: FromPath[UUID],
    data: JSONBody[platforms.Renewal],
) -> platforms.ShownApiKey:
    """Makes its successor, which the answer shows, once. The old key stays valid beside it for a while."""
    async with engine.transaction() as tx:
        return await platforms.renew_key(tx, actor, platform_id, key_id, data)


@get("/api/platforms/{platform_id:uuid}/keys", opt={"access": access(admin())}, tags=["platforms"], summary="List keys")
async def list_keys(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    platform_id: FromPath[UUID],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[platforms.ApiKey]:
    """A platform's keys without their secrets, revoked ones included."""
    async with engine.transaction() as tx:
        return await platforms.list_keys(tx, actor, platform_id, limit=limit, cursor=cursor)


@delete(
    "/api/platforms/{platform_id:uuid}/keys/{key_id:uuid}",
    opt={"access": access(admin())},
    tags=["platforms"],
    summary="Revoke a key",
)
async def revoke_key(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], platform_id: FromPath[UUID], key_id: FromPath[UUID]
) -> None:
    """The key stops working for good."""
    async with engine.transaction() as tx:
        await platforms.revoke_key(tx, actor, platform_id, key_id)


@post(
    "/api/users",
    opt={"access": access(key="users:write"), "statuses": {200: "The platform has brought this person before."}},
    tags=["users"],
    summary="Bring a person",
)
async def create_user(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], data: JSONBody[people.NewPerson]
) -> Response[people.Person]:
    """Makes a person a member of the key's platform: 201 for a new one, 200 for one whom the platform has brought before."""
    async with engine.transaction() as tx:
        person, new = await people.add(tx, actor, data)
    return Response(person, status_code=201 if new else 200)


@get("/api/users", opt={"access": access(admin(), key="users:read")}, tags=["users"], summary="List people")
async def list_users(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], limit: Limit = 50, cursor: Cursor = None
) -> Page[people.Person]:
    """The members of the key's platform; for administrators everyone."""
    async with engine.transaction() as tx:
        return await people.list_people(tx, actor, limit=limit, cursor=cursor)


@get("/api/users/{person:str}", opt={"access": access(user(), key="users:read")}, tags=["users"], summary="Read a person")
async def read_user(engine: NamedDependency[Engine], actor: NamedDependency[Actor], person: PersonInPath) -> people.Person:
    """Yourself, or a member of the key's platform."""
    async with engine.transaction() as tx:
        return await people.read(tx, actor, person)


@put("/api/users/{user_id:uuid}/role", opt={"access": access(admin())}, tags=["users"], summary="Give a role")
async def appoint(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    user_id: FromPath[UUID],
    data: JSONBody[roles.Appointment],
) -> roles.Appointed:
    """The last administrator stays one."""
    async with engine.transaction() as tx:
        return await roles.appoint(tx, actor, user_id, data.role)


ROUTES: tuple[ControllerRouterHandler, ...] = (
    create_platform,
    list_platforms,
    read_platform,
    create_key,
    renew_key,
    list_keys,
    revoke_key,
    create_user,
    list_users,
    read_user,
    appoint,
)
