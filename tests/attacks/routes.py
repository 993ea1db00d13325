"""The routes of the application as the OpenAPI document has them, each with its example and with who may use it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from msgspec import Struct

from skillcore.accounts.access import Access, declared
from skillcore.app import create_app
from skillcore.operations.documentation import openapi
from skillcore.plugin.manager import Plugins
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.settings import Settings
from tests.attacks.examples import ABSENT, EXAMPLES, IN_PATH, Example, R
from tests.attacks.town import Town

__all__ = ["ROUTES", "UNKNOWN", "Request", "Route", "Things"]

CALLERS = {"learner": "ada", "mentor": "guide", "admin": "root"}
"""Who is at the School in which role."""


class Request(Struct, frozen=True):
    """What is sent."""

    method: str
    path: str
    query: dict[str, Any]
    body: Any


class Things:
    """What references stand for: a tenant's things, as the caller means them.

    Args:
        town: where.
        whose: the tenant's.
        caller: who sends the request.
        other: what stands for something else: ``club``, ``club@ada`` (what Bob there has for himself), or ``nobody``.
    """

    def __init__(self, town: Town, whose: str, caller: str, other: Mapping[R, str] = {}) -> None:
        self.town, self.whose, self.caller, self.other = town, whose, caller, other

    def __getitem__(self, reference: R) -> str:
        if reference.name == "caller":
            return self.caller
        whose, _, variant = self.other.get(reference, f"{self.whose}@{self.caller}").partition("@")
        if whose == "nobody":
            return ABSENT.get(reference.name) or str(uuid4())
        return self.town.thing(reference.name, whose, variant)


class Route(Struct, frozen=True):
    """A route with an example of how it is used."""

    method: str
    path: str
    operation: Mapping[str, Any]
    access: Access
    example: Example

    @property
    def name(self) -> str:
        """As the documents write it."""
        return f"{self.method} {self.path}"

    @property
    def right(self) -> tuple[str, ...]:
        """Callers who must succeed with the example."""
        if self.example.by:
            return self.example.by
        if self.access.who is not None and self.access.who.roles is None:
            return ("nobody",)
        roles = self.access.who.roles if self.access.who is not None else frozenset()
        people = [CALLERS[role] for role in ("learner", "mentor", "admin") if role in (roles or ())][:1]
        return (*people, *(["school"] if self.access.key is not None else []))

    @property
    def succeeds(self) -> set[int]:
        """Statuses of success."""
        return set(self.example.answers) or {int(status) for status in self.operation["responses"] if status.startswith("2")}

    @property
    def given(self) -> tuple[dict[str, Any], dict[str, Any], Any]:
        """The example's path, query and body, with references in them."""
        named = {parameter["name"]: parameter["in"] for parameter in self.operation["parameters"]}
        path = {name: self.example.path.get(name, IN_PATH.get(name)) for name, place in named.items() if place == "path"}
        query = {"user": R("person")} if named.get("user") == "query" else {}
        return path, query | dict(self.example.query), self.example.body

    @property
    def references(self) -> list[R]:
        """What the example refers to."""
        return [one for one in dict.fromkeys(_found(self.given)) if one.name != "caller"]

    def request(self, things: Things) -> Request:
        """Return the example with each reference replaced by what it stands for."""
        path, query, body = (_put(part, things) for part in self.given)
        return Request(self.method, self.path.format(**path), query, body)


def _found(part: Any) -> Iterator[R]:
    if isinstance(part, R):
        yield part
    elif isinstance(part, Mapping):
        for inner in part.values():
            yield from _found(inner)
    elif isinstance(part, list | tuple):
        for inner in part:
            yield from _found(inner)


def _put(part: Any, things: Things) -> Any:
    if isinstance(part, R):
        return things[part]
    if isinstance(part, Mapping):
        return {name: _put(inner, things) for name, inner in part.items()}
    return [_put(inner, things) for inner in part] if isinstance(part, list | tuple) else part


def _routes() -> tuple[tuple[Route, ...], tuple[str, ...]]:
    """Return the routes that have an example, and the names of those that have none."""
    settings = Settings()
    app = create_app(Engine(settings, Plugins.load(allow=("defaults",)), Database("", settings.database)))
    handlers: dict[str, HTTPRouteHandler] = {
        f"{method} {route.path_format}": handler
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        for method in handler.http_methods
    }
    known, unknown = [], []
    for path, operations in json.loads(openapi(app))["paths"].items():
        for method, operation in operations.items():
            name = f"{method.upper()} {path}"
            access = declared(handlers[name])
            if name in EXAMPLES and access is not None:
                known.append(Route(method.upper(), path, operation, access, EXAMPLES[name]))
            else:
                unknown.append(name)
    return tuple(known), tuple(unknown)


ROUTES, UNKNOWN = _routes()
