"""The files of a new plugin, from the templates beside this package. Reads nothing else and writes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from string import Template
from types import MappingProxyType

from msgspec import Struct

__all__ = ["KINDS", "LICENCES", "Kind", "render"]

TEMPLATES = files("skillcore.cli") / "templates"
ENDING = ".template"
PACKAGE = "package/"
"""Stands in the templates for the directory of the plugin's package."""

LICENCES = ("Apache-2.0", "BSD-3-Clause", "MIT", "MPL-2.0", "none")
"""SPDX ids of licences whose text comes along; with none nobody else may use the plugin."""


class Kind(Struct, frozen=True, kw_only=True):
    """What a plugin offers.

    Attributes:
        summary: of its distribution, in a line.
        dependencies: beside skillcore and msgspec.
    """

    summary: str
    dependencies: tuple[str, ...] = ()


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "source": Kind(
            summary="A verification source for skillcore, with a small MCP server of its own.",
            dependencies=("mcp>=2.3,<3",),
        ),
        "rule": Kind(summary="A rule for skillcore that derives skill signals from events."),
        "formula": Kind(summary="A formula for skillcore that folds events into a score."),
        "achievement": Kind(summary="Achievements for skillcore, earned when scores reach bounds."),
    }
)


def render(name: str, kind: str, licence: str, year: int) -> Mapping[str, str]:
    """Return the texts of a new plugin by their paths, which have forward slashes.

    Args:
        name: one that `skillcore.cli.scaffold.names` found fit.
        kind: one of `KINDS`.
        licence: one of `LICENCES`.
        year: of the copyright, where the licence's text names one.
    """
    words = _words(name, KINDS[kind], licence, year)
    found: dict[str, str] = {}
    for folder in ("common", kind):
        for place, text in _texts(TEMPLATES / folder):
            found[place.replace(PACKAGE, f"{words['package']}/")] = Template(text).substitute(words)
    if licence != "none":
        found["LICENSE"] = Template((TEMPLATES / "licences" / f"{licence}.txt").read_text(encoding="utf-8")).substitute(words)
    return found


def _words(name: str, kind: Kind, licence: str, year: int) -> dict[str, str]:
    package = f"skillcore_{name.replace('-', '_')}"
    shipped = [package, "tests", "README.md", *([] if licence == "none" else ["LICENSE"])]
    terms = f'license = "{licence}"\nlicense-files = ["LICENSE"]'
    return {
        "name": name,
        "package": package,
        "summary": kind.summary,
        "dependencies": json.dumps(["skillcore>=0.1", "msgspec>=0.22", *kind.dependencies]),
        # Nobody may use what has no licence; indexes refuse what has this classifier.
        "terms": 'classifiers = ["Private :: Do Not Upload"]' if licence == "none" else terms,
        "shipped": json.dumps(shipped),
        "year": str(year),
        "holder": f"the authors of skillcore-{name}",
    }


def _texts(folder: Traversable, above: str = "") -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _texts(entry, f"{above}{entry.name}/")
        elif entry.name.endswith(ENDING):
            yield f"{above}{entry.name.removesuffix(ENDING)}", entry.read_text(encoding="utf-8")
