"""Answers every error with a problem document (RFC 9457), whoever raised it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import psycopg
import sqlalchemy.exc
import structlog
from litestar import Request, Response
from litestar.exceptions import (
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    ValidationException,
)
from litestar.routes import HTTPRoute
from litestar.types import Send

from skillcore.runtime import problems
from skillcore.runtime.problems import Problem

__all__ = ["HANDLERS", "MEDIA_TYPE", "TYPE_PREFIX", "document", "problem_of", "send_problem"]

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:skillcore:problem:"
"""What the ``type`` of every problem begins with; the rest is the ``type`` of a class in `skillcore.runtime.problems`."""

UNEXPECTED = "something went wrong here, and has been logged: quote the X-Request-ID of this answer when you ask about it"
LOST = (sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError, sqlalchemy.exc.TimeoutError, psycopg.OperationalError)
"""What the driver raises when the database is away, or has no connection free."""

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
        allowed = ", ".join(sorted(_methods(request)))
        return problems.MethodNotAllowed(
            f"{request.method} is not possible here: use one of {allowed}", headers={"Allow": allowed}
        )
    if isinstance(error, HTTPException):
        return _by_status(request, error)
    if isinstance(error, LOST):
        return problems.UnavailableNow("the database does not answer just now: try again soon", headers={"Retry-After": "5"})
    return Problem(UNEXPECTED)


def respond(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Answer an error, and log those that are ours."""
    problem = problem_of(request, error)
    if isinstance(error, LOST):
        log.warning("the database does not answer", error=str(error))
    elif problem.status >= 500 and not isinstance(problem, problems.UnavailableNow):
        log.error("a request failed unexpectedly", exc_info=error)
    return Response(document(problem), status_code=problem.status, headers=problem.headers, media_type=MEDIA_TYPE)


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


def _methods(request: Request[Any, Any, Any]) -> set[str]:
    """Return the methods that some route knows for the path of a request."""
    path = request.url.path.rstrip("/") or "/"
    return {
        method
        for route in request.app.routes
        if isinstance(route, HTTPRoute) and re.fullmatch(_pattern(route.path_format), path)
        for method in route.methods
    }


def _pattern(path_format: str) -> str:
    return "".join("[^/]+" if part.startswith("{") else re.escape(part) for part in re.split(r"(\{[^}]*\})", path_format))
