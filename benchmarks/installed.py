"""Plugins that are installed for a benchmark alone: distributions in a directory that a process finds on its path."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["ROOT", "install", "path_of"]

ROOT = Path(__file__).resolve().parents[1]


def install(directory: Path, name: str, module: str) -> None:
    """Install a plugin whose module the path of `path_of` leads to.

    Args:
        directory: of the distributions.
        name: of the plugin.
        module: that its entry point names.
    """
    metadata = directory / f"skillcore_{name.replace('-', '_')}-0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: skillcore-{name}\nVersion: 0\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text(f"[skillcore]\n{name} = {module}\n", encoding="utf-8")


def path_of(directory: Path) -> dict[str, str]:
    """Return the environment in which a process finds what is installed there, and the benchmarks' own modules."""
    return {"PYTHONPATH": os.pathsep.join([str(directory), str(ROOT), os.environ.get("PYTHONPATH", "")])}
