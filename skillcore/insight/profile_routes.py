"""The route of the unified coding profile."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.types import ControllerRouterHandler

from skillcore.accounts.access import Actor, access, user
from skillcore.accounts.routes import PersonAsked
from skillcore.insight import profile
from skillcore.insight.routes import AsOf
from skillcore.runtime.engine import Engine
from skillcore.runtime.freshness import KEPT, is_held

__all__ = ["ROUTES"]


@get(
    "/api/analytics/profile",
    opt={"access": access(user(), key="scores:read"), "statuses": {304: "It is the profile that the caller has."}},
    tags=["analytics"],
    summary="Read a coding profile",
)
async def read_coding_profile(
    engine: NamedDependency[Engine],
    request: Request[Any, Any, Any],
    actor: NamedDependency[Actor],
    user: PersonAsked = "me",
    as_of: AsOf = None,
) -> Response[profile.Profile]:
    """Problems solved, rating, contributions and skills over all linked accounts, each with its source."""
    async with engine.transaction() as tx:
        asked = await profile.ask(tx, actor, user=user, as_of=as_of)
        headers = {**KEPT, "ETag": asked.tag}
        if is_held(request.headers, asked.tag):
            return Response(None, status_code=304, headers=headers)  # type: ignore[arg-type] # an answer without a body
        return Response(await profile.read(tx, asked), headers=headers)


ROUTES: tuple[ControllerRouterHandler, ...] = (read_coding_profile,)
