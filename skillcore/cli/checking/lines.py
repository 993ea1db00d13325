"""A line of the checklist, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from skillcore.cli.checking.subject import Subject

__all__ = ["Finding", "Line", "Outcome", "Rule", "failed", "passed", "skipped"]

Outcome = Literal["passed", "failed", "exempt", "skipped"]


class Finding(Struct, frozen=True, kw_only=True):
    """What a look at one thing brought.

    Attributes:
        outcome: ``skipped`` is what does not apply to this plugin; ``exempt`` what its nature prevents.
        detail: what was seen.
        remedy: what to do about it; empty unless it failed.
    """

    outcome: Outcome
    detail: str
    remedy: str = ""


class Rule(Struct, frozen=True, kw_only=True):
    """What a plugin should keep to.

    Attributes:
        id: names it, in JSON and in ``PluginInfo.exempt``.
        what: is asked, for people.
        look: at the plugin.
        exemptible: the nature of a plugin may prevent it.
    """

    id: str
    what: str
    look: Callable[[Subject], Finding]
    exemptible: bool = False


class Line(Struct, frozen=True, kw_only=True):
    """A line of the checklist as it is printed. For the fields see `Rule` and `Finding`."""

    id: str
    what: str
    outcome: Outcome
    detail: str
    remedy: str


def passed(detail: str) -> Finding:
    """Return that all is well."""
    return Finding(outcome="passed", detail=detail)


def failed(detail: str, remedy: str) -> Finding:
    """Return that something is wrong, and what mends it."""
    return Finding(outcome="failed", detail=detail, remedy=remedy)


def skipped(detail: str) -> Finding:
    """Return that there is nothing to look at."""
    return Finding(outcome="skipped", detail=detail)
