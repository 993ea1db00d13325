"""What can go wrong at a server: a handler returns or raises one of these instead of a text."""

from __future__ import annotations

import httpx

__all__ = ["HTML_PAGE", "Answer", "Drop", "Fault", "HTTPFault", "Hang", "ProtocolFault", "Slow", "ToolFault", "huge"]

SERVER_ERROR = -32603

HTML_PAGE = "<!DOCTYPE html><html><head><title>Temporarily unavailable</title></head><body>Come back later.</body></html>"
"""A page for people where JSON is expected."""


class Fault(Exception):
    """A handler's way to misbehave on purpose; return it or raise it."""


class ToolFault(Fault):
    """The tool answers with this text and ``isError=true``."""


class ProtocolFault(Fault):
    """The call fails with a JSON-RPC error of this text."""

    def __init__(self, text: str, code: int = SERVER_ERROR) -> None:
        super().__init__(text)
        self.code = code


class HTTPFault(Fault):
    """The server answers beneath the protocol: an HTTP status with, perhaps, a Retry-After header.

    Args:
        status: such as 401, 429 or 503.
        retry_after: seconds.
        body: what stands in the answer.
    """

    def __init__(self, status: int, *, retry_after: int | None = None, body: str = "") -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.retry_after = retry_after
        self.body = body


class Drop(Fault):
    """The connection breaks before an answer is complete."""

    def __init__(self, reason: str = "the connection broke") -> None:
        super().__init__(reason)


class Hang(Fault):
    """No answer ever comes."""


class Slow(Fault):
    """The answer comes late.

    Args:
        text: the answer.
        seconds: how late.
    """

    def __init__(self, text: str, seconds: float) -> None:
        super().__init__(f"{seconds:g} s late")
        self.text = text
        self.seconds = seconds


Answer = str | Fault | httpx.Response
"""What a handler returns: the text of an answer, a fault, or an HTTP answer of its own."""


def huge(size: int = 8_388_608) -> str:
    """Return a JSON list of about so many bytes: more than any answer may have, unless told otherwise."""
    return "[" + ",".join(["0"] * (size // 2)) + "]"
