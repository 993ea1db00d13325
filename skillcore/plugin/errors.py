"""What a source raises when it cannot give a verdict. Each error says what the engine will do about it."""

from __future__ import annotations

__all__ = ["InvalidRequirement", "NotFound", "Refused", "SourceError", "Unavailable"]


class SourceError(Exception):
    """No verdict was reached. Raise one of the subclasses; anything else a source raises counts as its own failure."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Unavailable(SourceError):
    """The source did not give an answer that can be trusted: an outage, a time-out, a rate limit, text that does not parse.

    The engine retries, counts it against the source's breaker (a rate limit excepted) and leaves the task in progress.

    Attributes:
        retry_after: seconds the source asked to be left alone, if it said so.
        limited: the source is up but rations its answers; the breaker does not count it.
        hung: the server did not answer in time; the engine replaces a child process that hangs.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, limited: bool = False, hung: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.limited = limited
        self.hung = hung


class Refused(SourceError):
    """The source will not answer these credentials, and asking again will not help.

    The engine fails the attempt at once with this message and reports the source as misconfigured; the breaker is untouched.
    """


class NotFound(SourceError):
    """The account, repository or problem does not exist there. The engine fails the attempt with this message."""


class InvalidRequirement(SourceError):
    """The requirement cannot be checked as it stands. The engine refuses it (422) or, found late, fails the task.

    Attributes:
        field: the requirement's field at fault.
    """

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field
