"""E-mail addresses: what is one, what it is compared by, and how it stands on an envelope."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

import idna
from msgspec import Meta

from skillcore.runtime.problems import InvalidField

__all__ = ["EmailAddress", "Unusable", "check_address", "compared", "on_envelope"]

EmailAddress = Annotated[
    str, Meta(min_length=3, max_length=254, pattern=r"^[^@\x00-\x20\x7f]+@[^@\x00-\x20\x7f]+\Z", examples=["ada@example.org"])
]

LONGEST = 254
"""Bytes of an address on an envelope, by RFC 5321."""

LONGEST_LOCAL = 64
LOCAL = re.compile(r'[^\x00-\x20"(),:;<>@\[\\\]\x7f]+')
UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"})
"""Categories of characters that cannot be seen, or that nobody has given a meaning."""

DOTTED = str.maketrans({"\u0131": "i", "\u0307": None})
"""The Turkish letters: casefolding leaves the one without a dot, and makes an i with a second dot of the other."""


class Unusable(ValueError):
    """This is no address that mail can be sent to; the message says why."""


def check_address(address: str, field: str = "email") -> None:
    """Refuse what mail cannot be sent to.

    Raises:
        InvalidField: names the field.
    """
    try:
        on_envelope(address)
    except Unusable as error:
        raise InvalidField(f"{field}: {error}: write it like ada@example.org", field=field) from error


def on_envelope(address: str) -> str:
    """Return an address as SMTP takes it: the part before the @ as typed, the domain in its ASCII form.

    Raises:
        Unusable: it is no address.
    """
    local, domain = _parts(address)
    written = f"{local}@{domain}"
    if len(local.encode()) > LONGEST_LOCAL or len(written.encode()) > LONGEST:
        raise Unusable(f"this address is too long: {LONGEST_LOCAL} bytes before the @, and {LONGEST} in all")
    return written


def compared(address: str) -> str:
    """Return what an address is compared by: two that people or their mail servers may take for one have the same.

    Case, width, ligatures and the dot on an i do not count, nor does how the domain is written. Folding is idempotent.

    Raises:
        Unusable: it is no address.
    """
    local, domain = _parts(address)
    return f"{_folded(local)}@{_folded(idna.decode(domain))}"


def _parts(address: str) -> tuple[str, str]:
    local, _, domain = address.rpartition("@")
    if unseen := next((letter for letter in address if unicodedata.category(letter) in UNSEEN), None):
        raise Unusable(f"this address holds the character U+{ord(unseen):04X}")
    plain = unicodedata.normalize("NFKC", local)
    if not all(LOCAL.fullmatch(text) for text in (local, plain)) or f".{plain}.".count("..") or f".{local}.".count(".."):
        raise Unusable("the part before the @ is none that mail servers take")
    try:
        return local, idna.encode(domain.removesuffix("."), uts46=True, std3_rules=True).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise Unusable("the part after the @ is no domain") from error


def _folded(text: str) -> str:
    folded = text
    for _ in range(2):  # folding may undo the normal form, and the normal form may bring letters to fold
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", folded).casefold())
    return unicodedata.normalize("NFKC", folded.translate(DOTTED))
