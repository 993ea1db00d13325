"""The routes of this room: they translate, and leave the rest to the use cases."""

from __future__ import annotations

from typing import Annotated

from litestar import delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody, PathParameter
from litestar.types import ControllerRouterHandler

from skillcore.accounts.access import Actor, access, user
from skillcore.accounts.routes import PersonInPath
from skillcore.runtime.engine import Engine
from skillcore.verification import accounts

__all__ = ["ROUTES"]

SourceInPath = Annotated[str, PathParameter(max_length=200, description="A source's name; `GET /api/sources` lists them.")]


@get("/api/sources", opt={"access": access(user(), key="tasks:read")}, tags=["sources"], summary="List sources")
async def list_sources(engine: NamedDependency[Engine]) -> list[accounts.SourceOffer]:
    """The sources at which tasks can be set, with the JSON schema of their requirements. None of them is asked."""
    async with engine.transaction() as tx:
        return await accounts.offers(tx)


@put(
    "/api/users/{person:str}/sources/{source:str}",
    opt={"access": access(key="sources:vouch")},
    tags=["sources"],
    summary="Vouch for an account",
)
async def vouch_account(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    person: PersonInPath,
    source: SourceInPath,
    data: JSONBody[accounts.Vouch],
) -> accounts.SourceAccount:
    """Links an account to a member on the platform's word. A later one for the same person takes an earlier one's place."""
    async with engine.transaction() as tx:
        return await accounts.vouch(tx, actor, person, source, data)


@get(
    "/api/users/{person:str}/sources",
    opt={"access": access(user(), key="users:read")},
    tags=["sources"],
    summary="List a person's accounts",
)
async def list_accounts(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], person: PersonInPath
) -> list[accounts.SourceAccount]:
    """To a platform, those that their user proved and those that it vouches for itself."""
    async with engine.transaction() as tx:
        return await accounts.listing(tx, actor, person)


@get(
    "/api/users/{person:str}/sources/{source:str}",
    opt={"access": access(user(), key="users:read")},
    tags=["sources"],
    summary="Read a person's account",
)
async def read_account(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], person: PersonInPath, source: SourceInPath
) -> accounts.SourceAccount:
    """The account at one source."""
    async with engine.transaction() as tx:
        return await accounts.get(tx, actor, person, source)


@delete(
    "/api/users/{person:str}/sources/{source:str}",
    opt={"access": access(user(), key="sources:vouch")},
    tags=["sources"],
    summary="Unlink an account",
)
async def unlink_account(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    person: PersonInPath,
    source: SourceInPath,
    withdraw: FromQuery[bool] = False,
) -> None:
    """The evidence that it brought stays; `withdraw`, for administrators, undoes a wrong link with its evidence."""
    async with engine.transaction() as tx:
        await accounts.unlink(tx, actor, person, source, withdraw=withdraw)


ROUTES: tuple[ControllerRouterHandler, ...] = (list_sources, vouch_account, list_accounts, read_account, unlink_account)
