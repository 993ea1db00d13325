"""Installs throw-away distributions that bring a plugin, the way an author's would be found."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

Install = Callable[..., None]

PRELUDE = """
from msgspec import Struct
from skillcore.plugin import *
from skillcore.plugin import PluginInfo, hookimpl
"""
INFO = """
@hookimpl
def skillcore_plugin():
    return PluginInfo(contract=">=1.1,<2")
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Return a function that installs a plugin from its code; `info` answers skillcore_plugin as usual."""
    modules: list[str] = []

    def install(name: str, code: str, *, info: bool = True, distribution: str = "", version: str = "1.0") -> None:
        distribution = distribution or f"acme-{name}"
        module = f"{distribution}_{name}".replace("-", "_")
        site = tmp_path / distribution
        metadata = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (metadata / "entry_points.txt").write_text(f"[skillcore]\n{name} = {module}\n")
        (site / f"{module}.py").write_text(PRELUDE + (INFO if info else "") + dedent(code))
        monkeypatch.syspath_prepend(site)
        modules.append(module)

    yield install
    for module in modules:
        sys.modules.pop(module, None)
