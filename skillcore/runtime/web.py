"""Makes the HTTP application: what every route gets, whatever its room."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from litestar import Litestar, Request
from litestar.di import Provide
from litestar.types import ASGIApp, ControllerRouterHandler, Guard, Middleware

from skillcore.runtime import refusals
from skillcore.runtime.browsers import CrossOrigin
from skillcore.runtime.callers import Called
from skillcore.runtime.engine import Engine
from skillcore.runtime.observed import Observed
from skillcore.runtime.parameters import check_query, refuse_nul
from skillcore.runtime.requests import JSONRequest
from skillcore.runtime.senders import Bounded

__all__ = ["web"]

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]


def web(
    engine: Engine,
    *,
    routes: Sequence[ControllerRouterHandler],
    guard: Guard,
    middleware: Sequence[Middleware] = (),
    around: Callable[[ASGIApp], ASGIApp] = lambda app: app,
    lifespan: Lifespan,
) -> Litestar:
    """Return the application.

    Handlers may take ``engine`` and ``actor`` by these names. `skillcore.runtime.openapi` describes it.

    Args:
        engine: of this process.
        routes: of all rooms.
        guard: runs before each, and notes in the scope who asks.
        middleware: around all routes.
        around: wraps the application, with its own answers such as 404.
        lifespan: opens what the process runs.
    """
    app = Litestar(
        route_handlers=routes,
        dependencies={"engine": Provide(lambda: engine, sync_to_thread=False), "actor": Provide(_actor, sync_to_thread=False)},
        exception_handlers={**refusals.HANDLERS},
        guards=[refuse_nul, guard, check_query],
        lifespan=[lifespan],
        logging_config=None,
        middleware=middleware,
        openapi_config=None,
        request_class=JSONRequest,
        request_max_body_size=engine.settings.server.body_limit,
    )
    server = engine.settings.server
    inner = around(Bounded(refusals.Options(app.asgi_handler, app), server.body_timeout))
    app.asgi_handler = Called(Observed(CrossOrigin(inner, server)), server)
    return app


def _actor(request: Request[Any, Any, Any]) -> Any:
    """Return who asks, as the guard has found out."""
    return request.scope["auth"]
