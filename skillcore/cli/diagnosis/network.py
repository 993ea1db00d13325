"""The address that the API listens on: free, ours already, or somebody else's; and who can reach it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from ipaddress import ip_address

from skillcore.cli.diagnosis.report import Diagnosis, bad, fine, odd
from skillcore.cli.serve import EVERYWHERE
from skillcore.runtime.http import AddressInUse, free_port, resolve
from skillcore.runtime.settings import Settings

__all__ = ["bind", "port"]

PATIENCE = 3.0
LARGE = 1_000_000
OWN = "skillcore"
"""The distribution that a service of ours names among its plugins."""


def port(settings: Settings) -> Iterator[Diagnosis]:
    """Check that the port is free, or that it is skillcore that listens on it."""
    host, number = settings.server.host, settings.server.port
    try:
        free_port(host, number)
    except AddressInUse as error:
        if number and _is_skillcore(EVERYWHERE.get(host, host), number):
            yield fine("port", f"skillcore serves on {host} port {number}")
        else:
            yield bad("port", str(error).partition(":")[0], "stop what listens there, or set server.host and server.port")
    else:
        yield fine("port", f"{host} port {number} is free" if number else "a free one is taken at the start")


def bind(settings: Settings) -> Iterator[Diagnosis]:
    """Check that plain HTTP is not offered to other machines."""
    host = settings.server.host
    try:
        address = ip_address(resolve(host, settings.server.port).partition("%")[0])
    except AddressInUse as error:
        yield bad("bind", str(error), "set server.host to 127.0.0.1, or to a name or address of this machine")
        return
    if address.is_loopback:
        yield fine("bind", f"{host} is reachable from this machine only")
    else:
        remedy = "set server.host to 127.0.0.1 behind a proxy with TLS; or let nothing but that proxy reach this address"
        yield odd("bind", f"{host} is reachable from other machines, and passwords and keys would cross in plain HTTP", remedy)


def _is_skillcore(host: str, number: int) -> bool:
    connection = HTTPConnection(host, number, timeout=PATIENCE)
    try:
        connection.request("GET", "/api/health/plugins")
        plugins = json.loads(connection.getresponse().read(LARGE))
    except (OSError, HTTPException, ValueError, RecursionError):
        return False
    finally:
        connection.close()
    return isinstance(plugins, list) and any(isinstance(one, dict) and one.get("distribution") == OWN for one in plugins)
