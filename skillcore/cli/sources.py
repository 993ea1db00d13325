"""``skillcore sources``: whether the sources and advisors can be asked, from this machine and with this configuration."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

import msgspec
import uvloop
from msgspec import Struct

from skillcore.cli.commands import Commands, configuration, for_people, plugins
from skillcore.cli.printing import as_json, plain
from skillcore.plugin.manager import Plugins, PluginState
from skillcore.runtime.logs import configure_logging
from skillcore.runtime.resilience import BreakerState
from skillcore.runtime.settings import Settings
from skillcore.verification.sources import SourceHealth, Sources, check_sources

__all__ = ["register"]


class Checked(Struct, frozen=True, kw_only=True):
    """A source or advisor as ``sources check`` prints it.

    Attributes:
        tools: that it needs, each with what is wrong with it; None is nothing.
    """

    name: str
    kind: str
    plugin: str
    reachable: bool
    error: str | None
    server: str
    version: str
    protocol: str
    tools: dict[str, str | None]
    breaker: BreakerState


def register(commands: Commands) -> None:
    """Add the command."""
    group = commands.group("sources", summary="look at the sources and advisors")
    check = group.add(
        "check",
        run,
        summary="ask each source and advisor how it is: reachable, server, tools, breaker; needs no database",
        details="exit codes: 0 all can be used, 1 some cannot or a plugin failed to load, 2 the command line or the\n"
        "configuration cannot be used",
    )
    check.add_argument("names", metavar="NAME", nargs="*", help="only these; all without")
    check.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Open every source that is asked for, and print how it is."""
    loaded = configuration(options)
    configure_logging(for_people(loaded.settings.log))
    found = plugins(loaded, strict=False)
    known = sorted({*found.sources, *found.advisors})
    unknown = sorted(set(options.names) - set(known))
    if unknown:
        print(
            f"found {', '.join(unknown)}; allowed: {', '.join(known) or 'nothing, since no source is loaded'}", file=sys.stderr
        )
        return 2
    checked = [_checked(found, health) for health in uvloop.run(_check(found, loaded.settings, options.names))]
    failed = [] if options.names else [plugin for plugin in found.plugins if plugin.state == "failed"]
    if options.json:
        print(as_json({"sources": checked, "failed_plugins": failed}))
    else:
        print("\n".join(_lines(checked, failed)))
    return 1 if failed or any(one.error for one in checked) else 0


async def _check(found: Plugins, settings: Settings, names: list[str]) -> tuple[SourceHealth, ...]:
    async with Sources(found, settings) as sources:
        return await check_sources(sources, names)


def _checked(found: Plugins, health: SourceHealth) -> Checked:
    item = found.sources.get(health.name) or found.advisors[health.name]
    needed: dict[str, str | None] = dict.fromkeys(tool.name for tool in item.server.tools)
    tools = {**needed, **health.tools} if health.reachable else {}
    fields = {name: getattr(health, name) for name in Checked.__struct_fields__ if name != "tools"}
    return msgspec.convert({**fields, "tools": tools}, Checked)


def _lines(checked: list[Checked], failed: list[PluginState]) -> Iterator[str]:
    for one in checked:
        where = one.name if one.name == one.plugin else f"{one.name} (plugin {one.plugin})"
        state = "fine" if one.error is None else "reachable, but cannot be used" if one.reachable else "not reachable"
        yield f"{one.kind} {where}: {state}"
        if one.error and not any(one.tools.values()):
            yield f"    error: {plain(one.error)}"
        if one.reachable:
            yield f"    server: {plain(f'{one.server} {one.version}'.strip() or 'nameless')}, MCP {plain(one.protocol)}"
        for tool, problem in one.tools.items():
            yield f"    tool {tool}: {plain(problem) if problem else 'present'}"
        yield f"    breaker: {one.breaker.state.replace('_', ' ')}"
    for plugin in failed:
        yield f"plugin {plugin.name} ({plugin.from_whom}): failed to load: {plain(plugin.error)}"
    if not checked and not failed:
        yield "no plugin offers a source or an advisor"
