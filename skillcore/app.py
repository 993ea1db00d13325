"""The composition root: brings the rooms together. A new room is one line in `ROOMS`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache

from litestar import Litestar
from litestar.middleware import DefineMiddleware

from skillcore import accounts, delivery, insight, learning, ledger, operations, privacy, verification, work
from skillcore.accounts.access import check_declared
from skillcore.accounts.authentication import guard
from skillcore.accounts.departures import Departures
from skillcore.accounts.limiting import Limited, check_limits
from skillcore.operations.gauges import Gauges
from skillcore.operations.idempotency import Idempotency
from skillcore.privacy.duties import Duties
from skillcore.runtime.definitions import Definitions
from skillcore.runtime.engine import Engine
from skillcore.runtime.hints import Hints
from skillcore.runtime.jobs import Jobs
from skillcore.runtime.rooms import Process, Room
from skillcore.runtime.sealing import Sealer
from skillcore.runtime.web import routed, web

__all__ = ["ROOMS", "create_app", "opened"]

ROOMS: tuple[Room, ...] = (
    delivery.ROOM,
    accounts.ROOM,
    operations.ROOM,
    ledger.ROOM,
    verification.ROOM,
    learning.ROOM,
    work.ROOM,
    insight.ROOM,
    privacy.ROOM,
)
"""All rooms, from the lowest floor to the highest."""


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
