"""Values that hold secrets and can be written into a log or a traceback all the same."""

from __future__ import annotations

from msgspec import Struct

from skillcore.plugin.sections import is_secret, without_password

__all__ = ["Veiled"]

HIDDEN = "***"
WHOLLY = frozenset({"code", "env", "headers"})
"""Fields that may hold secrets although their names do not say so: what opens something once, what a server is started with."""


class Veiled(Struct, frozen=True):
    """A base whose ``repr`` hides the fields that sound like secrets, and passwords in addresses."""

    def __repr__(self) -> str:
        """Return the fields with their values, but for secrets."""
        shown = ", ".join(f"{name}={_shown(name, getattr(self, name))}" for name in self.__struct_fields__)
        return f"{type(self).__name__}({shown})"


def _shown(name: str, value: object) -> str:
    if (is_secret((name,)) or name in WHOLLY) and value and not isinstance(value, bool):
        return repr(HIDDEN)
    return repr(without_password(value)) if isinstance(value, str) else repr(value)
