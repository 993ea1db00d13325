"""The routes of the audit."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.types import ControllerRouterHandler

from skillcore.accounts.access import Actor, access, admin, user
from skillcore.accounts.audit import Act, reading
from skillcore.runtime.engine import Engine
from skillcore.runtime.pages import Cursor, Limit, Page

__all__ = ["ROUTES"]

By = Annotated[UUID | None, QueryParameter(description="Only what this person or key did.")]
About = Annotated[UUID | None, QueryParameter(description="Only what was done to this person.")]
OfAct = Annotated[Act | None, QueryParameter(description="Only this act.")]
Since = Annotated[datetime | None, QueryParameter(description="Not before this time.")]
Until = Annotated[datetime | None, QueryParameter(description="Before this time.")]


@get("/api/audit", opt={"access": access(admin())}, tags=["audit"], summary="Search the audit")
async def search(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    act: OfAct = None,
    by: By = None,
    about: About = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[reading.AuditEntry]:
    """Security-relevant acts, the newest first. That somebody searched is an entry too."""
    async with engine.transaction() as tx:
        return await reading.search(
            tx, actor, act=act, by=by, about=about, since=since, until=until, limit=limit, cursor=cursor
        )


@get("/api/auth/activity", opt={"access": access(user())}, tags=["accounts"], summary="See what was done about you")
async def activity(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], limit: Limit = 50, cursor: Cursor = None
) -> Page[reading.Activity]:
    """Your sign-ins and changes, and who read what is yours, in which role; the newest first."""
    async with engine.transaction() as tx:
        return await reading.activity(tx, actor, limit=limit, cursor=cursor)


ROUTES: tuple[ControllerRouterHandler, ...] = (search, activity)
