"""Who calls: the address behind proxies that the operator trusts, the program, and whether the way there was encrypted.

Forwarding headers are claims. They are read from the right, the end at which our own proxies write, and only as far as each
hop is a trusted one; whatever stands further left, anybody may have sent. Nothing here looks at the header Host.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send
from msgspec import Struct

from skillcore.runtime.settings import ServerSection

__all__ = ["Called", "Caller", "Proxies", "called_by", "current", "group"]

Address = IPv4Address | IPv6Address
Lines = Mapping[str, Sequence[str]]
"""Header lines by the name of the header, in small letters, in their order."""

LONGEST_AGENT = 512
MOST_HOPS = 32
"""Hops that are looked at: no chain of proxies is as long."""

PAIR = re.compile(r'\s*(?P<name>[!#$%&\'*+.^_`|~0-9A-Za-z-]+)=(?P<value>"(?:[^"\\]|\\.)*"|[^\s;,"]*)\s*')
WITH_PORT = re.compile(r"(?P<host>[0-9.]+):(?P<port>[0-9]{1,5})")
BRACKETED = re.compile(r"\[(?P<host>[^\]]*)\](?::(?P<port>[0-9]{1,5}))?")


class Caller(Struct, frozen=True):
    """Who calls.

    Attributes:
        address: IPv4 or IPv6 in its shortest form; IPv4 in IPv6 is told as IPv4. Empty where there is none, as outside of
            requests and where the server is reached in another way than over IP.
        agent: what the program says that it is, cut to 512 characters.
        secure: whether the request came over TLS, to this process or to a trusted proxy that says so.
    """

    address: str = ""
    agent: str = ""
    secure: bool = False


NOBODY = Caller()
CURRENT: ContextVar[Caller] = ContextVar("caller", default=NOBODY)


def current() -> Caller:
    """Return who calls; outside of requests an empty one."""
    return CURRENT.get()


@contextmanager
def called_by(caller: Caller) -> Iterator[None]:
    """Make somebody the caller for the duration of the block."""
    token = CURRENT.set(caller)
    try:
        yield
    finally:
        CURRENT.reset(token)


class Called:
    """An ASGI application around another, that finds out who calls."""

    def __init__(self, app: ASGIApp, server: ServerSection) -> None:
        self.app = app
        self.proxies = Proxies(server.trusted_proxies, server.forwarded_header)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        with called_by(self.proxies.caller(scope)):
            await self.app(scope, receive, send)


class Proxies:
    """The proxies that are believed.

    Args:
        trusted: their addresses and networks, such as ``10.0.0.0/8``.
        header: in which they say for whom they call: ``x-forwarded-for``, with ``X-Forwarded-Proto`` beside it, or
            ``forwarded`` (RFC 7239). Only that one is read: a proxy that writes one lets the other through as it came.
    """

    def __init__(self, trusted: Sequence[str] = (), header: str = "x-forwarded-for") -> None:
        self._trusted = tuple(ip_network(network) for network in trusted)
        self._header = header

    def caller(self, scope: HTTPScope) -> Caller:
        """Return who sent a request."""
        client = scope.get("client")
        address, secure = self.origin(client[0] if client else "", scope["headers"], secure=scope["scheme"] == "https")
        agent = next((value for name, value in scope["headers"] if name == b"user-agent"), b"")[:LONGEST_AGENT]
        return Caller(address, "".join(letter if letter.isprintable() else " " for letter in agent.decode("latin-1")), secure)

    def origin(self, peer: str, headers: Iterable[tuple[bytes, bytes]], *, secure: bool) -> tuple[str, bool]:
        """Return the caller's address, and whether they came over TLS.

        Args:
            peer: the other end of the connection, as the server names it.
            headers: of the request.
            secure: whether the connection itself is encrypted.
        """
        address = address_of(peer)
        if address is None or not self.trusts(address):
            return str(address or ""), secure
        lines: dict[str, list[str]] = {}
        for name, value in headers:
            lines.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        for said, scheme in (forwarded(lines) if self._header == "forwarded" else x_forwarded(lines))[:MOST_HOPS]:
            secure = secure if scheme is None else scheme == "https"
            further = address_of(said)
            if further is None:  # obfuscated, unknown or nonsense: it was our proxy who said so, so it is its call
                break
            address = further
            if not self.trusts(further):
                break
        return str(address), secure

    def trusts(self, address: Address) -> bool:
        """Tell whether an address is a trusted proxy's."""
        return any(address.version == network.version and address in network for network in self._trusted)


def address_of(text: str) -> Address | None:
    """Read an address as servers and proxies write it: perhaps with a port, in brackets, with a zone, as IPv4 in IPv6."""
    host = text.strip()
    if found := WITH_PORT.fullmatch(host) or BRACKETED.fullmatch(host):
        host = found["host"]
    try:
        address = ip_address(host.partition("%")[0] if ":" in host else host)
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def group(address: str) -> str:
    """Return what callers are counted by: the address, or the network of 64 bits that one connection is given in IPv6."""
    found = address_of(address)
    return str(ip_network((found, 64), strict=False)) if isinstance(found, IPv6Address) else str(found or "unknown")


def x_forwarded(lines: Lines) -> list[tuple[str, str | None]]:
    """Return the hops of ``X-Forwarded-For``, nearest first, each with the scheme by which it called, where told.

    ``X-Forwarded-Proto`` has one scheme a hop, or as many as those proxies wrote that care: its leftmost one then holds.
    """
    hops = _listed(lines.get("x-forwarded-for", ()))
    schemes = [scheme.lower() for scheme in _listed(lines.get("x-forwarded-proto", ()))]
    if not hops:  # a proxy that tells of TLS alone; the call stays its own
        return [("", schemes[0])] if schemes else []
    return [(hop, schemes[min(number, len(schemes) - 1)] if schemes else None) for number, hop in enumerate(hops)]


def forwarded(lines: Lines) -> list[tuple[str, str | None]]:
    """Return the hops of ``Forwarded`` (RFC 7239), nearest first, each with its scheme; none where any of it is malformed.

    A quote that somebody left open changes what all that follows means, what our own proxies wrote included.
    """
    value, place = ", ".join(lines.get("forwarded", ())), 0
    hops: list[tuple[str, str | None]] = []
    element: dict[str, str] = {}
    while place < len(value):
        pair = PAIR.match(value, place)
        follows = value[pair.end() : pair.end() + 1] if pair else ""
        if pair is None or follows not in {",", ";", ""}:
            return []
        text = pair["value"]
        element[pair["name"].lower()] = re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text
        place = pair.end() + 1
        if follows != ";":
            hops.append((element.get("for", ""), element["proto"].lower() if "proto" in element else None))
            element = {}
    return hops[::-1]


def _listed(values: Sequence[str]) -> list[str]:
    """Return the items of a list that may go over several lines, the last first."""
    return [item.strip() for value in values for item in value.split(",")][::-1]
