"""Hides secrets in settings before they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skillcore.plugin.sections import is_secret, without_password

__all__ = ["HIDDEN", "masked"]

HIDDEN = "***"


def masked(keys: Sequence[str], value: Any, *, secret_file: bool = False) -> Any:
    """Return a setting's value as it may be shown: all of it, parts of it, or only that there is one.

    Args:
        keys: where the setting stands.
        value: text, number, list and so on.
        secret_file: it was read from a file of its own.
    """
    if value in ("", [], (), {}, None) or isinstance(value, bool):
        return value
    if secret_file or is_secret(tuple(keys)):
        return HIDDEN
    if isinstance(value, str):
        return without_password(value)
    if isinstance(value, list | tuple):
        return _arguments(keys, value)
    return value


def _arguments(keys: Sequence[str], values: Sequence[Any]) -> list[Any]:
    """Mask a list; in a command line, what follows an option called ``--token`` or the like is hidden."""
    shown: list[Any] = []
    hide = False
    for value in values:
        option = isinstance(value, str) and value.startswith("-")
        shown.append(HIDDEN if hide and not option else masked(keys, value))
        hide = option and "=" not in value and is_secret((value,))
        if option and "=" in value and is_secret((value.partition("=")[0],)):
            shown[-1] = f"{value.partition('=')[0]}={HIDDEN}"
    return shown
