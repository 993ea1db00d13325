"""What comes back from a session with an MCP server. Apart from the sessions, whose library takes long to load."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

__all__ = ["Answer", "ServerReport"]


class Answer(Struct, frozen=True):
    """The text of a tool's answer.

    Attributes:
        failed: the server says that the call failed.
    """

    text: str
    failed: bool = False


class ServerReport(Struct, frozen=True, kw_only=True):
    """What a server says of itself, and what is wrong with its tools, by tool."""

    name: str = ""
    version: str = ""
    protocol: str = ""
    tools: tuple[str, ...] = ()
    problems: Mapping[str, str] = {}
