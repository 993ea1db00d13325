"""A real mail server on loopback, that takes mails, refuses them or says nothing, as a test arranges."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.x509.oid import NameOID
from sqlalchemy import select

from skillcore.delivery.addresses import on_envelope
from skillcore.delivery.outbox import deliver
from skillcore.delivery.tables import MailRow
from skillcore.runtime.clock import now
from skillcore.runtime.engine import Engine
from skillcore.runtime.jobs import JobContext
from skillcore.runtime.settings import MailSettings

USER, PASSWORD = "skillcore", "the relay's own password"
SENDER = "Evening school <no-reply@school.example>"


class Taken:
    """A mail that the server took."""

    def __init__(self, envelope: Any, encrypted: bool) -> None:
        self.sender: str = envelope.mail_from
        self.recipients: list[str] = envelope.rcpt_tos
        self.encrypted = encrypted
        self.raw: bytes = envelope.original_content or envelope.content
        message = message_from_bytes(self.raw, policy=default)
        assert isinstance(message, EmailMessage)
        self.message = message

    @property
    def to(self) -> str:
        (recipient,) = self.recipients
        return recipient

    @property
    def text(self) -> str:
        return str(self.message.get_content()).replace("\r\n", "\n")


class MailServer:
    """What the server does, and what it took.

    Attributes:
        refused: what it was given in full, and did not take.
        at: stage (``RCPT``, ``DATA``) to the answer given there instead of taking the mail.
        silent: it greets, and then says nothing.
    """

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.taken: list[Taken] = []
        self.refused: list[Taken] = []
        self.at: dict[str, str] = {}
        self.silent = False
        self.asked = asyncio.Event()
        self.sessions = 0

    async def handle_EHLO(self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]) -> list[str]:  # noqa: N802
        self.sessions += 1
        self.asked.set()
        if self.silent:
            await asyncio.Event().wait()
        session.host_name = hostname
        return responses

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        if "MAIL" in self.at:
            return self.at["MAIL"]
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        if "RCPT" in self.at:
            return self.at["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        mail = Taken(envelope, session.ssl is not None or self._tls(server))
        if "DATA" in self.at:
            self.refused.append(mail)
            return self.at["DATA"]
        self.taken.append(mail)
        return "250 2.0.0 taken"

    def to(self, address: str) -> list[Taken]:
        """Return what was taken for an address."""
        return [mail for mail in self.taken if mail.to == on_envelope(address)]

    @staticmethod
    def _tls(server: Any) -> bool:
        return server.transport.get_extra_info("ssl_object") is not None


@asynccontextmanager
async def mail_server(
    security: str = "none", *, user: str = "", password: str = PASSWORD, utf8: bool = True, certificate: Path | None = None
) -> AsyncIterator[MailServer]:
    """Run a server in this loop.

    Args:
        security: as in the settings.
        user: who must sign in.
        password: with which they do.
        utf8: whether it knows addresses beyond ASCII.
        certificate: file with certificate and key, instead of the good one.
    """
    loop = asyncio.get_running_loop()
    found = MailServer()
    context = None
    if security != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate or authority())
    connections: list[SMTP] = []

    def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
        fits = isinstance(given, LoginPassword) and (given.login, given.password) == (user.encode(), password.encode())
        return AuthResult(success=fits, handled=False)

    def protocol() -> SMTP:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it dislikes authentication without TLS, which is what some tests are about
            made = SMTP(
                found,
                hostname="mail.test",
                loop=loop,
                enable_SMTPUTF8=utf8,
                tls_context=context if security == "starttls" else None,
                require_starttls=security == "starttls",
                auth_required=bool(user),
                auth_require_tls=security == "starttls",
                authenticator=authenticate if user else None,
            )
        connections.append(made)
        return made

    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=context if security == "tls" else None)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        for connection in connections:
            if connection.transport is not None:
                with contextlib.suppress(AttributeError):  # which older releases of Python 3.11 raise of what is closed
                    connection.transport.abort()
        handlers = [one._handler_coroutine for one in connections if one._handler_coroutine is not None]
        for handler in handlers:
            handler.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)


def mail_settings(server: MailServer, **more: Any) -> MailSettings:
    """Return settings that lead to a server in plain text, unless more is said."""
    chosen = {"host": "127.0.0.1", "port": server.port, "security": "none", "sender": SENDER, "timeout": 5.0} | more
    return MailSettings(**chosen)


@cache
def authority(host: str = "127.0.0.1") -> Path:
    """Return a file with a certificate for a host, which is its own authority, and its key."""
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    alternative = x509.IPAddress(ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - timedelta(hours=1))
        .not_valid_after(now() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = Path(mkdtemp(prefix="skillcore mail ")) / "certificate.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return file


async def empty_outbox(engine: Engine) -> None:
    """Run the job of each waiting mail once, as a worker would."""
    async with engine.transaction() as tx:
        waiting = (await tx.session.scalars(select(MailRow.id).where(MailRow.state == "waiting").order_by(MailRow.id))).all()
    for mail in waiting:
        await deliver(engine, JobContext(engine, 0, 1), mail=str(mail))
