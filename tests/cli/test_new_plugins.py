"""New plugins as their authors get them: written by an installed skillcore, then installed and tested away from here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from skillcore.cli.scaffold.rendering import KINDS
from tests.cli.test_scaffold import PRACTICE, ROOT, files_of

QUIET = ("--quiet", "--disable-pip-version-check", "--no-index")
OFFERS = {
    "source": {},
    "rule": {"rules": ["new-rule"]},
    "formula": {"formulas": ["new-formula"]},
    "achievement": {"achievements": ["new-achievement-begun", "new-achievement-level-1", "new-achievement-level-10"]},
}
"""What each offers where nobody has configured anything: a source with made-up learners is off."""


class Environment:
    """A virtual environment with what skillcore needs, skillcore from its wheel, and nothing of this checkout."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.python = place / "venv" / "bin" / "python"
        self.wheels = place / "wheels"
        run([sys.executable, "-m", "venv", "--without-pip", place / "venv"], place)
        libraries = place / "libraries"
        libraries.mkdir()
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

    def run(self, *words: str, directory: Path | None = None) -> str:
        """Run a module with the environment's Python, which takes nothing from the directory it runs in."""
        return run([self.python, "-P", "-m", *words], directory or self.place)


def run(words: Sequence[str | Path], directory: Path) -> str:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("SKILLCORE_", "PYTHON", "PYTEST_", "PIP_"))
    }
    done = subprocess.run(
        [str(word) for word in words],
        cwd=directory,
        env={**kept, "MYPY_CACHE_DIR": str(directory.parent / "mypy"), "SKILLCORE__DATA_DIR": str(directory.parent / "data")},
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    pytest.importorskip("pip", reason="this environment has no pip")
    return Environment(tmp_path_factory.mktemp("new"))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_installs_and_passes_its_own_tests(environment: Environment, kind: str) -> None:
    name = f"new-{kind}"
    tree = environment.place / f"skillcore-{name}"
    environment.run("skillcore", "plugins", "new", name, "--kind", kind)
    environment.install(tree, f"skillcore-{name}[test]")

    assert " passed" in environment.run("pytest", "-p", "no:cacheprovider", directory=tree)
    environment.run("mypy", directory=tree)
    run([sys.executable, "-m", "ruff", "check", "--no-cache", "."], tree)
    run([sys.executable, "-m", "ruff", "format", "--check", "--no-cache", "."], tree)

    listed = json.loads(environment.run("skillcore", "plugins", "list", "--json"))["plugins"]
    (plugin,) = (one for one in listed if one["name"] == name)
    assert (plugin["state"], plugin["distribution"], plugin["offers"]) == ("active", f"skillcore-{name}", OFFERS[kind])
    assert " fine" in environment.run("skillcore", "config", "check", directory=tree)
    if kind == "source":
        assert verified(environment, tree, name) == [("python-loops-2", 4.0)]


def verified(environment: Environment, tree: Path, name: str) -> list[tuple[str, float]]:
    """Return works and difficulties of the evidence, as the author is told to ask for it."""
    asked = ["--source", name, "--handle", "practice-1", "--require", '{"exercise": "python-loops-2"}']
    answer: dict[str, Any] = json.loads(environment.run("skillcore", "verify", *asked, "--json", directory=tree))
    return [(one["work"], one["difficulty"]) for one in answer["verdict"]["evidence"]]


def test_the_practice_plugin_is_what_an_installed_skillcore_writes(environment: Environment) -> None:
    environment.run("skillcore", "plugins", "new", "practice")
    assert files_of(environment.place / "skillcore-practice") == files_of(PRACTICE)
