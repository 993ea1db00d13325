"""Environments as operators and authors have them: skillcore from its wheel, plugins from theirs, nothing of this checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
QUIET = ("--quiet", "--disable-pip-version-check", "--no-index")
TYPES = "mypy"


class Environment:
    """A virtual environment with what skillcore needs, skillcore from its wheel, and nothing of this checkout."""

    def __init__(self, place: Path, *, types: Path) -> None:
        """Make it.

        Args:
            place: an empty folder.
            types: what mypy knows already.
        """
        self.place = place
        self.python = place / "venv" / "bin" / "python"
        self.wheels = place / "wheels"
        shutil.copytree(types, place / TYPES)
        run([sys.executable, "-m", "venv", "--without-pip", place / "venv"], place)
        # By this name Hypothesis knows what is not the author's: all else it reads through for constants, each file of it.
        libraries = place / "libraries" / "site-packages"
        libraries.mkdir(parents=True)
        for entry in Path(sysconfig.get_path("purelib")).iterdir():
            if not entry.name.startswith(("skillcore", "__")) and entry.suffix != ".pth":
                (libraries / entry.name).symlink_to(entry)
        (site,) = (place / "venv").glob("lib/python*/site-packages")
        (site / "libraries.pth").write_text(f"{libraries}\n")
        self.install(ROOT, "skillcore")

    def install(self, tree: Path, name: str) -> None:
        """Build a wheel, and install it with all it asks for; there is no index to ask."""
        pip = [sys.executable, "-m", "pip"]
        run([*pip, "wheel", *QUIET, "--no-deps", "--no-build-isolation", "-w", self.wheels, tree], self.place)
        run([*pip, "--python", self.python, "install", *QUIET, "--find-links", self.wheels, name], self.place)

    def run(self, *words: str, directory: Path | None = None, code: int = 0) -> str:
        """Run a module with the environment's Python, which takes nothing from the directory it runs in."""
        return run([self.python, "-P", "-m", *words], directory or self.place, first=self.python.parent, code=code)


def run(words: Sequence[str | Path], directory: Path, *, first: Path | None = None, code: int = 0) -> str:
    """Run a program that ends with this code, and return what it said; ``first`` is where programs are looked for first."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("SKILLCORE_", "PYTHON", "PYTEST_", "PIP_"))
    }
    places = [*([str(first)] if first else []), kept.get("PATH", os.defpath)]
    own = {"MYPY_CACHE_DIR": str(directory.parent / TYPES), "SKILLCORE__DATA_DIR": str(directory.parent / "data")}
    done = subprocess.run(
        [str(word) for word in words],
        cwd=directory,
        env={**kept, **own, "PATH": os.pathsep.join(places)},
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout
