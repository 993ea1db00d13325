"""LeetCode as a verification source: recently accepted submissions of a linked account, read through an MCP server."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from skillcore.plugin import PluginInfo, ServerSettings, VerificationSource, hookimpl
from skillcore_leetcode.requirement import Requirement
from skillcore_leetcode.source import LeetCode

__all__ = ["LeetCode", "Requirement", "Settings", "skillcore_plugin", "skillcore_verification_sources"]

SERVER = ServerSettings(command="npx", args=("-y", "@jinzcdev/leetcode-mcp-server@1.4.0"), calls_per_second=1.0)
"""The published server, at half the pace that it allows itself (20 calls in 10 seconds). It gets no session, ever."""


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The section ``[plugins.leetcode]``.

    Attributes:
        challenge_minutes: how long a challenge stays open.
        server: the MCP server to ask.
    """

    challenge_minutes: Annotated[int, Meta(ge=1, le=1440)] = 30
    server: ServerSettings = SERVER


@hookimpl
def skillcore_plugin() -> PluginInfo:
    """Say what this plugin is."""
    return PluginInfo(contract=">=1.1,<2", settings=Settings)


@hookimpl
def skillcore_verification_sources(settings: Settings) -> list[VerificationSource[Requirement]]:
    """Offer the source ``leetcode``."""
    return [LeetCode(settings.server, challenge_minutes=settings.challenge_minutes)]
