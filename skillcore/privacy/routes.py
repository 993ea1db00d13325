"""The routes of this room: they translate, and leave the rest to the use cases."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Request, Response, delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from litestar.response import Stream
from litestar.types import ControllerRouterHandler

from skillcore.accounts.access import Actor, access, admin, public, user
from skillcore.accounts.routes import PersonAsked, PersonInPath
from skillcore.insight import pictures
from skillcore.privacy import export, requests, visibility
from skillcore.runtime.engine import Engine

__all__ = ["ROUTES"]


@get("/api/export", opt={"access": access(user())}, tags=["privacy"], summary="Export all of a person's data")
async def export_person(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], user: PersonAsked = "me"
) -> Response[export.Export]:
    """Everything that is kept of you, as one JSON document; administrators may ask for anyone's.

    It is written while you read it. ``complete`` is its last member: a document without it was cut off.
    """
    pieces = await export.begin(engine, actor, user)
    return Stream(pieces, media_type="application/json", headers={"Cache-Control": "no-store"})  # type: ignore[return-value]


@delete(
    "/api/auth/profile",
    status_code=202,
    opt={"access": access(user())},
    tags=["privacy"],
    summary="Have yourself erased",
)
async def ask_for_erasure(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], data: JSONBody[requests.Confirmation]
) -> requests.ErasureRequest:
    """You and everything that is kept of you go after some days. You are signed out everywhere now.

    Until then you may sign in again and take it back.
    """
    return await requests.ask(engine, actor, data)


@get(
    "/api/auth/erasure",
    opt={"access": access(user()), "refusals": (404,)},
    tags=["privacy"],
    summary="Read when you will be erased",
)
async def read_erasure(engine: NamedDependency[Engine], actor: NamedDependency[Actor]) -> requests.ErasureRequest:
    """404 if you have not asked to be."""
    async with engine.transaction() as tx:
        return await requests.read(tx, actor)


@delete(
    "/api/auth/erasure",
    opt={"access": access(user()), "refusals": (404,)},
    tags=["privacy"],
    summary="Take back that you be erased",
)
async def cancel_erasure(engine: NamedDependency[Engine], actor: NamedDependency[Actor]) -> None:
    """Nothing has happened to what is kept of you."""
    async with engine.transaction() as tx:
        await requests.cancel(tx, actor)


@delete(
    "/api/users/{person:str}",
    status_code=202,
    opt={"access": access(admin())},
    tags=["privacy"],
    summary="Have a person erased",
)
async def order_erasure(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], person: PersonInPath
) -> requests.ErasureRequest:
    """At once: a worker does it within a minute. They are signed out everywhere now."""
    async with engine.transaction() as tx:
        return await requests.order(tx, actor, person)


@get("/api/auth/visibility", opt={"access": access(user())}, tags=["privacy"], summary="Read what you let everybody see")
async def read_visibility(engine: NamedDependency[Engine], actor: NamedDependency[Actor]) -> visibility.Visibility:
    """Nothing, until you choose it. Each choice is about one thing, and says since when it holds."""
    async with engine.transaction() as tx:
        return await visibility.read(tx, actor)


@put("/api/auth/visibility", opt={"access": access(user())}, tags=["privacy"], summary="Choose what everybody may see")
async def change_visibility(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], data: JSONBody[visibility.Choices]
) -> visibility.Visibility:
    """True shares something, false shares it no longer, and what is left out stays as it is."""
    async with engine.transaction() as tx:
        return await visibility.change(tx, actor, data)


@get("/api/profiles/{user_id:uuid}", opt={"access": access(public())}, tags=["privacy"], summary="Read a public profile")
async def read_public_profile(engine: NamedDependency[Engine], user_id: FromPath[UUID]) -> visibility.PublicProfile:
    """What a person lets everybody see. Who shares nothing is answered for like somebody who does not exist."""
    async with engine.transaction() as tx:
        return await visibility.public(tx, user_id)


@get(
    "/api/profiles/{user_id:uuid}/card.svg",
    opt={"access": access(public())} | pictures.PICTURE,
    tags=["privacy"],
    summary="Draw a public profile",
    media_type=pictures.MEDIA_TYPE,
)
async def draw_public_card(
    engine: NamedDependency[Engine], request: Request[Any, Any, Any], user_id: FromPath[UUID]
) -> Response[str]:
    """A card for pages elsewhere: the name of somebody who shows their profile, with their level if they show that too."""
    async with engine.transaction() as tx:
        card = await visibility.card(tx, user_id)
    return pictures.answer(request, card, pictures.EMBEDDED)


ROUTES: tuple[ControllerRouterHandler, ...] = (
    export_person,
    ask_for_erasure,
    read_erasure,
    cancel_erasure,
    order_erasure,
    read_visibility,
    change_visibility,
    read_public_profile,
    draw_public_card,
)
