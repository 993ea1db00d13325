"""``skillcore plugins new``: writes a plugin that works, for its author to replace piece by piece."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from skillcore.cli.commands import Commands
from skillcore.cli.scaffold.names import UnfitName, judge
from skillcore.cli.scaffold.rendering import KINDS, LICENCES, render
from skillcore.runtime.clock import now

__all__ = ["add_new"]

HANDLE = "practice-1"
REQUIREMENT = '{"exercise": "python-loops-2"}'
"""What the server of a new source verifies."""


def add_new(group: Commands) -> None:
    """Add the command to ``skillcore plugins``."""
    parser = group.add(
        "new",
        new,
        summary="write a plugin that works, with tests, for you to make it yours",
        details="exit codes: 0 written, 1 it could not be written, 2 the name or the directory cannot be used",
    )
    parser.add_argument("name", metavar="NAME", help="lower-case words joined by hyphens; the plugin's and its source's name")
    parser.add_argument("--kind", choices=KINDS, default="source", help="what it offers (a source)")
    parser.add_argument("--dir", metavar="D", help="the directory to write, new or empty (skillcore-NAME)")
    parser.add_argument("--license", choices=LICENCES, default="Apache-2.0", help="under which it is published (Apache-2.0)")


def new(options: argparse.Namespace) -> int:
    """Write the plugin, and say what to do next."""
    directory = Path(options.dir or f"skillcore-{options.name}")
    try:
        judge(options.name)
    except UnfitName as error:
        print(f"NAME: {error}", file=sys.stderr)
        return 2
    if directory.exists() and not (directory.is_dir() and not any(directory.iterdir())):
        print(f"--dir: found {directory}, which is not empty; allowed: a new or an empty directory", file=sys.stderr)
        return 2
    files = render(options.name, options.kind, options.license, now().year)
    try:
        for place, text in files.items():
            file = directory / place
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    except OSError as error:
        print(f"{error.filename}: it cannot be written: {error.strerror}", file=sys.stderr)
        return 1
    print("\n".join(_words(options, directory, sorted(files))))
    return 0


def _words(options: argparse.Namespace, directory: Path, files: list[str]) -> Iterator[str]:
    yield f"{directory}: a {options.kind} named {options.name}, in {len(files)} files"
    yield from (f"    {file}" for file in files)
    yield "next:"
    yield f"    cd {shlex.quote(str(directory))}"
    yield "    python -m venv .venv && . .venv/bin/activate"
    yield "    pip install --editable '.[test]'"
    if options.kind == "source":
        yield f"    skillcore verify --source {options.name} --handle {HANDLE} --require '{REQUIREMENT}'"
    yield "    pytest && mypy && ruff check ."
    yield f"    skillcore plugins check {options.name}"
