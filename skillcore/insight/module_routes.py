"""The route of progress in modules: it translates, and leaves the rest to the use case."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.types import ControllerRouterHandler

from skillcore.accounts.access import Actor, access, user
from skillcore.accounts.routes import PersonAsked
from skillcore.insight import modules
from skillcore.learning.module_routes import ModuleInPath
from skillcore.runtime.engine import Engine

__all__ = ["ROUTES"]

READ = {"access": access(user(), key="scores:read")}
AsOf = Annotated[date | None, QueryParameter(description="As it was at the end of this day; now without.")]


@get("/api/modules/{module:str}/progress", opt=READ, tags=["modules"], summary="Read a person's progress in a module")
async def read_progress(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    module: ModuleInPath,
    user: PersonAsked = "me",
    as_of: AsOf = None,
) -> modules.ModuleReading:
    """What is completed of it, how well it goes, in how much time; judged by what the module said then."""
    async with engine.transaction() as tx:
        return await modules.read(tx, actor, module, user=user, as_of=as_of)


ROUTES: tuple[ControllerRouterHandler, ...] = (read_progress,)
