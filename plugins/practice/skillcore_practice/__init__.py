"""A verification source: exercises that a learner has solved, checked over the small MCP server in this package.

Off unless ``[plugins.practice] enabled = true``: its learners are made up.
Nothing that it verifies says anything about a person.
"""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct
from skillcore.plugin import PluginInfo, ServerSettings, VerificationSource, hookimpl

from skillcore_practice.source import OWN_SERVER, Exercises

__all__ = ["Settings"]


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """``[plugins.practice]``.

    Attributes:
        enabled: offer the source; leave it off where real people are judged, as long as the learners are made up.
        server: how to reach the MCP server; the one in this package by default.
    """

    enabled: bool = False
    server: ServerSettings = OWN_SERVER


@hookimpl
def skillcore_plugin() -> PluginInfo:
    """Introduce the plugin."""
    return PluginInfo(contract=">=1.1,<2", settings=Settings)


@hookimpl
def skillcore_verification_sources(settings: Settings) -> Iterable[VerificationSource[Any]]:
    """Offer the source, if the operator switched it on."""
    return (Exercises(settings.server),) if settings.enabled else ()
