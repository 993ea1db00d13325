"""Context7 as an advisor on learning paths: what it has documentation of, and what that says. It verifies nobody."""

from collections.abc import Iterable

from msgspec import Struct

from skillcore.plugin import PathAdvisor, PluginInfo, ServerSettings, hookimpl
from skillcore_context7.advisor import Context7

__all__ = ["Settings"]

NPM_SERVER = ServerSettings(command="npx", args=("-y", "@upstash/context7-mcp@4.1.1"), calls_per_second=1)


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """``[plugins.context7]``.

    Attributes:
        server: how to reach the MCP server: the npm one, or the hosted one by its URL.
    """

    server: ServerSettings = NPM_SERVER


@hookimpl
def skillcore_plugin() -> PluginInfo:
    """Introduce the plugin."""
    return PluginInfo(contract=">=1.1,<2", settings=Settings)


@hookimpl
def skillcore_path_advisors(settings: Settings) -> Iterable[PathAdvisor]:
    """Offer Context7."""
    return (Context7(settings.server),)
