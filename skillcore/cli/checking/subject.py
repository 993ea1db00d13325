"""The plugin under the check: what is installed of it, where its project lies, and what it offers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import Distribution, EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from msgspec import Struct

from skillcore.cli.checking.suites import Suites
from skillcore.plugin import Achievement, ScoringFormula, SignalRule, VerificationSource
from skillcore.plugin.hookspecs import GROUP
from skillcore.plugin.manager import Plugins, PluginState

__all__ = ["Subject", "found"]


class Subject(Struct, frozen=True, kw_only=True):
    """An installed plugin.

    Attributes:
        state: what became of it when it was loaded.
        package: the folder of its package, or the file of its module; None if it cannot be found.
        readme: the text of its README, as it lies beside an editable install, else as the distribution carries it.
        tests: the folder with its tests; None if there is none to be seen.
        settings: the Struct of its section; None without one.
        suites: its conformance suites, which run when they are first asked for.
    """

    state: PluginState
    package: Path | None
    readme: str
    tests: Path | None
    settings: type[Struct] | None
    sources: Mapping[str, VerificationSource[Any]]
    rules: Mapping[str, SignalRule]
    formulas: Mapping[str, ScoringFormula[Any]]
    achievements: Mapping[str, Achievement]
    suites: Suites


def found(name: str, plugins: Plugins, tests: Path | None) -> Subject | None:
    """Return the plugin of a name, or None where none is installed.

    Args:
        name: of its entry point.
        plugins: loaded with it.
        tests: the folder with its tests; without, the one beside an editable install.
    """
    states = [state for state in plugins.plugins if state.name == name]
    if not states:
        return None
    # Two distributions may bring a plugin of one name: the one that failed says so.
    state = next((state for state in states if state.state == "failed"), states[0])
    entry = _entry_point(state)
    root = _editable_root(entry.dist) if entry and entry.dist else None
    if tests is None and root is not None and (root / "tests").is_dir():
        tests = root / "tests"
    settings = plugins.settings.get(name)
    rules = {rule.name: rule for rule in plugins.rules}
    return Subject(
        state=state,
        package=_package(entry.module) if entry else None,
        readme=_readme(root, entry.dist if entry else None),
        tests=tests,
        settings=type(settings) if settings is not None else None,
        sources=_offered(state, "sources", plugins.sources),
        rules=_offered(state, "rules", rules),
        formulas=_offered(state, "formulas", plugins.formulas),
        achievements=_offered(state, "achievements", plugins.achievements),
        suites=Suites(tests),
    )


def _offered(state: PluginState, part: str, things: Mapping[str, Any]) -> dict[str, Any]:
    return {name: things[name] for name in state.offers.get(part, ())}


def _entry_point(state: PluginState) -> EntryPoint | None:
    entries = [entry for entry in entry_points(group=GROUP, name=state.name) if entry.dist]
    return next((entry for entry in entries if entry.dist and entry.dist.name == state.distribution), None)


def _package(module: str) -> Path | None:
    """Find a module's top package without importing anything."""
    spec = find_spec(module.split(".", maxsplit=1)[0])
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent if spec.submodule_search_locations is not None else Path(spec.origin)


def _editable_root(distribution: Distribution) -> Path | None:
    """Return the project's folder of an editable install, as installers note it (PEP 610)."""
    noted = distribution.read_text("direct_url.json")
    if noted is None:
        return None
    origin = json.loads(noted)
    if not origin.get("dir_info", {}).get("editable"):
        return None
    root = Path(url2pathname(urlsplit(origin["url"]).path))
    return root if root.is_dir() else None


def _readme(root: Path | None, distribution: Distribution | None) -> str:
    for name in ("README.md", "README.rst", "README.txt", "README"):
        if root is not None and (root / name).is_file():
            return (root / name).read_text(encoding="utf-8", errors="replace")
    described = distribution.metadata.json.get("description", "") if distribution else ""
    return described if isinstance(described, str) else ""
