"""What browsers are told: to keep answers to themselves, to load nothing else, and whose pages may call.

Litestar's own CORS is not used: it tells origins that are not listed what is exposed, takes any OPTIONS for a preflight, writes
over ``Vary``, and leaves it out where it matters, so that a cache could hand one origin's answer to another.
"""

from __future__ import annotations

from collections.abc import Mapping

from litestar.datastructures import Headers, MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from skillcore.runtime.callers import current
from skillcore.runtime.settings import ServerSection

__all__ = ["EXPOSED", "HEADERS", "CrossOrigin", "headers_for", "hsts"]

NOTHING = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"default-src 'none'; {NOTHING}",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(
        f"{feature}=()"
        for feature in (
            "accelerometer",
            "browsing-topics",
            "camera",
            "display-capture",
            "geolocation",
            "gyroscope",
            "microphone",
            "midi",
            "payment",
            "publickey-credentials-get",
            "usb",
        )
    ),
    "Referrer-Policy": "no-referrer",
    "Server": "skillcore",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Sent with every answer that does not bring its own."""

LINES = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
METHODS = "DELETE, GET, HEAD, PATCH, POST, PUT"
ASKED = "Authorization, Content-Type, Idempotency-Key, If-None-Match, X-Request-ID"
"""Headers that pages of other origins may send."""

EXPOSED = "ETag, Idempotent-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-ID"
"""Headers that they may read."""

KEPT = "600"
"""Seconds for which a browser may keep the answer to a preflight."""


def headers_for(sources: str) -> dict[str, str]:
    """Return the headers of a page's files.

    Args:
        sources: the directives that let it load what it consists of, such as ``script-src 'self'``.
    """
    return {"Content-Security-Policy": f"default-src 'none'; {sources}; {NOTHING}", "Cache-Control": "public, max-age=300"}


def hsts(server: ServerSection, *, secure: bool) -> str:
    """Return the header that binds browsers to TLS; empty where it would be wrong.

    Args:
        server: whose ``public_url`` decides where it is set, since that is how people come here.
        secure: whether this request came over TLS.
    """
    encrypted = server.public_url.lower().startswith("https://") if server.public_url else secure
    return server.hsts if encrypted else ""


class CrossOrigin:
    """An ASGI application around another: lets pages of listed origins call, with tokens and never with cookies (CORS)."""

    def __init__(self, app: ASGIApp, server: ServerSection) -> None:
        self.app = app
        self.server = server
        self.everybody = server.cors_origins == ("*",)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer the question whether it may be sent."""
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        headers = Headers.from_scope(scope)
        origin = headers.get("origin", "")
        allowed = bool(origin) and (self.everybody or origin in self.server.cors_origins)

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._tell(MutableScopeHeaders.from_message(message), origin if allowed else "")
            await send(message)

        if allowed and scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await told({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            await self.app(scope, receive, told)

    def _tell(self, headers: MutableScopeHeaders, origin: str) -> None:
        brought = {name.lower() for name, _ in headers.headers}
        headers.headers.extend(line for line in LINES if line[0] not in brought)
        if bound := hsts(self.server, secure=current().secure):
            headers.setdefault("Strict-Transport-Security", bound)
        if not self.server.cors_origins:
            return
        if not self.everybody:
            headers["Vary"] = ", ".join(filter(None, (headers.get("vary"), "Origin")))
        if origin:
            headers["Access-Control-Allow-Origin"] = "*" if self.everybody else origin
            headers["Access-Control-Expose-Headers"] = EXPOSED
            headers["Access-Control-Allow-Methods"] = METHODS
            headers["Access-Control-Allow-Headers"] = ASKED
            headers["Access-Control-Max-Age"] = KEPT
