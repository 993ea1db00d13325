"""Whether a new plugin can have a name: as a plugin, a distribution and a package."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Iterator
from importlib.metadata import distributions, entry_points
from importlib.util import find_spec

from msgspec.structs import fields

from skillcore.plugin.hookspecs import GROUP
from skillcore.plugin.manager import DEFAULTS
from skillcore.runtime.settings import PluginSettings

__all__ = ["LONGEST", "UnfitName", "judge"]

LONGEST = 30

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_TAKEN = {GROUP, DEFAULTS, *(field.name for field in fields(PluginSettings))}
"""Names that mean something else in ``[plugins]`` and among the plugins."""


class UnfitName(ValueError):
    """A plugin cannot have this name. The message says what was found and what is allowed."""


def judge(name: str) -> None:
    """Judge a name for a new plugin.

    Raises:
        UnfitName: it cannot have it.
    """
    for reason in _reasons(name):
        raise UnfitName(f"found {name!r}, {reason}")


def _reasons(name: str) -> Iterator[str]:
    if not _NAME.fullmatch(name) or len(name) > LONGEST:
        yield f"which is no plugin's name; allowed: lower-case words and digits joined by hyphens, {LONGEST} characters at most"
    module = name.replace("-", "_")
    if keyword.iskeyword(module) or module in sys.stdlib_module_names:
        yield "a word or a module of Python itself; allowed: a name of its own"
    if name in _TAKEN:
        yield "which skillcore itself uses; allowed: a name of its own"
    if name in {point.name for point in entry_points(group=GROUP)}:
        yield "the name of an installed plugin; allowed: a new one"
    taken = {(distribution.name or "").lower().replace("_", "-") for distribution in distributions()}
    if f"skillcore-{name}" in taken or find_spec(f"skillcore_{module}") is not None:
        yield f"and skillcore-{name} is installed already; allowed: a new name"
