"""The mails that people get about their accounts: plain text, and nothing in it that others could have written."""

from __future__ import annotations

from datetime import datetime

from skillcore.accounts.one_time import Link

__all__ = ["already_registered", "changed", "confirm_address", "confirm_registration", "invited", "reset_password", "taken"]

Words = tuple[str, str]
"""Subject and text."""

NOT_YOU = "If it was not you who asked for this, do nothing: without you, nothing comes of it."


def confirm_registration(link: Link) -> Words:
    """Somebody registers an address that has no account."""
    return "Confirm your e-mail address", _letter(
        "somebody, probably you, has registered with skillcore under this address.",
        f"To finish, {_go(link)}and enter the password that was chosen. {_until(link)}",
        NOT_YOU,
    )


def already_registered(link: Link) -> Words:
    """Somebody registers an address that has one."""
    return "You have an account already", _letter(
        "somebody, probably you, has tried to register with skillcore under this address. It has an account already: sign in.",
        f"Should you have forgotten the password, {_go(link)}and choose another one. {_until(link)}",
        NOT_YOU,
    )


def invited(link: Link) -> Words:
    """An administrator has made an account."""
    return "You are invited", _letter(
        "an administrator has made an account with skillcore for this address.",
        f"To use it, {_go(link)}and choose a password. {_until(link)}",
    )


def reset_password(link: Link) -> Words:
    """Somebody has forgotten the password."""
    return "Choose a new password", _letter(
        "somebody, probably you, has asked for a new password for your account with skillcore.",
        f"To choose one, {_go(link)}{_until(link)}",
        NOT_YOU,
    )


def confirm_address(link: Link) -> Words:
    """Somebody wants this to be the address of their account."""
    return "Confirm your e-mail address", _letter(
        "somebody, probably you, wants this to be the address of their account with skillcore.",
        f"To confirm it, {_go(link)}{_until(link)}",
        NOT_YOU,
    )


def taken() -> Words:
    """Somebody wants the address of another account."""
    return "You have an account already", _letter(
        "somebody has asked for this to be the address of another account with skillcore. It stays the address of yours.",
        "If that was you, change or delete the account that has this address first.",
    )


def changed(what: str, at: datetime) -> Words:
    """Something about an account was changed.

    Args:
        what: a sentence without its full stop.
        at: when.
    """
    return "Your account was changed", _letter(
        f"{what}, on {at:%d %B %Y at %H:%M} UTC.",
        "If that was you, all is well. If not, somebody else has been in your account: choose a new password at once, as one"
        " who has forgotten it, or turn to an administrator.",
    )


def _letter(*paragraphs: str) -> str:
    return "\n\n".join(("Hello,", *paragraphs)) + "\n"


def _go(link: Link) -> str:
    if link.link:
        return f"open\n\n{link.link}\n\n"
    return f"use this code:\n\n{link.token}\n\n"


def _until(link: Link) -> str:
    return f"It works once, until {link.expires_at:%d %B %Y at %H:%M} UTC."
