"""The servers of sources and advisors, as far as this machine can tell without asking them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from skillcore.cli.diagnosis.report import Diagnosis, bad, fine, odd
from skillcore.plugin import PathAdvisor, ServerSettings, VerificationSource
from skillcore.plugin.manager import Plugins
from skillcore.runtime.addresses import is_loopback
from skillcore.runtime.outbound import Network

__all__ = ["node", "servers"]

NODE = frozenset({"node", "npm", "npx"})
OLDEST_NODE = 20
PATIENCE = 10.0


def servers(found: Plugins, network: Network) -> Iterator[Diagnosis]:
    """Check that each server's program is there, that remote ones may be reached, and secrets reach them by TLS only."""
    for name, settings in _servers(found).items():
        if settings.url:
            yield _remote(name, settings, network)
        elif not settings.command:
            yield odd("servers", f"{name}: neither a url nor a command", f"set one in [plugins.{found.owner(name)}.server]")
        elif _program(settings) is None:
            remedy = f"install it, set a url or another command in [plugins.{found.owner(name)}.server], or block the plugin"
            if settings.command in NODE:
                remedy = remedy.replace("install it", f"install Node.js {OLDEST_NODE} or newer")
            yield odd("servers", f"{name}: the command {settings.command!r} is not on PATH or cannot be run", remedy)
        else:
            yield fine("servers", f"{name}: {_program(settings)}")


def node(found: Plugins) -> Iterator[Diagnosis]:
    """Check the version of Node, where a server needs it."""
    wanted = [settings for settings in _servers(found).values() if not settings.url and Path(settings.command).name in NODE]
    program = shutil.which("node", path=_path(wanted[0])) if wanted else None
    if program is None:
        if any(_program(settings) for settings in wanted):
            yield odd("node", "npx is on PATH and node is not", f"install Node.js {OLDEST_NODE} or newer")
        return
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, text=True, check=False, timeout=PATIENCE, stdin=subprocess.DEVNULL
        )
        version = re.match(r"v(\d+)\.", done.stdout)
    except (OSError, subprocess.TimeoutExpired) as error:
        yield odd("node", f"{program} does not run: {error}", f"install Node.js {OLDEST_NODE} or newer")
        return
    if version is None or int(version[1]) < OLDEST_NODE:
        found_version = done.stdout.strip() or f"nothing, with status {done.returncode}"
        yield odd("node", f"{program} says {found_version}", f"install Node.js {OLDEST_NODE} or newer")
    else:
        yield fine("node", f"{done.stdout.strip()} at {program}")


def _servers(found: Plugins) -> Mapping[str, ServerSettings]:
    offered: dict[str, VerificationSource[Any] | PathAdvisor] = {**found.sources, **found.advisors}
    return {name: item.server.settings for name, item in sorted(offered.items())}


def _remote(name: str, settings: ServerSettings, network: Network) -> Diagnosis:
    address = urlsplit(settings.url)
    if address.scheme not in {"http", "https"} or not address.hostname:
        return bad("servers", f"{name}: the url is no address of an HTTP server", "write https://, a host and a path")
    place = f"{name}: {address.scheme}://{address.hostname}"
    secret = bool(settings.headers or settings.headers_file)
    if address.scheme == "http" and secret and not is_loopback(address.hostname):
        return bad("servers", f"{place} is sent headers, and secrets among them, in plain HTTP", "use its https address")
    if _is_address(address.hostname) and not network.permits(address.hostname):
        return bad(
            "servers", f"{place} is not public, and would be refused", "if it is meant, name its network in outbound.allow"
        )
    return fine("servers", place)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _program(settings: ServerSettings) -> str | None:
    return shutil.which(settings.command, path=_path(settings))


def _path(settings: ServerSettings) -> str:
    """Return where a server's program is looked for: in the PATH that the server itself gets."""
    return settings.env.get("PATH") or os.environ.get("PATH") or os.defpath
