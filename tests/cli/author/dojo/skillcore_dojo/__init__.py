"""A verification source: katas completed at the dojo, checked over its MCP server."""

from collections.abc import Iterable
from typing import Annotated, Any

from msgspec import Meta, Struct
from skillcore.plugin import PluginInfo, ServerSettings, VerificationSource, hookimpl

from skillcore_dojo.source import DOJO, Dojo

__all__ = ["Settings"]


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """``[plugins.dojo]``.

    Attributes:
        server: how to reach the dojo's MCP server.
        page: katas to ask for at once.
    """

    server: ServerSettings = DOJO
    page: Annotated[int, Meta(ge=1, le=5)] = 5


@hookimpl
def skillcore_plugin() -> PluginInfo:
    """Introduce the plugin."""
    return PluginInfo(contract=">=1.1,<2", settings=Settings)


@hookimpl
def skillcore_verification_sources(settings: Settings) -> Iterable[VerificationSource[Any]]:
    """Offer the dojo."""
    return (Dojo(settings.server, settings.page),)
