"""GitHub as a verification source: commits and merged pull requests of a linked account."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from skillcore.plugin import PluginInfo, ServerSettings, VerificationSource, hookimpl
from skillcore_github.dialects import NPM, OFFICIAL
from skillcore_github.source import GitHub

__all__ = ["Settings"]

NPM_SERVER = ServerSettings(command="npx", args=("-y", "@modelcontextprotocol/server-github@2025.4.8"), calls_per_second=1)


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """``[plugins.github]``.

    Attributes:
        dialect: which server answers: the ``npm`` one, or GitHub's ``official`` one; ``auto`` takes a URL for the official.
        max_pages: pages of 100 rows to read at most in one verification; what lies beyond is undecided.
        server: how to reach the MCP server.
    """

    dialect: Literal["auto", "npm", "official"] = "auto"
    max_pages: Annotated[int, Meta(ge=1, le=100)] = 10
    server: ServerSettings = NPM_SERVER


@hookimpl
def skillcore_plugin() -> PluginInfo:
    """Introduce the plugin."""
    return PluginInfo(contract=">=1.1,<2", settings=Settings)


@hookimpl
def skillcore_verification_sources(settings: Settings) -> Iterable[VerificationSource[Any]]:
    """Offer GitHub."""
    official = settings.dialect == "official" or (settings.dialect == "auto" and bool(settings.server.url))
    return (GitHub(settings.server, OFFICIAL if official else NPM, max_pages=settings.max_pages),)
