"""Answers every error with a problem document (RFC 9457), whoever raised it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import sqlalchemy.exc
import structlog
from litestar import Litestar, Request, Response
from litestar.datastructures import MutableScopeHeaders
from litestar.exceptions import (
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    ValidationException,
)
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from skillcore.runtime import problems
from skillcore.runtime.database import LOST
from skillcore.runtime.problems import Problem

__all__ = ["HANDLERS", "MEDIA_TYPE", "TYPE_PREFIX", "Options", "document", "methods_at", "problem_of", "send_problem"]

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:skillcore:problem:"
"""What the ``type`` of every problem begins with; the rest is the ``type`` of a class in `skillcore.runtime.problems`."""

UNEXPECTED = "something went wrong here, and has been logged: quote the X-Request-ID of this answer when you ask about it"

BY_STATUS: Mapping[int, type[Problem]] = {
    400: problems.BadRequest,
    401: problems.Unauthenticated,
    403: problems.Forbidden,
    404: problems.NotFound,
    408: problems.RequestTimeout,
    413: problems.TooLarge,
    415: problems.UnsupportedMediaType,
    429: problems.TooManyRequests,
    503: problems.UnavailableNow,
}


def document(problem: Problem) -> dict[str, Any]:
    """Return the problem document."""
    shown: dict[str, Any] = {
        "type": TYPE_PREFIX + problem.type,
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.field is not None:
        shown["field"] = problem.field
        shown["errors"] = [{"field": problem.field, "detail": problem.detail}]
    return shown | problem.extra


async def send_problem(send: Send, problem: Problem) -> None:
    """Answer with a problem from outside the application, where nobody else turns it into an answer."""
    body = msgspec.json.encode(document(problem))
    headers = {"Content-Type": MEDIA_TYPE, "Content-Length": str(len(body)), **problem.headers}
    lines = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": lines})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def problem_of(request: Request[Any, Any, Any], error: Exception) -> Problem:
    """Return what the caller is told about an error: nothing of those that are not theirs to mend."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, NotFoundException):
        return problems.NotFound("there is nothing at this address")
    if isinstance(error, MethodNotAllowedException):
        path = request.url.path.rstrip("/") or "/"
        allowed = methods_at(request.app, lambda template: re.fullmatch(_pattern(template), path) is not None)
        return problems.MethodNotAllowed(
            f"{request.method} is not possible here: use one of {allowed}", headers={"Allow": allowed}
        )
    if isinstance(error, HTTPException):
        return _by_status(request, error)
    if _is_away(error):
        return problems.UnavailableNow("the database does not answer just now: try again soon", headers={"Retry-After": "5"})
    return Problem(UNEXPECTED)


def respond(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Answer an error, and log those that are ours."""
    problem = problem_of(request, error)
    if _is_away(error):
        log.warning("the database does not answer", error=str(error))
    elif problem.status >= 500 and not isinstance(problem, problems.UnavailableNow):
        log.error("a request failed unexpectedly", exc_info=error)
    return Response(document(problem), status_code=problem.status, headers=problem.headers, media_type=MEDIA_TYPE)


def _is_away(error: Exception) -> bool:
    """Tell whether an error means that the database does not answer, or that no connection to it is free."""
    cause = error.orig if isinstance(error, sqlalchemy.exc.DBAPIError) else error
    return isinstance(cause, (*LOST, sqlalchemy.exc.TimeoutError))


HANDLERS: dict[int | type[Exception], Callable[[Request[Any, Any, Any], Any], Response[Any]]] = {
    Problem: respond,
    HTTPException: respond,
    Exception: respond,
}
"""For Litestar's ``exception_handlers``."""


def _by_status(request: Request[Any, Any, Any], error: HTTPException) -> Problem:
    """Put another of Litestar's errors into our own words, where those help more."""
    if isinstance(error, ValidationException):
        return _invalid(error)
    if error.status_code == 413:
        limit = request.route_handler.resolve_request_max_body_size()
        return problems.TooLarge(f"the body is larger than {limit} bytes: send less at a time", limit=limit)
    kind = BY_STATUS.get(error.status_code)
    return Problem(UNEXPECTED) if kind is None else kind(error.detail)


def _invalid(error: ValidationException) -> Problem:
    """Turn Litestar's findings in a query or a path into a problem that names the first parameter at fault."""
    found = error.extra if isinstance(error.extra, list) else []
    errors = [{"field": str(one.get("key", "")), "detail": str(one.get("message", ""))} for one in found]
    if not errors:
        return problems.BadRequest(error.detail)
    first = errors[0]
    if first["field"] == "data":
        return problems.BadRequest("the request has no body: send JSON with Content-Type: application/json")
    return problems.BadRequest(f"{first['field']}: {first['detail']}", field=first["field"], errors=errors)


def methods_at(app: Litestar, matches: Callable[[str], bool]) -> str:
    """Return the methods of the routes whose path matches, as the header Allow names them."""
    routes = [route for route in app.routes if isinstance(route, HTTPRoute) and matches(route.path_format)]
    return ", ".join(sorted({method for route in routes for method in route.methods}))


class Options:
    """Around an application: has OPTIONS name all methods of an address. Litestar names those of its first handler alone."""

    def __init__(self, inner: ASGIApp, app: Litestar) -> None:
        self.inner = inner
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start" and scope.get("method") == "OPTIONS":
                headers = MutableScopeHeaders.from_message(message)
                if "allow" in headers:
                    headers["Allow"] = methods_at(self.app, lambda template: template == scope["path_template"])
            await send(message)

        await self.inner(scope, receive, named)


def _pattern(path_format: str) -> str:
    return "".join("[^/]+" if part.startswith("{") else re.escape(part) for part in re.split(r"(\{[^}]*\})", path_format))
