"""The composition root: the rooms there are, and the HTTP application that is made of them. It names no feature."""

from __future__ import annotations

from litestar import Litestar
from litestar.datastructures import State

from skillcore.runtime.engine import Engine
from skillcore.runtime.rooms import Room

__all__ = ["ROOMS", "create_app"]

ROOMS: tuple[Room, ...] = ()


def create_app(engine: Engine) -> Litestar:
    """Return the HTTP application: every room's routes, with the engine in its state."""
    handlers = [handler for room in ROOMS for handler in room.routes]
    return Litestar(route_handlers=handlers, openapi_config=None, state=State({"engine": engine}))
