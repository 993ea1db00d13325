"""Makes the HTTP application: what every route gets, whatever its room.

Looking into the handlers of all routes takes much longer than anything else here, and does not depend on whom they serve. So
that is done once (`routed`), for as many applications as a process makes of it (`web`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from copy import copy
from typing import Any, cast

from litestar import Litestar, Request
from litestar.datastructures import State
from litestar.di import Provide
from litestar.events import SimpleEventEmitter
from litestar.types import ASGIApp, ControllerRouterHandler, Guard, Middleware, Scope

from skillcore.runtime import refusals
from skillcore.runtime.browsers import CrossOrigin
from skillcore.runtime.callers import Called
from skillcore.runtime.engine import Engine
from skillcore.runtime.observed import Observed
from skillcore.runtime.parameters import check_query, refuse_nul
from skillcore.runtime.requests import JSONRequest
from skillcore.runtime.senders import Bounded

__all__ = ["engine_of", "routed", "web"]

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]


def routed(
    *,
    routes: Sequence[ControllerRouterHandler],
    guard: Guard,
    middleware: Sequence[Middleware] = (),
    lifespan: Lifespan,
    body_limit: int,
) -> Litestar:
    """Return what answers on routes for any engine; `web` makes an application of it.

    Handlers may take ``engine`` and ``actor`` by these names. `skillcore.runtime.openapi` describes them.

    Args:
        routes: of all rooms.
        guard: runs before each, and notes in the scope who asks.
        middleware: around all routes.
        lifespan: opens what the process runs, for the engine that stands in the application's state.
        body_limit: bytes that a request's body may have.
    """
    return Litestar(
        route_handlers=routes,
        dependencies={"engine": Provide(_engine, sync_to_thread=False), "actor": Provide(_actor, sync_to_thread=False)},
        exception_handlers={**refusals.HANDLERS},
        guards=[refuse_nul, guard, check_query],
        lifespan=[lifespan],
        logging_config=None,
        middleware=middleware,
        openapi_config=None,
        request_class=JSONRequest,
        request_max_body_size=body_limit,
    )


def web(shared: Litestar, engine: Engine, *, around: Callable[[ASGIApp], ASGIApp] = lambda app: app) -> Litestar:
    """Return the application on an engine.

    Args:
        shared: the routes, which others may serve too.
        engine: of this process.
        around: wraps the application, with its own answers such as 404.
    """
    app = copy(shared)
    app.state = State({"engine": engine})
    app.event_emitter = SimpleEventEmitter(listeners=())
    app.asgi_router = copy(shared.asgi_router)
    app.asgi_router.app = app  # the lifespan that it opens is this one's
    server = engine.settings.server
    inner = around(Bounded(refusals.Options(app.asgi_handler, app), server.body_timeout))
    app.asgi_handler = Called(Observed(CrossOrigin(inner, server)), server)
    return app


def engine_of(scope: Scope) -> Engine:
    """Return the engine of the application that a request has come to."""
    return cast("Engine", scope["litestar_app"].state.engine)


def _engine(request: Request[Any, Any, Any]) -> Any:
    """Return the engine, for handlers."""
    return engine_of(request.scope)


def _actor(request: Request[Any, Any, Any]) -> Any:
    """Return who asks, as the guard has found out."""
    return request.scope["auth"]
