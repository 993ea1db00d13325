"""Who did what: accounts as GitHub names them, and which of them is the linked one. Pure."""

from __future__ import annotations

from msgspec import Struct

from skillcore.plugin import Account

__all__ = ["Person", "is_bot", "is_own", "number_of"]


class Person(Struct, frozen=True):
    """An account as GitHub names it.

    Attributes:
        login: its name today.
        id: its number, which stays when the name changes.
        bot: it belongs to a program.
    """

    login: str
    id: int
    bot: bool = False


def is_bot(login: str, kind: str = "") -> bool:
    """Tell whether an account belongs to a program, by its name and, where GitHub tells it, its kind."""
    return kind == "Bot" or login.lower().endswith("[bot]")


def number_of(account: Account) -> int | None:
    """Return the number by which an account was proved, if it was."""
    number = account.external_id
    return int(number) if number is not None and number.isascii() and number.isdecimal() else None


def is_own(person: Person | None, account: Account, login: str) -> bool:
    """Tell whether somebody is the linked account: by number if that is known, since a login can change hands.

    Args:
        person: whom GitHub names; None is nobody.
        account: the linked one.
        login: its handle in lower case.
    """
    if person is None or person.bot:
        return False
    number = number_of(account)
    return person.login.lower() == login if number is None else person.id == number
