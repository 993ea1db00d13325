"""What senders may do: no body may take for ever, no answer wait for ever to be taken, and no request mean two things.

The server in front closes connections whose headers take too long, and refuses what no two programs would read alike, such as
two lengths. This adds what it lets pass.
"""

from __future__ import annotations

import asyncio
import time

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPReceiveMessage, HTTPScope, Message, Receive, Scope, Send

from skillcore.runtime.problems import BadRequest, Problem, RequestTimeout, UnsupportedMediaType
from skillcore.runtime.refusals import send_problem

__all__ = ["Bounded", "misshapen"]

log = structlog.get_logger(__name__)

SINGLE = frozenset(
    {
        b"authorization",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"host",
        b"idempotency-key",
        b"origin",
        b"transfer-encoding",
        b"x-csrf-token",
    }
)
"""Headers of which two would leave it to each reader which one counts."""


class Bounded:
    """An ASGI application around another, that waits for no sender and no reader longer than it should.

    Args:
        app: the application.
        seconds: from the end of a request's headers to the end of its body, and for each part of an answer to be taken.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self.app = app
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        if (problem := misshapen(scope)) is not None:
            await send_problem(send, problem)
            return
        exchange = Exchange(receive, send, self.seconds)
        try:
            await self.app(scope, exchange.receive, exchange.send)
        except Exception:
            if not exchange.is_cut:
                raise
            log.info("an answer was cut, since nobody took it", seconds=self.seconds)


class Exchange:
    """A request and its answer, each with an end."""

    def __init__(self, receive: Receive, send: Send, seconds: float) -> None:
        self._receive = receive
        self._send = send
        self._seconds = seconds
        self._until = time.monotonic() + seconds
        self._is_complete = False
        self.is_cut = False

    async def receive(self) -> HTTPReceiveMessage:
        """Be the application's ``receive``.

        Raises:
            RequestTimeout: the body has not arrived in time.
            BadRequest: it will not arrive in full.
        """
        if self._is_complete:  # what is waited for now is the end of the connection, which may take as long as it likes
            return await self._receive()  # type: ignore[return-value]
        left = self._until - time.monotonic()
        if left <= 0:  # a part that is there already would be handed over however late it is
            raise self._too_late()
        try:
            async with asyncio.timeout(left):
                message: HTTPReceiveMessage = await self._receive()  # type: ignore[assignment]
        except TimeoutError:
            raise self._too_late() from None
        if message["type"] == "http.disconnect":
            raise BadRequest("the body broke off, or its chunks make no sense", headers={"Connection": "close"})
        self._is_complete = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Be the application's ``send``.

        Raises:
            TimeoutError: nobody takes it; nothing more can be sent.
        """
        try:
            async with asyncio.timeout(self._seconds):
                await self._send(message)
        except TimeoutError:
            self.is_cut = True
            raise

    def _too_late(self) -> RequestTimeout:
        return RequestTimeout(
            f"the body did not arrive within {self._seconds:g} s: send it faster, or less at a time",
            headers={"Connection": "close"},
        )


def misshapen(scope: HTTPScope) -> Problem | None:
    """Return why a request is refused for its headers alone; None if it is not."""
    seen: set[bytes] = set()
    for name, value in scope["headers"]:
        if name not in SINGLE:
            continue
        if name in seen:
            return refused(f"the header {name.decode()} is there more than once: send it once")
        seen.add(name)
        if name == b"transfer-encoding" and value.strip(b" \t").lower() != b"chunked":
            return refused("the body has a transfer coding other than chunked: send it without")
        if name == b"content-encoding" and value.strip(b" \t").lower() not in {b"", b"identity"}:
            return UnsupportedMediaType("the body is compressed: send it as it is, without Content-Encoding")
    host = next((value for name, value in scope["headers"] if name == b"host"), b"")
    if not host.strip(b" \t") and scope["http_version"] != "1.0":
        return refused("the header Host is missing")
    return None


def refused(detail: str) -> BadRequest:
    """Return the problem of a request after which a connection cannot be trusted to carry another one."""
    return BadRequest(detail, headers={"Connection": "close"})
