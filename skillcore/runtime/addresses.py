"""Addresses of the web: our own, as we listen and as people come; how browsers write origins; and where secrets may be sent."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from skillcore.runtime.settings import ServerSection

__all__ = ["from_here", "is_loopback", "is_safe", "listening_at", "origin_of", "own_url"]


def own_url(server: ServerSection) -> str:
    """Return the address of this service for people, without a slash at its end: for links in mails and redirect URIs.

    Without ``server.public_url`` it is the one that it listens on, which only this machine may be able to reach. The header
    Host has no say in it: anybody may send one.
    """
    return server.public_url.rstrip("/") if server.public_url else listening_at(server, from_here(server.host))


def listening_at(server: ServerSection, host: str) -> str:
    """Return the address of what listens, under one of its hosts."""
    scheme = "https" if server.tls_certificate_file else "http"
    return origin_of(f"{scheme}://{f'[{host}]' if ':' in host else host}:{server.port}")


def from_here(host: str) -> str:
    """Return by which host this machine reaches what listens on one, which may stand for all addresses that there are."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"


def origin_of(url: str) -> str:
    """Return the origin of an address as browsers write it: small letters, and no port where it is the usual one."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = "" if parts.port in {None, {"https": 443, "http": 80}.get(parts.scheme)} else f":{parts.port}"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"


def is_safe(address: str) -> bool:
    """Whether secrets may be sent to an address: it has TLS, or leads to this machine."""
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return False
    if parts.scheme == "https":
        return bool(host)
    return parts.scheme == "http" and is_loopback(host or "")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
