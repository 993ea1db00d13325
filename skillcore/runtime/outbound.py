"""Connections to addresses that a person or a plugin gave: other sites, remote MCP servers.

A name is looked up here, each address that it has is checked, and what is dialled is the very address that was checked: so a
name cannot lead inside by changing its mind in between. Inside is whatever the Internet does not route: this machine, private
networks, the link with a cloud's metadata service, in every notation that IPv6 has for them. What an operator's own networks
offer is let in by naming them in ``outbound.allow``. Nothing is redirected, no proxy is taken from the environment, and
answers are bounded in size and time.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

import httpcore2
import httpx2

__all__ = ["AnswerTooLarge", "Network", "is_public"]

ROUTED_IPV6 = IPv6Network("2000::/3")
"""What is assigned as global unicast (RFC 4291); the rest is local, multicast, or of no use."""

TRANSLATED = IPv6Network("64:ff9b::/96")
"""Where a gateway translates to the IPv4 address in the last 32 bits (RFC 6052)."""

SPECIAL = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"), IPv6Network("3fff::/20"))
"""What IANA has set apart and not every version of Python knows; a cloud has its metadata service in the first."""

Address = IPv4Address | IPv6Address


class AnswerTooLarge(httpx2.RequestError):
    """The answer is larger than it may be."""


def is_public(address: Address) -> bool:
    """Whether the Internet routes an address, and the IPv4 address that may stand inside it."""
    if any(address in network for network in SPECIAL):
        return False
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast
    if address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    if address in TRANSLATED:
        return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
    if address.sixtofour is not None:  # of which Python's versions think differently
        return is_public(address.sixtofour)
    return address in ROUTED_IPV6 and address.is_global and all(map(is_public, address.teredo or ()))


class Network:
    """Where this process may connect to.

    Args:
        allow: networks in CIDR notation that are not public, and may be reached all the same.

    Raises:
        ValueError: one of them is no network.
    """

    def __init__(self, allow: Iterable[str] = ()) -> None:
        self._allowed = tuple(map(_network, allow))

    def permits(self, address: str) -> bool:
        """Whether an address, without a port, may be dialled."""
        try:
            found = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        real = found.ipv4_mapped or found if isinstance(found, IPv6Address) else found
        return is_public(found) or any(real in network for network in self._allowed)

    def transport(self) -> httpx2.AsyncHTTPTransport:
        """Return a transport for HTTP that reaches what is permitted; with TLS where the address says so."""
        return _Transport(self)

    def client(self, *, limit: int, seconds: float, headers: Mapping[str, str] | None = None) -> httpx2.AsyncClient:
        """Return a client for one exchange or a few.

        Args:
            limit: bytes of an answer; one that is larger raises `AnswerTooLarge`.
            seconds: for connecting, and for each wait for more of an answer.
            headers: with every request.
        """
        return httpx2.AsyncClient(**self.settings(limit=limit, seconds=seconds), headers=dict(headers or {}))

    def settings(self, *, limit: int, seconds: float) -> dict[str, Any]:
        """Return what makes another library's `httpx2.AsyncClient` such a client, as its keyword arguments."""
        return {
            "transport": _Bounded(self.transport(), limit),
            "timeout": seconds,
            "trust_env": False,
            "follow_redirects": False,
        }


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise ValueError(f"outbound.allow: {text!r} is no network: write it like 10.0.0.0/8 or fd00::/8") from error


@cache
def _certificates() -> ssl.SSLContext:
    """Return whom TLS trusts; reading that takes longer than a request."""
    return httpx2.create_ssl_context()


class _Transport(httpx2.AsyncHTTPTransport):
    def __init__(self, network: Network) -> None:
        context = _certificates()
        super().__init__(verify=context, trust_env=False)
        self._pool = httpcore2.AsyncConnectionPool(ssl_context=context, network_backend=_Dialler(network))


class _Dialler(httpcore2.AsyncNetworkBackend):
    """Looks names up itself, and dials what it has checked."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is the library's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                return await self._dial(host, port, local_address, socket_options)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout(f"{host} did not answer in time") from error

    async def _dial(
        self, host: str, port: int, local_address: str | None, socket_options: Iterable[Any] | None
    ) -> httpcore2.AsyncNetworkStream:
        failed: Exception | None = None
        for address in [*self._permitted(host, await _addresses(host, port))]:
            try:
                return await self._inner.connect_tcp(address, port, local_address=local_address, socket_options=socket_options)
            except httpcore2.ConnectError as error:
                failed = error
        raise failed or httpcore2.ConnectError(f"{host} has no address")

    def _permitted(self, host: str, addresses: Iterable[str]) -> Iterator[str]:
        for address in addresses:
            if not self._network.permits(address):
                raise httpcore2.ConnectError(
                    f"{host} leads to {address}, which is not public: if it is meant, name its network in outbound.allow"
                )
            yield address

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is the library's
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        raise httpcore2.ConnectError("no address leads to a socket of this machine")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def _addresses(host: str, port: int) -> list[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore2.ConnectError(f"{host} has no address ({error})") from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class _Bounded(httpx2.AsyncBaseTransport):
    """Reads answers whole and no more of them than they may have; uncompressed, so that what is read is what there is."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, limit: int) -> None:
        self._inner = inner
        self._limit = limit

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        request.headers["accept-encoding"] = "identity"
        response = await self._inner.handle_async_request(request)
        body = bytearray()
        try:
            if response.headers.get("content-encoding", "identity") != "identity":
                raise httpx2.RemoteProtocolError("its answer is compressed, which was not asked for", request=request)
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > self._limit:
                    raise AnswerTooLarge(f"its answer is larger than {self._limit} bytes", request=request)
        finally:
            await response.aclose()
        dropped = {"transfer-encoding", "content-length"}
        headers = [(key, value) for key, value in response.headers.multi_items() if key.lower() not in dropped]
        return httpx2.Response(response.status_code, headers=headers, content=bytes(body))
