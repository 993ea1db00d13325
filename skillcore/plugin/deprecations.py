"""What still works and will go: said once a plugin and process, with the replacement, in a warning and in the log.

Three forms can be deprecated: what a plugin returns (call `tell`), a name of a module (`renamed`), and an argument of a hook
(`deprecated_arguments`).
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from msgspec import Struct

__all__ = [
    "Deprecation",
    "Renamed",
    "SkillcoreDeprecationWarning",
    "deprecated_arguments",
    "loading",
    "of_arguments",
    "renamed",
    "tell",
    "told",
]

log = logging.getLogger(__name__)

F = TypeVar("F", bound=Callable[..., Any])

_ARGUMENTS = "skillcore_deprecated_arguments"
_ELSEWHERE = "code outside of plugins"

# The plugin whose code runs now. An import, which is where most deprecated names are met, says nothing of who imports.
_loading: ContextVar[str] = ContextVar("loading", default=_ELSEWHERE)
_told: dict[str, dict[str, str]] = {}
_lock = threading.Lock()


class SkillcoreDeprecationWarning(DeprecationWarning):
    """A plugin uses something that still works and will go. Names the plugin, its distribution and what to write instead."""


class Deprecation(Struct, frozen=True, kw_only=True):
    """Something that will go.

    Attributes:
        what: it is, as authors write it.
        instead: what they write in its place.
        goes: the version of the contract that has it no more.
    """

    what: str
    instead: str
    goes: str


class Renamed(Struct, frozen=True, kw_only=True):
    """An old name of something.

    Attributes:
        to: its name now.
        value: what it names.
        goes: the version of the contract that has the old name no more.
    """

    to: str
    value: Any
    goes: str


@contextmanager
def loading(plugin: str, distribution: str) -> Iterator[str]:
    """Hold a plugin answerable for what is told until the end; gives the words by which `told` knows it."""
    who = f"plugin {plugin} ({distribution})"
    token = _loading.set(who)
    try:
        yield who
    finally:
        _loading.reset(token)


def tell(deprecation: Deprecation, *, stacklevel: int = 1) -> None:
    """Warn and log, unless the plugin at work was told before.

    Args:
        deprecation: what was met.
        stacklevel: how many callers up the code stands that has to change.
    """
    who = _loading.get()
    words = f"{deprecation.what} goes with contract {deprecation.goes}: {deprecation.instead}"
    with _lock:
        known = _told.setdefault(who, {})
        if deprecation.what in known:
            return
        known[deprecation.what] = words
    log.warning("%s is outdated: %s", who, words)
    warnings.warn(f"{who} is outdated: {words}", SkillcoreDeprecationWarning, stacklevel=stacklevel + 1)


def told(who: str) -> tuple[str, ...]:
    """Return what a plugin was told in this process, however long ago: a module is imported once, and loaded often."""
    with _lock:
        return tuple(_told.get(who, {}).values())


def renamed(module: str, names: Mapping[str, Renamed]) -> Callable[[str], Any]:
    """Return a module's ``__getattr__``, under which old names go on working."""

    def look_up(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        new = names[name]
        tell(Deprecation(what=f"{module}.{name}", instead=f"use {module}.{new.to}", goes=new.goes), stacklevel=2)
        return new.value

    return look_up


def deprecated_arguments(**arguments: Deprecation) -> Callable[[F], F]:
    """Mark arguments of a hook's specification that implementations should no longer take."""

    def mark(specification: F) -> F:
        setattr(specification, _ARGUMENTS, arguments)
        return specification

    return mark


def of_arguments(specification: object) -> Mapping[str, Deprecation]:
    """Return the deprecated arguments of a hook's specification."""
    marked: Mapping[str, Deprecation] = getattr(specification, _ARGUMENTS, {})
    return marked
