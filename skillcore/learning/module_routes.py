"""The routes of modules: they translate, and leave the rest to the use cases."""

from __future__ import annotations

from typing import Annotated

from litestar import delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter, QueryParameter
from litestar.types import ControllerRouterHandler

from skillcore.accounts.access import Actor, access, user
from skillcore.defaults.definitions import Module
from skillcore.learning import definitions, modules
from skillcore.learning.definitions import LAST_VERSION, Definition
from skillcore.runtime.engine import Engine
from skillcore.runtime.pages import Cursor, Limit, Page

__all__ = ["ROUTES", "ModuleInPath"]

READ = {"access": access(user(), key="paths:read")}
WRITE = {"access": access(user(), key="paths:write")}

ModuleInPath = Annotated[str, PathParameter(max_length=200, description="A module's id, or its name.")]
"""For a handler's path parameter ``{module:str}``."""

Had = Annotated[
    str | None, QueryParameter(max_length=204, description="Only those that this person has: a reference to them; all without.")
]
VersionAsked = Annotated[
    int | None, QueryParameter(ge=1, le=LAST_VERSION, description="In this version; in the one that stands without.")
]


@post("/api/modules", opt=WRITE, tags=["modules"], summary="Define a module")
async def create_module(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], data: JSONBody[modules.NewModule]
) -> Definition[Module]:
    """The platform's by its key, or for one of its members; the installation's by an administrator; else your own."""
    async with engine.transaction() as tx:
        return await modules.create(tx, actor, data)


@get("/api/modules", opt=READ, tags=["modules"], summary="List modules")
async def list_modules(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    user: Had = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Definition[Module]]:
    """Those that you see and that are not retired, oldest first."""
    async with engine.transaction() as tx:
        return await modules.listing(tx, actor, user=user, limit=limit, cursor=cursor)


@get("/api/modules/{module:str}", opt=READ, tags=["modules"], summary="Read a module")
async def read_module(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], module: ModuleInPath, version: VersionAsked = None
) -> Definition[Module]:
    """By its id, or by its name where no other that you see has it."""
    async with engine.transaction() as tx:
        return await definitions.found(tx, actor, modules.KIND, module, Module, version=version)


@put("/api/modules/{module:str}", opt=WRITE, tags=["modules"], summary="Change a module")
async def change_module(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], module: ModuleInPath, data: JSONBody[modules.ModuleChange]
) -> Definition[Module]:
    """A new version, by which progress is judged from now on. The name stays, since events use it."""
    async with engine.transaction() as tx:
        return await modules.edit(tx, actor, module, data)


@delete("/api/modules/{module:str}", opt=WRITE, tags=["modules"], summary="Retire a module")
async def retire_module(engine: NamedDependency[Engine], actor: NamedDependency[Actor], module: ModuleInPath) -> None:
    """It is no longer listed, and its name is free. What was before stays readable."""
    async with engine.transaction() as tx:
        await definitions.retire(tx, actor, modules.KIND, module)


@get("/api/modules/{module:str}/versions", opt=READ, tags=["modules"], summary="List a module's versions")
async def list_versions(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    module: ModuleInPath,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Definition[Module]]:
    """The newest first."""
    async with engine.transaction() as tx:
        return await modules.versions(tx, actor, module, limit=limit, cursor=cursor)


ROUTES: tuple[ControllerRouterHandler, ...] = (
    create_module,
    list_modules,
    read_module,
    change_module,
    retire_module,
    list_versions,
)
