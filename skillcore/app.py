"""The composition root: brings the rooms together. A new room is one line in `ROOMS`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache

from litestar import Litestar
from litestar.middleware import DefineMiddleware
from sqlalchemy import Table

from skillcore.accounts.access import check_declared
from skillcore.accounts.authentication import guard
from skillcore.accounts.departures import Departures
from skillcore.accounts.limiting import Limited, check_limits
from skillcore.accounts.room import ROOM as ACCOUNTS
from skillcore.delivery.room import ROOM as DELIVERY
from skillcore.insight.room import ROOM as INSIGHT
from skillcore.learning.room import ROOM as LEARNING
from skillcore.ledger.room import ROOM as LEDGER
from skillcore.operations.gauges import Gauges
from skillcore.operations.idempotency import Idempotency
from skillcore.operations.room import ROOM as OPERATIONS
from skillcore.privacy.duties import Duties
from skillcore.privacy.room import ROOM as PRIVACY
from skillcore.runtime.database import Base
from skillcore.runtime.definitions import Definitions
from skillcore.runtime.engine import Engine
from skillcore.runtime.hints import Hints
from skillcore.runtime.jobs import Jobs
from skillcore.runtime.rooms import Process, Room
from skillcore.runtime.sealing import Sealer
from skillcore.runtime.web import routed, web
from skillcore.verification.room import ROOM as VERIFICATION
from skillcore.work.room import ROOM as WORK

__all__ = ["ROOMS", "create_app", "opened", "tables"]

ROOMS: tuple[Room, ...] = (
    DELIVERY,
    ACCOUNTS,
    OPERATIONS,
    LEDGER,
    VERIFICATION,
    LEARNING,
    WORK,
    INSIGHT,
    PRIVACY,
)
"""All rooms, from the lowest floor to the highest."""


def tables() -> Sequence[Table]:
    """Return the tables of all rooms, those first that others refer to. Only here it is certain that all are loaded."""
    return Base.metadata.sorted_tables


@asynccontextmanager
async def opened(engine: Engine, process: Process) -> AsyncIterator[Engine]:
    """Open what a kind of process runs: hints, jobs, duties, the sealer, and each room's services, from the lowest floor up.

    Args:
        engine: of this process.
        process: its kind.
    """
    async with AsyncExitStack() as stack:
        hints = await stack.enter_async_context(Hints(engine.database).run())
        for known in (hints, Jobs(ROOMS), Gauges(ROOMS), Departures(ROOMS), Duties(ROOMS), Definitions(ROOMS)):
            await stack.enter_async_context(engine.open(known))
        await stack.enter_async_context(Sealer.opened(engine))
        for service in (service for room in ROOMS for service in room.services.get(process, ())):
            await stack.enter_async_context(service(engine))
        yield engine


def create_app(engine: Engine) -> Litestar:
    """Return the HTTP application on an engine, whose services it opens and closes with its lifespan.

    Raises:
        ValueError: a route does not declare who may use it, or names a limit that there is not.
    """
    return web(_routed(engine.settings.server.body_limit), engine, around=lambda app: Limited(app, engine))


@cache
def _routed(body_limit: int) -> Litestar:
    """Return the routes of all rooms, looked into once for all applications of this process."""

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with opened(app.state.engine, "api"):
            yield

    app = routed(
        routes=[route for room in ROOMS for route in room.routes],
        guard=guard,
        middleware=[DefineMiddleware(Idempotency)],
        lifespan=lifespan,
        body_limit=body_limit,
    )
    check_declared(app)
    check_limits(app)
    return app
