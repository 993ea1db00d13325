"""The routes of the dashboard and of recommendations: they translate, and leave the rest to the use cases."""

from __future__ import annotations

from litestar import get
from litestar.di import NamedDependency
from litestar.types import ControllerRouterHandler

from skillcore.accounts.access import Actor, access, user
from skillcore.accounts.routes import PersonAsked
from skillcore.insight import dashboard
from skillcore.runtime.engine import Engine

__all__ = ["ROUTES"]

READ = {"access": access(user(), key="scores:read")}


@get("/api/dashboard", opt=READ, tags=["insight"], summary="Read what a person sees first")
async def read_dashboard(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], user: PersonAsked = "me"
) -> dashboard.Dashboard:
    """Figures, the latest, milestones ahead, and what to do next."""
    async with engine.transaction() as tx:
        return await dashboard.read(tx, actor, user=user)


@get("/api/recommendations", opt=READ, tags=["insight"], summary="Say what to do next, and why")
async def recommend(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], user: PersonAsked = "me"
) -> dashboard.Advised:
    """By documented rules over what is known of the person, the most urgent first."""
    async with engine.transaction() as tx:
        return await dashboard.advise(tx, actor, user=user)


ROUTES: tuple[ControllerRouterHandler, ...] = (read_dashboard, recommend)
