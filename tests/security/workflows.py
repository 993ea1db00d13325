"""Writes the workflows that new plugins get, and has zizmor look for what others could abuse in them.

``python -m tests.security.workflows`` ends with what zizmor ends with. It asks nobody: ``--offline``.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from skillcore.cli.scaffold.rendering import KINDS, render

PLACE = ".github/workflows/"


def workflows() -> Mapping[str, str]:
    """Return the workflows of every kind of plugin, by kind and path."""
    found = {}
    for kind in KINDS:
        for path, text in render("example", kind, "Apache-2.0", 2026).items():
            if path.startswith(PLACE):
                found[f"{kind}/{path}"] = text
    return found


def look(texts: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Have zizmor look at workflows.

    Args:
        texts: by their paths.
    """
    with tempfile.TemporaryDirectory() as directory:
        for path, text in texts.items():
            file = Path(directory, path)
            file.parent.mkdir(parents=True)
            file.write_text(text, "utf-8")
        program = str(Path(sys.executable).with_name("zizmor"))
        command = [program, "--offline", "--no-progress", "--quiet", "--strict-collection", "--color", "never", directory]
        return subprocess.run(command, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    outcome = look(workflows())
    print(outcome.stdout, outcome.stderr, file=sys.stderr)
    sys.exit(outcome.returncode)
