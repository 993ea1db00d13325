"""Serves an ASGI application with Granian inside this process, and stops it gracefully.

HTTP/1.1 alone: that is what proxies speak to servers behind them, and each further version would bring ways to hold a server up
of its own.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
from pathlib import Path
from typing import Any

from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.net import SocketSpec  # type: ignore[attr-defined] # it is there, under another name
from granian.server.embed import Server
from msgspec import Struct

from skillcore.runtime.settings import ServerSection

__all__ = ["AddressInUse", "Certificate", "CertificateUnusable", "check", "free_port", "resolve", "serve", "stop_requested"]

LAST_ANSWERS = 0.1
BACKLOG = 1024
HEADERS_WITHIN = 30.0
HEADERS_SIZE = 65_536
"""Bytes that a connection reads ahead. Somewhat longer headers are refused with 431, as are more than 100 of them."""


class AddressInUse(Exception):
    """The address cannot be listened on; the message says why and what to do."""


class CertificateUnusable(Exception):
    """TLS cannot be served; the message says why and what to do."""


class Certificate(Struct, frozen=True):
    """What TLS is served with: PEM files of the certificate with its chain, and of its key."""

    file: Path
    key: Path

    @classmethod
    def of(cls, server: ServerSection) -> Certificate | None:
        """Return the one of the settings; None where HTTP is served."""
        return cls(Path(server.tls_certificate_file), Path(server.tls_key_file)) if server.tls_certificate_file else None


class Listening(Server):
    """Granian, on a socket that gives up on readers who take nothing."""

    def __init__(
        self, app: Any, address: str, port: int, certificate: Certificate | None, http1: HTTP1Settings, unread: float
    ) -> None:
        tls: dict[str, Any] = {}
        if certificate is not None:
            check(certificate)
            tls = {"ssl_cert": certificate.file, "ssl_key": certificate.key, "ssl_protocol_min": SSLProtocols.tls12}
        super().__init__(
            app,
            address=address,
            port=port,
            interface=Interfaces.ASGI,
            backlog=BACKLOG,
            http=HTTPModes.http1,
            http1_settings=http1,
            **tls,
            log_enabled=False,
            log_level=LogLevels.critical,
        )
        self.unread = unread

    def _init_shared_socket(self) -> None:
        held: Any = SocketSpec(self.bind_addr, self.bind_port, self.backlog).build()
        # Answers that fit the server's memory are out of the application's hands: only the system sees that nobody takes them.
        # Connections inherit this from the socket that they came in on.
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            with socket.socket(fileno=os.dup(held.get_fd())) as ours:
                ours.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(self.unread * 1000))
        self._shd, self._sfd = held, held.get_fd()


def stop_requested() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    return stop


async def serve(
    app: Any,
    *,
    host: str,
    port: int,
    grace: float,
    stop: asyncio.Event,
    certificate: Certificate | None = None,
    unread: float = 30.0,
    headers_within: float = HEADERS_WITHIN,
) -> None:
    """Serve until asked to stop; requests in flight get the grace period, and are cut after it.

    Args:
        app: an ASGI application.
        host: a name or an address.
        port: of the address.
        grace: seconds.
        stop: set by whoever wants it to stop.
        certificate: with which HTTPS is served; without one it is HTTP.
        unread: seconds after which a connection ends whose other side takes nothing of what was sent.
        headers_within: seconds in which a connection must bring a request's headers in full, the first or the next one.

    Raises:
        CertificateUnusable: TLS cannot be served with it.
        Exception: whatever else kept the server from starting.
    """
    http1 = HTTP1Settings(header_read_timeout=round(headers_within * 1000), max_buffer_size=HEADERS_SIZE)
    server: Any = Listening(app, resolve(host, port), port, certificate, http1, unread)
    serving = asyncio.create_task(server.serve(), name="http")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        stopping.cancel()
        serving.result()
        raise RuntimeError("the HTTP server ended by itself")
    await asyncio.sleep(LAST_ANSWERS)  # connections that are on their way are accepted still
    server.stop()
    _, late = await asyncio.wait({serving}, timeout=grace)
    if late:
        serving.cancel()
        await asyncio.wait({serving}, timeout=1)


def check(certificate: Certificate) -> None:
    """Refuse a certificate with which TLS cannot be served.

    Raises:
        CertificateUnusable: says which file, and why.
    """
    for path in (certificate.file, certificate.key):
        try:
            path.open("rb").close()
        except OSError as error:
            raise CertificateUnusable(f"{path} cannot be read ({error.strerror}): mend server.tls_…, or its mode") from error
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.file, certificate.key, password="")  # asks nobody for one # nosec B106
    except (ssl.SSLError, ValueError) as error:
        raise CertificateUnusable(
            f"{certificate.file} and {certificate.key} are not a certificate and its key, unencrypted, in PEM ({error})"
        ) from error


def resolve(host: str, port: int) -> str:
    """Return the address of a host name.

    Raises:
        AddressInUse: the name has none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise AddressInUse(
            f"server.host {host!r} has no address ({error.strerror}): give a name or address of this machine"
        ) from error
    return str(found[0][4][0])


def free_port(host: str, port: int) -> int:
    """Return the port if it can be listened on; a free one for port 0.

    Granian lets several processes share a port, so two services would each answer some requests unless this is asked first.

    Raises:
        AddressInUse: it cannot.
    """
    address = resolve(host, port)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen(1)
        except OSError as error:
            raise AddressInUse(
                f"cannot listen on {host} port {port} ({error.strerror}): stop what does, or set server.port"
            ) from error
        return int(probe.getsockname()[1])
