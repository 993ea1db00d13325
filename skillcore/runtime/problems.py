"""The one tree of errors. Each class knows its HTTP status and its stable problem type (RFC 9457)."""

from __future__ import annotations

from typing import Any, ClassVar

__all__ = [
    "BadRequest",
    "Conflict",
    "Forbidden",
    "InvalidField",
    "MethodNotAllowed",
    "NotFound",
    "Problem",
    "RequestTimeout",
    "TooLarge",
    "TooManyRequests",
    "Unauthenticated",
    "UnavailableNow",
    "Unprocessable",
    "UnsupportedMediaType",
]


class Problem(Exception):
    """Something the caller can understand and mend. Its message says what was wrong, with which value, and what to do.

    Attributes:
        detail: the message.
        field: the part of the request at fault, such as ``requirements.contest_id``; None where no single one is.
        extra: further members of the problem document.
        headers: response headers, such as Retry-After.
    """

    status: ClassVar[int] = 500
    type: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "Internal error"

    def __init__(self, detail: str, *, field: str | None = None, headers: dict[str, str] | None = None, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field
        self.headers = headers or {}
        self.extra = extra


class BadRequest(Problem):
    """The request cannot be read."""

    status = 400
    type = "bad-request"
    title = "Bad request"


class InvalidField(Problem):
    """A field has a value that it cannot have."""

    status = 422
    type = "invalid-field"
    title = "Invalid field"


class Unprocessable(Problem):
    """The request is well formed, and cannot be carried out as it stands."""

    status = 422
    type = "unprocessable"
    title = "Cannot be carried out"


class Unauthenticated(Problem):
    """No credentials, or none that hold."""

    status = 401
    type = "unauthenticated"
    title = "Not signed in"

    def __init__(self, detail: str, **extra: Any) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"}, **extra)


class Forbidden(Problem):
    """The caller is known, and may not do this."""

    status = 403
    type = "forbidden"
    title = "Not allowed"


class NotFound(Problem):
    """It does not exist, or the caller may not know that it does."""

    status = 404
    type = "not-found"
    title = "Not found"


class MethodNotAllowed(Problem):
    """The resource knows other methods; the header Allow names them."""

    status = 405
    type = "method-not-allowed"
    title = "Method not allowed"


class RequestTimeout(Problem):
    """The request did not arrive in time."""

    status = 408
    type = "request-timeout"
    title = "Request timeout"


class Conflict(Problem):
    """The state of things does not allow it."""

    status = 409
    type = "conflict"
    title = "Conflict"


class TooLarge(Problem):
    """The request is larger than the limit it names."""

    status = 413
    type = "too-large"
    title = "Too large"


class UnsupportedMediaType(Problem):
    """The body is of a kind that is not read here."""

    status = 415
    type = "unsupported-media-type"
    title = "Unsupported media type"


class TooManyRequests(Problem):
    """The caller is over a limit."""

    status = 429
    type = "too-many-requests"
    title = "Too many requests"


class UnavailableNow(Problem):
    """Something the request needs does not answer at the moment."""

    status = 503
    type = "unavailable"
    title = "Unavailable"
