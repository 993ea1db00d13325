"""Starting with many plugins installed, beside starting with the defaults alone."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.ground import Ground, Place, Sizes
from benchmarks.installed import install, path_of
from benchmarks.measuring import Leg, Report, Sample, compared
from benchmarks.processes import free_port, listening, process

__all__ = ["measure"]

MODEL = Path(__file__).with_name("small_plugin.py")
"""Copied once for each plugin, since importing one module forty times is no work."""


async def measure(ground: Ground, sizes: Sizes) -> Report:
    """Measure ``skillcore api`` until it listens, and ``skillcore plugins list`` until it has ended."""
    place = ground.place("starting")
    with TemporaryDirectory(prefix="skillcore-plugins-") as directory:
        for number in range(sizes.plugins):
            module = f"small_plugin_{number}"
            shutil.copy(MODEL, Path(directory) / f"{module}.py")
            install(Path(directory), f"small-{number}", module)
        alone = {"SKILLCORE__PLUGINS__ALLOW": '["defaults"]', **path_of(Path(directory))}
        many = {
            "SKILLCORE__PLUGINS__BLOCK": '["codeforces", "context7", "github", "leetcode", "practice"]',
            **path_of(Path(directory)),
        }
        listings: dict[str, Leg] = {
            "a list of the defaults": lambda: listed(place, alone),
            f"a list of {sizes.plugins} more": lambda: listed(place, many),
        }
        starts: dict[str, Leg] = {
            "an API with the defaults": lambda: served(place, alone),
            f"an API with {sizes.plugins} more": lambda: served(place, many),
        }
        comparisons = [
            *await compared(
                listings, reference="a list of the defaults", unit="starts", rounds=sizes.rounds, warming=sizes.warming
            ),
            *await compared(
                starts, reference="an API with the defaults", unit="starts", rounds=sizes.rounds, warming=sizes.warming
            ),
        ]
    return Report(
        name="starting",
        measured=f"`skillcore api` from its start until it listens, and `skillcore plugins list` from start to end, with"
        f" {sizes.plugins} plugins installed, each with a module, settings, a source, a rule and a formula of its own",
        reference="the same with the defaults alone",
        comparisons=tuple(comparisons),
        notes=("the ratio is of starts a second: 0.67 takes one and a half times as long",),
    )


async def served(place: Place, environment: dict[str, str]) -> Sample:
    """Start an API process, and stop it as soon as it listens."""
    port = free_port()
    start = time.perf_counter()
    async with process("skillcore", "api", "--port", str(port), environment={**place.environment(), **environment}) as child:
        await listening(child, port)
        return Sample(1, time.perf_counter() - start)


async def listed(place: Place, environment: dict[str, str]) -> Sample:
    """List the plugins.

    Raises:
        RuntimeError: it failed, and nothing was measured.
    """
    start = time.perf_counter()
    async with process("skillcore", "plugins", "list", environment={**place.environment(), **environment}) as child:
        code = await asyncio.wait_for(child.wait(), 120)
    if code != 0:
        message = f"plugins list ended with {code}"
        raise RuntimeError(message)
    return Sample(1, time.perf_counter() - start)
