"""The HTTP side of MCP: keeps what the SDK would lose of an HTTP failure, and bounds what is read.

The SDK turns every HTTP status into the same error, and a broken connection into the end of the session. So the transport
beneath it turns failures into JSON-RPC errors of its own that carry what happened; `judged` reads them back.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx2
import msgspec
from msgspec import Struct

from skillcore.plugin import Refused, ServerSettings, SourceError, Unavailable
from skillcore.runtime.outbound import Network
from skillcore.runtime.resilience import Unsuitable
from skillcore.runtime.settings import ResilienceSettings

__all__ = ["FAULT", "Fault", "SessionLost", "fault_of", "http_client", "judged", "retry_after_seconds"]

FAULT = -32951
"""The JSON-RPC code of our own faults; outside the range that the protocol reserves."""

EXCERPT = 300
"""Bytes of a failed answer's body that are kept, to tell a rate limit from a refusal."""

_RATIONED = re.compile(r"rate.?limit|too many requests|quota|secondary limit|abuse|slow down|throttl", re.IGNORECASE)
_PASSED_ON = frozenset({401, 403, 404, 408, 425, 429})


class Fault(Struct, frozen=True, kw_only=True):
    """What happened beneath the protocol.

    Attributes:
        reason: in words, without address or credentials.
        status: the HTTP status; None if there was no HTTP answer.
        retry_after: seconds.
        rationed: the answer speaks of a rate limit.
        by_gateway: a page, not an answer of the server: something in front of it spoke.
        hung: no answer in time.
    """

    reason: str
    status: int | None = None
    retry_after: float | None = None
    rationed: bool = False
    by_gateway: bool = False
    hung: bool = False


class SessionLost(Unavailable):
    """The server no longer knows the session (HTTP 404); opening another one helps."""


def fault_of(data: object) -> Fault | None:
    """Return the fault that the data of a JSON-RPC error carries, if it does."""
    try:
        return msgspec.convert(data, Fault)
    except msgspec.ValidationError:
        return None


def judged(server: str, fault: Fault, *, in_session: bool) -> SourceError:
    """Return the error that a fault means.

    Args:
        server: its name, for the message.
        fault: what happened.
        in_session: whether the server had given us a session.
    """
    asked = fault.retry_after
    if fault.status == 429 or (fault.status in {403, 503} and fault.rationed):
        return Unavailable(f"{server} limits how often it may be asked", retry_after=asked, limited=True)
    if fault.status == 401 or (fault.status == 403 and not fault.by_gateway):
        return Refused(f"{server} does not accept our credentials (HTTP {fault.status})")
    if fault.status == 404:
        if in_session:
            return SessionLost(f"{server} has forgotten our session")
        return Unavailable(f"{server} has no MCP server at its address (HTTP 404)")
    return Unavailable(f"{server}: {fault.reason}", retry_after=asked, hung=fault.hung)


def retry_after_seconds(value: str | None, now: float) -> float | None:
    """Return what a Retry-After header asks for: a number of seconds, or a date. Anything else is as if absent.

    Args:
        value: the header.
        now: seconds since the epoch.
    """
    if value is None:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return float(value[:9])
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    return None


def http_client(
    settings: ServerSettings, resilience: ResilienceSettings, network: Network, *, limit: int
) -> httpx2.AsyncClient:
    """Return a client for one server: its headers, our time-outs, nothing from the environment.

    Args:
        settings: of the server.
        resilience: for the time-outs.
        network: where it may be.
        limit: bytes of one answer.

    Raises:
        Unsuitable: ``headers_file`` cannot be read.
    """
    return httpx2.AsyncClient(
        headers={**settings.headers, **_headers_from(settings.headers_file), "accept-encoding": "identity"},
        transport=FaultTransport(network.transport(), limit),
        timeout=httpx2.Timeout(resilience.connect_timeout, read=resilience.call_timeout + 5.0),
        trust_env=False,
    )


