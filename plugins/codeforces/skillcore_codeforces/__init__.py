"""Codeforces as a verification source: judged submissions of a linked account, read through an MCP server."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from skillcore.plugin import OAuthClient, PluginInfo, ServerSettings, VerificationSource, hookimpl
from skillcore_codeforces.requirement import Requirement
from skillcore_codeforces.source import Codeforces

__all__ = ["Codeforces", "Requirement", "Settings", "skillcore_plugin", "skillcore_verification_sources"]

SERVER = ServerSettings(command="npx", args=("-y", "codeforces-mcp-server@1.0.2"), calls_per_second=0.5)
"""The published server, at the pace that the Codeforces API allows: one call every two seconds."""


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The section ``[plugins.codeforces]``.

    Attributes:
        challenge_minutes: how long a challenge stays open.
        oauth: the client that Codeforces registered for this deployment; with it, people can sign in there.
        server: the MCP server to ask.
    """

    challenge_minutes: Annotated[int, Meta(ge=1, le=1440)] = 30
    oauth: OAuthClient = OAuthClient()
    server: ServerSettings = SERVER


@hookimpl
def skillcore_plugin() -> PluginInfo:
    """Say what this plugin is."""
    return PluginInfo(contract=">=1.1,<2", settings=Settings)


@hookimpl
def skillcore_verification_sources(settings: Settings) -> list[VerificationSource[Requirement]]:
    """Offer the source ``codeforces``."""
    return [Codeforces(settings.server, challenge_minutes=settings.challenge_minutes, oauth=settings.oauth)]
