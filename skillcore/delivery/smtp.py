"""Writes a mail as its standards ask, and hands it to the configured server: one connection a mail, within a deadline."""

from __future__ import annotations

import asyncio
import re
import ssl
import unicodedata
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as ASCII_POLICY
from email.policy import SMTPUTF8 as UTF8_POLICY
from email.utils import format_datetime, parseaddr
from uuid import UUID

import aiosmtplib
from aiosmtplib import SMTP, SMTPException

from skillcore.delivery.addresses import Unusable, on_envelope
from skillcore.delivery.mail import Letter
from skillcore.runtime.settings import MailSettings

__all__ = ["NotNow", "Refused", "Undeliverable", "hand_over", "written"]

CODE = re.compile(r"\s*(?P<enhanced>[245]\.\d{1,3}\.\d{1,3})\b")
STEERING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class Undeliverable(Exception):
    """A mail was not handed over.

    The message holds the codes of the server's answer and not its words, since servers repeat addresses.
    """


class NotNow(Undeliverable):
    """It may work later."""


class Refused(Undeliverable):
    """It never will: the server does not take this mail."""


def written(letter: Letter, *, sender: str, id_: UUID, at: datetime) -> EmailMessage:
    """Return a letter as a message.

    Args:
        letter: to somebody.
        sender: address, perhaps with a name before it.
        id_: of the mail: sent twice, it is the same message.
        at: when it was written.

    Raises:
        Refused: a header would hold characters that steer, or the address is none.
    """
    if any(unicodedata.category(character) in STEERING for character in letter.subject + letter.to):
        raise Refused("a line of its head holds control characters")
    try:
        local, _, domain = on_envelope(letter.to).rpartition("@")
    except Unusable as error:
        raise Refused("its address is none") from error
    name, from_ = parseaddr(sender)
    message = EmailMessage(policy=ASCII_POLICY if local.isascii() else UTF8_POLICY)
    message["From"] = Address(name, addr_spec=from_)
    message["To"] = Address(username=local, domain=domain)
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{id_}@{from_.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text, charset="utf-8", cte="quoted-printable")
    return message


async def hand_over(settings: MailSettings, message: EmailMessage) -> None:
    """Hand a message to the server.

    Raises:
        NotNow: the server does not answer, asks to be asked later, or does not let us in.
        Refused: it does not take this mail.
    """
    try:
        async with asyncio.timeout(settings.timeout):
            await _hand_over(settings, message)
    except TimeoutError as error:
        raise NotNow("the server did not answer in time") from error
    except aiosmtplib.SMTPRecipientsRefused as error:
        worst = min(error.recipients, key=lambda one: one.code)
        raise _by_code(worst.code, worst.message, "the recipient") from error
    except aiosmtplib.SMTPDataError as error:
        raise _by_code(error.code, error.message, "the text") from error
    except aiosmtplib.SMTPNotSupported as error:
        raise (NotNow if message["To"].addresses[0].username.isascii() else Refused)(
            "the server lacks what it takes"
        ) from error
    except aiosmtplib.SMTPResponseException as error:  # of our greeting, our credentials, our sender: an operator can mend it
        raise NotNow(f"the server answered {_code(error.code, error.message)}") from error
    except (SMTPException, ssl.SSLError, OSError) as error:
        raise NotNow(f"the server could not be reached: {type(error).__name__}") from error


async def _hand_over(settings: MailSettings, message: EmailMessage) -> None:
    sender = message["From"].addresses[0]
    to = message["To"].addresses[0]
    context = None
    if settings.security != "none":
        context = await asyncio.to_thread(ssl.create_default_context, cafile=settings.ca_file or None)
    connection = SMTP(
        hostname=settings.host,
        port=settings.port,
        username=settings.user or None,
        password=settings.password or None,
        local_hostname=sender.domain,
        timeout=settings.timeout,
        use_tls=settings.security == "tls",
        start_tls=settings.security == "starttls",
        tls_context=context,
    )
    async with connection:
        if connection.is_ehlo_or_helo_needed:
            await connection.ehlo()
        utf8 = not to.username.isascii()
        if utf8 and not connection.supports_extension("smtputf8"):
            raise aiosmtplib.SMTPNotSupported("the server knows no addresses beyond ASCII")
        options = ["SMTPUTF8", "BODY=8BITMIME"] if utf8 else []
        await connection.sendmail(sender.addr_spec, [to.addr_spec], message.as_bytes(), mail_options=options)


def _by_code(code: int, said: str, what: str) -> Undeliverable:
    kind = Refused if 500 <= code < 600 else NotNow
    return kind(f"the server answered {_code(code, said)} to {what}")


def _code(code: int, said: str) -> str:
    """Return a reply's codes without its words."""
    enhanced = CODE.match(said or "")
    return f"{code} {enhanced['enhanced']}" if enhanced else str(code)
