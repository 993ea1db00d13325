"""``skillcore plugins check``: a plugin against the checklist."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from skillcore.cli.checking.checklist import go_through
from skillcore.cli.checking.lines import Line
from skillcore.cli.checking.subject import found
from skillcore.cli.commands import Commands, configuration, for_people
from skillcore.cli.printing import as_json, plain
from skillcore.plugin.manager import Plugins
from skillcore.runtime.configuration import Configuration
from skillcore.runtime.logs import configure_logging

__all__ = ["register"]

_MARKS = {"passed": "ok  ", "failed": "FAIL", "exempt": "n/a ", "skipped": "-   "}


def register(group: Commands) -> None:
    """Add the command below ``skillcore plugins``."""
    check = group.add(
        "check",
        run,
        summary="hold a plugin against the checklist: each line is checked, and has its remedy",
        details="exit codes: 0 every line passes, is exempt or does not apply, 1 some fail, 2 the plugin is not installed,\n"
        "or the command line or the configuration cannot be used",
    )
    check.add_argument("name", metavar="NAME", help="of the plugin, as plugins list has it")
    check.add_argument("--tests", metavar="DIR", help="the folder with its tests; without, the one beside an editable install")
    check.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Go through the checklist, and print each line when it is known."""
    tests = Path(options.tests) if options.tests else None
    if tests is not None and not tests.is_dir():
        print(f"found --tests {options.tests}; allowed: a folder with the plugin's tests", file=sys.stderr)
        return 2
    loaded = configuration(options)
    configure_logging(for_people(loaded.settings.log))
    plugins = _plugins(loaded, options.name)
    subject = found(options.name, plugins, tests)
    if subject is None:
        installed = ", ".join(state.name for state in plugins.plugins)
        print(f"found {plain(options.name)}; allowed: {installed}. Install the plugin here first", file=sys.stderr)
        return 2
    lines: list[Line] = []
    for line in go_through(subject):
        lines.append(line)
        if not options.json:
            print("\n".join(_words(line)), flush=True)
    if options.json:
        state = subject.state
        about = {"plugin": state.name, "distribution": state.distribution, "version": state.version, "contract": state.contract}
        print(as_json({**about, "passes": _passes(lines), "lines": lines}))
    return 0 if _passes(lines) else 1


def _plugins(loaded: Configuration, name: str) -> Plugins:
    """Load all plugins, so that clashes of names show, and this one although it may be blocked."""
    settings = loaded.settings.plugins
    return Plugins.load(
        allow=[*settings.allow, name] if settings.allow else (),
        block=[blocked for blocked in settings.block if blocked != name],
        sections=settings.sections,
    )


def _passes(lines: list[Line]) -> bool:
    return all(line.outcome != "failed" for line in lines)


def _words(line: Line) -> list[str]:
    words = [f"{_MARKS[line.outcome]}  {line.id}: {line.what}", f"      {plain(line.detail)}"]
    return [*words, f"      remedy: {plain(line.remedy)}"] if line.remedy else words