class FaultTransport(httpx2.AsyncBaseTransport):
    """Turns what fails beneath the protocol into JSON-RPC errors that carry a `Fault`, and cuts off what is too large.

    An event stream passes through: the SDK bounds each of its events.
    """

    def __init__(self, inner: httpx2.AsyncBaseTransport, limit: int) -> None:
        self._inner = inner
        self._limit = limit

    async def aclose(self) -> None:
        """Close the transport beneath."""
        await self._inner.aclose()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer with the server's response, or with the fault it stands for."""
        if request.method != "POST":
            return await self._inner.handle_async_request(request)
        try:
            response = await self._inner.handle_async_request(request)
            if self._passes(response):
                return response
            try:
                body = await _read(response, self._limit)
            finally:
                await response.aclose()
        except (_TooLarge, httpx2.TransportError, httpx2.DecodingError) as error:
            return _failed(502, _network_fault(error, self._limit))
        return _answer(response, body)

    def _passes(self, response: httpx2.Response) -> bool:
        return response.status_code < 400 and (
            _media_type(response) == "text/event-stream" or response.status_code == 202 or response.is_redirect
        )


class _TooLarge(Exception):
    pass


async def _read(response: httpx2.Response, limit: int) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > limit:
            raise _TooLarge
    return bytes(body)


def _network_fault(error: Exception, limit: int) -> Fault:
    if isinstance(error, _TooLarge):
        return Fault(reason=f"its answer is larger than {limit} bytes")
    if isinstance(error, httpx2.TimeoutException):
        return Fault(reason=f"it did not answer in time ({type(error).__name__})", hung=True)
    if isinstance(error, httpx2.LocalProtocolError):
        # Its words quote the header at fault, which may be a secret.
        return Fault(reason="our request cannot be sent as it stands: look for line breaks in its headers")
    return Fault(reason=f"the connection failed ({type(error).__name__}: {error})")


def _answer(response: httpx2.Response, body: bytes) -> httpx2.Response:
    status = response.status_code
    if status < 400 and _media_type(response) != "application/json":
        return _failed(502, Fault(reason=f"it answered with {_media_type(response) or 'no content'}, not with MCP"))
    if status < 400 or (status < 500 and status not in _PASSED_ON and _is_rpc_error(body)):
        dropped = {b"content-encoding", b"transfer-encoding", b"content-length"}
        headers = [(key, value) for key, value in response.headers.raw if key.lower() not in dropped]
        return httpx2.Response(status, headers=headers, content=body)
    excerpt = body[:EXCERPT].decode("utf-8", "replace")
    spent = response.headers.get("x-ratelimit-remaining") == "0"
    fault = Fault(
        reason=f"it answered with HTTP {status}",
        status=status,
        retry_after=retry_after_seconds(response.headers.get("retry-after"), time.time()),
        rationed=spent or bool(_RATIONED.search(excerpt)),
        by_gateway=_media_type(response) == "text/html",
    )
    return _failed(status, fault)


def _failed(status: int, fault: Fault) -> httpx2.Response:
    error = {"code": FAULT, "message": fault.reason, "data": msgspec.to_builtins(fault)}
    return httpx2.Response(
        status,
        headers={"content-type": "application/json"},
        content=msgspec.json.encode({"jsonrpc": "2.0", "id": None, "error": error}),
    )


def _media_type(response: httpx2.Response) -> str:
    media_type: str = response.headers.get("content-type", "")
    return media_type.partition(";")[0].strip().lower()


def _is_rpc_error(body: bytes) -> bool:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(message, Mapping) and isinstance(message.get("error"), Mapping) and "jsonrpc" in message


def _headers_from(file: str) -> dict[str, str]:
    if not file:
        return {}
    try:
        headers: Any = msgspec.json.decode(Path(file).read_bytes(), type=dict[str, str])
    except (OSError, msgspec.MsgspecError) as error:
        raise Unsuitable(f"headers_file {file} cannot be read as a JSON object of texts: {type(error).__name__}") from error
    return dict(headers)
