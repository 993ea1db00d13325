"""The address that the API listens on: free, ours already, or somebody else's; and who can reach it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ipaddress import ip_address

from cryptography import x509

from skillcore.cli.diagnosis.report import Diagnosis, bad, fine, odd
from skillcore.cli.serve import to_oneself
from skillcore.runtime.addresses import from_here
from skillcore.runtime.http import AddressInUse, Certificate, CertificateUnusable, check, free_port, resolve
from skillcore.runtime.settings import Settings

__all__ = ["bind", "certificate", "port"]

PATIENCE = 3.0
LARGE = 1_000_000
SOON = timedelta(days=14)
"""Before this much time is left, whatever renews a certificate by itself should have done so."""

OWN = "skillcore"
"""The distribution that a service of ours names among its plugins."""


def port(settings: Settings) -> Iterator[Diagnosis]:
    """Check that the port is free, or that it is skillcore that listens on it."""
    host, number = settings.server.host, settings.server.port
    try:
        free_port(host, number)
    except AddressInUse as error:
        if number and _is_skillcore(from_here(host), number, encrypted=bool(settings.server.tls_certificate_file)):
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
    if settings.server.tls_certificate_file:
        yield fine("bind", f"{host} is served over TLS")
    elif address.is_loopback:
        yield fine("bind", f"{host} is reachable from this machine only")
    else:
        remedy = (
            "set server.host to 127.0.0.1 behind a proxy with TLS, or let only that one in; or set server.tls_certificate_file"
        )
        yield odd("bind", f"{host} is reachable from other machines, and passwords and keys would cross in plain HTTP", remedy)


def certificate(settings: Settings) -> Iterator[Diagnosis]:
    """Check that the certificate fits its key, and for how long it is good. That its key is private is said of secrets."""
    used = Certificate.of(settings.server)
    if used is None:
        return
    try:
        check(used)
        found = x509.load_pem_x509_certificate(used.file.read_bytes())
    except (CertificateUnusable, ValueError, OSError) as error:
        yield bad("certificate", str(error), "put the certificate with its chain, and its key, where the settings say")
        return
    begins, ends, moment = found.not_valid_before_utc, found.not_valid_after_utc, datetime.now(UTC)
    remedy = "renew it, and restart skillcore serve, or whatever runs skillcore api"
    if moment >= ends:
        yield bad("certificate", f"{used.file} expired on {ends:%Y-%m-%d}", remedy)
    elif moment < begins:
        yield bad("certificate", f"{used.file} is good from {begins:%Y-%m-%d %H:%M} UTC on only", "set the clock, or wait")
    elif ends - moment < SOON:
        yield odd("certificate", f"{used.file} expires on {ends:%Y-%m-%d}", remedy)
    else:
        yield fine("certificate", f"{used.file} fits its key, and is good until {ends:%Y-%m-%d}")


def _is_skillcore(host: str, number: int, *, encrypted: bool) -> bool:
    connection = (
        HTTPSConnection(host, number, timeout=PATIENCE, context=to_oneself())
        if encrypted
        else HTTPConnection(host, number, timeout=PATIENCE)
    )
    with closing(connection):
        try:
            connection.request("GET", "/api/health/plugins")
            plugins = json.loads(connection.getresponse().read(LARGE))
        except (OSError, HTTPException, ValueError, RecursionError):
            return False
    return isinstance(plugins, list) and any(isinstance(one, dict) and one.get("distribution") == OWN for one in plugins)
