"""New plugins as their authors get them: written by an installed skillcore, then installed and tested away from here."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from skillcore.cli.scaffold.rendering import KINDS
from tests.cli.environments import Environment, run
from tests.cli.test_scaffold import PRACTICE, files_of

OFFERS = {
    "source": {},
    "rule": {"rules": ["new-rule"]},
    "formula": {"formulas": ["new-formula"]},
    "achievement": {"achievements": ["new-achievement-begun", "new-achievement-level-1", "new-achievement-level-10"]},
}
"""What each offers where nobody has configured anything: a source with made-up learners is off."""


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
