"""Around every request: its id, its line in the log, and its place in the metrics."""

from __future__ import annotations

import re
import time
from uuid import uuid4

import structlog
from litestar.datastructures import Headers, MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from skillcore.runtime import metrics

__all__ = ["REQUESTS", "REQUEST_ID", "SECONDS", "Observed"]

log = structlog.get_logger(__name__)

REQUEST_ID = "X-Request-ID"
PRESENTABLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~:-]{0,127}")
UNKNOWN = "(unknown)"
"""The endpoint of requests that no route answers: labels must not grow with what strangers ask for."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
REQUESTS = metrics.counter("skillcore_http_requests_total", "Requests answered.", ("endpoint", "method", "status"))
SECONDS = metrics.histogram(
    "skillcore_http_request_duration_seconds", "Seconds until a request was answered in full.", ("endpoint", "method", "status")
)


class Observed:
    """An ASGI application around another."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and tell of it."""
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        request = Observation(scope)

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                request.status = message["status"]
                MutableScopeHeaders.from_message(message)[REQUEST_ID] = request.id
            await send(message)

        structlog.contextvars.clear_contextvars()
        with structlog.contextvars.bound_contextvars(request_id=request.id):
            try:
                await self.app(scope, receive, headed)
            finally:
                request.tell()


class Observation:
    """What is told of one request."""

    def __init__(self, scope: HTTPScope) -> None:
        self.scope = scope
        self.began = time.perf_counter()
        self.status = 0
        given = Headers.from_scope(scope).get(REQUEST_ID, "")
        self.id = given if PRESENTABLE.fullmatch(given) else str(uuid4())

    def tell(self) -> None:
        """Count the request and log it; by its route, since a path may name people."""
        seconds = time.perf_counter() - self.began
        method = self.scope["method"] if self.scope["method"] in METHODS else "OTHER"
        endpoint = self.scope.get("path_template") or UNKNOWN
        labels = (endpoint, method, str(self.status))
        REQUESTS.labels(*labels).inc()
        SECONDS.labels(*labels).observe(seconds)
        log.info("request", method=method, endpoint=endpoint, status=self.status, ms=round(seconds * 1000, 2))
