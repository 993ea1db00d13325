"""``skillcore plugins``: what is installed, what it offers, and why something does not load; and new ones."""

from __future__ import annotations

import argparse
import json

import msgspec

from skillcore.cli.checking import command as check
from skillcore.cli.commands import Commands, configuration, plugins
from skillcore.cli.scaffold import add_new
from skillcore.plugin.manager import PluginState

__all__ = ["register"]


def register(commands: Commands) -> None:
    """Add the commands."""
    group = commands.group("plugins", summary="look at the installed plugins, and write new ones")
    listing = group.add(
        "list",
        list_plugins,
        summary="list the plugins: version, distribution, offers, state, error",
        details="exit codes: 0 none failed, 1 some failed, 2 the configuration cannot be used",
    )
    listing.add_argument("--json", action="store_true", help="print JSON")
    check.register(group)
    add_new(group)


def list_plugins(options: argparse.Namespace) -> int:
    """Print the plugins. Failed ones are what one comes here to see, so they never stop the list."""
    found = plugins(configuration(options), strict=False).plugins
    if options.json:
        print(json.dumps({"plugins": msgspec.to_builtins(found)}, indent=2))
    else:
        for plugin in found:
            print("\n".join(_lines(plugin)))
    return 1 if any(plugin.state == "failed" for plugin in found) else 0


def _lines(plugin: PluginState) -> list[str]:
    lines = [f"{plugin.name}  {plugin.state}  {plugin.from_whom}"]
    if plugin.blocked_by == "plugins.block":
        lines.append("    blocked: plugins.block names it; take it out of the list to load it")
    elif plugin.blocked_by == "plugins.allow":
        lines.append("    blocked: plugins.allow does not name it; add it to the list to load it")
    if plugin.contract:
        lines.append(f"    contract: {plugin.contract}")
    lines += [f"    {part}: {', '.join(names)}" for part, names in plugin.offers.items()]
    lines += [f"    outdated: {words}" for words in plugin.deprecated]
    return [*lines, f"    error: {plugin.error}"] if plugin.error else lines
